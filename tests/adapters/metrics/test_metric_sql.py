import asyncio
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest

from grace.adapters.metrics import Limits, Sources
from grace.domain.catalog import MetricDefinition, SqlQuery

# Debian keeps its programs out of everybody's way.
PROGRAMS = next(
    (
        Path(found).resolve().parent
        for found in (
            shutil.which("initdb"),
            *sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True),
        )
        if found is not None
    ),
    None,
)


@pytest.fixture
def database(tmp_path, environment):
    path = tmp_path / "the shop's #1.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, paid INTEGER, note TEXT)")
        connection.executemany(
            "INSERT INTO orders (paid) VALUES (?)", [(n % 4 == 0,) for n in range(40)]
        )
    connection.close()
    environment["SHOP_DATABASE"] = f"sqlite:///{path}"
    return path


async def ask(metrics, query, variable="SHOP_DATABASE", **more):
    return await metrics.sample("m", SqlQuery(url_env=variable, query=query, **more), "%")


async def test_a_query_answers_one_number(metrics, database, clock):
    seen = await ask(metrics, "SELECT avg(paid) FROM orders -- of all", scale=100)
    assert (seen.value, seen.unit, seen.note) == (25, "%", "")
    assert (seen.source, seen.at) == ("sql", clock.now())
    assert str(database) not in seen.model_dump_json()


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("SELECT id FROM orders WHERE id < 0", "the query answered no row"),
        ("SELECT id FROM orders", "the query answered more than one row; aggregate them to one"),
        ("SELECT 1, 2", "the query answered 2 columns; it must answer one number"),
        ("SELECT max(note) FROM orders", "the query answered NULL"),
        ("SELECT 's3cret'", "the query answered something that is no number"),
        ("SELECT x'00'", "the query answered something that is no number"),
        ("SELECT 9e999", "the source answered inf, which is no number to judge by"),
        ("SELECT count(*) FROM missing", "the query failed: no such table: missing"),
        ("SELEC 1", 'the query failed: near "SELEC": syntax error'),
        ("SELECT 1; SELECT 2", "the query failed: You can only execute one statement at a time."),
        ("SELECT length(randomblob(2000000))", "the query failed: string or blob too big"),
        ("", "the query answered no row"),
    ],
)
async def test_another_answer_is_no_value_and_says_why(metrics, database, query, note):
    seen = await metrics.sample(
        "m", SqlQuery.model_construct(url_env="SHOP_DATABASE", query=query, scale=1), ""
    )
    assert (seen.value, seen.note) == (None, note)


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM orders RETURNING 1",
        "INSERT INTO orders (paid) VALUES (1) RETURNING id",
        "UPDATE orders SET paid = 1 RETURNING 1",
        "CREATE TABLE mine (a)",
        "DROP TABLE orders",
        "ATTACH 'other.db' AS other",
        "PRAGMA query_only=OFF",
        "PRAGMA writable_schema=ON",
        "SELECT * FROM pragma_query_only",
        "VACUUM INTO 'copy.db'",
        "SELECT load_extension('evil')",
        "BEGIN IMMEDIATE",
    ],
)
async def test_nothing_is_written_whatever_the_query_says(metrics, database, query):
    before = database.read_bytes()
    seen = await ask(metrics, query)
    assert seen.value is None
    assert seen.note.startswith("the query failed: ")
    assert database.read_bytes() == before
    assert sorted(p.name for p in database.parent.iterdir()) == [database.name]


async def test_a_query_that_runs_too_long_is_ended(metrics, database):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    seen = await ask(metrics, endless)
    assert (seen.value, seen.note) == (None, "no answer within 0.4 s")


async def test_a_database_that_is_not_there_is_not_made(metrics, environment, tmp_path):
    environment["SHOP_DATABASE"] = f"sqlite:///{tmp_path}/none.db"
    seen = await ask(metrics, "SELECT 1")
    assert seen.note == "the query failed: unable to open database file"
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("url", "note"),
    [
        (None, "the environment variable of url_env is not set"),
        ("mysql://me:s3cret@db/x", "its address names no database that is known: "),
        ("postgresql://me:s3cret@127.0.0.1:s3cret/x", "the address of the database cannot be read"),
        ("postgresql://me:s3cret@127.0.0.1:9/x", "not reachable: ConnectionRefusedError"),
    ],
)
async def test_an_address_is_never_told(metrics, environment, url, note):
    if url is not None:
        environment["SHOP_DATABASE"] = url
    seen = await ask(metrics, "SELECT 1")
    assert seen.value is None
    assert seen.note.startswith(note)
    assert "s3cret" not in seen.model_dump_json()


async def test_one_bad_query_leaves_the_others_of_its_database_alone(metrics, database):
    wanted = {
        name: MetricDefinition(
            target=1, comparator="<", unit="", source=SqlQuery(url_env="SHOP_DATABASE", query=query)
        )
        for name, query in {"bad": "SELEC", "good": "SELECT count(*) FROM orders"}.items()
    }
    assert [each.value for each in await metrics.sample_all(wanted)] == [None, 40]


@pytest.fixture(scope="module")
def postgres():
    if PROGRAMS is None:
        pytest.skip("postgres is not installed: apt-get install postgresql")
    as_user = {}
    if os.geteuid() == 0:  # it refuses to run as root
        as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*command):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **as_user)

    # Not in pytest's folder, into which nobody but its owner may look.
    with tempfile.TemporaryDirectory() as folder:
        if as_user:
            shutil.chown(folder, as_user["user"], as_user["group"])
        data = Path(folder) / "data"
        run(PROGRAMS / "initdb", "-A", "trust", "--no-sync", "-U", "grace", data)
        options = (
            f"-c listen_addresses=127.0.0.1 -c fsync=off -c unix_socket_directories= -p {port}"
        )
        control = [PROGRAMS / "pg_ctl", "-D", data, "-w", "-l", data / "log"]
        run(*control, "-o", options, "start")
        yield f"postgresql://grace@127.0.0.1:{port}/postgres"
        run(*control, "-m", "immediate", "stop")


@pytest.fixture
async def patient(clock, postgres):
    async with httpx.AsyncClient() as client:
        limits = Limits(timeout_s=20)
        yield Sources(client, clock, {"SHOP_DATABASE": postgres}, limits=limits)


async def test_a_real_postgresql_is_asked_and_cannot_be_written(patient):
    metrics = patient
    assert (await ask(metrics, "SELECT 2.5::numeric")).value == 2.5
    assert (await ask(metrics, "SELECT count(*) FROM generate_series(1, 7)")).value == 7
    assert "more than one row" in (await ask(metrics, "SELECT generate_series(1, 9)")).note
    assert "columns" in (await ask(metrics, "SELECT 1, 2")).note
    assert (await ask(metrics, "SELECT NULL::int")).note == "the query answered NULL"
    assert (await ask(metrics, "SELECT 'NaN'::float8")).value is None
    lost = await ask(metrics, "SELECT 1 FROM none")
    assert lost.note == "the query failed: UndefinedTableError"
    told = await ask(metrics, "SELECT 's3cret'::int")
    assert told.note == "the query failed: InvalidTextRepresentationError"
    for query in (
        "CREATE TABLE mine (a int)",
        "SELECT 1; DROP TABLE mine",
        "SELECT nextval('pg_catalog.nothing')",
    ):
        seen = await ask(metrics, query)
        assert seen.value is None, query
        assert seen.note.startswith("the query failed: "), query
    # Some versions let this through in a read-only transaction: it is never committed.
    await ask(metrics, "SELECT lo_create(42)")
    counted = await ask(metrics, "SELECT count(*) FROM pg_largeobject_metadata")
    assert counted.value == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_real_postgresql_ends_what_takes_too_long(metrics, environment, postgres):
    environment["SHOP_DATABASE"] = postgres
    late = await ask(metrics, "SELECT pg_sleep(30)")
    assert (late.value, late.note) == (None, "no answer within 0.4 s")
