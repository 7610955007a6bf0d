"""What is believed of a remedy for a symptom in a subsystem, from what became of it before.

A remedy's successes are counted by signature and subsystem. What other subsystems saw of the same
signature is the prior, as strong as at most `KIN` of one's own missions; of that, what the remedy
did for all other signatures is the prior, as strong as `STRANGERS` missions. So a remedy that is
new for a symptom begins where it stands elsewhere, and its own record soon outweighs that.

Counts fade only when there is news of the same remedy for the same symptom in the same subsystem:
each old outcome then counts `FADE` of what it did. What is not tried keeps its record, so nothing
is tried again only because time has gone by, and a remedy that stopped working is found out.

What is drawn from is `SHARP` times as narrow as what is believed: a mission goes on to the next
remedy when one fails, and so explores by itself.
"""

from collections.abc import Sequence
from typing import Final

from grace.domain.base import Frozen
from grace.domain.learning.beta import value_at
from grace.domain.memory.recollection import OutcomeRecord

FADE: Final = 0.95
KIN: Final = 40.0
SHARP: Final = 2.0
STRANGERS: Final = 2.0
TAIL: Final = 0.025


class Count(Frozen):
    """Successes and trials, faded."""

    good: float = 0.0
    all: float = 0.0

    def heard(self, success: bool) -> "Count":
        """Add an outcome; what is older fades."""
        return Count(good=self.good * FADE + success, all=self.all * FADE + 1)

    def __add__(self, other: "Count") -> "Count":
        return Count(good=self.good + other.good, all=self.all + other.all)


class Posterior(Frozen):
    """A Beta distribution over the chance that a remedy holds; `tried` counts what was seen here.

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

    def draw(self, uniform: float) -> float:
        """Return the value that a uniform number between 0 and 1 stands for."""
        return value_at(uniform, self.a * SHARP, self.b * SHARP)


def counts(records: Sequence[OutcomeRecord], remedy: str) -> dict[tuple[str, str], Count]:
    """Count a remedy's outcomes by signature and subsystem; records come oldest first."""
    found: dict[tuple[str, str], Count] = {}
    for record in records:
        success = record.result.success
        if record.remedy == remedy and success is not None:
            key = (record.signature, record.subsystem)
            found[key] = found.get(key, Count()).heard(success)
    return found


def posterior(
    records: Sequence[OutcomeRecord], remedy: str, signature: str, subsystem: str
) -> Posterior:
    """Say what is believed of a remedy for one signature in one subsystem."""
    table = counts(records, remedy)
    own = table.get((signature, subsystem), Count())
    kin, strangers = Count(), Count()
    for (of, where), count in table.items():
        if of != signature:
            strangers += count
        elif where != subsystem:
            kin += count
    far = (strangers.good + 1) / (strangers.all + 2)
    near = (kin.good + STRANGERS * far) / (kin.all + STRANGERS)
    strength = min(kin.all, KIN) + STRANGERS
    mine = [r for r in records if r.remedy == remedy and r.signature == signature]
    outcomes = [r.result.success for r in mine if r.result.success is not None]
    return Posterior(
        remedy=remedy,
        a=strength * near + own.good,
        b=strength * (1 - near) + own.all - own.good,
        held=sum(outcomes),
        tried=len(outcomes),
    )
