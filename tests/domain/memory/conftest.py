"""Short ways to what missions leave."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grace.domain.memory.recollection import Result, Trial
from grace.domain.memory.remembered import Landed, Lesson, Remembered
from grace.domain.memory.remembering import digest_of
from grace.domain.package import MemoryScope, Symptom
from grace.domain.phase import Outcome, Severity

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
SHA = "a" * 40
Leave = Callable[..., Remembered]


@pytest.fixture
def leave() -> Leave:
    """Make what a mission left: fixed by a patch of `repair`, unless said otherwise."""

    def left(number: int = 1, diff: str | None = "+fixed\n", **changes: Any) -> Remembered:
        patch = None
        if diff is not None:
            patch = Landed(
                name="patch-1", remedy="agent:repair", diff=diff, digest=digest_of(diff), sha=SHA
            )
        known: dict[str, Any] = {
            "mission": f"mission_20261122_{number:03d}",
            "host": "forge.test",
            "repository_id": 7,
            "repository": "octo/mesh",
            "installation_id": 3,
            "issue": number,
            "subsystem": "mesh",
            "severity": Severity.HIGH,
            "summary": "Orders time out",
            "symptoms": (Symptom(description="slow orders", metric_id="mesh.latency_p95"),),
            "signature": "latency/latency/-",
            "outcome": Outcome.FIXED,
            "tried": (Trial(remedy="agent:repair", result=Result.HELD),),
            "patch": patch,
            "scope": MemoryScope.PERSIST,
            "lesson": Lesson.KEPT,
            "closed_at": NOW + timedelta(days=number),
            "entry": number,
        }
        return Remembered(**{**known, **changes})

    return left
