"""A new PostgreSQL database made of a dump, and how its rows compare with the old one's."""

import json
from pathlib import Path
from typing import Any

from grace.domain.playbooks.action import Scalar
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.database_common import earlier, short
from grace.runner.actions.database_compare import compared
from grace.runner.actions.postgresql_damage import tables_of, why_unreadable
from grace.runner.actions.postgresql_programs import run
from grace.runner.actions.postgresql_target import (
    PostgresqlStep,
    asked,
    database_of,
    literal,
    maintenance,
    quoted,
)

MARK = "made by grace, "
# What people wrote while it was in place stands in it: nobody but a person drops it.
BACK = f"{MARK}taken back"
_ORIGIN = """
SELECT pg_encoding_to_char(encoding) AS encoding, datcollate, datctype,
  pg_get_userbyid(datdba) AS owner, to_jsonb(d) ->> 'datlocprovider' AS provider,
  coalesce(to_jsonb(d) ->> 'daticulocale', to_jsonb(d) ->> 'datlocale') AS locale
FROM pg_database d WHERE datname = $1
"""
_COMMENT = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1"


class Restore(PostgresqlStep):
    """Restore the dump into a database of a name of our own."""

    def __init__(self) -> None:
        super().__init__("postgresql.restore")

    def _name(self, situation: Situation) -> str:
        return f"{database_of(situation)[:40]}_new_{short(situation.key)}"

    def look(self, situation: Situation) -> Found:
        done = self.verify(situation)
        if done.holds:
            return done
        return Found(False, f"would restore the dump into a new database {self._name(situation)}")

    def act(self, situation: Situation) -> Found:
        done = self.verify(situation)
        if done.holds:
            return done
        dump = earlier(situation, self.text(situation, "dump"))
        file, name = Path(str(dump.get("path", ""))), self._name(situation)
        if not file.is_file():
            raise ActionFailed("the dump is gone: run the playbook from its start")
        asked(situation, lambda c: self._create(c, situation), database=maintenance(situation))
        whole = ["--exit-on-error", "--single-transaction"]
        self._run(situation, ["pg_restore", *whole, "--section=pre-data", str(file)], name)
        self._run(situation, ["pg_restore", *whole, "--section=data", str(file)], name)
        asked(situation, lambda c: _load(c, file.parent), database=name)
        # Where rows are lost, a foreign key may not hold any more: it is left out, and said.
        status, _, why = run(
            situation,
            ["pg_restore", f"--dbname={name}", "--section=post-data", str(file)],
            database=name,
        )
        if status != 0 and not dump.get("tables_damaged"):
            raise ActionFailed(f"indexes and constraints could not be restored: {why}")
        asked(situation, lambda c: c.execute("ANALYZE"), database=name)
        left_out = f"; not all constraints hold: {why}" if status != 0 else ""
        asked(
            situation,
            lambda c: _mark(c, name, f"{MARK}complete{left_out}"),
            database=maintenance(situation),
        )
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        name = self._name(situation)
        comment = asked(
            situation,
            lambda c: c.fetchval(_COMMENT, name),
            database=maintenance(situation),
            reads=True,
        )
        if not str(comment or "").startswith(f"{MARK}complete"):
            return Found(False, "there is no new database yet")
        left_out = str(comment).removeprefix(f"{MARK}complete")
        values: dict[str, Scalar] = {"database": name}
        return Found(True, f"the dump is restored as {name}{left_out}"[:900], values)

    def undo(self, situation: Situation) -> Found:
        """Drop the new database, while it is ours and has not taken the old one's place."""
        name = self._name(situation)
        where = maintenance(situation)
        if asked(situation, lambda c: c.fetchval(_COMMENT, name), database=where) == BACK:
            return Found(True, f"{name} was in use for a while, and is kept")
        dropped = asked(situation, lambda c: _drop(c, name), database=where)
        return Found(True, f"{name} is {'dropped' if dropped else 'not there'}")

    def _run(self, situation: Situation, arguments: list[str], name: str) -> None:
        arguments.insert(1, f"--dbname={name}")
        status, _, why = run(situation, arguments, database=name)
        if status != 0:
            raise ActionFailed(f"the dump could not be restored: {why}")

    async def _create(self, connection: Any, situation: Situation) -> None:
        """Make the new database empty; what an earlier try left half-done is dropped."""
        name = self._name(situation)
        await _drop(connection, name)
        origin = await connection.fetchrow(_ORIGIN, database_of(situation))
        options = [
            "TEMPLATE template0",
            f"ENCODING{literal(origin['encoding'])}",
            f"LC_COLLATE{literal(origin['datcollate'])}",
            f"LC_CTYPE{literal(origin['datctype'])}",
            f"OWNER {quoted(origin['owner'])}",
        ]
        if origin["provider"] == "i":
            options += ["LOCALE_PROVIDER icu", f"ICU_LOCALE{literal(origin['locale'])}"]
        await connection.execute(f"CREATE DATABASE {quoted(name)} {' '.join(options)}")
        await _mark(connection, name, f"{MARK}not complete")


async def _mark(connection: Any, name: str, words: str) -> None:
    await connection.execute(f"COMMENT ON DATABASE {quoted(name)} IS{literal(words)}")


async def _drop(connection: Any, name: str) -> bool:
    """Drop a database of ours. Its name is made of the run's key: nobody else has such a one.

    One without our mark was left by a kill between two statements; then nobody has used it.
    """
    there = await connection.fetchrow(
        "SELECT oid, shobj_description(oid, 'pg_database') AS mark FROM pg_database "
        "WHERE datname = $1",
        name,
    )
    if there is None:
        return False
    mark = there["mark"]
    if mark is not None and (mark == BACK or not mark.startswith(MARK)):
        raise ActionFailed(f"the database {name} may hold what others wrote: look at it yourself")
    await connection.execute(f"DROP DATABASE {quoted(name)}")
    return True


async def _load(connection: Any, place: Path) -> None:
    """Put the rows that were saved out of damaged tables into the new ones, all or none."""
    async with connection.transaction():
        for each in json.loads((place / "saved.json").read_text()):
            await connection.copy_to_table(
                each["table"],
                schema_name=each["schema"],
                columns=each["columns"],
                source=place / each["file"],
            )


class Compare(PostgresqlStep):
    """Compare the rows of each table of the new database with what the old one can count."""

    def __init__(self) -> None:
        super().__init__("postgresql.compare")

    def look(self, situation: Situation) -> Found:
        step = self.text(situation, "restore")
        if step not in situation.found:
            return Found(False, f"would compare the database of step `{step}`; there is none yet")
        return Found(False, self.verify(situation).sentence)

    def act(self, situation: Situation) -> Found:
        found = self.verify(situation)
        if not found.holds:
            raise ActionFailed(found.sentence)
        return Found(True, "counted", found.values)

    def verify(self, situation: Situation) -> Found:
        name = str(earlier(situation, self.text(situation, "restore")).get("database", ""))
        before = asked(situation, _counts, reads=True)
        after = asked(situation, _counts, database=name, reads=True)
        return compared(
            before,
            {table: count or 0 for table, count in after.items()},
            self.number(situation, "max_lost_percent"),
        )


async def _counts(connection: Any) -> dict[str, int | None]:
    """Count the rows of each table; None where not every row can be read."""
    found: dict[str, int | None] = {}
    for table in await tables_of(connection):
        if await why_unreadable(connection, table) is None:
            sql = f"SELECT count(*) FROM ONLY {table.full}"  # noqa: S608 - quoted names
            found[table.plain] = int(await connection.fetchval(sql))
        else:
            found[table.plain] = None
    return found
