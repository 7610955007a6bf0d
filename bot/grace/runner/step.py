"""One call of one action, in a process of its own that can be ended.

`python -I -m grace.runner.step`: a request comes as JSON on standard input, the answer goes as JSON
to standard output. Whatever an action prints goes to standard error.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from grace.domain.base import Frozen
from grace.domain.playbooks.action import Found as Measured
from grace.domain.playbooks.action import Scalar
from grace.domain.playbooks.record import Doing
from grace.runner.action import Action, ActionFailed, Found, Situation, WrongTarget
from grace.runner.registry import PLACES, action_named

_PR_SET_PDEATHSIG: Final = 1


class Request(Frozen):
    """What is to be called. `parent`: the process that asks; where it is gone, nothing is done."""

    action: str
    doing: Doing
    target: dict[str, Scalar]
    given: dict[str, Scalar]
    found: dict[str, dict[str, Scalar]]
    folder: str
    key: str
    deadline: float
    parent: int


class Answer(Frozen):
    """What came of it: found, or failed with its sentence."""

    kind: Literal["found", "failed", "wrong"]
    holds: bool = False
    sentence: str = ""
    values: Measured = Field(default_factory=dict)
    about: str = ""
    diff: str | None = None


def main(places: Mapping[str, str] = PLACES) -> None:
    """Answer the request on standard input."""
    answers = os.dup(1)
    os.dup2(2, 1)
    request = Request.model_validate_json(sys.stdin.buffer.read())
    die_with(request.parent)
    action = action_named(request.action, places)
    if action is None:
        told = f"this runner has no action {request.action}: bring it to the bot's version"
        answer = Answer(kind="failed", sentence=told)
    else:
        answer = answered(action, request)
    with os.fdopen(answers, "wb") as out:
        out.write(answer.model_dump_json().encode())


def answered(action: Action, request: Request) -> Answer:
    """Make sure of the target, then call the action."""
    situation = Situation(
        target=request.target,
        given=request.given,
        found=request.found,
        folder=Path(request.folder),
        key=request.key,
        deadline=request.deadline,
    )
    try:
        action.identify(situation)
        found = _call(action, request.doing, situation)
    except WrongTarget as error:
        return Answer(kind="wrong", sentence=error.sentence)
    except ActionFailed as error:
        return Answer(kind="failed", sentence=error.sentence)
    return Answer(
        kind="found",
        holds=found.holds,
        sentence=found.sentence,
        values=dict(found.values),
        about=found.about,
        diff=found.diff,
    )


def die_with(parent: int) -> None:
    """End this process when the one that asked ends; where Linux can, at once."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _call(action: Action, doing: Doing, situation: Situation) -> Found:
    match doing:
        case "look":
            return action.look(situation)
        case "act":
            return action.act(situation)
        case "verify":
            return action.verify(situation)
        case "undo":
            return action.undo(situation)


if __name__ == "__main__":
    main()
