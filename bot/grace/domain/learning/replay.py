"""What missions knew of remedies when they began, replayed: only what had ended by then counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from grace.domain.learning.posterior import Count, Tally
from grace.domain.memory.recollection import OutcomeRecord, RemedyName, Result, Trial
from grace.domain.memory.remembered import Remembered
from grace.domain.phase import Outcome

CHOSEN: Final = ("agent:", "playbook:")


@dataclass(frozen=True, slots=True)
class Seen:
    """One mission beside what was known: means of the best then and in hindsight, if any was."""

    left: Remembered
    held: bool
    then: float | None = None
    tried_best: bool = False
    best_held: bool = False
    hindsight: float | None = None


@dataclass(slots=True)
class Plain:
    """Held and decided trials of a remedy for a signature, over all of the past."""

    counts: dict[str, dict[RemedyName, Count]] = field(default_factory=dict)

    def hear(self, left: Remembered) -> None:
        """Count the trials of a mission."""
        for trial in decided(left):
            own = self.counts.setdefault(left.signature, {}).setdefault(trial.remedy, Count())
            own.hear(trial.result is Result.HELD, 1.0)

    def best_without(self, left: Remembered) -> float | None:
        """Return what the best remedy did in the other missions of these symptoms.

        By the rule of succession, (held + 1) / (tried + 2): so one that held once is no certainty.
        """
        shares = []
        for remedy, count in self.counts.get(left.signature, {}).items():
            own = [t.result is Result.HELD for t in decided(left) if t.remedy == remedy]
            held, tried = count.held - sum(own), count.tried - len(own)
            if tried and remedy.startswith(CHOSEN):
                shares.append((held + 1) / (tried + 2))
        return max(shares, default=None)


def decided(left: Remembered) -> tuple[Trial, ...]:
    """List the trials of a mission that count for or against a remedy."""
    return tuple(t for t in left.tried if t.result.success is not None)


def replay(ended: Sequence[Remembered]) -> Iterator[Seen]:
    """Go through missions as they began, and tell what was known; they are given as they ended.

    Those where no agent or playbook was tried, or none with a known effect, are left out.
    """
    tally, whole = Tally(), Plain()
    for left in ended:
        whole.hear(left)
    heard = 0
    for left in sorted(ended, key=_began):
        while ended[heard].closed_at < _began(left):  # none began after it had ended itself
            hear(tally, ended[heard])
            heard += 1
        tried = [t for t in decided(left) if t.remedy.startswith(CHOSEN)]
        if tried:
            yield _seen(left, tried, tally, whole)


def _seen(left: Remembered, tried: Sequence[Trial], tally: Tally, whole: Plain) -> Seen:
    known = {
        remedy: tally.believed(remedy, left.signature, left.subsystem).mean
        for remedy, cells in tally.cells.items()
        if remedy.startswith(CHOSEN) and any(of == left.signature for of, _ in cells)
    }
    held = len(tried) == 1 and tried[0].result is Result.HELD
    if not known:
        return Seen(left, held)
    best = max(known, key=lambda remedy: known[remedy])
    own = [t.result is Result.HELD for t in tried if t.remedy == best]
    after = whole.best_without(left)
    return Seen(left, held, known[best], bool(own), any(own), after)


def _began(left: Remembered) -> datetime:
    return left.closed_at - timedelta(seconds=left.seconds)


def records(left: Remembered) -> Iterator[OutcomeRecord]:
    """Write the trials of a mission as learning hears them."""
    for trial in left.tried:
        yield OutcomeRecord(
            mission=left.mission,
            mission_type=left.mission_type,
            signature=left.signature,
            subsystem=left.subsystem,
            severity=left.severity,
            remedy=trial.remedy,
            result=trial.result,
            self_recovered=left.outcome is Outcome.SELF_RECOVERED,
            at=left.closed_at,
        )


def hear(tally: Tally, left: Remembered) -> None:
    """Count what a mission leaves."""
    for record in records(left):
        tally.hear(record)
