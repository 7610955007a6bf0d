"""Land a change: merge exactly the tested head, or let the forge's merge queue do it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import assert_never

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.evidence import evidence_of
from grace.domain.lifecycle.merging import unheard_stop, withdrawn
from grace.domain.mission import MissionRef
from grace.domain.policy import Policy
from grace.domain.surroundings import Stop
from grace.ports import (
    Clock,
    Forge,
    ForgeRefused,
    ForgeUnavailable,
    Job,
    MergeAnswer,
    MergeDraft,
    Store,
)

KILL_SWITCH_RETRY_S = 10.0
METHOD_NOT_ALLOWED = 405
# What stops Grace in a repository now; None: nothing does.
Stopped = Callable[[MissionRef], Awaitable[Stop | None]]
CONFLICT = 409


def killed(stop: Stop) -> str:
    """Say that a kill switch is on, and why."""
    return f"the kill switch is on: {stop.reason}"


@dataclass(frozen=True, slots=True)
class Landing:
    """Where changes land. `landed` says what did, `sealed` writes a merge's signed message."""

    forge: Forge
    store: Store
    policy: Policy
    clock: Clock
    stopped: Stopped
    landed: Callable[[Job, int, str], Awaitable[ev.Merged]]
    sealed: Callable[[Job, fx.MergePull], Awaitable[str]]

    async def carry_out(self, job: Job, effect: fx.MergePull | fx.Dequeue) -> ev.Event:
        """Carry out an effect and return what came of it; raises as the interpreter does."""
        match effect:
            case fx.MergePull():
                return await self.merge(job, effect)
            case fx.Dequeue():
                return await self.dequeue(job, effect)
            case _ as never:
                assert_never(never)

    async def merge(self, job: Job, effect: fx.MergePull) -> ev.Event:
        """Merge exactly the tested head; after a doubtful try the state is read first."""
        ref = job.mission.ref
        stop = await self.stopped(ref)
        settled = await self._settled(job, effect, stop) if job.tries > 0 else None
        if settled is not None:
            return settled
        if stop is not None:
            raise ForgeUnavailable(killed(stop), KILL_SWITCH_RETRY_S)
        why = await self._unwanted(job, effect)
        if why is None and job.tries > 0 and effect.purpose == "work":
            why = "the first try ended in doubt and did not merge; every gate is asked again"
        if why is not None:
            return _withdrawn(effect, why)
        subject, _, rest = (await self.sealed(job, effect)).partition("\n")
        draft = MergeDraft(
            number=effect.number,
            head=effect.head,
            method=effect.method,
            subject=subject,
            message=rest.strip("\n"),
        )
        if await self.forge.queue_required(ref, self._base(job)):
            # A plain merge with enough permission would go around the queue.
            return await self._enqueue(job, effect, draft)
        answer = await self.forge.merge(ref, draft)
        if answer.sha is not None:
            return await self.landed(job, effect.number, answer.sha)
        refusal = _refusal(answer)
        return ev.MergeRefused(purpose=effect.purpose, refusal=refusal, reason=answer.message)

    async def dequeue(self, job: Job, effect: fx.Dequeue) -> ev.Event:
        """Take a change out of the queue; one that stood in none any more may have landed."""
        if not await self.forge.dequeue(job.mission.ref, effect.number):
            landed = await self._merged(job, effect.number)
            if landed is not None:
                return landed
        return ev.Dequeued(number=effect.number, reason=effect.reason)

    async def _settled(self, job: Job, effect: fx.MergePull, stop: Stop | None) -> ev.Event | None:
        """Say what became of a try whose answer was lost; None: nothing, as far as is seen.

        A change that it put into the queue stays there only while it is wanted.
        """
        ref = job.mission.ref
        landed = None if stop is not None else await self._merged(job, effect.number)
        if landed is not None:
            return landed
        required = await self.forge.queue_required(ref, self._base(job))
        if not required or not await self.forge.in_queue(ref, effect.number):
            return None
        work = effect.purpose == "work"
        why = killed(stop) if stop is not None and work else await self._unwanted(job, effect)
        if why is None:
            return ev.Enqueued(number=effect.number, head=effect.head)
        if not await self.forge.dequeue(ref, effect.number):
            raise ForgeUnavailable("the change left the merge queue by itself: read it again")
        return _withdrawn(effect, why)

    async def _merged(self, job: Job, number: int) -> ev.Merged | None:
        state = await self.forge.read_change(job.mission.ref, number)
        if not state.pull.merged or state.pull.merge_sha is None:
            return None
        return await self.landed(job, number, state.pull.merge_sha)

    async def _enqueue(self, job: Job, effect: fx.MergePull, draft: MergeDraft) -> ev.Event:
        """Put exactly the tested head into the queue, which takes its message from the change."""
        forge, ref = self.forge, job.mission.ref
        await forge.describe_change(ref, effect.number, draft.subject, draft.message)
        try:
            await forge.enqueue(ref, effect.number, effect.head)
        except ForgeRefused as error:
            moved = error.status == CONFLICT
            refusal = ev.MergeRefusal.HEAD_MOVED if moved else ev.MergeRefusal.NOT_ALLOWED
            return ev.MergeRefused(purpose=effect.purpose, refusal=refusal, reason=error.sentence)
        return ev.Enqueued(number=effect.number, head=effect.head)

    async def _unwanted(self, job: Job, effect: fx.MergePull) -> str | None:
        """Say why what was decided holds no longer; a revert is always wanted."""
        if effect.purpose != "work":
            return None
        turn = await self.store.turn(job.mission.uid)
        if turn is None:
            return "the mission is not in the store"
        evidence = evidence_of(turn.mission, turn.facts, self.policy, self.clock.now())
        return withdrawn(evidence.case(self.policy)) or unheard_stop(e for _, e in turn.events)

    def _base(self, job: Job) -> str:
        request = job.mission.request
        assert request is not None  # only a started mission merges
        return self.policy.subsystem(request.subsystem_id).base_branch


def _withdrawn(effect: fx.MergePull, why: str) -> ev.MergeRefused:
    refusal = ev.MergeRefusal.WITHDRAWN
    return ev.MergeRefused(purpose=effect.purpose, refusal=refusal, reason=why)


def _refusal(answer: MergeAnswer) -> ev.MergeRefusal:
    """Tell why the forge did not merge, from its status and words."""
    words = answer.message.lower()
    if answer.status == CONFLICT:
        return ev.MergeRefusal.HEAD_MOVED
    if answer.status == METHOD_NOT_ALLOWED and "base branch was modified" in words:
        return ev.MergeRefusal.BASE_MOVED
    return ev.MergeRefusal.NOT_ALLOWED
