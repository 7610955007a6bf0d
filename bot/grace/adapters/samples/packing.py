"""Samples as bytes: rounds as they come, and chunks of one metric as they are kept.

A sample is two float64: its time and its value; NaN stands for no value. A chunk is compressed
after its bytes are put in the order of their significance, where regular times and calm values
repeat themselves.
"""

import math
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from grace.domain.samples import Sample

WIDTH: Final = 8
_NONE: Final = math.nan
_LEVEL: Final = 1


def micros(at: float) -> float:
    """Bring a time to whole microseconds, as datetimes have it, so that equal ones are equal."""
    return round(at * 1e6) / 1e6


def floats(values: Iterable[float]) -> "array[float]":
    """Hold float64 side by side."""
    return array("d", values)


def unpacked(body: bytes) -> "array[float]":
    """Read what `packed` wrote."""
    values = array("d")
    values.frombytes(body)
    if sys.byteorder != "little":
        values.byteswap()
    return values


def packed(values: "array[float]") -> bytes:
    """Write float64, little-endian whatever the machine is."""
    if sys.byteorder == "little":
        return values.tobytes()
    turned = array("d", values)
    turned.byteswap()
    return turned.tobytes()


def number(value: float | None) -> float:
    """Write a value as a number; none is NaN, for no value that is kept is one."""
    return _NONE if value is None else value


def sample(at: float, value: float) -> Sample:
    """Read what `number` wrote."""
    return Sample(at, None if math.isnan(value) else value)


def chunk_of(times: "array[float]", values: "array[float]") -> bytes:
    """Write one metric's samples, times first."""
    return zlib.compress(_shuffled(packed(times)) + _shuffled(packed(values)), _LEVEL)


def read_chunk(body: bytes) -> Sequence[Sample]:
    """Read one metric's samples; zlib.error and ValueError where the bytes are not a chunk."""
    plain = zlib.decompress(body)
    half = len(plain) // 2
    times, values = unpacked(_ordered(plain[:half])), unpacked(_ordered(plain[half:]))
    return list(map(sample, times, values))


def _shuffled(body: bytes) -> bytes:
    return b"".join(body[place::WIDTH] for place in range(WIDTH))


def _ordered(body: bytes) -> bytes:
    count = len(body) // WIDTH
    out = bytearray(len(body))
    for place in range(WIDTH):
        out[place::WIDTH] = body[place * count : (place + 1) * count]
    return bytes(out)
