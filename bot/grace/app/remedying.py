"""Carry out what asks memory, agents and runners: recall, order runs, read what they left."""

from datetime import datetime
from typing import assert_never

from pydantic import ValidationError

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.memory.question import Question, question_of
from grace.domain.memory.recall import recollect
from grace.domain.memory.recollection import Recollection
from grace.domain.mission import Mission
from grace.domain.proposals import PastAttempt, Proposal, Refusal
from grace.domain.remedy_words import memory_silent
from grace.ports import Clock, Forge, Job, ProposalFound, ProposalQuery, RunBoard
from grace.ports.memory import MemorySearch, MemoryUnavailable

MAX_INPUTS = 60_000  # bytes; a forge takes 65,535 characters in all the inputs of a run


class Remedying:
    """Ask agents by the forge, runners by the board of runs, and memory."""

    def __init__(self, forge: Forge, runs: RunBoard, memory: MemorySearch, clock: Clock) -> None:
        self._forge = forge
        self._runs = runs
        self._memory = memory
        self._clock = clock

    async def recall(self, mission: Mission) -> ev.Event:
        """Ask memory about a mission; one that does not answer is no reason to wait."""
        question, now = question_of(mission), self._clock.now()
        try:
            found = await self._memory.similar(question)
        except MemoryUnavailable as error:
            return ev.MemoryRead(recollection=silent(question, error.sentence, now))
        return ev.MemoryRead(recollection=recollect(question, found, now))

    async def carry_out(
        self, job: Job, effect: fx.AskAgent | fx.ReadProposal | fx.OfferRun | fx.WithdrawRun
    ) -> ev.Event:
        """Carry out one of them and return what came of it."""
        match effect:
            case fx.AskAgent():
                return await self._ask(job, effect)
            case fx.ReadProposal():
                return await self._read(job.mission, effect)
            case fx.OfferRun(order=order):
                await self._runs.offer(job.mission.ref, order, self._clock.now())
            case fx.WithdrawRun(run=run, reason=reason):
                await self._runs.withdraw(run, reason, self._clock.now())
            case _ as never:
                assert_never(never)
        return ev.EffectDone(key=effect.key)

    async def _ask(self, job: Job, effect: fx.AskAgent) -> ev.Event:
        """Order a run; on a second try look first whether the first one came through."""
        task, ref = effect.task, job.mission.ref
        if job.tries > 0:
            wanted = ProposalQuery(task.request, effect.workflow, effect.branch, job.created_at)
            found = await self._forge.read_proposal(ref, wanted)
            if found is not None:
                return ev.AgentAsked(request=task.request, run=found.run)
        inputs = {
            "request": task.request,
            "agent": task.agent,
            "base": task.base,
            "task": shortened(effect),
        }
        await self._forge.run_workflow(ref, effect.workflow, effect.branch, inputs)
        return ev.AgentAsked(request=task.request)

    async def _read(self, mission: Mission, effect: fx.ReadProposal) -> ev.Event:
        wanted = ProposalQuery(effect.request, effect.workflow, effect.branch, effect.since)
        found = await self._forge.read_proposal(mission.ref, wanted)
        if found is None:
            reason = "no run of it is to be seen yet"
            return ev.ProposalAwaited(request=effect.request, reason=reason)
        if found.conclusion is None:
            reason = f"run {found.run} goes on"
            return ev.ProposalAwaited(request=effect.request, run=found.run, reason=reason)
        return ev.ProposalMade(proposal=proposal_of(effect, found), at=self._clock.now())


def silent(question: Question, reason: str, now: datetime) -> Recollection:
    """Say that memory did not answer."""
    note = memory_silent(reason)[:500]
    return Recollection(asked_at=now, signature=question.signature, note=note)


def shortened(effect: fx.AskAgent) -> str:
    """Write a task as JSON that a forge takes: what an agent can miss best is left out first."""
    task, few = effect.task, effect.task.failing[:20]
    past: dict[str, object] = {"evidence": (), "remediation_history": ()}
    workspace = type(task.mission.workspace)()
    cuts: tuple[dict[str, object], ...] = (
        {},
        {"memory": ()},
        {"attempts": tuple(a.model_copy(update={"diff": ""}) for a in task.attempts)},
        {"failing_output": task.failing_output[-4000:]},
        {"failing": tuple(t.model_copy(update={"message": t.message[:300]}) for t in few)},
        {"attempts": tuple(a.model_copy(update=_end(a)) for a in task.attempts[-5:])},
        {"mission": task.mission.model_copy(update=past)},
        {"mission": task.mission.model_copy(update={**past, "workspace": workspace})},
    )
    for cut in cuts:
        task = task.model_copy(update=cut)
        told = task.model_dump_json(exclude_defaults=True)
        if len(told.encode()) <= MAX_INPUTS:
            return told
    bare = task.mission.model_copy(
        update={
            **past,
            "workspace": workspace,
            "summary": task.mission.summary[:4000],
            "symptoms": task.mission.symptoms[:5],
        }
    )
    return task.model_copy(update={"mission": bare}).model_dump_json(exclude_defaults=True)


def _end(attempt: PastAttempt) -> dict[str, str]:
    return {"diff": "", "failure": attempt.failure[-500:]}


def proposal_of(effect: fx.ReadProposal, found: ProposalFound) -> Proposal:
    """Read what a run left; anybody's bytes, so what does not fit counts as no proposal.

    It is bound to what was asked for: another request, agent or base is refused.
    """
    if found.body is None:
        why = f"run {found.run} ended with {found.conclusion} and left no proposal"
        return _refused(effect, Refusal.FAILED, f"{why}: read its log at the forge")
    try:
        said = Proposal.model_validate_json(found.body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        why = f"run {found.run} left a proposal that does not fit the schema: {where}"
        return _refused(effect, Refusal.INVALID, f"{why}: {first['msg']}")
    if (said.request, said.agent, said.base) != (effect.request, effect.agent, effect.base):
        why = f"run {found.run} answers another request, agent or base than was asked for"
        return _refused(effect, Refusal.INVALID, why)
    return said


def _refused(effect: fx.ReadProposal, refusal: Refusal, sentence: str) -> Proposal:
    return Proposal(
        request=effect.request,
        agent=effect.agent,
        base=effect.base,
        refusal=refusal,
        sentence=sentence[:4000],
    )
