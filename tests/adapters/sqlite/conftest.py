"""A store in a real file, and short ways to bring missions into it."""

import hashlib
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.adapters.sqlite.store import SqliteStore
from grace.domain.alerting.rules import Alerting
from grace.domain.decision import Note
from grace.domain.effects import Effect, PublishLedger
from grace.domain.events import Actor, AlertSeen, CommandGiven, Event
from grace.domain.mission import Mission, MissionRef
from grace.domain.package import (
    AcceptanceCriteria,
    MissionRequest,
    PatchCandidate,
    Symptom,
    WorkspaceInfo,
)
from grace.domain.phase import Outcome, Phase, Severity
from grace.ports import Delivery, Routed, Ruling, Target, Translated, Turn

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


class World:
    """One store, one repository, a clock that the test moves, and the words for what happens."""

    START = START

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.now = START
        self.ref = MissionRef(
            host="forge.test", repository_id=7, repository="octo/mesh", installation_id=3
        )
        self._numbers = itertools.count(1)

    def later(self, **span: float) -> datetime:
        """Move the clock."""
        self.now += timedelta(**span)
        return self.now

    def delivery(self, name: str = "", body: bytes = b"{}") -> Delivery:
        return Delivery("forge", name or f"d{next(self._numbers)}", "issues", body, self.now)

    def event(self, name: str = "c1") -> Event:
        return CommandGiven(id=name, name="start", actor=Actor(login="octo"))

    def effect(self, key: str, slot: str | None = None) -> Effect:
        return PublishLedger(key=key, slot=slot)

    def note(self, kind: str = "mission.step_taken", **payload: object) -> Note:
        return Note(kind=kind, actor="octo", payload=payload)

    def request(self, severity: Severity, *diffs: str) -> MissionRequest:
        candidates = [PatchCandidate(name=f"c{n}", diff=diff) for n, diff in enumerate(diffs)]
        return MissionRequest(
            subsystem_id="mesh",
            severity=severity,
            symptoms=(Symptom(description="slow"),),
            acceptance_criteria=AcceptanceCriteria(),
            workspace=WorkspaceInfo(patch_candidates=tuple(candidates)),
        )

    async def send(self, event: Event | None = None, **target: Any) -> int:
        """Accept one delivery and route one event from it; return how many missions got it."""
        ref = target.pop("ref", self.ref)
        delivery = self.delivery()
        assert await self.store.accept(delivery)
        (stored,) = await self.store.unrouted(10)
        routed = Routed(target=Target(ref=ref, **target), event=event or self.event())
        return await self.store.route(stored.id, Translated([routed], "routed"), self.now)

    def alert(self, fingerprint: str, status: str = "firing", **changes: Any) -> AlertSeen:
        """Make a word about an alert on `latency` of the subsystem `mesh`, said now."""
        asked: dict[str, Any] = {"subsystem": "mesh", "metric": "latency", **changes}
        known = AcceptanceCriteria()
        request = MissionRequest(
            subsystem_id=asked.pop("subsystem"),
            severity=Severity.MEDIUM,
            symptoms=(Symptom(description="slow", metric_id=asked.pop("metric")),),
            acceptance_criteria=known,
        )
        said: dict[str, Any] = {"source": "am", "title": fingerprint, "at": self.now, **asked}
        return AlertSeen(fingerprint=fingerprint, status=status, request=request, **said)

    async def fire(self, *events: AlertSeen, rules: Alerting | None = None) -> str:
        """Route alerts of one delivery; return the note that was left of it."""
        delivery = self.delivery()
        assert await self.store.accept(delivery)
        (stored,) = await self.store.unrouted(10)
        routed = [Routed(target=Target(ref=self.ref), event=event) for event in events]
        said = Translated(routed, f"{len(events)} alerts", alerting=rules or Alerting())
        await self.store.route(stored.id, said, self.now)
        return await self.note_of(stored.id)

    async def open_one(self) -> Mission:
        """Return the one mission that is open."""
        (mission,) = await self.store.missions(live=True)
        return mission

    async def alerts_for(self, uid: UUID) -> list[tuple[str, str, int, int]]:
        """List what waits for a mission, as (fingerprint, status, known, firing)."""
        found = [event for _, event in (await self.turn(uid)).events]
        alerts = [e for e in found if isinstance(e, AlertSeen)]
        placed = [(e, e.placed) for e in alerts if e.placed is not None]
        return [(e.fingerprint, e.status, p.known, p.firing) for e, p in placed]

    async def end_one(self, outcome: Outcome = Outcome.FIXED, **changes: Any) -> Mission:
        """Let the one open mission be what its first alert asked for, and end."""
        mission = await self.open_one()
        (first, *_) = [event for _, event in (await self.turn(mission.uid)).events]
        assert isinstance(first, AlertSeen)
        ended = {"phase": Phase.CLOSED, "outcome": outcome, "closed_at": self.now}
        await self.settle(mission.uid, request=first.request, **{**ended, **changes})
        return mission

    async def note_of(self, delivery: int) -> str:
        """Return what was noted of a delivery."""
        query = "SELECT note FROM deliveries WHERE id = ?"
        return str(
            await self.store._read(lambda c: c.execute(query, (delivery,)).fetchone()["note"])
        )

    async def open_mission(self, issue: int, **changes: Any) -> UUID:
        """File an issue's mission, handle what waits for it and store it with changes."""
        assert await self.send(issue=issue, create=True) == 1
        mission = next(m for m in await self.store.missions() if m.issue == issue)
        await self.settle(mission.uid, **changes)
        return mission.uid

    async def turn(self, uid: UUID) -> Turn:
        turn = await self.store.turn(uid)
        assert turn is not None
        return turn

    async def mission(self, uid: UUID) -> Mission:
        return (await self.turn(uid)).mission

    def ruling(self, turn: Turn, **parts: Any) -> Ruling:
        """Decide on all that waits; `parts` are fields of the ruling or of the mission."""
        own = {name: parts.pop(name) for name in list(parts) if name in Ruling.__slots__}
        plain = Ruling(
            mission=turn.mission.with_(**parts),
            facts=turn.facts,
            notes=(),
            effects=(),
            wake_at=None,
            handled=tuple(number for number, _ in turn.events),
            verdict=None,
        )
        return replace(plain, **own)

    async def settle(self, uid: UUID, **parts: Any) -> None:
        """Read a turn and store a ruling of it."""
        turn = await self.turn(uid)
        assert await self.store.commit(turn, self.ruling(turn, **parts), self.now)


Opener = Callable[..., Coroutine[Any, Any, SqliteStore]]


@pytest.fixture
def key() -> Ed25519Key:
    """A private key that is the same in every run, and in `crash_rounds.py`."""
    return Ed25519Key(hashlib.sha256(b"a key for tests").digest())


@pytest.fixture
def keys(key: Ed25519Key) -> PublicKeys:
    return PublicKeys(key.public)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "grace.db"


@pytest.fixture
async def open_store(path: Path, key: Ed25519Key) -> AsyncIterator[Opener]:
    """Open stores that are closed when the test ends."""
    stores: list[SqliteStore] = []

    async def opener(**options: Any) -> SqliteStore:
        stores.append(await SqliteStore.open(path, key, **options))
        return stores[-1]

    yield opener
    for store in stores:
        await store.close()


@pytest.fixture
async def store(open_store: Opener) -> SqliteStore:
    return await open_store()


@pytest.fixture
def world(store: SqliteStore) -> World:
    return World(store)


@pytest.fixture
def world_of() -> Callable[[SqliteStore], World]:
    """Make a world of another store."""
    return World
