"""Between rows and values: times as microseconds in UTC, models as their own JSON."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from grace.domain.facts import Facts
from grace.domain.mission import Mission

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Write an aware time as microseconds since 1970; exact, no float on the way."""
    return (at - EPOCH) // _TICK


def optional_micros(at: datetime | None) -> int | None:
    """Write a time that may be missing."""
    return None if at is None else micros(at)


def moment(value: int) -> datetime:
    """Read a time in UTC."""
    return EPOCH + value * _TICK


def mission_of(row: sqlite3.Row) -> Mission:
    """Read the mission of a row of `missions`."""
    return Mission.model_validate_json(row["mission"])


def facts_of(row: sqlite3.Row) -> Facts:
    """Read the stored facts of a row of `missions`."""
    return Facts.model_validate_json(row["facts"])


def verdict_text(verdict: Mapping[str, object] | None) -> str | None:
    """Write a verdict as JSON."""
    return None if verdict is None else json.dumps(dict(verdict))


def verdict_of(text: str | None) -> Mapping[str, object] | None:
    """Read a verdict."""
    if text is None:
        return None
    verdict: dict[str, Any] = json.loads(text)
    return verdict


def json_list(values: Iterable[str] | None) -> str | None:
    """Write texts for `json_each`, in one order; None where any will do."""
    return None if values is None else json.dumps(sorted(values))
