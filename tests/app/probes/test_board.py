"""The board: probes hang, fail and flap, and each is told as it is."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grace.app.probes.all import all_probes
from grace.app.probes.board import Board, recalled
from grace.app.probes.findings import Finding, Probe, degraded, unhealthy, well
from grace.domain.decision import Note
from grace.domain.health import HealthState, overall
from support.probed import Probed

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HEALTHY, DEGRADED, UNHEALTHY = HealthState
NAMED = {
    *("forge_api", "rate_budget", "webhook_intake", "inbox", "outbox", "worker", "deadlines"),
    *("store", "ledger", "keys", "ci", "metric_sources", "alert_sources", "agents", "playbooks"),
    *("memory", "policy"),
}


@dataclass
class Wall:
    """A board with a clock, and what it wrote."""

    at: datetime = NOW
    notes: list[Note] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    refuses: bool = False

    def now(self) -> datetime:
        return self.at

    async def record(self, note: Note, _now: datetime) -> None:
        if self.refuses:
            raise OSError("disk full")
        self.notes.append(note)

    def board(self, *probes: Probe) -> Board:
        return Board(probes, self, self.record, self.faults.append)


class Thing:
    """A subsystem whose state a test sets."""

    def __init__(self) -> None:
        self.finding = well()

    async def __call__(self) -> Finding:
        return self.finding


def probe(ask: Callable[[], Awaitable[Finding]], name: str = "thing", **more: float) -> Probe:
    return Probe(name, name.title(), ask, ("other",), **more)  # type: ignore[arg-type]


async def test_nothing_is_well_before_it_was_probed() -> None:
    board = Wall().board(probe(Thing()))
    (found,) = board.health()
    assert (found.state, found.last_good_at) == (UNHEALTHY, None)


async def test_finding_is_kept_with_when_it_was_last_good() -> None:
    wall, thing = Wall(), Thing()
    board = wall.board(probe(thing))
    (found,) = await board.round()
    assert (found.state, found.last_good_at, found.ties) == (HEALTHY, NOW, ("other",))
    assert found.latency_ms is not None
    wall.at += timedelta(minutes=1)
    thing.finding = degraded("do this")
    (found,) = await board.round()
    assert (found.state, found.sentence) == (DEGRADED, "do this")
    assert (found.last_good_at, found.checked_at) == (NOW, NOW + timedelta(minutes=1))


async def test_hanging_probe_holds_nobody_up() -> None:
    async def hangs() -> Finding:
        await asyncio.Event().wait()
        return well()

    board = Wall().board(probe(hangs, "hangs", timeout_s=0.05), probe(Thing(), "other"))
    async with asyncio.timeout(5):
        hanging, other = await board.round()
    assert (hanging.state, other.state) == (UNHEALTHY, HEALTHY)
    assert "did not answer within 0.05 s" in hanging.sentence


async def test_probe_that_raises_is_a_finding_without_its_words() -> None:
    async def raises() -> Finding:
        raise RuntimeError("a secret")

    wall = Wall()
    (found,) = await wall.board(probe(raises)).round()
    assert (found.state, wall.faults) == (UNHEALTHY, ["health"])
    assert "RuntimeError" in found.sentence
    assert "secret" not in found.sentence


async def test_change_is_told_when_two_findings_agree() -> None:
    wall, thing = Wall(), Thing()
    board = wall.board(probe(thing))
    await board.round()
    thing.finding = degraded("slow")
    await board.round()
    assert wall.notes == []
    thing.finding = unhealthy("down")
    await board.round()
    assert wall.notes == []
    await board.round()
    assert [(n.kind, n.payload) for n in wall.notes] == [
        (
            "integration.health_changed",
            {"subsystem": "thing", "before": "healthy", "after": "unhealthy", "sentence": "down"},
        )
    ]
    for _ in range(5):
        await board.round()
    assert len(wall.notes) == 1


async def test_what_flaps_is_told_ever_more_seldom() -> None:
    wall, thing = Wall(), Thing()
    board = wall.board(probe(thing))
    for n in range(240):  # an hour in which it changes every half minute
        thing.finding = degraded("bad") if n // 2 % 2 else well()
        wall.at += timedelta(seconds=15)
        await board.round()
    assert 1 <= len(wall.notes) <= 3
    thing.finding = degraded("bad")
    wall.at += timedelta(hours=2)
    for _ in range(4):
        await board.round()
    assert wall.notes[-1].payload["after"] == "degraded"


async def test_change_that_cannot_be_written_is_told_later() -> None:
    wall, thing = Wall(), Thing()
    board = wall.board(probe(thing))
    thing.finding = degraded("slow")
    wall.refuses = True
    for _ in range(3):
        await board.round()
    assert wall.faults == ["health"] * 2
    wall.refuses = False
    await board.round()
    assert len(wall.notes) == 1


async def test_each_probe_is_asked_in_its_own_time_and_again_when_told() -> None:
    asked: dict[str, int] = {"often": 0, "seldom": 0}
    five, enough = asyncio.Event(), asyncio.Event()

    def counting(name: str) -> Callable[[], Awaitable[Finding]]:
        async def ask() -> Finding:
            asked[name] += 1
            if asked["often"] == 5:
                five.set()
            if asked["seldom"] == 2:
                enough.set()
            return well()

        return ask

    board = Wall().board(
        probe(counting("often"), "often", every_s=0.01),
        probe(counting("seldom"), "seldom", every_s=600.0),
    )
    running = asyncio.create_task(board.run())
    async with asyncio.timeout(10):
        await five.wait()
        assert asked["seldom"] == 1
        board.again()
        await enough.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_all_named_subsystems_are_probed_and_tied_to_one_another(probed: Probed) -> None:
    probes = all_probes(probed.world())
    names = [p.name for p in probes]
    assert set(names) >= NAMED
    assert len(set(names)) == len(names)
    assert {tie for p in probes for tie in p.ties} <= set(names)
    assert all(p.ties and p.title for p in probes)
    wall = Wall()
    board = Board(probes, probed, wall.record, wall.faults.append)
    found = {health.name: health for health in await board.round()}
    ill = {name for name, h in found.items() if h.state is not HEALTHY}
    assert ill <= {"policy", "ci", "store"}  # no forge is reached; the disk may be full
    assert wall.faults == []
    assert overall(found.values()) is not HEALTHY


@pytest.mark.parametrize("name", sorted(NAMED))
async def test_every_named_subsystem_has_a_limit_of_time(probed: Probed, name: str) -> None:
    (found,) = [p for p in all_probes(probed.world()) if p.name == name]
    assert 0 < found.timeout_s <= 60
    assert 15 <= found.every_s <= 600


async def test_what_was_told_before_a_restart_is_not_told_again(probed: Probed) -> None:
    thing = Thing()
    thing.finding = degraded("slow")

    def board() -> Board:
        faults: list[str] = []
        store = probed.store
        return Board(
            [probe(thing)], probed, store.record_own, faults.append, lambda: recalled(store)
        )

    async def told() -> list[str]:
        entries = await probed.store.entries("bot")
        return [e.payload["after"] for e in entries if e.payload and "after" in e.payload]

    first = board()
    await first.round()
    await first.round()
    assert await told() == ["degraded"]
    second = board()
    await second._remember()
    for _ in range(3):
        await second.round()
    assert await told() == ["degraded"]
    thing.finding = well()
    third = board()
    await third._remember()
    for _ in range(4):
        await third.round()
    assert await told() == ["degraded", "healthy"]


async def test_board_runs_without_its_memory() -> None:
    async def broken() -> dict[str, HealthState]:
        raise OSError("no store")

    wall, asked = Wall(), asyncio.Event()

    async def ask() -> Finding:
        asked.set()
        return well()

    board = Board([probe(ask)], wall, wall.record, wall.faults.append, broken)
    running = asyncio.create_task(board.run())
    async with asyncio.timeout(5):
        await asked.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert wall.faults == ["health"]


def test_documentation_lists_every_probe(probed: Probed) -> None:
    page = Path(__file__).parents[3] / "docs/health-and-capa.md"
    rows = re.findall(r"^\| `([a-z_]+)`( \*)? \|", page.read_text(), re.MULTILINE)
    probes = all_probes(probed.world())
    assert {(name, bool(star)) for name, star in rows} == {(p.name, p.critical) for p in probes}
