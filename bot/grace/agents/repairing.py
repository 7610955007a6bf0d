"""The agent `repair`: search-based repair, run as one program inside the sandbox."""

import shlex
import sys
from pathlib import Path
from typing import Final

import grace
from grace.agents.judge import Refused
from grace.agents.place import Command, execute, refuse_unless_ended_well
from grace.agents.room import Found, Room
from grace.domain.proposals import Refusal
from grace.repair.wanted import NoPatch, Repaired, RepairError, RepairWanted, from_json

# What the search leaves for its own last test and for ours.
_KEPT_S: Final = 20.0
_NEXT: Final = (
    "Name the files to look at, give it more minutes, or ask an agent that reads the report."
)


def repair(room: Room) -> Found:
    """Search a change to the code that makes the failing test pass.

    Raises `Refused` with what was tried where there is none.
    """
    try:
        words = tuple(shlex.split(room.test_wanted()))
        wanted = RepairWanted(
            root=room.place.inside,
            test=words,
            files=room.place.files,
            limit_s=max(5.0, room.seconds() * 0.9 - _KEPT_S),
        )
    except (RepairError, ValueError) as error:
        raise Refused(Refusal.INVALID, f"Repair cannot run this test: {error}") from error
    command = Command(
        argv=(sys.executable, "-I", "-m", "grace.repair"),
        stdin=wanted.to_json().encode(),
        seconds=room.seconds(),
        readable=own_code(),
    )
    ended = execute(room.place, command)
    if (ended.why, ended.status) not in {("exit", 0), ("exit", 1)}:
        refuse_unless_ended_well(ended, command)
    try:
        answer = from_json(ended.stdout.decode())
    except (RepairError, UnicodeDecodeError) as error:
        raise Refused(Refusal.FAILED, f"Repair did not answer: {error}") from error
    match answer:
        case NoPatch(reason=reason, tried=tried, seconds=seconds):
            told = f"{reason} It tried {tried} changes in {seconds:.0f} s. {_NEXT}"
            raise Refused(Refusal.NO_PATCH, told)
        case Repaired():
            passed, total = answer.held_back
            return Found(
                diff=answer.diff,
                rationale=answer.rationale,
                held_back=(total, passed) if total else None,
            )


def own_code() -> tuple[Path, ...]:
    """List where this package lies, for a program of it to run inside."""
    return tuple(Path(place).resolve() for place in grace.__path__)
