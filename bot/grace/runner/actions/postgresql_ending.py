"""Cancelling statements and ending sessions of PostgreSQL: those that were found, and no others.

Never a superuser's, never a replication's, never our own, and only sessions that the target's
settings name. Who it is, the server compares in the statement that ends it.
"""

import asyncio
import fnmatch
from collections.abc import Mapping
from typing import Any

from grace.domain.playbooks.action import Scalar
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.database_common import earlier, names
from grace.runner.actions.postgresql_sessions import (
    MOST,
    POLL_SECONDS,
    STARTED,
    Session,
    may_see,
    session_of,
)
from grace.runner.actions.postgresql_target import PostgresqlStep, asked

ENDS_SECONDS = 10

_ONE = f"""
SELECT pid, {STARTED} AS started, usename AS role, application_name AS application,
  coalesce(state, '') AS state,
  coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0)::float8 AS age,
  0 AS blocks, coalesce(r.rolsuper OR r.rolreplication, true) AS mighty
FROM pg_stat_activity LEFT JOIN pg_roles r ON r.oid = usesysid
WHERE pid = $1 AND {STARTED} = $2 AND datname = current_database()
  AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
"""  # noqa: S608 - made of constants alone
_END = """
SELECT {function}(pid) FROM pg_stat_activity
WHERE pid = $1 AND {started} = $2 AND datname = current_database()
  AND pid <> pg_backend_pid() AND xact_start IS NOT NULL {more}
"""


class _Ending(PostgresqlStep):
    """What cancelling and ending share."""

    verb: str
    end_sql: str
    states: tuple[str, ...] = ("",)

    def look(self, situation: Situation) -> Found:
        name = self.text(situation, "sessions")
        if name not in situation.found:
            return Found(False, f"would {self.verb} the sessions that step `{name}` finds")
        found, refused = asked(situation, lambda c: self._meant(c, situation), reads=True)
        if refused and not found:
            raise ActionFailed("; ".join(refused)[:900])
        return self._told(found, refused)

    def act(self, situation: Situation) -> Found:
        return asked(situation, lambda c: self._act(c, situation))

    def verify(self, situation: Situation) -> Found:
        return self._told(*asked(situation, lambda c: self._meant(c, situation), reads=True))

    def _told(self, found: list[Session], refused: list[str]) -> Found:
        if found:
            told = "; ".join(each.words for each in found)
            about = "; ".join(sorted(each.about for each in found))
            return Found(False, f"would {self.verb}: {told}"[:900], {"count": len(found)}, about)
        left = f"; left alone: {'; '.join(refused)}" if refused else ""
        return Found(
            True, f"of the sessions that were found there is none left to {self.verb}{left}"[:900]
        )

    async def _act(self, connection: Any, situation: Situation) -> Found:
        meant, refused = await self._meant(connection, situation)
        if refused and not meant:
            raise ActionFailed("; ".join(refused)[:900])
        for each in meant:
            await connection.fetchval(self.end_sql, each.pid, each.started)
        waited = 0.0
        while meant and (await self._meant(connection, situation))[0]:
            if waited >= ENDS_SECONDS:
                raise ActionFailed(f"{meant[0].words} was told to end, and has not yet")
            await asyncio.sleep(POLL_SECONDS)
            waited += POLL_SECONDS
        told = "; ".join(each.words for each in meant) or "none was left"
        return Found(True, f"done ({self.verb}): {told}"[:900], {"count": len(meant)})

    async def _meant(
        self, connection: Any, situation: Situation
    ) -> tuple[list[Session], list[str]]:
        """Find those of the sessions that are still what they were; and why some may not be."""
        await may_see(connection)
        found, refused = [], []
        for pid, started in _found(earlier(situation, self.text(situation, "sessions"))):
            row = await connection.fetchrow(_ONE, pid, started)
            if row is not None and row["state"].startswith(self.states):
                each = session_of(row)
                why = self._why_not(situation, each, mighty=bool(row["mighty"]))
                if why is None:
                    found.append(each)
                else:
                    refused.append(why)
        return found, refused

    def _why_not(self, situation: Situation, each: Session, *, mighty: bool) -> str | None:
        """Say why a session may not be ended, None where it may be."""
        if mighty:
            return f"{each.words} belongs to a superuser or to replication: look at it yourself"
        least = self.number(situation, "min_age_seconds")
        if each.age_seconds < least:
            return f"{each.words} is younger than {least:g} s: wait"
        roles = names(situation.target, "may_end_roles")
        applications = names(situation.target, "may_end_applications")
        if not roles and not applications:
            return (
                "the target's settings do not say whose sessions may be ended: give "
                "`may_end_roles` or `may_end_applications`"
            )
        for patterns, value, name in (
            (roles, each.role, "may_end_roles"),
            (applications, each.application, "may_end_applications"),
        ):
            if patterns and not any(fnmatch.fnmatchcase(value, p) for p in patterns):
                return f"{each.words} is not among those that `{name}` names"
        return None


def _found(values: Mapping[str, Scalar]) -> list[tuple[int, str]]:
    return [
        (int(values[f"pid_{n}"]), str(values[f"started_{n}"]))
        for n in range(1, MOST + 1)
        if f"pid_{n}" in values
    ]


class Cancel(_Ending):
    """Cancel what the sessions run; one that idles runs nothing, and is left as it is."""

    verb = "cancel"
    states = ("active", "fastpath")
    end_sql = _END.format(
        function="pg_cancel_backend", started=STARTED, more="AND state IN ('active', 'fastpath')"
    )

    def __init__(self) -> None:
        super().__init__("postgresql.cancel")


class Terminate(_Ending):
    """End the sessions; the server rolls back what they had not committed."""

    verb = "end"
    end_sql = _END.format(function="pg_terminate_backend", started=STARTED, more="")

    def __init__(self) -> None:
        super().__init__("postgresql.terminate")
