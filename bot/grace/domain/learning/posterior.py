"""What is believed of a remedy for a symptom in a subsystem, from what became of it before.

A remedy's successes are counted by signature and subsystem. What other subsystems saw of the same
signature is the prior, as strong as at most `kin` of one's own missions; of that, what the remedy
did for all other signatures is the prior, as strong as `strangers` missions. So a remedy that is
new for a symptom begins where it stands elsewhere, and its own record soon outweighs that.

Counts fade only when there is news of the same remedy for the same symptom in the same subsystem:
each old outcome then counts `fade` of what it did. What is not tried keeps its record, so nothing
is tried again only because time has gone by, and a remedy that stopped working is found out.

What is drawn from is `sharp` times as strong as what is believed: a mission goes on to the next
remedy when one fails, and so explores by itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from grace.domain.base import Frozen
from grace.domain.learning.beta import value_at
from grace.domain.memory.recollection import OutcomeRecord

TAIL: Final = 0.025


@dataclass(frozen=True, slots=True)
class Weights:
    """How much what is old, of others, and drawn counts; docs/learning.md says why so much."""

    fade: float = 0.95
    kin: float = 40.0
    strangers: float = 2.0
    sharp: float = 4.0


WEIGHTS: Final = Weights()


@dataclass(slots=True)
class Count:
    """Successes and trials: as they fade, and whole."""

    good: float = 0.0
    all: float = 0.0
    held: int = 0
    tried: int = 0

    def hear(self, success: bool, fade: float) -> None:
        """Count an outcome; what is older fades."""
        self.good = self.good * fade + success
        self.all = self.all * fade + 1
        self.held += success
        self.tried += 1

    def join(self, other: "Count") -> None:
        """Count what another one counted."""
        self.good += other.good
        self.all += other.all
        self.held += other.held
        self.tried += other.tried


class Posterior(Frozen):
    """A Beta distribution over the chance that a remedy holds; `a` and `b` above 0.

    `held` and `tried` are whole missions of this signature, over all subsystems.
    """

    remedy: str
    a: float
    b: float
    held: int = 0
    tried: int = 0

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    @property
    def interval(self) -> tuple[float, float]:
        """Return what lies in the middle 95 %."""
        return value_at(TAIL, self.a, self.b), value_at(1 - TAIL, self.a, self.b)

    def draw(self, uniform: float, sharp: float) -> float:
        """Return the value that a uniform number between 0 and 1 stands for."""
        return value_at(uniform, self.a * sharp, self.b * sharp)


@dataclass(slots=True)
class Tally:
    """What became of remedies, by signature and subsystem; outcomes are heard oldest first."""

    weights: Weights = WEIGHTS
    cells: dict[str, dict[tuple[str, str], Count]] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[OutcomeRecord], weights: Weights = WEIGHTS) -> "Tally":
        """Count records, oldest first."""
        tally = cls(weights)
        for record in records:
            tally.hear(record)
        return tally

    def hear(self, record: OutcomeRecord) -> None:
        """Count one trial; one that was not decided counts for nothing."""
        success = record.result.success
        if success is None:
            return
        cells = self.cells.setdefault(record.remedy, {})
        count = cells.setdefault((record.signature, record.subsystem), Count())
        count.hear(success, self.weights.fade)

    def believed(self, remedy: str, signature: str, subsystem: str) -> Posterior:
        """Say what is believed of a remedy for one signature in one subsystem."""
        weights = self.weights
        own, kin, strangers = Count(), Count(), Count()
        for (of, where), count in self.cells.get(remedy, {}).items():
            if of != signature:
                strangers.join(count)
            elif where != subsystem:
                kin.join(count)
            else:
                own = count
        far = (strangers.good + 1) / (strangers.all + 2)
        near = (kin.good + weights.strangers * far) / (kin.all + weights.strangers)
        strength = min(kin.all, weights.kin) + weights.strangers
        return Posterior(
            remedy=remedy,
            a=strength * near + own.good,
            b=strength * (1 - near) + own.all - own.good,
            held=own.held + kin.held,
            tried=own.tried + kin.tried,
        )
