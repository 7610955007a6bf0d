"""How far an agent is trusted in a subsystem: a score between 0 and 1, folded from the ledger.

The score is the lower of two: the Wilson lower bound of the share of missions that ended well
(E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22,
1927), which wants many, and an exponentially weighted average of the outcomes, which wants recent
ones. Then it decays while nothing is heard.

- Only missions that a person approved raise it, at most `MAX_A_DAY` a day, and for a severity only
  those of that severity or a graver one: many trivial successes buy no trust in grave matters.
- A mission that merged on the agent's record alone and survived stops the decay, and no more.
- A mission that failed lowers it; a revert empties it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import sqrt

from grace.domain.base import Frozen
from grace.domain.phase import Outcome, Severity
from grace.domain.surroundings import OutcomeFact

Z = 1.96  # 95 %, two-sided
ALPHA = 0.2  # weight of the newest outcome
REST = timedelta(days=30)
HALF_LIFE = timedelta(days=90)
MAX_A_DAY = 3


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


def score(history: Sequence[OutcomeFact], agent: str, severity: Severity, now: datetime) -> Score:
    """Fold a subsystem's outcomes, oldest first, into an agent's score for a severity."""
    good = bad = uncounted = 0
    average = 0.0
    emptied_at: datetime | None = None
    last_at: datetime | None = None
    per_day: dict[str, int] = {}
    for each in history:
        if each.agent != agent or each.at > now:
            continue
        last_at = each.at
        if each.outcome is Outcome.ROLLED_BACK:
            good = bad = uncounted = 0
            average, emptied_at = 0.0, each.at
            per_day = {}
        elif each.outcome is Outcome.FAILED:
            bad += 1
            average *= 1 - ALPHA
        elif each.outcome is Outcome.FIXED:
            day = f"{each.at:%Y-%m-%d}"
            grave = each.severity.rank <= severity.rank
            if each.basis == "approvals" and grave and per_day.get(day, 0) < MAX_A_DAY:
                per_day[day] = per_day.get(day, 0) + 1
                good += 1
                average = (1 - ALPHA) * average + ALPHA
            else:
                uncounted += 1
    low = wilson(good, good + bad)
    decay = _decay(last_at, now)
    return Score(
        value=min(low, average) * decay,
        wilson=low,
        average=average,
        decay=decay,
        good=good,
        bad=bad,
        uncounted=uncounted,
        emptied_at=emptied_at,
        last_at=last_at,
    )


def _decay(last_at: datetime | None, now: datetime) -> float:
    """Halve every `HALF_LIFE` after a `REST` without news."""
    if last_at is None:
        return 1.0
    idle = max(timedelta(0), now - last_at - REST)
    return float(0.5 ** (idle / HALF_LIFE))
