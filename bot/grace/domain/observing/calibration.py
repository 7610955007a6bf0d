"""What replays of a metric's own past, in which nothing was released, say of the judge's errors."""

from typing import Annotated

from pydantic import Field

from grace.domain.base import Frozen


class Calibration(Frozen):
    """How often the judge would have rolled back for nothing, and how much it is held back for it.

    `replays`: how many A/A replays were made; `false_rollbacks`: in how many of them the judge
    would have decided to roll back at `stretch`, by which its noise is multiplied.
    """

    replays: Annotated[int, Field(ge=0)]
    false_rollbacks: Annotated[int, Field(ge=0)]
    stretch: Annotated[float, Field(ge=1)] = 1.0
