"""Canonical JSON of a model, by RFC 8785, quickly: what verdicts name by its hash is large.

The standard library writes the same bytes several times faster wherever the text is ASCII, no
number has more digits than a double keeps, and no fraction is so small that JavaScript and Python
write it differently. What is not surely so is left to the package `rfc8785`.
"""

import json
from typing import Any

import rfc8785

from grace.domain.base import Frozen

_LEAST = 1e-4  # Python writes 0.00001 as 1e-05
_MOST = 2**53


class _Unsure(Exception):
    """A number that the standard library may write otherwise."""


def canonical(value: Frozen) -> bytes:
    """Write a model canonically, without what is as it is by default."""
    text = value.model_dump_json(by_alias=True, exclude_defaults=True)
    if text.isascii():
        try:
            return _encode(_decode(text)).encode("ascii")
        except _Unsure:
            pass
    return rfc8785.dumps(document(value))


def document(value: Frozen) -> dict[str, Any]:
    """Return a model as JSON has it, without what is as it is by default."""
    return value.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _whole(text: str) -> int:
    """Read a number without a point."""
    number = int(text)
    if abs(number) >= _MOST:
        raise _Unsure
    return number


def _number(text: str) -> float | int:
    """Read a number with a point or exponent; a whole one is written without it."""
    number = float(text)
    if abs(number) >= _MOST or 0 < abs(number) < _LEAST:
        raise _Unsure
    return int(number) if number.is_integer() else number


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_decode = json.JSONDecoder(parse_int=_whole, parse_float=_number).decode
