"""A stranger's JSON, read strictly: bounded cost, and one sentence for what is wrong."""

import json
import math
from typing import Final, NoReturn

from grace.adapters.alerts.told import AlertError
from grace.domain.mission import FieldError

MAX_NUMBER: Final = 400


class _Twice(ValueError):
    """A name stands twice in an object; readers differ in which of the two they take."""


def read_json(body: bytes) -> object:
    """Read UTF-8 JSON; raises `AlertError` for duplicate names, NaN, and what nests too deep."""
    try:
        found: object = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_float=_finite,
            parse_int=_whole,
        )
    except UnicodeDecodeError as error:
        raise _wrong("is not UTF-8") from error
    except RecursionError as error:
        raise _wrong("nests too deep") from error
    except json.JSONDecodeError as error:
        told = f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        raise _wrong(told) from error
    except ValueError as error:
        raise _wrong(str(error)) from error
    return found


def _wrong(problem: str) -> AlertError:
    return AlertError([FieldError(field="body", problem=problem)])


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice("has an object with one name twice")
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"has {word}, which JSON has no number for")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("has a number that is too large")
    return value


def _whole(text: str) -> int:
    if len(text) > MAX_NUMBER:
        raise ValueError("has a number that is too large")
    return int(text)
