import asyncio

import asyncpg
import pytest

from grace.runner.action import ActionFailed, WrongTarget
from support.postgresql_server import PROGRAMS, server
from support.service_steps import killed_at, resumed, situated, taken

SLOW = "SELECT * FROM public.orders o WHERE o.customer = 17 AND o.total > 90"
FILL = """
CREATE TABLE orders (id serial PRIMARY KEY, customer int NOT NULL, total int, note varchar(20));
INSERT INTO orders (customer, total, note)
SELECT n % 400, n % 100, 'n' || n % 3 FROM generate_series(1, 20000) n;
CREATE TABLE tiny (id serial PRIMARY KEY, customer int);
INSERT INTO tiny (customer) SELECT 17;
ANALYZE;
"""


def sql(url, statement, *, one=False):
    async def ask():
        connection = await asyncpg.connect(url)
        try:
            return await (connection.fetchval if one else connection.execute)(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def cluster():
    if PROGRAMS is None:
        pytest.skip("postgresql is not installed: apt-get install postgresql")
    with server() as made:
        sql(made.url(), "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
        made.stop()
        made.start()
        yield made


@pytest.fixture
def shop(cluster):
    sql(cluster.url(), "CREATE DATABASE shop")
    url = cluster.url("shop")
    sql(url, FILL)
    cluster_id = sql(url, "SELECT system_identifier::text FROM pg_control_system()", one=True)
    yield {
        "kind": "postgresql",
        "url": url,
        "database": "shop",
        "system_identifier": cluster_id,
        "statements": SLOW,
        "migrations_folder": "db",
        "migration_name": "{name}.sql",
    }
    sql(cluster.url(), "DROP DATABASE shop WITH (FORCE)")


def state_of(url):
    return sql(
        url,
        "SELECT string_agg(relname || relkind::text, ' ' ORDER BY relname) FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace OR relpersistence = 't'",
        one=True,
    )


def test_a_slow_statement_ends_in_a_migration_that_the_planner_then_uses(shop, tmp_path):
    before = state_of(shop["url"])
    situation = situated("query.index", tmp_path / "run", shop)
    state, found = taken("query.index", situation)
    assert state == "done"
    assert (found.values["table"], found.values["columns"]) == ("public.orders", "customer, total")
    assert state_of(shop["url"]) == before
    sql(shop["url"], "".join(f"{line[1:]}\n" for line in found.diff.splitlines()[6:]))
    plan = sql(shop["url"], f"EXPLAIN (FORMAT JSON) {SLOW}", one=True)
    assert "orders_customer_total_idx" in plan
    again = situated("query.index", tmp_path / "again", shop)
    assert taken("query.index", again)[0] == "needless"


def test_without_statements_the_slowest_that_were_seen_are_looked_at(shop, tmp_path):
    shop = {**shop, "statements": "", "migration_concurrently": True}
    situation = situated("query.index", tmp_path / "run", shop)
    with pytest.raises(ActionFailed, match="set `statements` for the target, or install"):
        taken("query.index", situation)
    sql(shop["url"], "CREATE EXTENSION pg_stat_statements")
    for customer in (1, 2, 3):
        sql(shop["url"], f"SELECT count(*) FROM orders WHERE note = 'n7' OR customer = {customer}")
        sql(shop["url"], f"SELECT count(*) FROM orders WHERE customer = {customer}")
    found = taken("query.index", situation)[1]
    assert found.values["columns"] == "customer"
    assert "+CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_customer_idx ON" in found.diff
    assert "WHERE customer = $1" in found.diff


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM orders WHERE id = 5",
        "SELECT * FROM tiny WHERE customer = 17",
        "SELECT sum(total) FROM orders",
        "SELECT * FROM orders WHERE total >= 0",
        "DELETE FROM orders WHERE customer = 17",
    ],
)
def test_what_no_index_would_help_ends_in_nothing(shop, tmp_path, statement):
    shop = {**shop, "statements": f"SELECT 1; {statement}"}
    state, found = taken("query.index", situated("query.index", tmp_path, shop))
    assert (state, found.diff) == ("needless", None)


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"system_identifier": "1"}, WrongTarget, "the cluster is"),
        ({"database": "bank"}, WrongTarget, "the database is shop"),
        ({"statements": "SELECT 1 FROM nothing"}, ActionFailed, "UndefinedTableError"),
    ],
)
def test_what_cannot_be_advised_is_refused_in_words(shop, tmp_path, changed, error, said):
    before = state_of(shop["url"])
    with pytest.raises(error, match=said):
        taken("query.index", situated("query.index", tmp_path, {**shop, **changed}))
    assert state_of(shop["url"]) == before


@pytest.mark.stress
def test_killed_while_it_tries_nothing_is_left_and_the_next_try_ends(shop, tmp_path):
    before = state_of(shop["url"])
    situation = situated("query.index", tmp_path / "run", shop)
    assert killed_at("query.index", situation, 220)
    assert resumed("query.index", situation).diff is not None
    assert state_of(shop["url"]) == before


def test_old_statistics_are_renewed_once(shop, tmp_path):
    sql(shop["url"], "INSERT INTO orders (customer) SELECT 1 FROM generate_series(1, 9000)")
    situation = situated("query.analyze", tmp_path / "run", shop)
    state, found = taken("query.analyze", situation)
    assert (state, found.sentence) == ("done", "all statistics are fresh")
    rows = "SELECT reltuples FROM pg_class WHERE relname = 'orders'"
    assert sql(shop["url"], rows, one=True) == 29_000
    assert taken("query.analyze", situation)[0] == "needless"
