from pathlib import Path

import pytest
import yaml

from grace.domain.playbooks.playbook import Playbook
from grace.runner.action import ActionFailed, WrongTarget
from support.acting import run_playbook
from support.dying import moments_of

PLAYBOOK = Playbook.model_validate(
    yaml.safe_load(
        (Path(__file__).parents[3] / "playbooks/database-corruption-postgresql.yaml").read_text()
    )
)
ABOUT = """
SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate,
  (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(datacl) x),
  shobj_description(oid, 'pg_database'),
  (SELECT setconfig::text FROM pg_db_role_setting WHERE setdatabase = oid)
FROM pg_database WHERE datname = 'store'
"""


def test_a_damaged_table_is_rebuilt_around_its_damaged_page(store):
    about = store.sql(ABOUT)
    store.damage(pages=(3,))
    acting = store.acting()
    seen = acting.look("postgresql.readable")
    assert not seen.holds
    assert "public.orders: invalid page in block 3" in seen.sentence
    assert run_playbook(acting, PLAYBOOK) == []
    assert acting.look("postgresql.readable").holds
    assert "1 damaged pages" in acting.found["dump"]["lost_1"]
    left = store.count()
    assert 3900 < left < 4000
    assert f"of public.orders {left} rows" in acting.found["dump"]["lost_1"]
    assert store.count("shops") == 10
    assert store.sql(ABOUT) == about
    assert acting.look("postgresql.swap", restore="restore").holds
    assert store.sql("SHOW zero_damaged_pages", database="store") == [("off",)]
    indexes = store.sql(
        "SELECT count(*) FROM pg_index WHERE indrelid = 'orders'::regclass", database="store"
    )
    assert indexes == [(2,)]
    # Run again: nothing to do.
    before = store.databases()
    assert run_playbook(acting, PLAYBOOK) == []
    assert store.databases() == before
    # And back: the old database as it was, the new one kept with what came into it.
    store.sql("INSERT INTO shops VALUES (99, 'late')", database="store")
    assert "old database again" in acting.undo("postgresql.swap").sentence
    assert "nothing was put in place" in acting.undo("postgresql.swap").sentence
    assert store.count("shops") == 10
    assert "is kept" in acting.undo("postgresql.restore").sentence
    new = acting.found["restore"]["database"]
    assert store.count("shops", database=new) == 11
    assert not acting.look("postgresql.readable").holds


def test_a_whole_database_is_dumped_restored_and_compared(store):
    acting = store.acting()
    assert acting.look("postgresql.readable").holds
    assert acting.look("postgresql.dump").values["bytes"] > 0
    acting.do("postgresql.dump")
    assert acting.do("postgresql.dump").holds
    assert "would restore" in acting.look("postgresql.restore").sentence
    new = acting.do("postgresql.restore").values["database"]
    assert acting.do("postgresql.compare").values["rows_after"] == 4010
    store.sql("DELETE FROM orders WHERE id <= 3000", database=new)
    with pytest.raises(ActionFailed, match="orders would lose 3000 of 4000 rows"):
        acting.do("postgresql.compare", max_lost_percent=50)
    assert acting.undo("postgresql.restore").sentence == f"{new} is dropped"
    assert acting.undo("postgresql.restore").sentence == f"{new} is not there"
    assert store.databases() == ["store"]


@pytest.fixture
def restored(store):
    acting = store.acting()
    acting.do("postgresql.dump")
    acting.do("postgresql.restore")
    return acting


def test_a_database_in_use_or_written_since_is_not_swapped(store, restored):
    about = restored.look("postgresql.swap").about
    with store.session("SELECT 1"):
        seen = restored.look("postgresql.swap")
        assert "1 sessions are connected" in seen.sentence
        assert seen.about == about != ""
        with pytest.raises(ActionFailed, match=r"stop its programs first: .*clerk \(till\)"):
            restored.do("postgresql.swap")
        assert restored.do("postgresql.swap", close_connections=True).holds
        restored.undo("postgresql.swap")
    store.sql("UPDATE shops SET name = 'other' WHERE id = 1", database="store")
    with pytest.raises(ActionFailed, match="written since it was dumped"):
        restored.do("postgresql.swap")
    assert store.sql("SELECT name FROM shops WHERE id = 1", database="store") == [("other",)]
    store.sql("COMMENT ON DATABASE store IS NULL")


def test_a_foreign_database_of_our_name_is_left_alone(store, restored):
    new = restored.found["restore"]["database"]
    store.sql(f"COMMENT ON DATABASE {new} IS 'mine'")
    with pytest.raises(ActionFailed, match="look at it yourself"):
        restored.undo("postgresql.restore")
    with pytest.raises(ActionFailed, match="look at it yourself"):
        restored.do("postgresql.restore")


@pytest.mark.parametrize(
    "settings", [{"system_identifier": "1"}, {"database": "postgres"}, {"database": None}]
)
def test_the_wrong_database_is_refused_and_not_touched(store, settings):
    before = store.databases()
    acting = store.acting(**settings)
    for step in PLAYBOOK.steps:
        with pytest.raises(WrongTarget):
            acting.do(step.action, step.id, **step.with_)
        with pytest.raises(WrongTarget):
            acting.undo(step.action, step.id, **step.with_)
    assert store.databases() == before
    assert list(acting.folder.iterdir()) == []


def test_a_missing_program_is_named(store):
    acting = store.acting(programs="/nowhere")
    with pytest.raises(ActionFailed, match="pg_dump is not installed"):
        acting.do("postgresql.dump")


@pytest.mark.stress
def test_a_damaged_index_is_found_where_amcheck_is_installed(store):
    store.sql("CREATE EXTENSION amcheck", database="store")
    store.sql("GRANT EXECUTE ON FUNCTION bt_index_check(regclass) TO keeper", database="store")
    acting = store.acting()
    assert acting.look("postgresql.readable").sentence == "every row of every table can be read"
    store.damage("by_note", pages=(2,))
    told = acting.look("postgresql.readable")
    assert told.values["indexes_damaged"] == 1
    assert "by_note" in told.sentence


@pytest.mark.stress
def test_killed_at_every_moment_it_heals_when_run_again(store):
    store.damage(pages=(3, 20))
    whole = sum(store.count(f"(SELECT 1 FROM orders WHERE id <= {n}) x") for n in (100,))
    assert whole == 100
    deaths = 0

    def prepare():
        acting = store.acting()
        acting.undo("postgresql.swap")
        for name in store.databases():
            if name != "store":
                store.sql(f'DROP DATABASE "{name}"')
        for file in sorted(store.folder.rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()

    counts = set()
    for _ in moments_of(lambda: run_playbook(store.acting(), PLAYBOOK), prepare, step=9):
        deaths += 1
        acting = store.acting()
        run_playbook(acting, PLAYBOOK)
        assert acting.look("postgresql.readable").holds
        counts.add((store.count(), store.count("shops")))
    assert deaths > 10
    assert len(counts) == 1
