"""What a metric's past says: its level, its noise, and how often the judge would have erred."""

from typing import Annotated

from pydantic import Field

from grace.domain.base import Frozen
from grace.domain.package import Finite

MAX_REFERENCE = 100
MAX_SPREAD = 30
Scale = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Past(Frozen):
    """What a metric was like before a release, and how far apart its means lie by nature.

    Values are turned so that more is worse. `step`: seconds between samples; `level` and `middle`:
    mean and median of the reference, the newest `span` steps, of which `reference` keeps some;
    `low` and `high`: beyond these a value counts as these; `matters`: the least change that does.
    `spread`: by number of samples, root mean square of (mean of so many samples less the reference
    before them) over the past; what autocorrelation, time of day and drift do is in it.
    """

    step: Annotated[float, Field(gt=0)]
    samples: Annotated[int, Field(ge=1)]
    span: Annotated[int, Field(ge=1)]
    level: Finite
    middle: Finite
    low: Finite
    high: Finite
    matters: Scale
    spread: Annotated[tuple[tuple[int, Scale], ...], Field(min_length=1, max_length=MAX_SPREAD)]
    reference: Annotated[tuple[Finite, ...], Field(min_length=1, max_length=MAX_REFERENCE)]


class Calibration(Frozen):
    """How often the judge would have rolled back for nothing, and how much it is held back for it.

    `replays`: how many A/A replays were made; `false_rollbacks`: in how many of them the judge
    would have decided to roll back at `stretch`, by which its noise is multiplied. `past` None:
    too little is known to compare with. `beside`: the same of the difference to `control`.
    """

    replays: Annotated[int, Field(ge=0)]
    false_rollbacks: Annotated[int, Field(ge=0)]
    stretch: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 1.0
    past: Past | None = None
    control: str | None = None
    beside: "Calibration | None" = None
