"""The news of issues and comments: from when they are read, and that each is told once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from grace.app.inlets import from_sweep, owed_by_sweep
from grace.app.news import News
from grace.app.sweep import OWED, ROUTED, Inbox
from grace.domain import events as ev
from grace.domain.mission import MissionRef
from grace.ports import (
    Courtesy,
    Delivery,
    ForgeError,
    ForgeRefused,
    ForgeUnavailable,
    Routed,
    Target,
)

BOOT = datetime(2026, 11, 22, 12, 3, 20, tzinfo=UTC)
ADA = ev.Actor(login="ada")
MESH = MissionRef(host="forge.test", repository_id=1, repository="acme/mesh")
SHOP = MissionRef(host="forge.test", repository_id=2, repository="acme/shop")


@dataclass
class Hands:
    """A clock that a test turns."""

    at: datetime = BOOT

    def now(self) -> datetime:
        return self.at


@dataclass
class FakeForge:
    """Show what a test puts in, by repository, or raise it."""

    shown: dict[int, Sequence[Routed] | ForgeError] = field(default_factory=dict)
    asked: list[tuple[str, datetime]] = field(default_factory=list)
    heads: dict[int, Sequence[Courtesy] | ForgeError] = field(default_factory=dict)

    async def news(self, ref: MissionRef, label: str, since: datetime) -> Sequence[Routed]:
        assert label == "mission"
        self.asked.append((ref.repository, since))
        found = self.shown.get(ref.repository_id, ())
        if isinstance(found, ForgeError):
            raise found
        return found

    async def open_heads(self, ref: MissionRef) -> Sequence[Courtesy]:
        found = self.heads.get(ref.repository_id, ())
        if isinstance(found, ForgeError):
            raise found
        return found


@dataclass
class Letters:
    """The one method of the store that is needed; `broken` accepts nothing."""

    kept: dict[str, Delivery] = field(default_factory=dict)
    broken: bool = False

    async def accept(self, delivery: Delivery) -> bool:
        if self.broken:
            raise OSError("the disk is full")
        fresh = delivery.delivery_id not in self.kept
        self.kept.setdefault(delivery.delivery_id, delivery)
        return fresh

    def events(self) -> list[ev.Event]:
        told = [d for d in self.kept.values() if d.event != OWED]
        return [r.event for d in told for r in ROUTED.validate_json(d.body)]

    def owed(self) -> list[Courtesy]:
        """Read what the router makes of what was kept."""
        assert all(from_sweep(d)[0] == () for d in self.kept.values() if d.event == OWED)
        return [owed for d in self.kept.values() for owed in owed_by_sweep(d)]


class Desk:
    """News with everything around it."""

    def __init__(self, **refs: MissionRef) -> None:
        self.clock, self.forge, self.store = Hands(), FakeForge(), Letters()
        self.counted: list[str] = []

        def count(_origin: str, answer: str) -> None:
            self.counted.append(answer)

        inbox = Inbox(self.store, self.clock, count, self.counted.append, lambda: None)
        self.news = News(self.forge, refs or {"mesh": MESH}, inbox)

    async def after(self, **passed: float) -> int:
        """Let time pass, and look."""
        self.clock.at += timedelta(**passed)
        return await self.news.look()


def issue(body: str = "slow", *, minute: int = 0, number: int = 1) -> Routed:
    seen = ev.IssueSeen(
        number=number,
        title="It is slow",
        body=body,
        author=ADA,
        sender=ADA,
        updated_at=BOOT + timedelta(minutes=minute),
    )
    return Routed(target=Target(ref=MESH, issue=number, create=True), event=seen)


def command(number: str = "5") -> Routed:
    given = ev.CommandGiven(id=number, name="start", actor=ADA, at=BOOT)
    return Routed(target=Target(ref=MESH, issue=1), event=given)


async def test_first_look_goes_back_three_days_and_later_ones_overlap_in_steps() -> None:
    desk = Desk()
    for seconds in (0, 15, 200, 300, 1):
        await desk.after(seconds=seconds)
    since = [at for _, at in desk.forge.asked]
    assert since[0] == BOOT - timedelta(days=3)
    noon = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert since[1:] == [noon, noon, noon, noon + timedelta(minutes=5)]


async def test_cursor_never_leaves_a_gap_between_two_looks() -> None:
    desk = Desk()
    looked: list[datetime] = []
    for seconds in (0, 7, 61, 299, 301, 3600, 1):
        await desk.after(seconds=seconds)
        looked.append(desk.clock.at)
    for before, (_, since) in zip(looked, desk.forge.asked[1:], strict=False):
        assert since <= before - timedelta(minutes=2)


async def test_each_piece_of_news_is_stored_once() -> None:
    desk = Desk()
    desk.forge.shown[1] = (issue(), command(), command("6"))
    assert await desk.after() == 3
    assert await desk.after(seconds=15) == 0
    assert desk.counted == ["accepted"] * 3
    assert [type(e) for e in desk.store.events()] == [
        ev.IssueSeen,
        ev.CommandGiven,
        ev.CommandGiven,
    ]


async def test_issue_that_was_only_commented_on_is_not_told_again_but_every_edit_is() -> None:
    desk = Desk()
    for minute, (body, new) in enumerate(
        [("slow", 1), ("slow", 0), ("slower", 1), ("slow", 1)], start=1
    ):
        desk.forge.shown[1] = (issue(body, minute=minute),)
        assert await desk.after(seconds=15) == new, minute
    bodies = [e.body for e in desk.store.events() if isinstance(e, ev.IssueSeen)]
    assert bodies == ["slow", "slower", "slow"]


async def test_new_process_tells_again_and_the_store_knows_it() -> None:
    desk = Desk()
    desk.forge.shown[1] = (issue(), command())
    await desk.after()
    again = Desk()
    again.forge, again.store = desk.forge, desk.store
    inbox = Inbox(
        desk.store, again.clock, lambda _, a: again.counted.append(a), print, lambda: None
    )
    assert await News(desk.forge, {"mesh": MESH}, inbox).look() == 0
    assert again.counted == ["duplicate", "duplicate"]


async def test_failing_repository_keeps_its_cursor_and_stops_no_other() -> None:
    desk = Desk(mesh=MESH, shop=SHOP, mesh_again=MESH)
    desk.forge.shown = {1: ForgeUnavailable("no answer"), 2: ()}
    await desk.after()
    assert desk.news.failure == "acme/mesh: no answer"
    desk.forge.shown = {}
    await desk.after(minutes=10)
    assert desk.news.failure is None
    by_name: dict[str, list[datetime]] = {}
    for name, since in desk.forge.asked:
        by_name.setdefault(name, []).append(since)
    assert by_name["acme/mesh"] == [BOOT - timedelta(days=3)] * 2
    assert by_name["acme/shop"][1] > BOOT - timedelta(minutes=10)


async def test_cursor_waits_for_the_store() -> None:
    desk = Desk()
    desk.forge.shown[1] = (issue(),)
    desk.store.broken = True
    try:
        await desk.after()
    except OSError:
        desk.store.broken = False
    assert await desk.after(hours=1) == 1
    assert desk.forge.asked[1][1] == BOOT - timedelta(days=3)


async def test_more_than_can_be_read_is_passed_over_until_it_can() -> None:
    desk = Desk()
    desk.forge.shown[1] = ForgeRefused("more than 2000 entries", 422)
    spans = []
    for _ in range(20):
        await desk.after(seconds=1)
        spans.append(desk.clock.at - desk.forge.asked[-1][1])
    assert all(later < earlier for earlier, later in pairwise(spans[:8]))
    assert spans[-1] < timedelta(minutes=2)
    assert "more than 2000" in (desk.news.failure or "")
    desk.forge.shown[1] = ForgeRefused("no", 403)
    await desk.after(seconds=1)
    kept = desk.forge.asked[-1][1]
    await desk.after(seconds=1)
    assert desk.forge.asked[-1][1] == kept


async def test_only_some_repositories_are_looked_at_when_they_are_named() -> None:
    desk = Desk(mesh=MESH, shop=SHOP)
    await desk.news.look({2})
    assert [name for name, _ in desk.forge.asked] == ["acme/shop"]


def head(number: int, sha: str = "a") -> Courtesy:
    return Courtesy(MESH, sha * 40, f"#{number} is not a mission", number)


async def test_open_pull_requests_of_others_are_owed_an_answer_each_head_once() -> None:
    desk = Desk()
    desk.forge.heads[1] = (head(7),)
    await desk.after()
    await desk.after(seconds=15)
    assert desk.store.owed() == [head(7)]
    desk.forge.heads[1] = (head(7), head(8, "b"))
    await desk.after(seconds=15)
    await desk.after(seconds=15)
    assert desk.store.owed() == [head(7), head(8, "b")]
    assert desk.counted == ["accepted"] * 2


async def test_news_that_cannot_be_read_keep_no_answer_back_nor_the_other_way_round() -> None:
    desk = Desk()
    desk.forge.shown[1] = ForgeUnavailable("no answer")
    desk.forge.heads[1] = (head(7),)
    await desk.after()
    assert desk.store.owed() == [head(7)]
    desk.forge.shown[1], desk.forge.heads[1] = (issue(),), ForgeUnavailable("no list")
    assert await desk.after(seconds=15) == 1
    assert desk.news.failure == "acme/mesh: no list"
    desk.forge.heads[1] = ()
    await desk.after(seconds=15)
    assert desk.news.failure is None


async def test_owed_answers_that_were_not_stored_are_owed_at_the_next_look() -> None:
    desk = Desk()
    desk.forge.heads[1] = (head(7),)
    desk.store.broken = True
    try:
        await desk.news.owe()
    except OSError:
        desk.store.broken = False
    await desk.news.owe()
    assert desk.store.owed() == [head(7)]


async def test_a_look_at_some_repositories_asks_for_no_pull_requests() -> None:
    desk = Desk()
    desk.forge.heads[1] = (head(7),)
    await desk.news.look({1})
    assert desk.store.owed() == []


async def test_each_who_wrote_an_issue_is_told_once() -> None:
    """Who writes a contract may not approve it."""
    desk = Desk()

    def by(login: str) -> Routed:
        told = issue()
        actor = ev.Actor(login=login)
        return told.model_copy(
            update={"event": told.event.model_copy(update={"sender": actor, "edited": True})}
        )

    desk.forge.shown[1] = (by("rita"), by("max"))
    assert await desk.after() == 2
    assert await desk.after(seconds=15) == 0
    assert desk.counted == ["accepted"] * 2
