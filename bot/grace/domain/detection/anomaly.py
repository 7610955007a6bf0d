"""What a detector saw: which metric, since when, how unusual, and what else moved."""

from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from pydantic import AwareDatetime, Field

from grace.domain.base import Frozen
from grace.domain.package import Finite, MetricId

MAX_CHART = 120
MAX_MOVED = 20


class DetectorName(StrEnum):
    """How an anomaly was found."""

    THRESHOLD = "threshold"
    BURN_RATE = "burn_rate"
    UNUSUAL = "unusual"
    GONE = "gone"


class ChartPoint(Frozen):
    """One point of an anomaly's chart; `value` None is a gap."""

    at: AwareDatetime
    value: Finite | None


class Moved(Frozen):
    """Another metric that moved with an anomaly."""

    metric_id: MetricId
    since: AwareDatetime
    surprise: Annotated[float, Field(ge=0)]
    direction: Literal["up", "down", "gone"]


class Anomaly(Frozen):
    """A departure of a metric from what is normal for it.

    `since`: the onset as estimated; `at`: when it was detected. `surprise`: how unusual, in
    decades: 3 says that about one point in a thousand of its own past was as far off; of a
    threshold or a burn rate it is 0 where nothing is known of the past. `expected`: what the
    detector awaited instead. `sentence` says it for people, without Markdown. `moved`: what else
    moved, earliest first. `chart`: samples around the onset, oldest first.
    """

    metric_id: MetricId
    detector: DetectorName
    since: AwareDatetime
    at: AwareDatetime
    value: Finite | None
    unit: Annotated[str, Field(max_length=50)] = ""
    expected: Finite | None = None
    surprise: Annotated[float, Field(ge=0)] = 0.0
    direction: Literal["up", "down", "gone"]
    sentence: Annotated[str, Field(max_length=500)]
    moved: Annotated[tuple[Moved, ...], Field(max_length=MAX_MOVED)] = ()
    chart: Annotated[tuple[ChartPoint, ...], Field(max_length=MAX_CHART)] = ()


class Score(NamedTuple):
    """What a detector makes of one point.

    `surprise` in decades, 0 while it warms up; `since`: seconds since the epoch at which the
    departure began, the point's own time where nothing is unusual; `expected` None: not known yet.
    """

    surprise: float
    expected: float | None
    since: float
