"""Command a mission: what `/grace COMMAND` does in a comment, by the login behind the request."""

from typing import Annotated, Any
from uuid import uuid5

from pydantic import Field

from grace.domain.access import spoken_by
from grace.domain.base import Frozen
from grace.domain.events import CommandGiven
from grace.domain.package import MissionId
from grace.domain.people import Actor, Permission
from grace.domain.phase import MissionType
from grace.domain.replies import COMMANDS
from grace.domain.results import Sha
from grace.ports import Delivery, Routed, Target
from grace.web.api.filing import ASKED, ROUTED
from grace.web.api.missions import MISSION
from grace.web.api.operation import COMMAND, WORK, Answer, Call, Handler, Operation, Reply
from grace.web.api.reading import OfMission, check_permission, mission_of
from grace.web.problems import Refused

Words = Annotated[str, Field(max_length=1000)]
# What each command's argument is, where it takes one; the others note the reason.
ARGUMENTS = {
    "retry": "the patch candidate; empty: the last",
    "veto": "the reason",
    "extend": "how many minutes",
    "emergency": "the reason",
    "forget": "the reason",
}
ORDERS = (
    "hold",
    "resume",
    "cancel",
    "retry",
    "approve",
    "veto",
    "rollback",
    "extend",
    "emergency",
    "mute",
    "unmute",
    "remember",
    "forget",
)


class Execute(Frozen):
    """What kind of mission is started; it must be of that kind."""

    mission_type: MissionType = MissionType.CODING


class Order(Frozen):
    """What a command is given: its argument, or the reason, and the head that it is about.

    Without `sha` it is about the head that stands when it is read.
    """

    argument: Words = ""
    reason: Words = ""
    sha: Sha | None = None


class Accepted(Frozen):
    """A command that is on its way; whether it is obeyed the forge decides."""

    accepted: bool
    command_id: str
    mission_id: MissionId
    sentence: str


async def execute(call: Call[OfMission, Execute]) -> Answer:
    """Start a mission, as `/grace start` does."""
    found = await mission_of(call)
    request, wanted = found.mission.request, call.body.mission_type
    if request is not None and request.mission_type is not wanted:
        problem = f"is {request.mission_type.value} in the contract"
        wrong = {"field": "mission_type", "problem": problem}
        raise Refused(422, "this mission is of another type", (wrong,))
    return await _give(call, "start", "", None)


def order(name: str) -> Handler:
    """Make the handler of a command."""

    async def handle(call: Call[OfMission, Order]) -> Answer:
        said = [" ".join(words.split()) for words in (call.body.argument, call.body.reason)]
        if all(said):
            wrong = {"field": "reason", "problem": "stands beside `argument`: give one of both"}
            raise Refused(422, "a command takes one argument", (wrong,))
        return await _give(call, name, said[0] or said[1], call.body.sha)

    return handle


async def _give(call: Call[OfMission, Any], name: str, argument: str, sha: Sha | None) -> Answer:
    """Put a command into the inbox; the forge says there what its commander may do."""
    mission = (await mission_of(call)).mission
    await check_permission(call, mission.ref, Permission.TRIAGE)
    login = call.principal.login
    assert login is not None  # the operation needs one
    now = call.hub.clock.now()
    asked = f"{call.caller}\n{call.key}\n{mission.name}\n{name}"
    command_id = f"api:{uuid5(ASKED, asked)}"
    given = CommandGiven(
        id=command_id,
        at=now,
        name=name,
        argument=argument,
        actor=Actor(login=login, id=call.principal.user_id),
        sha=sha,
        by=spoken_by(call.principal),
    )
    routed = Routed(target=Target(ref=mission.ref, uid=mission.uid), event=given)
    await call.hub.submit(Delivery("api", command_id, "command", ROUTED.dump_json([routed]), now))
    where = f"issue #{mission.issue}" if mission.issue is not None else "its ledger"
    sentence = (
        f"`/grace {name}` by {login} is on its way: the forge is asked whether {login} may, and "
        f"{where} tells what came of it"
    )
    return Answer(
        Accepted(accepted=True, command_id=command_id, mission_id=mission.name, sentence=sentence),
        202,
    )


def _words(name: str) -> str:
    line = next(words for written, words in COMMANDS.items() if written.split()[0] == name)
    return f"{line[0].upper()}{line[1:]}"


def _row(name: str) -> Operation:
    takes = ARGUMENTS.get(name)
    return Operation(
        "POST",
        f"{MISSION}/{name}",
        f"{name}_mission",
        _words(name),
        "commands",
        order(name),
        (Reply(Accepted, "taken; the forge decides whether it is obeyed", 202),),
        need=COMMAND,
        given=OfMission,
        body=Order,
        body_optional=True,
        problems=(404, 503),
        examples={"body": {"reason": "the release waits"} if takes is None else {"argument": "5"}},
        words=f"As `/grace {name}` in a comment. `argument`: {takes or 'a note for the ledger'}.",
    )


OPERATIONS = (
    Operation(
        "POST",
        f"{MISSION}/execute",
        "execute_mission",
        "Start a mission",
        "commands",
        execute,
        (Reply(Accepted, "taken; the forge decides whether it is obeyed", 202),),
        need=WORK,
        given=OfMission,
        body=Execute,
        body_optional=True,
        problems=(404, 503),
        examples={"body": {"mission_type": "coding"}},
        words="As `/grace start` in a comment: trust, roles and gates hold as they do there.",
    ),
    *(_row(name) for name in ORDERS),
)
