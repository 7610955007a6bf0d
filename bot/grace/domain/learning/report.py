"""What remedies came to, week by week, and beside the best that was known of: without favour.

Shares are whole counts with Wilson's interval. What a mission might have done instead was not
tried, so what stands beside it is expected, not seen: what was believed best when it began (the
beliefs are replayed), and the best in hindsight (by the other missions of the same symptoms).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from grace.domain.base import Frozen
from grace.domain.learning.posterior import Count, Tally
from grace.domain.learning.replay import CHOSEN, Seen, records, replay
from grace.domain.memory.recollection import RemedyName, Result
from grace.domain.memory.remembered import Remembered
from grace.domain.phase import Outcome
from grace.domain.trust import wilson

WEEK: Final = timedelta(days=7)
WIDE: Final = 0.5
NOBODY: Final = "\n"  # no subsystem is called so: what is believed where a remedy is new


class Share(Frozen):
    """`good` of `of`, and the 95 % interval of Wilson's around their share."""

    good: int
    of: int
    low: float
    high: float

    @property
    def telling(self) -> bool:
        """Tell whether the interval is narrow enough to say anything."""
        return self.of > 0 and self.high - self.low <= WIDE


def share(good: int, of: int) -> Share:
    """Count a share; of nothing it lies anywhere."""
    high = 1 - wilson(of - good, of)
    return Share(good=good, of=of, low=wilson(good, of), high=high)


class Beside(Frozen):
    """Missions that knew something of their symptoms when they began, and what else was known.

    `held`: how often the first remedy did. `then`, `hindsight`: how often the one believed best
    when they began, and the best in hindsight, was expected to. `followed`: in how many the one
    believed best was tried, and how often it held there.
    """

    held: Share
    followed: Share
    then: float | None = None
    hindsight: float | None = None


class Span(Frozen):
    """A week that begins on a Monday, or all of them: missions that chose a remedy.

    `first`: how often the first one held, of those whose remedies had an effect that is known.
    """

    since: date
    first: Share
    beside: Beside


class Line(Frozen):
    """One remedy for one signature. `weeks`: how often it held of how often it was tried, by week.

    `mean`, `low`, `high`: what is believed of it now in a subsystem where it was not tried yet.
    `best`: it is believed to be the best of those that may be chosen; `clearly`: its
    interval lies above the next one's.
    """

    signature: str
    remedy: RemedyName
    share: Share
    mean: float
    low: float
    high: float
    weeks: tuple[tuple[int, int], ...]
    undecided: int = 0
    best: bool = False
    clearly: bool = False


class Report(Frozen):
    """What became of remedies between `since` and `until`.

    `missions` ended; in `chose` of them an agent or a playbook was tried with a known effect.
    `recovered`: their problem went by itself; `untried`: nothing was tried. `undecided`: trials of
    which nothing can be said.
    """

    since: date
    until: datetime
    missions: int
    chose: int
    recovered: int
    untried: int
    undecided: int
    whole: Span
    weeks: tuple[Span, ...]
    lines: tuple[Line, ...]


def report(
    past: Sequence[Remembered], until: datetime, weeks: int, signature: str | None = None
) -> Report:
    """Make the report of the last `weeks` weeks; the week of `until` is the last one.

    All of the past is heard, so that beliefs are what they were; `signature` narrows what is told.
    """
    first = (until - timedelta(days=until.weekday())).date() - (weeks - 1) * WEEK
    mondays = [first + number * WEEK for number in range(weeks)]
    ended = sorted(past, key=lambda left: (left.closed_at, left.mission))
    told = [
        left
        for left in ended
        if left.closed_at.astimezone(UTC).date() >= first
        and left.closed_at <= until
        and signature in {None, left.signature}
    ]
    heard = [left for left in ended if left.closed_at <= until]
    names = {(left.log, left.mission) for left in told}
    seen = [each for each in replay(heard) if (each.left.log, each.left.mission) in names]
    by_week = [[each for each in seen if _monday(each.left) == monday] for monday in mondays]
    return Report(
        since=first,
        until=until,
        missions=len(told),
        chose=len(seen),
        recovered=sum(left.outcome is Outcome.SELF_RECOVERED for left in told),
        untried=sum(not left.tried for left in told),
        undecided=sum(t.result is Result.UNDECIDED for left in told for t in left.tried),
        whole=_span(first, seen),
        weeks=tuple(_span(*each) for each in zip(mondays, by_week, strict=True)),
        lines=tuple(_lines(told, _tally(heard), mondays)),
    )


def _monday(left: Remembered) -> date:
    day = left.closed_at.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def _tally(ended: Iterable[Remembered]) -> Tally:
    return Tally.of(record for left in ended for record in records(left))


def _span(since: date, seen: Sequence[Seen]) -> Span:
    known = [each for each in seen if each.then is not None]
    followed = [each for each in known if each.tried_best]
    beside = Beside(
        held=share(sum(each.held for each in known), len(known)),
        followed=share(sum(each.best_held for each in followed), len(followed)),
        then=_mean([each.then for each in known]),
        hindsight=_mean([each.hindsight for each in known]),
    )
    return Span(since=since, first=share(sum(e.held for e in seen), len(seen)), beside=beside)


def _mean(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return sum(found) / len(found) if found else None


def _lines(told: Sequence[Remembered], tally: Tally, mondays: Sequence[date]) -> Iterator[Line]:
    """Make the lines of each signature, the best believed first."""
    for signature in sorted({left.signature for left in told if left.tried}):
        own = [left for left in told if left.signature == signature]
        remedies = {trial.remedy for left in own for trial in left.tried}
        lines = [_line(signature, remedy, own, tally, mondays) for remedy in remedies]
        lines.sort(key=lambda line: (-line.mean, line.remedy))
        rivals = [n for n in lines if n.remedy.startswith(CHOSEN) and n.share.of]
        for line in lines:
            best = line in rivals[:1]
            clearly = best and len(rivals) > 1 and line.low > rivals[1].high
            yield line.model_copy(update={"best": best, "clearly": clearly})


def _line(
    signature: str,
    remedy: RemedyName,
    own: Sequence[Remembered],
    tally: Tally,
    mondays: Sequence[date],
) -> Line:
    counts = {monday: Count() for monday in mondays}
    undecided = 0
    for left in own:
        for trial in (t for t in left.tried if t.remedy == remedy):
            if trial.result.success is None:
                undecided += 1
            else:
                counts[_monday(left)].hear(trial.result.success, 1.0)
    found = tally.believed(remedy, signature, NOBODY)
    low, high = found.interval
    held, tried = sum(c.held for c in counts.values()), sum(c.tried for c in counts.values())
    return Line(
        signature=signature,
        remedy=remedy,
        share=share(held, tried),
        mean=found.mean,
        low=low,
        high=high,
        weeks=tuple((c.held, c.tried) for c in counts.values()),
        undecided=undecided,
    )
