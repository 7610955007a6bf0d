"""Paths into JSON documents: `data.depth`, `rows[0].n`, `["a key.with dots"].n`."""

import json
import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from grace.adapters.metrics.reading import Reading, nothing

_STEP: Final = re.compile(r'\.?([^.\[\]"\s]+)|\[(\d{1,9})\]|\.?\["([^"]*)"\]')
# What is there may be a secret, and notes are read by many: its kind is enough.
_KINDS: Final[Mapping[type, str]] = MappingProxyType(
    {bool: "a boolean", str: "a text", list: "a list", dict: "an object"}
)


class BadPath(ValueError):
    """A path that cannot be read."""


def steps_of(path: str) -> tuple[str | int, ...]:
    """Read a path as keys and places; BadPath where it cannot be read."""
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or (at == 0 and path.startswith(".")):
            raise BadPath(f"the path {path!r} cannot be read at {path[at : at + 20]!r}")
        key, place, quoted = match.groups()
        steps.append(int(place) if place is not None else key if key is not None else quoted)
        at = match.end()
    return tuple(steps)


def read_json(body: bytes, path: str) -> Reading:
    """Read the number at a path of a document, or say what is there instead."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return nothing("answered something that is not JSON")
    try:
        steps = steps_of(path)
    except BadPath as error:
        return nothing(str(error))
    for step in steps:
        try:
            found = found[step] if _fits(found, step) else None
        except (KeyError, IndexError):
            return nothing(f"the document has nothing at {path}")
        if found is None:
            return nothing(f"the document has nothing at {path}")
    return _number(found, path)


def _fits(found: object, step: str | int) -> bool:
    return isinstance(found, list if isinstance(step, int) else dict)


def _number(found: object, path: str) -> Reading:
    if isinstance(found, bool) or not isinstance(found, int | float):
        kind = _KINDS[type(found)]
        return nothing(f"the document has {kind} at {path}, which is no number")
    try:
        value = float(found)
    except OverflowError:
        value = math.inf
    return Reading(value)
