"""The sweep over a real store: what it asks, what it tells, and that a quiet one tells nothing."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from grace.adapters.keys import Ed25519Key
from grace.adapters.sqlite.store import SqliteStore
from grace.app.inlets import from_sweep
from grace.app.router import Readers, Router
from grace.app.sweep import ROUTED, Inbox, Sweep
from grace.domain import events as ev
from grace.domain.facts import fold
from grace.domain.mission import Attempt, Landing, Mission, MissionRef, PullRef, Revert
from grace.domain.phase import Phase
from grace.ports import (
    ChangeState,
    Delivery,
    ForgeUnavailable,
    LiveQuery,
    LiveState,
    Routed,
    Ruling,
    Target,
)
from support.world import World, make_policy

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HEAD, BASE, OTHER = "a" * 40, "b" * 40, "c" * 40
BOT, ADA = ev.Actor(login="grace[bot]"), ev.Actor(login="ada")
REF = MissionRef(host="forge.test", repository_id=1, repository="acme/mesh", installation_id=5)


class Noon:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOW


@dataclass
class FakeForge:
    """Answer what a test puts in; an installation in `down` does not answer."""

    live: dict[UUID, LiveState] = field(default_factory=dict)
    asked: list[Sequence[LiveQuery]] = field(default_factory=list)
    down: set[int | None] = field(default_factory=set)

    async def read_live(self, wanted: Sequence[LiveQuery]) -> list[LiveState]:
        self.asked.append(wanted)
        if wanted[0].ref.installation_id in self.down:
            raise ForgeUnavailable("GitHub did not answer the sweep", 30)
        return [self.live[q.uid] for q in wanted if q.uid in self.live]


@dataclass
class Yard:
    """A store with missions, a forge beside it, and the way between them."""

    store: SqliteStore
    path: Path
    forge: FakeForge = field(default_factory=FakeForge)
    counted: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    woken: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.inbox = Inbox(
            self.store,
            Noon(),
            lambda origin, answer: self.counted.append(f"{origin} {answer}"),
            self.faults.append,
            lambda: self.woken.append(1),
        )
        self.sweep = Sweep(self.forge, make_policy(), self.inbox)
        self.router = Router(self.store, Noon(), Readers({"sweep": from_sweep, "test": from_sweep}))

    async def mission(self, issue: int, ref: MissionRef = REF, **changes: object) -> Mission:
        """Store a mission of an issue: in the tests, with a pull request, unless changed."""
        seen = ev.IssueSeen(number=issue, title="", body="", author=ADA, sender=ADA, updated_at=NOW)
        routed = Routed(target=Target(ref=ref, issue=issue, create=True), event=seen)
        body = ROUTED.dump_json((routed,))
        await self.store.accept(Delivery("test", f"{ref.repository}-{issue}", "made", body, NOW))
        await self.router.drain()
        made = next(m for m in await self.store.missions() if (m.issue, m.ref) == (issue, ref))
        attempt = Attempt(number=1, candidate="x", agent="a", base=BASE, head=HEAD, tree=BASE)
        pull = PullRef(number=issue + 1000, url="")
        state = {"phase": Phase.TESTING, "attempts": (attempt,), "pull": pull}
        await self.handle(made.uid, **{**state, **changes})
        turn = await self.store.turn(made.uid)
        assert turn is not None
        return turn.mission

    async def handle(self, uid: UUID, **changes: object) -> list[ev.Event]:
        """Fold what waits for a mission into its facts, as a turn does, and return it."""
        await self.router.drain()
        turn = await self.store.turn(uid)
        assert turn is not None
        facts, events = turn.facts, [event for _, event in turn.events]
        for event in events:
            facts = fold(facts, event, NOW)
        numbers = tuple(number for number, _ in turn.events)
        mission = turn.mission.with_(**changes)
        ruling = Ruling(mission, facts, (), (), None, numbers, None)
        assert await self.store.commit(turn, ruling, NOW)
        return events

    def deliveries(self) -> int:
        with closing(sqlite3.connect(self.path)) as connection:
            return int(connection.execute("SELECT count(*) FROM deliveries").fetchone()[0])


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    path = tmp_path / "grace.db"
    store = await SqliteStore.open(path, Ed25519Key.generate(tmp_path / "key"))
    yield Yard(store, path)
    await store.close()


def change(number: int, *checks: ev.CheckSeen, **changes: object) -> ChangeState:
    reviews = changes.pop("reviews", ())
    fields = {
        "number": number,
        "head_ref": "grace/x",
        "head_sha": HEAD,
        "base_sha": BASE,
        "state": "open",
        "sender": BOT,
        "at": NOW,
    }
    pull = ev.PullSeen(**{**fields, **changes})
    return ChangeState(pull=pull, reviews=reviews, checks=checks)


def check(conclusion: str | None = "success", number: str = "7") -> ev.CheckSeen:
    return ev.CheckSeen(id=number, name="unit", sha=HEAD, app_id=15, conclusion=conclusion, at=NOW)


async def test_difference_is_told_once_and_a_quiet_sweep_stores_nothing(yard: Yard) -> None:
    mission = await yard.mission(1)
    yard.forge.live[mission.uid] = LiveState(uid=mission.uid, changes=(change(1001, check()),))
    assert (await yard.sweep.round()).told == 1
    assert yard.woken == [1]
    heard = await yard.handle(mission.uid)
    assert [type(event) for event in heard] == [ev.CheckSeen, ev.PullSeen]
    before = yard.deliveries()
    for _ in range(3):
        assert (await yard.sweep.round()).told == 0
    assert yard.deliveries() == before
    assert await yard.handle(mission.uid) == []
    assert yard.counted == ["sweep accepted"]


async def test_what_waits_for_a_mission_is_not_told_again(yard: Yard) -> None:
    mission = await yard.mission(1)
    yard.forge.live[mission.uid] = LiveState(uid=mission.uid, changes=(change(1001, check()),))
    assert (await yard.sweep.round()).told == 1
    assert (await yard.sweep.round()).told == 0  # stored, not routed: the same again
    assert yard.counted == ["sweep accepted", "sweep duplicate"]
    await yard.router.drain()
    assert (await yard.sweep.round()).told == 0  # routed, not handled
    assert len(await yard.handle(mission.uid)) == 2
    assert yard.counted == ["sweep accepted", "sweep duplicate"]


async def test_120_missions_are_three_queries_and_each_hears_its_own(yard: Yard) -> None:
    places = [
        REF.model_copy(update={"repository_id": n, "repository": f"acme/{n}"}) for n in range(12)
    ]
    missions = [await yard.mission(n, places[n % 12]) for n in range(1, 121)]
    for mission in missions:
        assert mission.pull is not None
        seen = change(mission.pull.number, check(number=str(mission.issue)))
        yard.forge.live[mission.uid] = LiveState(uid=mission.uid, changes=(seen,))
    found = await yard.sweep.round()
    assert (found.missions, found.told) == (120, 120)
    assert sorted(len(wanted) for wanted in yard.forge.asked) == [20, 50, 50]
    assert {q.uid for wanted in yard.forge.asked for q in wanted} == {m.uid for m in missions}
    while await yard.store.unrouted(1):
        await yard.router.drain()
    for mission in (missions[0], missions[77]):
        heard = await yard.handle(mission.uid)
        assert [e.id for e in heard if isinstance(e, ev.CheckSeen)] == [str(mission.issue)]


async def test_failing_installation_is_told_of_and_stops_no_other(yard: Yard) -> None:
    elsewhere = REF.model_copy(
        update={"repository_id": 2, "repository": "acme/other", "installation_id": 6}
    )
    first, second = await yard.mission(1), await yard.mission(1, elsewhere)
    for mission in (first, second):
        state = LiveState(uid=mission.uid, changes=(change(1001, check()),))
        yard.forge.live[mission.uid] = state
    yard.forge.down = {5}
    assert (await yard.sweep.round()).told == 1
    assert yard.sweep.failure == "GitHub did not answer the sweep"
    assert len(await yard.handle(second.uid)) == 2
    assert await yard.handle(first.uid) == []
    yard.forge.down = set()
    assert (await yard.sweep.round()).told == 1
    assert yard.sweep.failure is None
    assert len(await yard.handle(first.uid)) == 2


async def test_fault_of_the_program_is_counted_and_stops_no_other(yard: Yard) -> None:
    elsewhere = REF.model_copy(
        update={"repository_id": 2, "repository": "acme/other", "installation_id": 6}
    )
    first, second = await yard.mission(1), await yard.mission(1, elsewhere)
    unfit = LiveState.model_construct(uid=first.uid, gone=False, changes=None)
    good = LiveState(uid=second.uid, changes=(change(1001, check()),))
    yard.forge.live = {first.uid: unfit, second.uid: good}
    assert (await yard.sweep.round()).told == 1
    assert yard.faults == ["sweep"]
    assert "TypeError" in (yard.sweep.failure or "")


async def test_mission_that_the_forge_leaves_out_is_named(yard: Yard) -> None:
    first, second = await yard.mission(1), await yard.mission(2)
    yard.forge.live = {first.uid: LiveState(uid=first.uid)}
    await yard.sweep.round()
    assert yard.sweep.failure == f"the forge says nothing about {second.name}"


async def test_closed_missions_are_not_asked_for_and_no_mission_is_no_query(yard: Yard) -> None:
    await yard.mission(1, phase=Phase.CLOSED)
    assert (await yard.sweep.round()).missions == 0
    assert yard.forge.asked == []


async def test_mission_that_closed_meanwhile_is_told_nothing(yard: Yard) -> None:
    mission = await yard.mission(1)

    class Slow(FakeForge):
        async def read_live(self, wanted: Sequence[LiveQuery]) -> list[LiveState]:
            await yard.handle(mission.uid, phase=Phase.CLOSED)
            return [LiveState(uid=mission.uid, changes=(change(1001, check()),))]

    sweep = Sweep(Slow(), make_policy(), yard.inbox)
    assert (await sweep.round()).told == 0


async def test_lost_repository_ends_missions_at_the_second_look_alone(yard: Yard) -> None:
    mission = await yard.mission(1)
    here, gone = LiveState(uid=mission.uid), LiveState(uid=mission.uid, gone=True)
    for state in (gone, here, gone):
        yard.forge.live[mission.uid] = state
        assert (await yard.sweep.round()).told == 0
    assert (await yard.sweep.round()).told == 1
    [event] = await yard.handle(mission.uid)
    assert isinstance(event, ev.RepositoryGone)
    assert "lost her access" in event.reason


async def test_repository_with_a_newly_closed_issue_is_named_once(yard: Yard) -> None:
    mission = await yard.mission(1)
    closed = [True, True, False, True]
    named = []
    for shut in closed:
        yard.forge.live[mission.uid] = LiveState(uid=mission.uid, issue_closed=shut)
        named.append(set((await yard.sweep.round()).closed))
    assert named == [{1}, set(), set(), {1}]


async def test_each_phase_asks_for_what_may_still_change_it(yard: Yard) -> None:
    testing = await yard.mission(1)
    landing = Landing(sha=OTHER, tree=BASE, at=NOW)
    request = World().file().mission.request
    observing = testing.with_(phase=Phase.OBSERVING, landing=landing, request=request)
    revert = Revert(reason="slow", pull=PullRef(number=9, url=""))
    reverting = observing.with_(phase=Phase.REVERTING, revert=revert)
    undone = Landing(sha=BASE, tree=BASE, at=NOW)
    reverted = reverting.with_(revert=revert.model_copy(update={"landed": undone}))
    gating = testing.with_(phase=Phase.GATING, request=request)
    asked = [yard.sweep.query(m) for m in (testing, gating, observing, reverting, reverted)]
    assert [(q.issue, q.pulls, q.landed, q.environment) for q in asked] == [
        (1, (1001,), None, None),
        (1, (1001,), None, "production"),
        (1, (), OTHER, "production"),
        (1, (9,), None, "production"),
        (1, (9,), BASE, "production"),
    ]


async def test_order_and_doubling_of_what_is_seen_are_harmless(yard: Yard) -> None:
    mission = await yard.mission(1)
    old = check(None, number="6").model_copy(update={"at": NOW - timedelta(minutes=1)})
    for seen in ((check(), old, old), (old, check(), check()), (check(), old)):
        state = LiveState(uid=mission.uid, changes=(change(1001, *seen),))
        yard.forge.live[mission.uid] = state
        await yard.sweep.round()
        await yard.handle(mission.uid)
    turn = await yard.store.turn(mission.uid)
    assert turn is not None
    assert [c.conclusion for c in turn.facts.checks[HEAD].values()] == ["success"]
    assert yard.counted == ["sweep accepted"]
