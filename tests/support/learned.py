"""Short ways to records of what was tried."""

from datetime import UTC, datetime

from grace.domain.memory.recollection import OutcomeRecord, Result
from grace.domain.phase import Severity

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
LETTERS = {
    "+": Result.HELD,
    "-": Result.FAILED,
    "r": Result.REVERTED,
    "i": Result.INEFFECTIVE,
    "?": Result.UNDECIDED,
}


def past(
    remedy: str, letters: str, signature: str = "lock/-/-", subsystem: str = "mesh"
) -> list[OutcomeRecord]:
    """Write a remedy's past as letters, oldest first: `++-` held twice and then failed."""
    return [
        OutcomeRecord(
            mission=f"mission_20261122_{number:03d}",
            signature=signature,
            subsystem=subsystem,
            severity=Severity.LOW,
            remedy=remedy,
            result=LETTERS[letter],
            at=NOW,
        )
        for number, letter in enumerate(letters, start=1)
    ]
