"""A store with a past: missions of the pure world, written through the real store."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from grace.adapters.keys import Ed25519Key
from grace.adapters.sqlite.store import SqliteStore
from grace.domain.events import Ticked
from grace.domain.phase import Phase
from grace.domain.policy import Policy
from grace.ports import Delivery, Routed, Ruling, Target, Translated
from support.reports import START
from support.world import World, make_policy

Story = Callable[[World], object]
KEY = Ed25519Key(bytes(range(32)))
LATER = timedelta(minutes=30)


async def write_past(
    path: Path,
    stories: Sequence[Story],
    *,
    policy: Policy | None = None,
    start: datetime = START,
    kinds: frozenset[str] | None = None,
) -> list[World]:
    """Let each story happen to a mission of its own, half an hour apart; `kinds` of notes only."""
    store = await SqliteStore.open(path, KEY)
    worlds: list[World] = []
    try:
        for issue, story in enumerate(stories, start=1):
            now = max(start, worlds[-1].now if worlds else start) + LATER
            world = World(policy=policy or make_policy(), now=now)
            await _open(store, world, issue)
            story(world)
            await _keep(store, world, kinds)
            worlds.append(world)
    finally:
        await store.close()
    return worlds


async def _open(store: SqliteStore, world: World, issue: int) -> None:
    """File a mission in the store, and give the world its name."""
    delivery = Delivery("forge", f"d{issue}", "issues", b"{}", world.now)
    assert await store.accept(delivery)
    (stored,) = await store.unrouted(10)
    target = Target(ref=world.mission.ref, issue=issue, create=True)
    said = Translated([Routed(target=target, event=Ticked())], "routed")
    assert await store.route(stored.id, said, world.now) == 1
    world.mission = next(m for m in await store.missions() if m.issue == issue)


async def _keep(store: SqliteStore, world: World, kinds: frozenset[str] | None) -> None:
    turn = await store.turn(world.mission.uid)
    assert turn is not None
    ruling = Ruling(
        mission=world.mission.with_(issue=turn.mission.issue),
        facts=world.facts,
        notes=tuple(n for n in world.notes if kinds is None or n.kind in kinds),
        effects=(),
        wake_at=None,
        handled=tuple(number for number, _ in turn.events),
        verdict=None if world.verdict is None else world.verdict.model_dump(mode="json"),
        policy=(world.policy.digest(), world.policy.document()),
    )
    assert await store.commit(turn, ruling, world.now)


def resolved(world: World) -> None:
    """Merge by one approval, and hold every target."""
    world.file().ci().review().deploy().observe()
    assert world.mission.phase is Phase.CLOSED


def waiting(world: World) -> None:
    """Wait for an approval."""
    world.file().ci()
    assert world.mission.phase is Phase.GATING


def rolled_back(world: World) -> None:
    """Merge by one approval, miss a target, and be reverted."""
    world.file().ci().review()
    world.values["error_rate"] = 90.0
    world.deploy().observe()
    assert world.mission.phase is Phase.CLOSED


def failed(world: World) -> None:
    """Fail its tests, with no other patch to try."""
    world.file().ci(passed=False)
    assert world.mission.phase is Phase.CLOSED
