"""The state of a watch as bytes, so that another process can go on from it."""

import hashlib
import struct
from itertools import accumulate, pairwise
from typing import Final, Literal

from pydantic import TypeAdapter

from grace.domain.base import Frozen
from grace.domain.catalog import MetricDefinition, Source
from grace.domain.detection.recent import Recent
from grace.domain.detection.unusual import Unusual
from grace.domain.detection.unusual_alarms import Alarms
from grace.domain.detection.watch import Episode, Watch

_LENGTHS: Final = struct.Struct("<5I")
_SOURCE: Final = TypeAdapter[Source | None](Source | None)


class Head(Frozen):
    """What of a watch is few numbers; `scale` names what the numbers mean."""

    version: Literal[1] = 1
    scale: str
    last: float
    value: float | None
    surprise: float
    calm: int
    alarmed: float
    calibrated: float
    points: int
    misses: tuple[int, float] | None
    silence: tuple[float | None, float, int] | None
    episode: Episode | None


def scale_of(definition: MetricDefinition) -> str:
    """Digest what a metric's numbers mean: another source or unit makes its past worthless."""
    text = f"{definition.unit}\n".encode() + _SOURCE.dump_json(definition.source)
    return hashlib.sha256(text).hexdigest()[:16]


def freeze(watch: Watch) -> bytes:
    """Write a watch down."""
    of = watch.detectors
    head = Head(
        scale=scale_of(watch.definition),
        last=watch.last,
        value=watch.value,
        surprise=watch.surprise,
        calm=watch.calm,
        alarmed=watch.alarmed,
        calibrated=watch.calibrated,
        points=watch.points,
        misses=None if of.threshold is None else (of.threshold.misses, of.threshold.since),
        silence=None
        if of.silence is None
        else (of.silence.last, of.silence.first, of.silence.empty),
        episode=watch.episode,
    )
    parts = (
        head.model_dump_json().encode(),
        watch.recent.freeze(),
        b"" if of.burn is None else of.burn.freeze(),
        b"" if of.unusual is None else of.unusual.freeze(),
        of.alarms.freeze(),
    )
    return _LENGTHS.pack(*map(len, parts)) + b"".join(parts)


def thaw(metric_id: str, definition: MetricDefinition, frozen: bytes) -> Watch:
    """Go on from a frozen watch; ValueError where its numbers mean something else, or it is none.

    A detector that was added since begins anew.
    """
    if len(frozen) < _LENGTHS.size:
        raise ValueError("not a frozen watch")
    lengths = _LENGTHS.unpack_from(frozen)
    ends = accumulate(lengths, initial=_LENGTHS.size)
    first, ring, burn, unusual, alarms = (frozen[a:b] for a, b in pairwise(ends))
    head = Head.model_validate_json(first)
    if head.scale != scale_of(definition):
        raise ValueError("its source or unit is another one now")
    watch = Watch(metric_id, definition)
    of = watch.detectors
    watch.recent = Recent.thaw(ring)
    if of.burn is not None and burn:
        of.burn.warm(burn)
    if of.unusual is not None and unusual:
        of.unusual = Unusual.thaw(unusual)
    of.alarms = Alarms.thaw(alarms)
    if of.threshold is not None and head.misses is not None:
        of.threshold.misses, of.threshold.since = head.misses
    if of.silence is not None and head.silence is not None:
        of.silence.last, of.silence.first, of.silence.empty = head.silence
    watch.last, watch.value, watch.surprise = head.last, head.value, head.surprise
    watch.calm, watch.alarmed, watch.calibrated = head.calm, head.alarmed, head.calibrated
    watch.episode, watch.points = head.episode, head.points
    return watch
