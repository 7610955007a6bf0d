"""What stops Grace, over a real store: who may stop, who may lift, and that doubt stops."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grace.adapters.keys import Ed25519Key
from grace.adapters.sqlite.store import SqliteStore
from grace.app.brakes import Brakes, Cab
from grace.domain.events import Actor, Permission
from grace.domain.mission import MissionRef
from grace.ports import ForgeError, ForgeRefused, ForgeUnavailable, StopIssue

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MESH = MissionRef(host="forge.test", repository_id=1, repository="acme/mesh")
SHOP = MissionRef(host="forge.test", repository_id=2, repository="acme/shop")
RITA, TESS = Actor(login="rita", id=1), Actor(login="tess", id=2)


@dataclass
class Hands:
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class FakeForge:
    """Show stop issues and permissions, or raise what a test puts in."""

    words: dict[int, list[StopIssue] | ForgeError] = field(default_factory=dict)
    roles: dict[str, Permission | ForgeError] = field(
        default_factory=lambda: {"rita": Permission.WRITE, "tess": Permission.TRIAGE}
    )
    asked: list[tuple[int, Sequence[int]]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    async def stop_issues(self, ref: MissionRef, known: Sequence[int] = ()) -> list[StopIssue]:
        self.asked.append((ref.repository_id, list(known)))
        found = self.words.get(ref.repository_id, [])
        if isinstance(found, ForgeError):
            raise found
        return found

    async def permission(self, _ref: MissionRef, login: str, _id: int = 0) -> Permission:
        self.names.append(login)
        found = self.roles.get(login, Permission.NONE)
        if isinstance(found, ForgeError):
            raise found
        return found


@dataclass
class Train:
    """Brakes with everything around them."""

    store: SqliteStore
    folder: Path
    refs: dict[str, MissionRef] = field(default_factory=lambda: {"mesh": MESH})
    clock: Hands = field(default_factory=Hands)
    forge: FakeForge = field(default_factory=FakeForge)
    woken: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    faulted: asyncio.Event = field(default_factory=asyncio.Event)

    def fault(self, loop: str) -> None:
        self.faults.append(loop)
        self.faulted.set()

    def __post_init__(self) -> None:
        self.file = self.folder / "STOP"
        cab = Cab(
            store=self.store,
            forge=self.forge,
            clock=self.clock,
            refs=self.refs,
            file=self.file,
            every=timedelta(minutes=10),
            wake=lambda: self.woken.append(1),
            fault=self.fault,
        )
        self.brakes = Brakes(cab)

    async def why(self, ref: MissionRef = MESH) -> tuple[str, str] | None:
        stop = await self.brakes.stopped(ref)
        return None if stop is None else (stop.kind, stop.reason)

    async def hear(self, *words: StopIssue) -> None:
        await self.store.hear_stops(words, self.clock.now())

    async def kinds(self, log: str) -> list[str]:
        """List what a log says after its opening."""
        return [entry.envelope.kind for entry in await self.store.entries(log)][1:]


@pytest.fixture
async def train(tmp_path: Path) -> AsyncIterator[Train]:
    store = await SqliteStore.open(tmp_path / "grace.db", Ed25519Key.generate(tmp_path / "key"))
    yield Train(store, tmp_path)
    await store.close()


def word(
    actor: Actor | None = RITA, minute: int = 0, *, lifts: bool = False, number: int = 5
) -> StopIssue:
    at = NOW + timedelta(minutes=minute)
    return StopIssue(ref=MESH, number=number, open=not lifts, actor=actor, at=at)


async def test_nothing_stops_once_all_was_read(train: Train) -> None:
    why = await train.why()
    assert why is not None
    assert "not read yet" in why[1]
    await train.brakes.round()
    assert await train.why() is None
    assert train.brakes.failure is None


async def test_issue_stops_before_anybodys_permission_was_read_and_after(train: Train) -> None:
    await train.brakes.round()
    await train.hear(word())
    assert (await train.why() or ("",))[0] == "issue"
    await train.brakes.round()
    assert (await train.why() or ("",))[0] == "issue"
    assert train.forge.names == ["rita"]
    await train.brakes.round()
    assert train.forge.names == ["rita"]


async def test_label_of_somebody_who_may_not_write_lets_go_again_and_the_ledger_says_so(
    train: Train,
) -> None:
    await train.hear(word(TESS))
    await train.brakes.round()
    assert await train.why() is None
    assert await train.kinds(MESH.log) == ["brake.on", "brake.refused", "brake.off"]
    assert train.woken


async def test_only_who_may_write_lifts(train: Train) -> None:
    await train.hear(word(), word(TESS, 1, lifts=True))
    await train.brakes.round()
    why = await train.why()
    assert why is not None
    assert "tess" in why[1]
    await train.hear(word(TESS, 2), word(RITA, 3, lifts=True))
    await train.brakes.round()
    assert await train.why() is None


async def test_label_put_on_again_by_a_triager_takes_no_writers_place(train: Train) -> None:
    await train.hear(word(), word(TESS, 1, lifts=True), word(TESS, 2))
    await train.brakes.round()
    assert (await train.why() or ("",))[0] == "issue"
    assert sorted(train.forge.names) == ["rita", "tess"]


@pytest.mark.parametrize(
    "error", [ForgeUnavailable("GitHub is away", 30.0), ForgeRefused("no such role", 422)]
)
async def test_permission_that_cannot_be_read_neither_lifts_nor_lets_go(
    train: Train, error: ForgeError
) -> None:
    await train.hear(word(TESS))
    train.forge.roles["tess"] = error
    await train.brakes.round()
    await train.brakes.round()
    assert (await train.why() or ("",))[0] == "issue"
    assert train.forge.names == ["tess"]
    train.forge.roles["tess"] = Permission.READ
    train.clock.at += timedelta(seconds=31)
    await train.brakes.round()
    assert await train.why() is None


async def test_look_asks_about_standing_stops_and_hears_who_lifted_them(train: Train) -> None:
    train.forge.words[1] = [word()]
    await train.brakes.round()
    assert (await train.why() or ("",))[0] == "issue"
    train.forge.words[1] = [word(), word(RITA, 5, lifts=True)]
    await train.brakes.round()
    assert train.forge.asked == [(1, [])]
    train.clock.at += timedelta(minutes=11)
    await train.brakes.round()
    assert train.forge.asked == [(1, []), (1, [5])]
    assert await train.why() is None


async def test_look_believes_nobody_who_may_not_write(train: Train) -> None:
    train.forge.words[1] = [word(), word(TESS, 5, lifts=True)]
    await train.brakes.round()
    assert (await train.why() or ("",))[0] == "issue"
    assert sorted(train.forge.names) == ["rita", "tess"]


async def test_stop_that_is_gone_without_a_person_took_write_permission(train: Train) -> None:
    """Deleting an issue or its label, or moving it, is for who may write at the forge itself."""
    train.forge.words[1] = [word(), word(None, 5, lifts=True)]
    await train.brakes.round()
    assert await train.why() is None


async def test_stop_by_nobody_known_stays_until_somebody_lifts_it(train: Train) -> None:
    train.forge.words[1] = [word(None)]
    await train.brakes.round()
    assert (await train.why() or ("",))[0] == "issue"
    await train.hear(word(RITA, 5, lifts=True))
    await train.brakes.round()
    assert await train.why() is None


async def test_repository_whose_stop_issues_cannot_be_read_is_stopped_until_they_can(
    train: Train,
) -> None:
    train.refs["shop"] = SHOP
    train.forge.words[2] = ForgeUnavailable("GitHub is away")
    await train.brakes.round()
    assert await train.why() is None
    assert await train.why(SHOP) == (
        "issue",
        "the stop issues of acme/shop cannot be read: GitHub is away",
    )
    assert train.brakes.failure == "the stop issues of acme/shop cannot be read: GitHub is away"
    train.forge.words[2] = []
    train.clock.at += timedelta(seconds=4)
    await train.brakes.round()
    assert await train.why(SHOP) is not None
    train.clock.at += timedelta(seconds=2)
    await train.brakes.round()
    assert await train.why(SHOP) is None
    assert train.forge.asked == [(1, []), (2, []), (2, [])]


async def test_repository_that_is_no_subsystems_is_read_once_it_is_asked_about(
    train: Train,
) -> None:
    await train.brakes.round()
    assert await train.why(SHOP) is not None
    await train.brakes.round()
    assert await train.why(SHOP) is None


async def test_file_stops_while_it_is_there(train: Train) -> None:
    await train.brakes.round()
    train.file.touch()
    assert await train.why() == ("file", "the stop file is there")
    await train.brakes.round()
    assert [stop.kind for stop in await train.store.stops(SHOP)] == ["file"]
    train.file.unlink()
    assert (await train.why() or ("",))[0] == "file"
    await train.brakes.round()
    assert await train.why() is None
    assert len(train.woken) == 2


async def test_file_that_cannot_be_looked_for_stops(train: Train, tmp_path: Path) -> None:
    await train.brakes.round()
    train.file.symlink_to(tmp_path / "nowhere")
    assert (await train.why() or ("",))[0] == "file"
    train.file.unlink()
    assert await train.why() is None
    (tmp_path / "plain").touch()
    beneath = Brakes(
        Cab(
            store=train.store,
            forge=train.forge,
            clock=train.clock,
            refs=train.refs,
            file=tmp_path / "plain" / "STOP",
            every=timedelta(minutes=10),
            wake=lambda: None,
            fault=train.faults.append,
        )
    )
    stop = beneath.file_stop()
    assert stop is not None
    assert stop.reason == "the stop file cannot be looked for (Not a directory)"


async def test_operators_switch_stops(train: Train) -> None:
    await train.brakes.round()
    await train.store.set_kill_switch(on=True, actor="olga", reason="audit", now=NOW)
    assert await train.why() == ("operator", "audit (olga)")


async def test_store_that_cannot_be_asked_stops(train: Train) -> None:
    await train.brakes.round()

    async def broken(_: MissionRef) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    train.store.stops = broken  # type: ignore[assignment]
    why = await train.why()
    assert why == ("operator", "what stops Grace cannot be read from the store: OperationalError")
    assert train.faults == ["brakes"]


async def test_fault_ends_no_loop_and_is_shown(train: Train) -> None:
    async def broken(*_: object, **__: object) -> bool:
        raise sqlite3.OperationalError("disk I/O error")

    train.store.set_kill_switch = broken  # type: ignore[method-assign]
    running = asyncio.create_task(train.brakes.run())
    await train.faulted.wait()
    assert train.brakes.failure == "OperationalError: disk I/O error"
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
