import sqlite3
import subprocess

import pytest

from grace.runner.action import ActionFailed, WrongTarget
from grace.runner.registry import action_named
from support.service_steps import killed_at, resumed, situated, taken

SLOW = "SELECT count(*) FROM orders o WHERE o.customer = 17 AND o.total > 90; DELETE FROM orders"


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INT, total INT)")
        connection.execute("CREATE TABLE tiny (id INTEGER PRIMARY KEY, customer INT)")
        connection.execute("CREATE INDEX orders_total ON orders (total)")
        connection.executemany(
            "INSERT INTO orders (customer, total) VALUES (?, ?)",
            [(n % 400, n % 100) for n in range(12_000)],
        )
        connection.execute("INSERT INTO tiny (customer) VALUES (17)")
        connection.execute("DROP INDEX orders_total")
        connection.execute("PRAGMA application_id = 4711")
    connection.close()
    return path


def target(shop, **more):
    return {
        "kind": "sqlite",
        "path": str(shop),
        "application_id": 4711,
        "statements": SLOW,
        "migrations_folder": "db/migrations",
        **more,
    }


def index(shop, folder, **more):
    return situated("query.index", folder, target(shop, **more))


def test_a_slow_statement_ends_in_a_migration_that_git_applies_and_that_helps(shop, tmp_path):
    before = shop.read_bytes()
    state, found = taken(
        "query.index", index(shop, tmp_path / "run", migration_name="0007_{name}.sql")
    )
    assert state == "done"
    assert (found.values["table"], found.values["columns"]) == ("orders", "customer, total")
    assert found.values["gain"] > 50
    assert shop.read_bytes() == before
    assert list((tmp_path / "run").glob("*.db*")) == []
    checkout = tmp_path / "checkout"
    subprocess.run(["git", "init", "-q", checkout], check=True)
    subprocess.run(["git", "apply", "-"], cwd=checkout, input=found.diff, text=True, check=True)
    migration = checkout / "db/migrations/0007_orders_customer_total_idx.sql"
    with sqlite3.connect(shop) as connection:
        connection.executescript(migration.read_text())
        plan = connection.execute(f"EXPLAIN QUERY PLAN {SLOW.partition(';')[0]}").fetchall()
    connection.close()
    assert "USING COVERING INDEX orders_customer_total_idx" in plan[0][3]
    again = index(shop, tmp_path / "again")
    assert taken("query.index", again)[1].sentence == (
        "no index would make the statements much cheaper"
    )


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM orders WHERE id = 5",
        "SELECT * FROM tiny WHERE customer = 17",
        "SELECT sum(total) FROM orders",
        "SELECT * FROM orders WHERE total >= 0",
        "SELECT 'a;b WHERE customer = 1' FROM orders",
        "UPDATE orders SET total = 1 WHERE customer = 17",
    ],
)
def test_what_no_index_would_help_ends_in_nothing(shop, tmp_path, statement):
    state, found = taken("query.index", index(shop, tmp_path, statements=statement))
    assert (state, found.diff) == ("needless", None)


def test_the_next_number_follows_the_migrations_that_are_there(shop, tmp_path):
    folder = tmp_path / "checkout/db/migrations"
    folder.mkdir(parents=True)
    (folder / "0041_orders.sql").write_text("")
    names = {"checkout": str(tmp_path / "checkout"), "migration_name": "{number}_{name}.sql"}
    found = taken("query.index", index(shop, tmp_path / "run", **names))[1]
    assert "+++ b/db/migrations/0042_orders_customer_total_idx.sql" in found.diff


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"application_id": 1}, WrongTarget, "application_id is 4711"),
        ({"statements": "SELECT * FROM nothing"}, ActionFailed, "cannot be planned"),
        ({"statements": "SELECT * FROM orders WHERE total = ?"}, ActionFailed, "placeholders"),
        ({"migrations_folder": "../elsewhere"}, ActionFailed, "a plain path"),
    ],
)
def test_what_cannot_be_advised_is_refused_in_words(shop, tmp_path, changed, error, said):
    before = shop.read_bytes()
    with pytest.raises(error, match=said):
        taken("query.index", index(shop, tmp_path / "run", **changed))
    assert shop.read_bytes() == before


@pytest.mark.stress
def test_killed_while_it_tries_the_next_try_writes_one_migration(shop, tmp_path):
    situation = index(shop, tmp_path / "run")
    before = shop.read_bytes()
    assert killed_at("query.index", situation, 300)
    first = resumed("query.index", situation)
    assert first.diff is not None
    assert action_named("query.index").act(situation).diff == first.diff
    assert shop.read_bytes() == before


def test_old_statistics_are_renewed_once(shop, tmp_path):
    with sqlite3.connect(shop) as connection:
        connection.execute("CREATE INDEX by_customer ON orders (customer)")
    connection.close()
    situation = situated("query.analyze", tmp_path / "run", target(shop))
    assert taken("query.analyze", situation)[0] == "done"
    assert taken("query.analyze", situation)[0] == "needless"
    with sqlite3.connect(shop) as connection:
        connection.execute("DELETE FROM orders WHERE id > 3000")
    connection.close()
    assert taken("query.analyze", situation)[0] == "done"
