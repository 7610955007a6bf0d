"""Ask for a mission: it is stored first, and Grace files its issue at the forge."""

import asyncio
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID, uuid5

from aiohttp import web
from pydantic import Field, TypeAdapter

from grace.domain.access import spoken_by
from grace.domain.base import Frozen
from grace.domain.contract import check, unfit
from grace.domain.events import MissionRequested
from grace.domain.mission import Mission, MissionRef
from grace.domain.package import (
    AcceptanceCriteria,
    Evidence,
    MissionId,
    MissionRequest,
    Name,
    Symptom,
    TrustRequirements,
    WorkspaceInfo,
)
from grace.domain.people import Actor, Permission
from grace.domain.phase import MissionType, Severity
from grace.domain.render import one_line
from grace.ports import Delivery, Routed, Target
from grace.web.api.missions import MISSION, MISSIONS, MissionSeen, MissionUnread, seen
from grace.web.api.operation import WORK, Answer, Call, Operation, Reply, not_there
from grace.web.api.reading import Found, check_permission, place_of
from grace.web.problems import Refused

ROUTED: TypeAdapter[list[Routed]] = TypeAdapter(list[Routed])
SUBMISSION: Final = "/mission-control/submissions/{submission_id}"
# The namespace of missions that are asked for under an Idempotency-Key, or under none.
ASKED: Final = UUID("c0f8a9fd-66c2-4f37-9a2d-6cf4d8d3d0a5")
# How long an answer waits for what was asked for to be there, in seconds.
PATIENCE: web.AppKey[float] = web.AppKey("patience of the API", float)
PATIENCE_S: Final = 5.0
FIRST_LOOK_S: Final = 0.02
TITLE: Final = 120
EXAMPLE: Final[dict[str, Any]] = {
    "subsystem_id": "trigger_mesh",
    "severity": "high",
    "detected_by": "grace",
    "assigned_to": "candidate",
    "symptoms": [
        {
            "description": "p95 of the delivery rose from 40 ms to 180 ms",
            "metric_id": "trigger_mesh.latency_p95",
            "observed_value": 180,
            "threshold": 100,
        }
    ],
    "workspace_repo_path": "acme/mesh",
    "workspace_branch": "main",
    "acceptance_criteria": {
        "must_pass_tests": ["tests.test_mesh::test_delivery_order"],
        "metric_targets": [
            {"metric_id": "trigger_mesh.latency_p95", "comparator": "<", "target": 100}
        ],
        "observation_window_minutes": 30,
    },
}


class MissionBody(Frozen):
    """What is asked for. `workspace_repo_path` and `workspace_branch` may stand in `workspace`."""

    subsystem_id: Name
    severity: Severity
    detected_by: Annotated[str, Field(max_length=200)] | None = None
    assigned_to: Annotated[str, Field(max_length=200)] | None = None
    symptoms: Annotated[tuple[Symptom, ...], Field(min_length=1, max_length=50)]
    workspace_repo_path: Annotated[str, Field(max_length=500)] | None = None
    workspace_branch: Annotated[str, Field(max_length=200)] | None = None
    acceptance_criteria: AcceptanceCriteria
    title: Annotated[str, Field(max_length=200)] | None = None
    summary: Annotated[str, Field(max_length=10_000)] = ""
    mission_type: MissionType = MissionType.CODING
    parent_id: MissionId | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=50)] = ()
    workspace: WorkspaceInfo = WorkspaceInfo()
    trust_requirements: TrustRequirements = TrustRequirements()

    def request(self) -> MissionRequest:
        """Read it as a contract."""
        there = {
            "repo_path": self.workspace_repo_path,
            "working_branch": self.workspace_branch,
        }
        known = {name: value for name, value in there.items() if value is not None}
        for name, value in known.items():
            if getattr(self.workspace, name) not in {None, value}:
                wrong = {"field": f"workspace.{name}", "problem": f"differs: it is {value!r} too"}
                raise Refused(422, "the body says one thing twice, and differently", (wrong,))
        own = {"workspace": self.workspace.model_copy(update=known)}
        fields = {n: getattr(self, n) for n in MissionRequest.model_fields if n != "workspace"}
        return MissionRequest(**fields, **own)

    def name(self) -> str:
        """Return the title, or what the first symptom says."""
        return one_line(self.title or "", TITLE) or one_line(self.symptoms[0].description, TITLE)


class Submitted(Frozen):
    """A mission that is on its way. `status_url` answers 200 as soon as it is there."""

    submission_id: str
    sentence: str
    status_url: str


class OfSubmission(Frozen):
    """What was asked for."""

    submission_id: Annotated[UUID, Field(description="as the answer to POST names it")]


async def ask_for_mission(call: Call[Any, MissionBody]) -> Answer:
    """Check what is asked for as a contract at the forge is checked, and have it filed."""
    request = call.body.request()
    ref = place_of(call, request.subsystem_id)
    await check_permission(call, ref, Permission.TRIAGE)
    await _check(call, request, ref)
    await _room(call, ref)
    uid = uuid5(ASKED, f"{call.caller}\n{call.key}")
    login = call.principal.login
    assert login is not None  # the operation needs one
    now = call.hub.clock.now()
    event = MissionRequested(
        title=call.body.name(),
        request=request,
        actor=Actor(login=login, id=call.principal.user_id),
        at=now,
        by=spoken_by(call.principal),
    )
    routed = Routed(target=Target(ref=ref, uid=uid, create=True), event=event)
    body = ROUTED.dump_json([routed])
    await call.hub.submit(Delivery("api", str(uid), "mission", body, now))
    return await _filed(call, uid, request)


async def _room(call: Call[Any, MissionBody], ref: MissionRef) -> None:
    """Refuse what would be stored to be dropped; the router counts again, and has the last word."""
    since, limit = call.hub.clock.now() - timedelta(hours=1), call.hub.new_an_hour
    if await call.hub.store.begun_since(ref.log, since) >= limit:
        way = "ask again later, or let the operator raise max_missions_per_hour"
        raise Refused(429, f"{limit} missions began in this repository within an hour: {way}")


async def _check(call: Call[Any, MissionBody], request: MissionRequest, ref: MissionRef) -> None:
    policy = call.hub.policy()
    if policy is None:
        raise Refused(503, "Grace has not reached the forge yet; send it again")
    wrong = [*check(request, policy, ref), *unfit(request)]
    if request.parent_id is not None:
        parent = await call.hub.store.mission_row(request.parent_id, call.hub.clock.now())
        if parent is None or not call.reach.sees(parent.log):
            wrong.append(("parent_id", "is no mission that you see"))
    if wrong:
        errors = tuple({"field": name, "problem": words} for name, words in wrong)
        raise Refused(422, "the body is no contract that can be kept", errors)


async def _filed(call: Call[Any, MissionBody], uid: UUID, request: MissionRequest) -> Answer:
    """Wait a moment for the mission to be there; say where to look when it takes longer."""
    wait = FIRST_LOOK_S
    try:
        async with asyncio.timeout(call.request.app[PATIENCE]):
            while (mission := await _made(call, uid)) is None or mission.request is None:
                await asyncio.sleep(wait)
                wait = min(wait * 1.5, 0.5)
    except TimeoutError:
        words = (
            "it is stored, and its mission is made as soon as the worker comes to it; where too "
            "many began in this repository within an hour none is made, and the inbox says so"
        )
        url = SUBMISSION.format(submission_id=uid)
        return Answer(Submitted(submission_id=str(uid), sentence=words, status_url=url), 202)
    if mission.request != request:
        wrong = {"field": "Idempotency-Key", "problem": f"was used to ask for {mission.name}"}
        raise Refused(422, "take a new Idempotency-Key for a new request", (wrong,))
    return Answer(await _shown(call, mission), 201)


async def _made(call: Call[Any, Any], uid: UUID) -> Mission | None:
    turn = await call.hub.store.turn(uid)
    if turn is None or not call.reach.sees(turn.mission.ref.log):
        return None
    return turn.mission


async def _shown(call: Call[Any, Any], mission: Mission) -> MissionSeen | MissionUnread:
    found = await call.hub.store.find(mission.name)
    assert found is not None  # read a moment ago; none is ever deleted
    return await seen(call.hub, Found.of(found))


async def show_submission(call: Call[OfSubmission, None]) -> Answer:
    """Show what became of what was asked for."""
    mission = await _made(call, call.given.submission_id)
    if mission is None:
        raise not_there("submission; one that is new has no mission yet")
    return Answer(await _shown(call, mission))


OPERATIONS = (
    Operation(
        "POST",
        MISSIONS,
        "ask_for_mission",
        "Ask for a mission; Grace files its issue",
        "missions",
        ask_for_mission,
        (
            Reply(MissionSeen, "the mission; `Location` names it", 201),
            Reply(Submitted, "stored, and not made yet; `status_url` shows it", 202),
        ),
        need=WORK,
        body=MissionBody,
        created=MISSION,
        passing=202,
        problems=(503,),
        examples={"body": EXAMPLE},
        words=(
            "The contract is checked as the one in an issue is. It waits for `/grace start` unless "
            "the login behind the token may write, exactly as if that login had filed the issue. "
            "With an `Idempotency-Key` a doubled request makes one mission."
        ),
    ),
    Operation(
        "GET",
        SUBMISSION,
        "show_submission",
        "Show the mission that was asked for",
        "missions",
        show_submission,
        (Reply((MissionSeen, MissionUnread), "the mission"),),
        given=OfSubmission,
        problems=(404,),
    ),
)
