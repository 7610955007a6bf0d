"""One process, private files, migrations in order, and nothing opened that is not ours."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from grace.adapters.sqlite.errors import (
    StoreClosed,
    StoreLocked,
    StoreTooNew,
    StoreUnreadable,
)
from grace.adapters.sqlite.reader import StoreReader
from grace.adapters.sqlite.schema import Migration, connect, migrate, schema_version, shipped
from grace.adapters.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from grace.ports import Store


async def test_the_store_is_a_store(store: SqliteStore) -> None:
    port: Store = store
    assert await port.missions() == []


async def test_settings_that_durability_rests_on(store, path):
    connection = connect(path)
    settings = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    connection.close()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_files_are_for_their_owner_alone(world, path):
    await world.send(issue=1, create=True)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes) == {"grace.db", "grace.db-wal", "grace.db-shm", "grace.db.lock"}
    assert set(modes.values()) == {0o600}


async def test_second_open_names_path_process_and_way_out(store, path, key):
    with pytest.raises(StoreLocked, match="stop that process") as caught:
        await SqliteStore.open(path, key)
    assert str(path) in caught.value.sentence
    assert f"process {os.getpid()} " in caught.value.sentence


async def test_second_process_is_refused(store, path):
    code = (
        "import sys; from pathlib import Path; from grace.adapters.sqlite.lock import ProcessLock;"
        "ProcessLock(Path(sys.argv[1]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    second = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code, str(path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert "StoreLocked" in second.stderr


async def test_closed_store_lets_the_next_in_and_answers_nobody(open_store, world_of):
    first = await open_store()
    await world_of(first).send(issue=1, create=True)
    await first.close()
    second = await open_store()
    assert [m.issue for m in await second.missions()] == [1]
    with pytest.raises(StoreClosed):
        await first.missions()
    with pytest.raises(StoreClosed):
        await first.accept(world_of(first).delivery())


async def test_newer_database_is_refused_and_unlocked(store, path, key):
    await store.close()
    connection = connect(path)
    connection.execute("PRAGMA user_version=999")
    connection.close()
    for opening in (SqliteStore.open(path, key), StoreReader.look(path)):
        with pytest.raises(StoreTooNew, match="schema 999"):
            await opening
    connection = connect(path)
    connection.execute(f"PRAGMA user_version={shipped()[-1].number}")
    connection.close()
    await (await SqliteStore.open(path, key)).close()


@pytest.mark.parametrize("content", [b"no database at all, but longer than a header" * 9, None])
async def test_foreign_file_is_refused_and_left_alone(tmp_path, key, content):
    path = tmp_path / "other.db"
    if content is None:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE theirs (x)")
        connection.close()
    else:
        path.write_bytes(content)
    with pytest.raises(StoreUnreadable, match="name another file"):
        await SqliteStore.open(path, key)
    if content is not None:
        assert path.read_bytes() == content


def test_shipped_migrations_are_numbered_without_a_gap():
    numbers = [migration.number for migration in shipped()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_migrations_run_once_in_order(tmp_path):
    path = tmp_path / "steps.db"
    steps = [Migration(1, "CREATE TABLE a (x);"), Migration(2, "INSERT INTO a VALUES (1);")]
    connection = connect(path)
    migrate(connection, path, steps[:1])
    migrate(connection, path, steps)
    migrate(connection, path, steps)
    assert connection.execute("SELECT count(*) FROM a").fetchone()[0] == 1
    assert schema_version(connection) == 2
    connection.close()


def test_failing_migration_leaves_the_version_before_it(tmp_path):
    path = tmp_path / "steps.db"
    first = Migration(1, "CREATE TABLE a (x);")
    broken = Migration(2, "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1);")
    connection = connect(path)
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        migrate(connection, path, [first, broken])
    assert schema_version(connection) == 1
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
    assert tables == ["a"]
    connection.close()


async def test_another_process_may_look_while_the_store_is_held(world, path):
    await world.open_mission(1, notes=(world.note(),))
    beside = await StoreReader.look(path)
    assert [m.issue for m in await beside.missions()] == [1]
    await world.open_mission(2)
    assert [m.issue for m in await beside.missions()] == [1, 2]
    assert await beside.lines(world.ref.log) == await world.store.lines(world.ref.log)
    await beside.close()


async def test_older_store_is_not_changed_by_looking(tmp_path):
    path = tmp_path / "old.db"
    connect(path).close()
    with pytest.raises(StoreUnreadable, match="schema 0"):
        await StoreReader.look(path)


async def test_looking_makes_no_store(path):
    with pytest.raises(StoreUnreadable, match="is not there"):
        await StoreReader.look(path)
    assert not path.exists()
