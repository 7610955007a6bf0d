"""One run of an agent: told, bounded, judged, and answered as a proposal."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Final, assert_never

from grace.agents.bumping import bump
from grace.agents.commands import run_command
from grace.agents.judge import AgentError, Judge, Judged, Refused, bounds_of
from grace.agents.place import Place, end_of
from grace.agents.presetting import run_preset
from grace.agents.repairing import repair
from grace.agents.reverting import revert
from grace.agents.room import Found, Room
from grace.domain.agents import Agent, Builtin
from grace.domain.proposals import MAX_WORDS, AgentTask, Proposal, Refusal, Usage
from grace.sandbox import Ended, SandboxError, SandboxMissing

# What a shell ends with where it cannot run a program, or does not find it.
_NOT_FOUND: Final = frozenset({126, 127})


def run_agent(task: AgentTask, agent: Agent, place: Place) -> Proposal:
    """Run one agent on a clean checkout of the task's base, and judge what it leaves.

    Whatever the agent does is told in the proposal. The checkout is left as the agent left it.
    Raises `AgentError` where the checkout itself is of no use.
    """
    began = time.monotonic()
    minutes = min(agent.minutes, task.budget.minutes)
    with tempfile.TemporaryDirectory(prefix="grace-agent-") as folder:
        room = Room(task, agent, place, Path(folder).resolve(), began + minutes * 60)
        room.given.mkdir()
        room.left.mkdir()
        judge = Judge(room.own / "git", place.checkout, task.base)
        found = Found()
        try:
            room = _with_failing_output(room, judge)
            found = _asked(room)
            if found.diff is not None:
                judge.apply(found.diff)
            judged = judge.judged(bounds_of(task.budget), place.scan)
            found = _tested(room, found)
        except Refused as refused:
            found = replace(found, usage=refused.usage or found.usage)
            return _refusal(room, refused.kind, refused.sentence, _spent(found, began))
        except AgentError as error:
            return _refusal(room, Refusal.INVALID, str(error), _spent(found, began))
        except SandboxMissing as missing:
            told = str(missing)
            return _refusal(room, Refusal.NO_SANDBOX, told, _spent(found, began))
        except SandboxError as error:
            return _refusal(room, Refusal.FAILED, str(error), _spent(found, began))
        return _proposal(room, judged, found, _spent(found, began))


def _asked(room: Room) -> Found:
    """Let the agent do its work."""
    agent = room.agent
    room.place.say(f"{agent.name} is at work, for {room.seconds() / 60:.0f} minutes at most")
    match agent.builtin:
        case Builtin.REPAIR:
            return repair(room)
        case Builtin.REVERT:
            return revert(room)
        case Builtin.BUMP:
            return bump(room)
        case None:
            return run_command(room) if agent.preset is None else run_preset(room, agent.preset)
        case _ as never:
            assert_never(never)


def _with_failing_output(room: Room, judge: Judge) -> Room:
    """Run the test at the base, and tell the agent what it says; the checkout is then as before."""
    if room.place.test is None:
        return room
    room.place.say("running the test at the base")
    ended = room.run_test()
    judge.restore()
    if ended.status in _NOT_FOUND:
        told = f"The test cannot be run here. It said last: {end_of(ended)[-300:]}"
        raise Refused(Refusal.INVALID, told)
    if ended.succeeded and room.agent.builtin is not None:
        raise Refused(
            Refusal.NO_PATCH,
            "The test succeeds at the base: there is nothing that a patch could be judged by. "
            "Give a test that fails.",
        )
    said = end_of(ended) if ended.why == "exit" else f"{end_of(ended)}\n{_cut(ended)}"
    if room.task.failing_output or ended.succeeded:
        return room
    return replace(room, task=room.task.model_copy(update={"failing_output": said.strip()}))


def _cut(ended: Ended) -> str:
    return f"(the test was ended: {ended.why})"


def _tested(room: Room, found: Found) -> Found:
    """Run the test once more, over what the agent left: information, and no verdict."""
    if room.place.test is None or found.plausible is not None or not found.test_again:
        return found
    if time.monotonic() >= room.until:
        room.place.say("no time is left to run the test with the change")
        return found
    room.place.say("running the test with the change")
    return replace(found, plausible=room.run_test().succeeded)


def _spent(found: Found, began: float) -> Usage:
    return found.usage.model_copy(update={"seconds": round(time.monotonic() - began, 2)})


def _refusal(room: Room, kind: Refusal, sentence: str, usage: Usage) -> Proposal:
    return Proposal(
        request=room.task.request,
        agent=room.task.agent,
        base=room.task.base,
        refusal=kind,
        sentence=sentence[:MAX_WORDS],
        usage=usage,
    )


def _proposal(room: Room, judged: Judged, found: Found, usage: Usage) -> Proposal:
    return Proposal(
        request=room.task.request,
        agent=room.task.agent,
        base=room.task.base,
        diff=judged.diff,
        rationale=found.rationale[:MAX_WORDS],
        usage=usage,
        plausible=found.plausible,
        held_back=found.held_back,
    )
