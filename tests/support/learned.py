"""Short ways to records of what was tried."""

from datetime import UTC, datetime, timedelta
from typing import Any

from grace.domain.memory.recollection import OutcomeRecord, Result, Trial
from grace.domain.memory.remembered import Remembered
from grace.domain.package import MemoryScope
from grace.domain.phase import Outcome, Severity

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


def left(number: int, tried: str, **changes: Any) -> Remembered:
    """Make what a mission left that ended `number` days after NOW; `tried`: `repair+ pin-`.

    It took an hour. It was fixed where something held.
    """
    trials = tuple(
        Trial(remedy=name if ":" in name else f"agent:{name}", result=LETTERS[letter])
        for *names, letter in tried.split()
        for name in ["".join(names)]
    )
    held = any(trial.result is Result.HELD for trial in trials)
    known: dict[str, Any] = {
        "mission": f"mission_20261122_{number:03d}",
        "host": "forge.test",
        "repository_id": 7,
        "repository": "octo/mesh",
        "subsystem": "mesh",
        "severity": Severity.LOW,
        "signature": "lock/-/-",
        "outcome": Outcome.FIXED if held else Outcome.FAILED,
        "tried": trials,
        "scope": MemoryScope.PROPOSE,
        "closed_at": NOW + timedelta(days=number),
        "seconds": 3600.0,
    }
    return Remembered.model_validate({**known, **changes})
