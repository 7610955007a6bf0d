"""Sessions of a PostgreSQL database that keep others waiting: seen, waited for, described.

By pg_stat_activity and pg_blocking_pids(). A process id may be used again; with the time at which
its session began it may not.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from grace.domain.playbooks.action import Scalar
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.postgresql_target import PostgresqlStep, asked, sentence

MOST = 5
POLL_SECONDS = 0.2
STARTED = "to_char(backend_start AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS')"

_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
  AND cardinality(pg_blocking_pids(pid)) > 0
  AND extract(epoch FROM clock_timestamp() - query_start) >= $1
"""
_BLOCKING = f"""
WITH blocked AS (
  SELECT unnest(pg_blocking_pids(pid)) AS by FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock'
), seen AS (
  SELECT pid, {STARTED} AS started, usename AS role, application_name AS application,
    coalesce(state, '') AS state,
    coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0)::float8 AS age,
    extract(epoch FROM clock_timestamp() - state_change)::float8 AS still,
    (SELECT count(*) FROM blocked WHERE blocked.by = pid) AS blocks
  FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend'
)
SELECT * FROM seen
WHERE (blocks > 0 AND cardinality(pg_blocking_pids(pid)) = 0)
   OR (state LIKE 'idle in transaction%' AND still >= $1)
ORDER BY blocks DESC, age DESC LIMIT {MOST}
"""  # noqa: S608 - made of constants alone


@dataclass(frozen=True, slots=True)
class Session:
    """One session. `age_seconds`: of its transaction. `blocks`: how many wait for it."""

    pid: int
    started: str
    role: str
    application: str
    state: str
    age_seconds: float
    blocks: int

    @property
    def about(self) -> str:
        """Name it so that it is told from any other, as long as it lives."""
        return f"session {self.pid} of {self.role}, begun at {self.started}"

    @property
    def words(self) -> str:
        named = f" ({self.application})" if self.application else ""
        blocks = f", {self.blocks} wait for it" if self.blocks else ""
        return (
            f"session {self.pid} of {self.role}{named}, {self.state}, "
            f"transaction {self.age_seconds:.0f} s old{blocks}"
        )


def session_of(row: Any) -> Session:
    """Read a session from a row of the server."""
    return Session(
        pid=row["pid"],
        started=row["started"],
        role=row["role"] or "",
        application=row["application"] or "",
        state=row["state"],
        age_seconds=round(row["age"], 1),
        blocks=row["blocks"],
    )


async def may_see(connection: Any) -> None:
    """Raise ActionFailed where the server hides from us what others do."""
    if not await connection.fetchval(
        "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"
    ):
        raise ActionFailed("the server hides other sessions: GRANT pg_monitor to the runner's role")


async def waiting(connection: Any, seconds: float, table: str) -> str | None:
    """Say what waits, None where nothing does; `table`: its write lock is tried for besides."""
    await may_see(connection)
    count = int(await connection.fetchval(_WAITING, seconds))
    if count:
        return f"{count} sessions wait longer than {seconds:g} s for locks of others"
    if not table:
        return None
    name = await connection.fetchval("SELECT to_regclass($1)::text", table)
    if name is None:
        raise ActionFailed(f"there is no table {table}: correct the parameter `table`")
    import asyncpg  # noqa: PLC0415 - an extra that few need

    transaction = connection.transaction()
    await transaction.start()
    try:
        # The mode that every INSERT, UPDATE and DELETE takes. The name is quoted by the server.
        await connection.execute(f"LOCK TABLE {name} IN ROW EXCLUSIVE MODE")
    except asyncpg.LockNotAvailableError as error:
        return f"the write lock of {name} is not free: {sentence(error)}"
    finally:
        await transaction.rollback()
    return None


class Unblocked(PostgresqlStep):
    """Tell whether nobody waits for locks."""

    def __init__(self, name: str = "postgresql.unblocked") -> None:
        super().__init__(name)

    def look(self, situation: Situation) -> Found:
        seconds = self.number(situation, "waiting_seconds")
        table = self.text(situation, "table")
        why = asked(situation, lambda c: waiting(c, seconds, table))
        return Found(why is None, why or "no session waits for a lock of another")

    def act(self, situation: Situation) -> Found:
        return self.look(situation)

    def verify(self, situation: Situation) -> Found:
        return self.look(situation)


class Wait(Unblocked):
    """Wait until nobody waits for locks."""

    def __init__(self) -> None:
        super().__init__("postgresql.wait")

    def act(self, situation: Situation) -> Found:
        began = time.time()
        until = min(began + self.number(situation, "seconds"), situation.deadline)
        seconds = self.number(situation, "waiting_seconds")
        table = self.text(situation, "table")

        async def patiently(connection: Any) -> str | None:
            while (why := await waiting(connection, seconds, table)) is not None:
                if time.time() >= until:
                    return why
                await asyncio.sleep(POLL_SECONDS)
            return None

        why = asked(situation, patiently)
        passed = time.time() - began
        if why is not None:
            raise ActionFailed(f"still so after {passed:.0f} s: {why}")
        return Found(True, f"nobody waits any more, after {passed:.1f} s")


class Sessions(PostgresqlStep):
    """Find the sessions at the root of the waiting, and those that idle in a transaction."""

    def __init__(self) -> None:
        super().__init__("postgresql.sessions")

    def look(self, situation: Situation) -> Found:
        return Found(False, self.verify(situation).sentence)

    def act(self, situation: Situation) -> Found:
        return Found(True, "looked", self.verify(situation).values)

    def verify(self, situation: Situation) -> Found:
        idle_seconds = self.number(situation, "idle_seconds")
        found, prepared = asked(situation, lambda c: _blocking(c, idle_seconds), reads=True)
        values: dict[str, Scalar] = {"count": len(found)}
        for number, each in enumerate(found, start=1):
            values |= {
                f"pid_{number}": each.pid,
                f"started_{number}": each.started,
                f"role_{number}": each.role,
                f"application_{number}": each.application[:60],
                f"state_{number}": each.state,
                f"age_{number}": each.age_seconds,
                f"blocks_{number}": each.blocks,
            }
        told = [each.words for each in found]
        if prepared:
            told.append(
                f"{prepared} prepared transactions hold locks: end them by ROLLBACK PREPARED"
            )
        return Found(True, ("; ".join(told) or "no session blocks or idles so")[:900], values)


async def _blocking(connection: Any, idle_seconds: float) -> tuple[list[Session], int]:
    await may_see(connection)
    rows = await connection.fetch(_BLOCKING, idle_seconds)
    prepared = await connection.fetchval(
        "SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()"
    )
    return [session_of(row) for row in rows], int(prepared)
