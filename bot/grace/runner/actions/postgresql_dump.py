"""A dump of a PostgreSQL database, whole or around its damage, proven to be readable."""

import json
import shutil
from pathlib import Path
from typing import Any

from grace.domain.playbooks.action import Scalar
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.database_common import (
    need_space,
    read_json,
    short,
    sync_folder,
    write_json,
)
from grace.runner.actions.postgresql_damage import damaged_tables, save_readable, tables_of
from grace.runner.actions.postgresql_programs import run
from grace.runner.actions.postgresql_target import PostgresqlStep, asked, database_of

# What users' tables took in since the server started; it only grows while the server runs.
_WRITES = """
SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::int8::text || ' since '
  || extract(epoch FROM pg_postmaster_start_time())::text
FROM pg_stat_user_tables
"""


async def writes(connection: Any) -> str:
    """Sum up how much was ever written to the tables, so that any later write shows."""
    return str(await connection.fetchval(_WRITES))


def place_of(situation: Situation) -> Path:
    """Name the folder of a dump."""
    return situation.folder / f"dump-{short(situation.key)}"


class Dump(PostgresqlStep):
    """Dump the database into the run's folder."""

    def __init__(self) -> None:
        super().__init__("postgresql.dump")

    def look(self, situation: Situation) -> Found:
        done = self.verify(situation)
        if done.holds:
            return done
        size = asked(situation, _size, reads=True)
        situation.folder.mkdir(parents=True, exist_ok=True)
        need_space(situation.folder, size)
        return Found(False, f"would dump {database_of(situation)}", {"bytes": size})

    def act(self, situation: Situation) -> Found:
        done = self.look(situation)
        if done.holds:
            return done
        place = place_of(situation)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        tolerant = self.flag(situation, "tolerant")
        # The number of writes comes first: what is written while we read shows as well.
        before, lost = asked(situation, lambda c: _save(c, place, tolerant=tolerant), reads=True)
        excluded = [f"--exclude-table-data={name}" for name in lost]
        file = place / "database.dump"
        status, _, why = run(situation, ["pg_dump", "--format=custom", f"--file={file}", *excluded])
        if status != 0:
            raise ActionFailed(f"pg_dump failed: {why}; restore a backup by hand")
        entries = self._entries(situation, file)
        sync_folder(place)
        values: dict[str, Scalar] = {
            "path": str(file),
            "entries": entries,
            "writes": before,
            "tables_damaged": len(lost),
        }
        values |= {f"lost_{n}": told for n, told in enumerate(list(lost.values())[:5], start=1)}
        write_json(place / "dump.json", values)
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        record = read_json(place_of(situation) / "dump.json")
        if record is None or not Path(str(record["path"])).is_file():
            return Found(False, "there is no dump yet")
        self._entries(situation, Path(str(record["path"])))
        lost = [str(v) for k, v in record.items() if k.startswith("lost_")]
        told = f"; {'; '.join(lost)}" if lost else ""
        return Found(True, f"dumped {record['entries']} entries{told}"[:900], record)

    def _entries(self, situation: Situation, file: Path) -> int:
        """Count what a dump lists; ActionFailed where it cannot be read."""
        status, listed, why = run(situation, ["pg_restore", "--list", str(file)])
        entries = sum(1 for line in listed.splitlines() if line and not line.startswith(";"))
        if status != 0:
            raise ActionFailed(f"the dump cannot be read: {why}")
        return entries


async def _size(connection: Any) -> int:
    return int(await connection.fetchval("SELECT pg_database_size(current_database())"))


async def _save(connection: Any, place: Path, *, tolerant: bool) -> tuple[str, dict[str, str]]:
    """Write what can be read of damaged tables into files beside the dump; say what is lost."""
    before = await writes(connection)
    damaged = await damaged_tables(connection)
    if damaged and not tolerant:
        raise ActionFailed(f"table {min(damaged)} cannot be read, and the step is not `tolerant`")
    lost: dict[str, str] = {}
    saved: list[dict[str, object]] = []
    for table in await tables_of(connection):
        if table.plain not in damaged or not table.own:
            continue
        found = await save_readable(connection, table)
        file = place / f"table-{len(saved)}.copy"
        file.write_bytes(found.text)
        saved.append(
            {
                "schema": table.schema,
                "table": table.name,
                "columns": table.columns,
                "file": file.name,
            }
        )
        # A quoted name is a pattern of pg_dump that fits itself alone.
        lost[table.full] = (
            f"of {table.plain} {found.rows} rows were saved around {found.lost_pages} damaged pages"
        )
    (place / "saved.json").write_text(json.dumps(saved))
    return before, lost
