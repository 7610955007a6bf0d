"""From what was found to what is said: filter once more, count, choose what may be tried again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from grace.domain.memory import words
from grace.domain.memory.places import Place, may_cite
from grace.domain.memory.question import Question
from grace.domain.memory.ranking import Likeness
from grace.domain.memory.recollection import (
    MAX_HITS,
    MAX_RECORDS,
    MAX_REUSABLE,
    Hit,
    OutcomeRecord,
    Recollection,
    RemedyCount,
    Result,
    ReusablePatch,
)
from grace.domain.memory.remembered import Lesson, Remembered
from grace.domain.package import MemoryScope
from grace.domain.phase import Outcome
from grace.domain.proposals import PastMission

# Below this share of what a question would score against itself, two texts have little in common:
# on the development half of the benchmark 2.1 of ten hits are above it where nothing is alike.
LEAST: Final = 0.25
MAX_SAME: Final = 350


@dataclass(frozen=True, slots=True)
class Memories:
    """What a store found: whom it was found for, what is like the question, and all trials.

    `said`: what ended in the installation of whoever asks, to be counted, oldest first.
    `spoiled`: digests of patches that were reverted, or did not last, anywhere in it.
    """

    asker: Place
    alike: Sequence[Likeness] = ()
    said: Sequence[tuple[Remembered, Place]] = ()
    spoiled: frozenset[str] = frozenset()


def recollect(question: Question, memories: Memories, now: datetime) -> Recollection:
    """Answer a question with what may be said where it was asked."""
    asker = memories.asker
    alike = [
        each
        for each in memories.alike
        if may_cite(asker, each.place)
        and each.found.findable
        and each.score >= LEAST
        and (each.found.mission, each.found.log) != (question.asker, question.ref.log)
    ][:MAX_HITS]
    hits = tuple(_hit(each) for each in alike)
    return Recollection(
        asked_at=now,
        signature=question.signature,
        hits=hits,
        counts=counts_of(hits),
        reusable=_reusable(question, alike, memories.spoiled),
        records=records_of(question.signature, asker, memories.said),
        sentence=words.sentence(hits),
    )


def _hit(each: Likeness) -> Hit:
    found = each.found
    return Hit(
        mission=found.mission,
        repository=found.repository,
        issue=found.issue,
        subsystem=found.subsystem,
        severity=found.severity,
        summary=found.summary,
        outcome=found.outcome,
        reverted=found.reverted,
        effective=found.effective,
        tried=found.tried,
        closed_at=found.closed_at,
        score=round(each.score, 4),
        shared=each.shared,
    )


def counts_of(hits: Sequence[Hit]) -> tuple[RemedyCount, ...]:
    """Count what became of each remedy over all hits; what held most often first."""
    counts: dict[str, dict[str, int]] = {}
    for trial in (trial for hit in hits for trial in hit.tried):
        if trial.result is not Result.UNDECIDED:
            own = counts.setdefault(trial.remedy, {})
            own[trial.result.value] = own.get(trial.result.value, 0) + 1
    found = [RemedyCount(remedy=remedy, **own) for remedy, own in counts.items()]
    return tuple(sorted(found, key=lambda c: (-c.held, c.reverted + c.ineffective, c.remedy)))


def _reusable(
    question: Question, alike: Sequence[Likeness], spoiled: frozenset[str]
) -> tuple[ReusablePatch, ...]:
    """List patches of the same repository that held and may be tried again, the likest first."""
    found: dict[str, ReusablePatch] = {}
    held: dict[str, int] = {}
    for each in alike:
        past, patch = each.found, each.found.patch
        if patch is None or patch.diff is None or patch.digest is None or not past.held:
            continue
        if past.log != question.ref.log or patch.digest in spoiled:
            continue
        held[patch.digest] = held.get(patch.digest, 0) + 1
        if past.lesson is not Lesson.KEPT or past.scope is MemoryScope.READ_ONLY:
            continue
        reuse = ReusablePatch(
            name=patch.name,
            diff=patch.diff,
            digest=patch.digest,
            remedy=patch.remedy,
            from_mission=past.mission,
            entry=past.entry,
            held=0,
            score=round(each.score, 4),
        )
        found.setdefault(patch.digest, reuse)
    each_held = (p.model_copy(update={"held": held[p.digest]}) for p in found.values())
    return tuple(each_held)[:MAX_REUSABLE]


def records_of(
    signature: str, asker: Place, said: Sequence[tuple[Remembered, Place]]
) -> tuple[OutcomeRecord, ...]:
    """List trials as learning counts them, oldest first; the newest 500.

    Those of the same symptoms come first, however old: one's own past weighs most.
    """
    every = [
        OutcomeRecord(
            mission=found.mission,
            mission_type=found.mission_type,
            signature=found.signature,
            subsystem=found.subsystem,
            severity=found.severity,
            remedy=trial.remedy,
            result=trial.result,
            self_recovered=found.outcome is Outcome.SELF_RECOVERED,
            at=found.closed_at,
        )
        for found, place in said
        if may_cite(asker, place)
        for trial in found.tried
    ]
    same = [r for r in every if r.signature == signature][-MAX_SAME:]
    others = [r for r in every if r.signature != signature][-(MAX_RECORDS - len(same)) :]
    return tuple(sorted((*same, *others), key=lambda r: r.at))


def past_missions(found: Recollection) -> tuple[PastMission, ...]:
    """Write hits as an agent is told of them."""
    return tuple(
        PastMission(
            mission=hit.mission,
            outcome=hit.outcome,
            reverted=hit.reverted,
            tried=tuple(f"{trial.remedy}: {words.RESULTS[trial.result]}" for trial in hit.tried),
            closed_at=hit.closed_at,
            summary=hit.summary,
        )
        for hit in found.hits
    )
