"""Agents that are commands: what they find in their environment, and what they may leave."""

from pydantic import ValidationError

from grace.agents.place import (
    SHELL,
    Command,
    execute,
    read_left,
    refuse_unless_ended_well,
)
from grace.agents.room import Found, Room
from grace.agents.told import mission_text, prompt, task_text
from grace.domain.hidden import strip_hidden
from grace.domain.proposals import MAX_WORDS, Usage


def run_command(room: Room) -> Found:
    """Run the agent's command in the checkout; it changes files there, and ends."""
    assert room.agent.command is not None
    env = write_given(room)
    command = Command(
        argv=(*SHELL, room.agent.command),
        env=env,
        seconds=room.seconds(),
        network=room.agent.network,
        writable=(room.left,),
        readable=(room.given,),
    )
    refuse_unless_ended_well(execute(room.place, command), command)
    return Found(rationale=rationale_left(room), usage=usage_left(room))


def write_given(room: Room) -> dict[str, str]:
    """Write the files that tell an agent its task, and return the variables that name them."""
    task, mission, words = (room.given / n for n in ("task.json", "mission.json", "prompt.md"))
    rationale, usage = room.left / "rationale.md", room.left / "usage.json"
    task.write_text(task_text(room.task), encoding="utf-8")
    mission.write_text(mission_text(room.task.mission), encoding="utf-8")
    words.write_text(prompt(room.task, str(rationale), room.place.test), encoding="utf-8")
    return {
        "GRACE_TASK": str(task),
        "GRACE_MISSION": str(mission),
        "GRACE_PROMPT": str(words),
        "GRACE_BASE": room.task.base,
        "GRACE_TEST": room.place.test or "",
        "GRACE_RATIONALE": str(rationale),
        "GRACE_USAGE": str(usage),
    }


def rationale_left(room: Room) -> str:
    """Read the words that an agent left about its change, as far as people would see them."""
    left = read_left(room.left / "rationale.md", 2 * MAX_WORDS)
    return "" if left is None else as_rationale(left)


def as_rationale(words: str) -> str:
    """Keep of an agent's words what people would see, and no more than may leave."""
    return strip_hidden(words[: 2 * MAX_WORDS]).strip()[:MAX_WORDS]


def usage_left(room: Room) -> Usage:
    """Read what an agent says that it used; its time is measured, and its money never believed."""
    left = read_left(room.left / "usage.json")
    if left is None:
        return Usage()
    try:
        said = Usage.model_validate_json(left)
    except ValidationError:
        return Usage()
    return said.model_copy(update={"measured": False})
