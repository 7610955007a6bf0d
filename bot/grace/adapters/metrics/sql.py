"""Samples from databases: one query that answers one number, asked without any way to write."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from grace.adapters.metrics.asking import Asked, observed
from grace.adapters.metrics.fetching import Limits
from grace.adapters.metrics.reading import Reading, nothing
from grace.adapters.metrics.sql_errors import Unanswered
from grace.adapters.metrics.sql_postgres import ask_postgres
from grace.adapters.metrics.sql_sqlite import ask_sqlite
from grace.domain.catalog import SqlQuery
from grace.domain.package import MetricObservation
from grace.ports import Clock

_SQLITE: Final = "sqlite:///"
_POSTGRES: Final = ("postgresql://", "postgres://")


class SqlSource:
    """Ask databases whose addresses stand in `environment`, each one query after another."""

    def __init__(self, clock: Clock, limits: Limits, environment: Mapping[str, str]) -> None:
        self._clock = clock
        self._limits = limits
        self._environment = environment

    async def read(
        self, variable: str, wanted: Sequence[Asked[SqlQuery]]
    ) -> list[MetricObservation]:
        """Ask all queries of one database; `variable` holds its address."""
        url = self._environment.get(variable, "")
        taken = []
        for each in wanted:
            reading = await self._ask(url, each.source.query)
            taken.append(observed(each, reading, self._clock.now(), "sql"))
        return taken

    async def _ask(self, url: str, query: str) -> Reading:
        seconds = self._limits.timeout_s
        if not url:
            return nothing("the environment variable of url_env is not set")
        try:
            # Both end a query by themselves; this bound is for a disk or network that hangs.
            async with asyncio.timeout(2 * seconds):
                if url.startswith(_SQLITE):
                    path = url.removeprefix(_SQLITE)
                    return single(await asyncio.to_thread(ask_sqlite, path, query, seconds))
                if url.startswith(_POSTGRES):
                    return single(await ask_postgres(url, query, seconds))
        except TimeoutError:
            return nothing(f"no answer within {seconds:g} s")
        except Unanswered as error:
            return nothing(str(error))
        return nothing("its address names no database that is known: sqlite:/// or postgresql://")


def single(rows: Sequence[Sequence[object]]) -> Reading:
    """Read the one number that a query should answer."""
    if not rows:
        return nothing("the query answered no row")
    if len(rows) > 1:
        return nothing("the query answered more than one row; aggregate them to one")
    if len(rows[0]) != 1:
        return nothing(f"the query answered {len(rows[0])} columns; it must answer one number")
    (value,) = rows[0]
    if value is None:
        return nothing("the query answered NULL")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return nothing("the query answered something that is no number")
    try:
        return Reading(float(value))
    except OverflowError:
        return Reading(math.inf)
