"""Giving a new PostgreSQL database the name of the old one: two renames in one transaction.

A rename waits for no one and fails while anybody else is connected; from the first one on, the
server lets nobody in until the transaction ends. So no moment has no database of the name, and none
has a writer who writes into the old one unseen. Which database has the name is told by its oid.
"""

from typing import Any

from grace.domain.playbooks.action import Scalar
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.database_common import earlier, names, read_json, short, write_json
from grace.runner.actions.postgresql_dump import writes
from grace.runner.actions.postgresql_restore import BACK
from grace.runner.actions.postgresql_target import (
    PostgresqlStep,
    asked,
    database_of,
    literal,
    maintenance,
    quoted,
)

_CONNECTED = """
SELECT pid, usename, application_name, coalesce(r.rolsuper OR r.rolreplication, true) AS mighty
FROM pg_stat_activity LEFT JOIN pg_roles r ON r.oid = usesysid
WHERE datname = $1 AND pid <> pg_backend_pid()
"""
_CHANGED = """
SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database WHERE datname = $1
"""
_OID = "SELECT oid::int8 FROM pg_database WHERE datname = $1"
_SETTINGS = """
SELECT coalesce(setrole::regrole::text, '') AS role, unnest(setconfig) AS pair
FROM pg_db_role_setting LEFT JOIN pg_roles ON pg_roles.oid = setrole WHERE setdatabase = $1
"""
_GRANTS = """
SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS whom,
  privilege_type AS what, is_grantable AS more
FROM pg_database, aclexplode(datacl) WHERE oid = $1
"""


class Swap(PostgresqlStep):
    """Let the new database take the old one's name; undo gives it back."""

    def __init__(self) -> None:
        super().__init__("postgresql.swap")

    def _old(self, situation: Situation) -> str:
        return f"{database_of(situation)[:40]}_old_{short(situation.key)}"

    def look(self, situation: Situation) -> Found:
        done = self.verify(situation)
        step = self.text(situation, "restore")
        if done.holds or step not in situation.found:
            return done
        name = database_of(situation)
        new = str(situation.found[step].get("database", ""))

        async def seen(connection: Any) -> tuple[int, str]:
            oids = [await connection.fetchval(_OID, each) for each in (new, name)]
            rows = await connection.fetch(_CONNECTED, name)
            return len(rows), f"{new} (oid {oids[0]}) in the place of {name} (oid {oids[1]})"

        sessions, about = asked(situation, seen, database=maintenance(situation), reads=True)
        told = f"; {sessions} sessions are connected" if sessions else ""
        return Found(
            False,
            f"would rename {name} to {self._old(situation)}, and {new} to {name}{told}",
            about=about,
        )

    def act(self, situation: Situation) -> Found:
        done = self.verify(situation)
        if done.holds:
            return done
        new = str(earlier(situation, self.text(situation, "restore")).get("database", ""))
        known = str(earlier(situation, self.text(situation, "dump")).get("writes", ""))
        name, old = database_of(situation), self._old(situation)
        asked(situation, lambda c: self._clear(c, situation), database=maintenance(situation))
        now, changed = asked(situation, lambda c: _written(c, name), reads=True)
        if now != known:
            raise ActionFailed(
                f"{name} was written since it was dumped: run the playbook again, "
                "with its programs stopped"
            )

        async def rename(connection: Any) -> None:
            oids = {"old": await connection.fetchval(_OID, name)}
            oids["new"] = await connection.fetchval(_OID, new)
            write_json(
                situation.folder / f"swap-{short(situation.key)}.json", {**oids, "name": new}
            )
            async with connection.transaction():
                await _rename(connection, name, old)
                if await connection.fetchval(_CHANGED, old) != changed:
                    raise ActionFailed(f"{name} was written just now: run the playbook again")
                await _rename(connection, new, name)
                await _dress(connection, oids["old"], name)

        asked(situation, rename, database=maintenance(situation))
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        if not self._swapped(situation):
            return Found(False, "the old database has its name")
        old = self._old(situation)
        values: dict[str, Scalar] = {"kept": old}
        return Found(True, f"the new database is in place; the old one is kept as {old}", values)

    def undo(self, situation: Situation) -> Found:
        """Give the old database its name back; what came into the new one since stays there."""
        record = self._record(situation)
        if record is None or not self._swapped(situation):
            return Found(True, "nothing was put in place, so there is nothing to take back")
        name, old, new = database_of(situation), self._old(situation), str(record["name"])

        async def back(connection: Any) -> None:
            async with connection.transaction():
                await _rename(connection, name, new)
                await _rename(connection, old, name)
                await connection.execute(f"COMMENT ON DATABASE {quoted(new)} IS{literal(BACK)}")

        asked(situation, lambda c: self._clear(c, situation), database=maintenance(situation))
        asked(situation, back, database=maintenance(situation))
        return Found(True, f"{name} is the old database again; the new one is kept as {new}")

    def _record(self, situation: Situation) -> dict[str, Scalar] | None:
        return read_json(situation.folder / f"swap-{short(situation.key)}.json")

    def _swapped(self, situation: Situation) -> bool:
        record, old = self._record(situation), self._old(situation)
        if record is None:
            return False

        async def oids(connection: Any) -> tuple[int | None, int | None]:
            name = database_of(situation)
            return await connection.fetchval(_OID, name), await connection.fetchval(_OID, old)

        found = asked(situation, oids, database=maintenance(situation), reads=True)
        return found == (record["new"], record["old"])

    async def _clear(self, connection: Any, situation: Situation) -> None:
        """Make sure that nobody is connected; end sessions only where step and settings allow."""
        name = database_of(situation)
        for row in await connection.fetch(_CONNECTED, name):
            who = f"session {row['pid']} of {row['usename']} ({row['application_name']})"
            allowed = row["usename"] in names(situation.target, "may_end_roles")
            if not self.flag(situation, "close_connections") or row["mighty"] or not allowed:
                raise ActionFailed(f"stop its programs first: {who} is connected to {name}")
            await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", row["pid"])


async def _written(connection: Any, name: str) -> tuple[str, int]:
    return await writes(connection), int(await connection.fetchval(_CHANGED, name))


async def _rename(connection: Any, name: str, new: str) -> None:
    await connection.execute(f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(new)}")


async def _dress(connection: Any, origin: int, name: str) -> None:
    """Give a database the settings, rights and comment of another, which no dump holds."""
    for row in await connection.fetch(_SETTINGS, origin):
        setting, _, value = row["pair"].partition("=")
        whom = f"ROLE {row['role']} IN " if row["role"] not in {"", "-"} else ""
        await connection.execute(
            f"ALTER {whom}DATABASE {quoted(name)} SET {quoted(setting)} ={literal(value)}"
        )
    grants = await connection.fetch(_GRANTS, origin)
    if grants:
        await connection.execute(f"REVOKE ALL ON DATABASE {quoted(name)} FROM PUBLIC")
    for row in grants:
        more = " WITH GRANT OPTION" if row["more"] else ""
        await connection.execute(
            f"GRANT {row['what']} ON DATABASE {quoted(name)} TO {row['whom']}{more}"
        )
    comment = await connection.fetchval("SELECT shobj_description($1::oid, 'pg_database')", origin)
    words = literal(comment) if comment is not None else " NULL"
    await connection.execute(f"COMMENT ON DATABASE {quoted(name)} IS{words}")
