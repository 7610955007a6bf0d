"""What becomes of a merge in doubt where there is a merge queue, and of leaving one."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import pytest

from grace.app.landing import Landing
from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.ledger import Head
from grace.domain.mission import MissionRef
from grace.domain.surroundings import Stop
from grace.ports import ChangeState, ForgeUnavailable, Job, MergeAnswer, MergeDraft, Turn
from support.world import World, sha

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class FakeForge:
    """A forge with a queue, or without; `done` is what it was asked to change."""

    queue: bool = True
    inside: bool = False
    merged: bool = False
    done: list[str] = field(default_factory=list)

    async def queue_required(self, ref: MissionRef, branch: str) -> bool:
        return self.queue

    async def in_queue(self, ref: MissionRef, number: int) -> bool:
        return self.inside

    async def dequeue(self, ref: MissionRef, number: int) -> bool:
        self.done.append("dequeue")
        return self.inside

    async def describe_change(self, ref: MissionRef, number: int, title: str, body: str) -> None:
        self.done.append(f"describe {title}")

    async def enqueue(self, ref: MissionRef, number: int, head: str) -> None:
        self.done.append("enqueue")

    async def merge(self, ref: MissionRef, draft: MergeDraft) -> MergeAnswer:
        self.done.append("merge")
        return MergeAnswer(sha=sha("landed"))

    async def read_change(self, ref: MissionRef, number: int) -> ChangeState:
        self.done.append("read")
        merged = sha("landed") if self.merged else None
        pull = ev.PullSeen(
            number=number,
            head_ref="",
            head_sha=sha("h"),
            base_sha=sha("b"),
            state="closed" if self.merged else "open",
            merged=self.merged,
            merge_sha=merged,
            sender=ev.Actor(login="x"),
            at=NOW,
        )
        return ChangeState(pull=pull, reviews=(), checks=())


@dataclass
class FakeStore:
    """A store with one mission."""

    world: World
    killed: bool = False
    waiting: tuple[tuple[int, ev.Event], ...] = ()

    async def turn(self, uid: UUID) -> Turn:
        return Turn(self.world.mission, self.world.facts, 1, self.waiting)

    async def stopped(self, ref: MissionRef) -> Stop | None:
        return Stop(kind="operator", reason="by max") if self.killed else None

    def now(self) -> datetime:
        return self.world.now


LANDED = ev.Merged(purpose="work", sha=sha("landed"), tree=sha("t"), at=NOW)


async def landed(job: Job, number: int, commit: str) -> ev.Merged:
    return LANDED


async def sealed(job: Job, effect: fx.MergePull) -> str:
    return "Merge it\n\nTrailer: x"


def landing_of(forge: FakeForge, store: FakeStore) -> Landing:
    return Landing(forge, store, store.world.policy, store, store.stopped, landed, sealed)


class Yard:
    """A mission that asked for its merge, before a forge."""

    def __init__(self, **forge: bool) -> None:
        self.world = World(waits=(fx.MergePull,)).file().ci().review()
        self.forge, self.store = FakeForge(**forge), FakeStore(self.world)
        self.landing = landing_of(self.forge, self.store)

    async def merge(self, tries: int, *, purpose: str = "work") -> ev.Event:
        effect = self.world.only(fx.MergePull).model_copy(update={"purpose": purpose})
        return await self.landing.carry_out(self.job(effect, tries), effect)

    async def dequeue(self) -> ev.Event:
        effect = fx.Dequeue(key="dequeue/1", number=2, reason="held: by max")
        return await self.landing.carry_out(self.job(effect, 0), effect)

    def job(self, effect: fx.Effect, tries: int) -> Job:
        entry = Head(log="log", seq=1, hash=sha("entry"), time=None)
        return Job(
            id=1,
            mission=self.world.mission,
            effect=effect,
            tries=tries,
            entry=entry,
            created_at=NOW,
        )


def withdrawn(event: ev.Event) -> str:
    assert isinstance(event, ev.MergeRefused)
    assert event.refusal is ev.MergeRefusal.WITHDRAWN
    return event.reason


async def test_first_try_enqueues_where_a_queue_is_required() -> None:
    yard = Yard()
    assert isinstance(await yard.merge(0), ev.Enqueued)
    assert yard.forge.done == ["describe Merge it", "enqueue"]


async def test_a_veto_that_is_not_decided_on_yet_stops_the_merge() -> None:
    yard = Yard(queue=False)
    veto = ev.CommandGiven(id="v", name="veto", argument="no", actor=ev.Actor(login="rita"))
    yard.store.waiting = ((7, veto),)
    assert "rita says veto" in withdrawn(await yard.merge(0))
    assert yard.forge.done == []


async def test_lost_answer_of_an_enqueue_is_found_by_its_place() -> None:
    yard = Yard(inside=True)
    assert isinstance(await yard.merge(1), ev.Enqueued)
    assert yard.forge.done == ["read"]


async def test_change_that_is_not_wanted_any_more_is_taken_out_again() -> None:
    yard = Yard(inside=True)
    yard.world.command("hold")
    assert "held by alice" in withdrawn(await yard.merge(1))
    assert yard.forge.done == ["read", "dequeue"]


async def test_kill_switch_takes_a_change_in_doubt_out_of_the_queue() -> None:
    yard = Yard(inside=True)
    yard.store.killed = True
    assert "kill switch" in withdrawn(await yard.merge(1))
    assert yard.forge.done == ["dequeue"]


@pytest.mark.parametrize("tries", [0, 3])
async def test_kill_switch_puts_off_what_stands_in_no_queue(tries: int) -> None:
    yard = Yard()
    yard.store.killed = True
    with pytest.raises(ForgeUnavailable, match="kill switch"):
        await yard.merge(tries)
    assert yard.forge.done == []


@pytest.mark.parametrize("queue", [True, False])
async def test_doubtful_try_that_left_nothing_asks_every_gate_again(queue: bool) -> None:
    yard = Yard(queue=queue)
    assert "in doubt" in withdrawn(await yard.merge(1))
    assert yard.forge.done == ["read"]


async def test_doubtful_try_that_merged_is_a_landing() -> None:
    assert await Yard(merged=True).merge(1) == LANDED


async def test_revert_in_the_queue_is_always_wanted() -> None:
    yard = Yard(inside=True)
    yard.world.command("hold")
    assert isinstance(await yard.merge(1, purpose="revert"), ev.Enqueued)


async def test_change_that_leaves_while_it_is_looked_at_is_looked_at_again() -> None:
    class Leaving(FakeForge):
        async def dequeue(self, ref: MissionRef, number: int) -> bool:
            return False

    yard = Yard()
    yard.landing = landing_of(Leaving(inside=True), yard.store)
    yard.world.command("hold")
    with pytest.raises(ForgeUnavailable, match="left the merge queue"):
        await yard.merge(1)


async def test_change_is_taken_out_of_the_queue() -> None:
    yard = Yard(inside=True)
    assert await yard.dequeue() == ev.Dequeued(number=2, reason="held: by max")
    assert yard.forge.done == ["dequeue"]


async def test_change_that_was_out_already_is_out() -> None:
    assert isinstance(await Yard().dequeue(), ev.Dequeued)


async def test_change_that_landed_before_it_could_leave_is_a_landing() -> None:
    assert await Yard(merged=True).dequeue() == LANDED
