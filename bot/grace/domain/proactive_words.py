"""What Grace says of missions that she begins by herself."""

from collections.abc import Sequence
from typing import Final

from grace.domain.mission import Mission
from grace.domain.phase import Severity
from grace.domain.render import marker
from grace.domain.trust import Score

PREPARED: Final = (
    "Grace prepared this by herself; it goes on when somebody with write permission says "
    "`/grace start` or marks the draft ready"
)


def too_grave(severity: Severity) -> str:
    """Say that missions of this severity are not begun without a person."""
    return f"missions of severity {severity} are a person's to decide on"


def not_trusted(remedy: str, record: Score, least: float) -> str:
    """Say that a remedy's record is not good enough yet."""
    return f"the remedy {remedy} is trusted {record.sentence()}, {least:g} is needed"


def enough_today(limit: int) -> str:
    """Say that the day's cap is reached."""
    return f"Grace began {limit} missions by herself here within a day, which is the limit"


def came_back(mission: str) -> str:
    """Say that a fix of the same did not hold."""
    return f"it came back: the fix of {mission} did not hold, and a person decides on the next one"


def capa_open(number: int) -> str:
    """Say that people are at work on the cause."""
    return f"CAPA #{number} about the same problem is open: a person decides"


def draft_waits(mission: Mission, reviewers: Sequence[str]) -> str:
    """Ask people to look at a draft; naming them notifies them."""
    assert mission.pull is not None  # the caller looked
    names = " ".join(f"@{login}" for login in reviewers)
    kind = "draft " if mission.self_started_at is None else ""
    told = f"A remedy is prepared as {kind}#{mission.pull.number}. {PREPARED}."
    return f"{marker(mission, 'prepared')}\n{names + ': ' if names else ''}{told}"
