"""What detectors saw, in sentences for people."""

import math
from datetime import UTC, datetime
from typing import Final

from grace.domain.catalog import MetricDefinition
from grace.domain.detection.burn_rate import Burn

MAX_SENTENCE: Final = 500
_WHOLE: Final = 1000.0  # from here on digits behind the point say nothing
_LONG: Final = 1e15


def number(value: float) -> str:
    """Write a number with as many digits as say something."""
    size = abs(value)
    return f"{value:,.0f}" if _WHOLE <= size < _LONG else f"{value:.3g}"


def with_unit(value: float, unit: str) -> str:
    """Write a figure."""
    return f"{number(value)} {unit}".rstrip()


def clock(at: float, noticed: float) -> str:
    """Write a moment by the hour, with its day where that is another one."""
    moment, today = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(noticed, UTC)
    form = "%H:%M:%S UTC" if moment.date() == today.date() else "%Y-%m-%d %H:%M:%S UTC"
    return moment.strftime(form)


def bounded(sentence: str) -> str:
    """Keep a sentence within what an anomaly may say."""
    return sentence if len(sentence) <= MAX_SENTENCE else sentence[: MAX_SENTENCE - 1] + "…"


def target_of(definition: MetricDefinition) -> str:
    """Write what a metric should be."""
    return f"{definition.comparator} {with_unit(definition.target, definition.unit)}"


def over_threshold(
    metric_id: str, definition: MetricDefinition, value: float, usual: float | None
) -> str:
    """Say that a target is missed."""
    is_now = f"{metric_id} is {with_unit(value, definition.unit)}"
    said = f"{is_now} and should be {target_of(definition)}"
    if usual is None:
        return said
    return f"{said}; about {with_unit(usual, definition.unit)} is usual at this time"


def burning(metric_id: str, definition: MetricDefinition, burn: Burn) -> str:
    """Say that an error budget burns."""
    hours = burn.minutes // 60
    span = "the last hour" if hours == 1 else f"the last {hours} hours"
    return (
        f"{metric_id} should be {target_of(definition)} and was not in "
        f"{burn.missed * 100:.3g} % of the samples of {span}: its error budget is used up "
        f"{number(burn.rate)} times as fast as it may be"
    )


def unusual(
    metric_id: str, definition: MetricDefinition, value: float, expected: float | None
) -> str:
    """Say that a metric is not as it usually is."""
    is_now = f"{metric_id} is {with_unit(value, definition.unit)}"
    if expected is None:
        return f"{is_now}, which is unusual"
    usual = with_unit(expected, definition.unit)
    return f"{is_now} where about {usual} is usual at this time"


def rarely(surprise: float, points: int) -> str:
    """Say how seldom a metric was so far off in a past of so many points; decades of surprise."""
    if surprise >= math.log10(max(points, 1)):
        return f"none of {points:,} points of its past was so far off"
    one_of = 10.0**surprise
    return f"so far off was about 1 of {round(one_of, -int(surprise)):,.0f} points of its past"


def gone(metric_id: str) -> str:
    """Say that a metric vanished."""
    return f"{metric_id} has had no value"


def source_down(metric_id: str, metrics: int) -> str:
    """Say that a whole source is down; where it is, is nobody's business but the operator's."""
    others = metrics - 1
    more = "1 other metric" if others == 1 else f"{others} other metrics"
    return (
        f"{metric_id} and {more} have had no value: they come from one source, so it is that "
        "source which is down, rather than each of them"
    )
