import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from grace.domain.playbooks.playbook import Playbook
from grace.runner.action import ActionFailed, WrongTarget
from support.acting import Acting, run_playbook
from support.shop_database import APPLICATION, damage, execute, is_whole, make_database, row_count

PLAYBOOK = Playbook.model_validate(
    yaml.safe_load(
        (Path(__file__).parents[3] / "playbooks/database-corruption-sqlite.yaml").read_text()
    )
)


@pytest.fixture
def backups(tmp_path, acting):
    folder = tmp_path / "backups"
    folder.mkdir()
    acting.target = {**acting.target, "backups": str(folder)}
    return folder


def test_a_whole_database_is_told_from_a_damaged_one(shop, acting):
    assert acting.look("sqlite.check").holds
    damage(shop, "orders")
    told = acting.look("sqlite.check")
    assert not told.holds
    assert told.sentence.startswith("the database is damaged: ")
    assert told.values["complaints"] > 0


def test_a_damaged_index_costs_no_row(both, acting):
    damage(both, "by_note", pages=3)
    run_playbook(acting, PLAYBOOK)
    assert is_whole(both)
    assert row_count(both) == 2000
    assert row_count(both, "shops") == 20
    assert execute(both, "PRAGMA user_version", "SELECT count(*) FROM late") == [[(7,)], [(1000,)]]
    # Run again: there is nothing to do, and nothing is done.
    before = both.stat().st_ino
    assert run_playbook(acting, PLAYBOOK) == []
    assert both.stat().st_ino == before


def test_a_damaged_table_gives_way_to_the_newest_sound_backup(shop, acting, backups):
    for age, rows in ((3, 500), (2, 1500), (1, 1800)):
        backup = make_database(backups / f"shop-{age}.db", rows=rows)
        os.utime(backup, (backup.stat().st_mtime - age * 3600,) * 2)
    damage(backups / "shop-1.db", "orders")
    stranger = shutil.copy(backups / "shop-3.db", backups / "other.db")
    execute(stranger, "PRAGMA application_id = 5")
    damage(shop, "orders", pages=2)
    assert run_playbook(acting, PLAYBOOK) == ["compare"]
    assert row_count(shop) == 1500
    assert "shop-2.db" in acting.look("sqlite.restore", "restore").sentence
    assert acting.found["weigh"]["rows_after"] == 1520


@pytest.mark.parametrize("own", [True, False], ids=["own", "by sqlite3 where it can"])
def test_every_row_outside_a_damaged_page_is_saved(shop, acting, own):
    damage(shop, "orders")
    lost = set(range(1, 2001))
    acting.do("sqlite.copy")
    new = acting.do("sqlite.recover", own=own).values["path"]
    assert is_whole(new)
    lost -= {n for (n,) in execute(new, "SELECT id FROM orders")[0]}
    assert 0 < len(lost) < 60
    assert max(lost) - min(lost) == len(lost) - 1, "the rows of one page and no others"
    assert execute(new, "PRAGMA application_id") == [[(acting.target["application_id"],)]]
    assert execute(new, "SELECT seq FROM sqlite_sequence") == [[(2000,)]]
    with pytest.raises(ActionFailed, match=r"too much would be lost: .*table orders"):
        acting.do("sqlite.compare", candidate="recover")
    assert acting.do("sqlite.compare", candidate="recover", max_lost_percent=5).holds


SQLITE3 = """#!{python}
import sqlite3, sys
if sys.argv[-1] == ".recover":
    # What .recover of a build that can do it writes, by and large.
    print("BEGIN; PRAGMA application_id = {application}; PRAGMA writable_schema = on;")
    print("CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT);")
    print("CREATE TABLE shops (name TEXT PRIMARY KEY);")
    print("INSERT OR IGNORE INTO orders VALUES (1, 'saved');")
    print("CREATE TABLE lost_and_found (rootpgno INTEGER, pgno INTEGER, c0);")
    print("INSERT INTO lost_and_found VALUES (4, 9, 'whose is it');")
    print("PRAGMA writable_schema = off; COMMIT;")
    sys.exit({status})
sqlite3.connect(sys.argv[-1]).executescript(sys.stdin.read())
"""


@pytest.mark.parametrize("status", [0, 1])
def test_rows_of_unknown_tables_are_put_aside(shop, acting, tmp_path, monkeypatch, status):
    damage(shop, "orders")
    program = tmp_path / "sqlite3"
    program.write_text(
        SQLITE3.format(python=sys.executable, application=APPLICATION, status=status)
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    acting.do("sqlite.copy")
    found = acting.do("sqlite.recover")
    aside = acting.folder / "lost_and_found.db"
    if status == 0:
        assert found.sentence == "recovered by sqlite3: 1 rows"
        assert execute(aside, "SELECT c0 FROM lost_and_found") == [[("whose is it",)]]
    else:
        assert found.sentence.startswith("read row after row: ")
        assert not aside.exists()
        assert row_count(found.values["path"]) > 1900


def test_a_file_that_is_no_database_any_more_is_restored(shop, acting, backups):
    make_database(backups / "one.db", rows=10)
    with shop.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(shop.stat().st_size - 4096))
    run_playbook(acting, PLAYBOOK)
    assert is_whole(shop)
    assert row_count(shop) == 10


def test_without_a_sound_backup_the_run_stops_and_says_so(shop, acting, backups):
    damage(shop, "orders")
    before = shop.read_bytes()
    with pytest.raises(ActionFailed, match="none of 0 backups"):
        run_playbook(acting, PLAYBOOK)
    assert shop.read_bytes() == before


def test_the_copy_is_every_byte(shop, acting):
    damage(shop, "orders")
    copy = Path(acting.do("sqlite.copy").values["path"])
    assert copy.read_bytes() == shop.read_bytes()
    assert acting.do("sqlite.copy").values["path"] == str(copy)


def test_a_backup_is_made_while_the_database_is_in_use(shop, acting, backups, hold):
    hold(shop, statement="SELECT 1")
    made = acting.do("sqlite.backup").values["path"]
    assert Path(made).parent == backups
    assert row_count(made) == 2000
    assert acting.do("sqlite.backup").values["path"] == made
    assert len(list(backups.iterdir())) == 1


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "SELECT 1"])
def test_a_database_in_use_is_not_swapped(both, acting, hold, statement):
    damage(both, "by_note")
    acting.do("sqlite.copy")
    acting.do("sqlite.recover")
    process = hold(both, statement=statement)
    before = both.stat().st_ino
    with pytest.raises(ActionFailed, match=f"stop its program first.*process {process.pid}"):
        acting.do("sqlite.swap", candidates="recover")
    with pytest.raises(ActionFailed, match="stop its program first"):
        acting.do("sqlite.unused")
    assert both.stat().st_ino == before


def test_what_was_written_since_the_copy_is_not_swapped_away(shop, acting):
    damage(shop, "by_note")
    acting.do("sqlite.copy")
    acting.do("sqlite.recover")
    execute(shop, "INSERT INTO shops VALUES ('late shop')")
    before = shop.stat().st_ino
    with pytest.raises(ActionFailed, match="written since it was copied"):
        acting.do("sqlite.swap", candidates="recover")
    assert shop.stat().st_ino == before


def test_a_swap_is_taken_back_and_loses_neither_file(both, acting):
    damage(both, "by_note")
    before = both.read_bytes()
    both.chmod(0o640)
    acting.do("sqlite.copy")
    acting.do("sqlite.recover")
    told = acting.look("sqlite.swap", candidates="recover")
    assert "in the place of shop.db" in told.about
    assert told.about == acting.look("sqlite.swap", candidates="recover").about
    acting.do("sqlite.swap", candidates="recover")
    assert both.stat().st_mode & 0o777 == 0o640
    execute(both, "INSERT INTO orders (note) VALUES ('after')")
    said = acting.undo("sqlite.swap", candidates="recover").sentence
    assert both.read_bytes() == before
    kept = both.with_name(said.split()[-1])
    assert row_count(kept) == 2001
    assert acting.undo("sqlite.swap", candidates="recover").holds
    assert both.read_bytes() == before
    # And forward again.
    acting.do("sqlite.swap", candidates="recover")
    assert is_whole(both)


def test_an_undo_of_nothing_changes_nothing(shop, acting):
    before = shop.read_bytes()
    assert "nothing was put in place" in acting.undo("sqlite.swap", candidates="recover").sentence
    assert shop.read_bytes() == before


def test_a_log_is_not_played_into_the_new_file(tmp_path, acting, hold):
    shop = damage(make_database(tmp_path / "shop.db", "wal"), "by_note")
    writer = hold(shop, statement="INSERT INTO shops VALUES ('in the log')")
    writer.kill()
    writer.wait()
    assert shop.with_name("shop.db-wal").stat().st_size
    run_playbook(acting, PLAYBOOK)
    assert is_whole(shop)
    assert row_count(shop, "shops") == 21, "what stood in the log alone is saved"


@pytest.mark.parametrize(
    "settings", [{"application_id": 1}, {"user_version": 9}, {"tables": "people"}, {}]
)
def test_the_wrong_database_is_refused_and_not_touched(shop, tmp_path, settings):
    damage(shop, "orders")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    acting = Acting({"path": str(shop), **settings}, tmp_path / "run")
    for step in PLAYBOOK.steps:
        with pytest.raises(WrongTarget):
            acting.do(step.action, step.id, **step.with_)
        with pytest.raises(WrongTarget):
            acting.undo(step.action, step.id, **step.with_)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == before
    assert not (tmp_path / "run").exists()


def test_a_full_disk_is_noticed_before_anything_is_written(shop, acting, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10_000))
    with pytest.raises(ActionFailed, match="make room first"):
        acting.do("sqlite.copy")
    assert list(acting.folder.iterdir()) == []


def test_the_time_of_a_step_is_kept(shop, acting):
    acting.seconds = -1
    with pytest.raises(ActionFailed, match="timeout_seconds"):
        acting.look("sqlite.check")
