"""What an examination finds: one line a check, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a check ended. What cannot be told is a warning, never a pass."""

    PASS = "pass"  # noqa: S105 - how a check ended
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was found, and the sentence that says what to mend."""

    level: Level
    check: str
    found: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be read, and why."""

    why: str


def good(check: str, found: str) -> Finding:
    """Pass a check."""
    return Finding(Level.PASS, check, found)


def warn(check: str, found: str, mend: str) -> Finding:
    """Warn of what may go wrong."""
    return Finding(Level.WARN, check, found, mend)


def fail(check: str, found: str, mend: str) -> Finding:
    """Fail a check."""
    return Finding(Level.FAIL, check, found, mend)


def untold(check: str, unknown: Unknown, mend: str) -> Finding:
    """Say that a check could not be made."""
    return warn(check, f"cannot tell: {unknown.why}", mend)
