"""How far an agent is trusted in a subsystem: a score between 0 and 1, folded from the ledger.

The score is the lower of two: the Wilson lower bound of the share of missions that ended well
(E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22,
1927), which wants many, and an exponentially weighted average of the outcomes, which wants recent
ones. Then it decays while nothing is heard.

- Only missions that a person approved raise it, at most `MAX_A_DAY` a day, and for a severity only
  those of that severity or a graver one: many trivial successes buy no trust in grave matters.
- A mission that merged on the agent's record alone and survived stops the decay, and no more.
- A mission that failed lowers it, as does one whose problem came back after it was fixed; a revert
  empties it. It does so for the mission's author with whomever he wrote it: nobody keeps his record
  clean by letting another edit what may go wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import sqrt
from typing import assert_never

from grace.domain.base import Frozen
from grace.domain.phase import Outcome, Severity
from grace.domain.surroundings import OutcomeFact

Z = 1.96  # 95 %, two-sided
ALPHA = 0.2  # weight of the newest outcome
REST = timedelta(days=30)
HALF_LIFE = timedelta(days=90)
MAX_A_DAY = 3
_BAD = frozenset({Outcome.FAILED, Outcome.ROLLED_BACK})


class Score(Frozen):
    """A score and what it was made of; times in UTC."""

    value: float
    wilson: float
    average: float
    decay: float
    good: int
    bad: int
    uncounted: int
    emptied_at: datetime | None = None
    last_at: datetime | None = None

    def sentence(self) -> str:
        """Say it in words, to two places."""
        made = f"{self.good} approved missions held and {self.bad} did not"
        since = f" since the revert of {self.emptied_at:%Y-%m-%d}" if self.emptied_at else ""
        return f"{self.value:.2f} ({made}{since})"


def wilson(good: int, total: int) -> float:
    """Return the lower end of the Wilson score interval of `good` out of `total`; 0 for none."""
    if total == 0:
        return 0.0
    share, z2 = good / total, Z * Z
    centre = share + z2 / (2 * total)
    spread = Z * sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    return max(0.0, (centre - spread) / (1 + z2 / total))


class Weight(StrEnum):
    """What one ended mission does to a score, and why."""

    RAISES = "raises it"
    LOWERS = "lowers it: it failed"
    CAME_BACK = "lowers it: the problem came back"
    EMPTIES = "empties it: it was rolled back"
    UNAPPROVED = "stops the decay: no person approved it"
    TRIVIAL = "stops the decay: it was less grave"
    TOO_MANY = "stops the decay: enough of that day count already"
    NONE = "changes nothing"


class Step(Frozen):
    """One mission of an agent, what it does to the score, and the two figures after it."""

    fact: OutcomeFact
    weight: Weight
    wilson: float
    average: float


@dataclass(slots=True)
class _Tally:
    """What outcomes come to, one after another, for missions of a severity."""

    severity: Severity
    good: int = 0
    bad: int = 0
    uncounted: int = 0
    average: float = 0.0
    emptied_at: datetime | None = None
    last_at: datetime | None = None
    per_day: dict[date, int] = field(default_factory=dict)

    @property
    def wilson(self) -> float:
        return wilson(self.good, self.good + self.bad)

    def take(self, each: OutcomeFact) -> Weight:
        """Count one outcome; say what it does."""
        weight = self._weigh(each)
        if weight is not Weight.NONE:
            self.last_at = each.at
        match weight:
            case Weight.RAISES:
                day = each.at.date()
                self.per_day[day] = self.per_day.get(day, 0) + 1
                self.good += 1
                self.average = (1 - ALPHA) * self.average + ALPHA
            case Weight.LOWERS | Weight.CAME_BACK:
                self.bad += 1
                self.average *= 1 - ALPHA
            case Weight.EMPTIES:
                self.good = self.bad = self.uncounted = 0
                self.average, self.emptied_at = 0.0, each.at
                self.per_day = {}
            case Weight.UNAPPROVED | Weight.TRIVIAL | Weight.TOO_MANY:
                self.uncounted += 1
            case Weight.NONE:
                pass
            case _ as never:
                assert_never(never)
        return weight

    def _weigh(self, each: OutcomeFact) -> Weight:
        if each.outcome is Outcome.ROLLED_BACK:
            return Weight.EMPTIES
        if each.outcome is Outcome.FAILED:
            return Weight.CAME_BACK if each.came_back else Weight.LOWERS
        if each.outcome is not Outcome.FIXED:
            return Weight.NONE
        if each.basis != "approvals":
            return Weight.UNAPPROVED
        if each.severity.rank > self.severity.rank:
            return Weight.TRIVIAL
        enough = self.per_day.get(each.at.date(), 0) >= MAX_A_DAY
        return Weight.TOO_MANY if enough else Weight.RAISES


def score(history: Sequence[OutcomeFact], agent: str, severity: Severity, now: datetime) -> Score:
    """Fold a subsystem's outcomes, oldest first, into an agent's score for a severity."""
    tally = _Tally(severity)
    for each in _of_agent(history, agent, now):
        tally.take(each)
    decay = _decay(tally.last_at, now)
    return Score(
        value=min(tally.wilson, tally.average) * decay,
        wilson=tally.wilson,
        average=tally.average,
        decay=decay,
        good=tally.good,
        bad=tally.bad,
        uncounted=tally.uncounted,
        emptied_at=tally.emptied_at,
        last_at=tally.last_at,
    )


def steps(
    history: Sequence[OutcomeFact], agent: str, severity: Severity, now: datetime
) -> tuple[Step, ...]:
    """Say mission by mission how a score comes about; the same fold as `score`."""
    tally = _Tally(severity)
    return tuple(
        Step(fact=each, weight=tally.take(each), wilson=tally.wilson, average=tally.average)
        for each in _of_agent(history, agent, now)
    )


def _of_agent(history: Sequence[OutcomeFact], agent: str, now: datetime) -> Iterator[OutcomeFact]:
    """List what counts for an agent: what is its own, and what its author did badly with others."""
    author = agent.partition("+")[0]
    return (
        each
        for each in history
        if each.at <= now
        and (
            each.agent == agent or (each.outcome in _BAD and each.agent.partition("+")[0] == author)
        )
    )


def _decay(last_at: datetime | None, now: datetime) -> float:
    """Halve every `HALF_LIFE` after a `REST` without news."""
    if last_at is None:
        return 1.0
    idle = max(timedelta(0), now - last_at - REST)
    return float(0.5 ** (idle / HALF_LIFE))
