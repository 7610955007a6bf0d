"""Memory in a real file, searched there and in a real PostgreSQL."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grace.adapters.memory.postgres import PostgresMemory
from grace.adapters.memory.sqlite import SqliteMemory
from grace.adapters.sqlite import memory_rows
from grace.adapters.sqlite.schema import connect, create_private, migrate, shipped
from grace.domain.memory.folding import REMEMBERED, payload_of
from grace.domain.memory.places import Visibility
from grace.domain.memory.recollection import Result, Trial
from grace.domain.memory.remembered import Landed, Lesson, Remembered
from grace.domain.memory.remembering import digest_of
from grace.domain.mission import MissionRef
from grace.domain.package import MemoryScope, Symptom
from grace.domain.phase import Outcome, Severity
from grace.ports import Recorded
from grace.ports.memory import MemorySearch
from support.postgresql_server import PROGRAMS, server

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
REF = MissionRef(host="forge.test", repository_id=7, repository="octo/mesh", installation_id=3)


class Kept:
    """A store's memory, written as the ledger's fold writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seq = 0
        create_private(path)
        with closing(connect(path)) as connection:
            migrate(connection, path, shipped())

    def leave(self, number: int, summary: str, **changes: Any) -> Remembered:
        """Remember a mission that was fixed by `repair`, unless said otherwise."""
        diff = changes.pop("diff", f"+fix {number}\n")
        patch = Landed(
            name="p", remedy="agent:repair", diff=diff, digest=digest_of(diff), sha="a" * 40
        )
        known: dict[str, Any] = {
            "mission": f"mission_20261122_{number:03d}",
            "host": REF.host,
            "repository_id": REF.repository_id,
            "repository": REF.repository,
            "installation_id": REF.installation_id,
            "severity": Severity.LOW,
            "summary": summary,
            "symptoms": (Symptom(description=summary),),
            "outcome": Outcome.FIXED,
            "tried": (Trial(remedy="agent:repair", result=Result.HELD),),
            "patch": patch,
            "scope": MemoryScope.PERSIST,
            "lesson": Lesson.KEPT,
            "closed_at": NOW + timedelta(minutes=number),
        }
        left = Remembered(**{**known, **changes})
        self.say(left, REMEMBERED, payload_of(left))
        return left

    def say(self, left: Remembered, kind: str, payload: dict[str, object]) -> None:
        """Fold one entry of a mission."""
        self.seq += 1
        said = Recorded(
            log=left.log,
            seq=self.seq,
            time=NOW,
            mission=left.mission,
            kind=kind,
            actor="ann",
            payload=payload,
        )
        with closing(connect(self.path)) as connection:
            memory_rows.remember(connection, said)

    def see(self, repository: int, *, private: bool, minutes: int = 0) -> None:
        """Let the forge say whether a repository is private."""
        ref = REF.model_copy(update={"repository_id": repository})
        with closing(connect(self.path)) as connection:
            seen = Visibility(ref=ref, private=private, at=NOW + timedelta(minutes=minutes))
            memory_rows.see(connection, [seen])


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "grace.db")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    if PROGRAMS is None:
        pytest.skip("postgres is not installed: apt-get install postgresql")
    with server() as started:
        yield started.url()


# That both say the same is tested always; each rule by itself with PostgreSQL when there is time.
@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.stress)])
async def memory(request: pytest.FixtureRequest, kept: Kept) -> AsyncIterator[MemorySearch]:
    """One search over the same memory."""
    if request.param == "sqlite":
        found: MemorySearch = SqliteMemory(kept.path)
    else:
        found = PostgresMemory(request.getfixturevalue("postgres"), kept.path)
    yield found
    await found.close()


Names = Callable[[Any], list[str]]


@pytest.fixture
def names() -> Names:
    """List the numbers of what was found."""
    return lambda found: [each.found.mission[-3:] for each in found.alike]
