import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from grace.domain.playbooks.playbook import Playbook
from grace.runner.action import ActionFailed, WrongTarget
from support.acting import Acting, run_playbook
from support.shop_database import APPLICATION, make_database, row_count

PLAYBOOK = Path(__file__).parents[3] / "playbooks/database-locked-sqlite.yaml"


def playbook(**waits):
    told = yaml.safe_load(PLAYBOOK.read_text())
    told["healed"]["with"] = {"busy_seconds": 0}
    for step in told["steps"]:
        if step["id"] in waits:
            step["with"] |= waits[step["id"]]
    return Playbook.model_validate(told)


@pytest.fixture
def quick():
    return playbook(wait={"seconds": 0.3}, end={"grace_seconds": 0.3})


def bytes_of(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def test_a_free_database_can_be_written(shop, acting):
    assert acting.look("sqlite.writable").holds
    assert acting.do("sqlite.holder").sentence == "no process holds the write lock now"
    assert acting.do("sqlite.wait", seconds=5).holds


def test_the_holder_is_found_with_its_name_and_age(both, acting, hold):
    process = hold(both)
    assert not acting.look("sqlite.writable", busy_seconds=0).holds
    found = acting.do("sqlite.holder")
    assert found.values["pid"] == process.pid
    assert found.values["name"].startswith("python")
    assert 0 <= found.values["age_seconds"] < 60
    assert str(both) not in found.sentence, "what stands behind an option may be a secret"


def test_a_reader_does_not_count_as_holder(both, acting, hold):
    hold(both, statement="SELECT count(*) FROM orders")
    assert acting.do("sqlite.holder").values == {"held": False}
    assert acting.look("sqlite.writable").holds


def test_waiting_ends_when_the_holder_lets_go(shop, acting, hold):
    process = hold(shop)
    assert not acting.look("sqlite.wait").holds
    threading.Timer(0.3, process.kill).start()
    assert acting.do("sqlite.wait", seconds=30).holds


def test_waiting_is_bounded(shop, acting, hold):
    hold(shop)
    began = time.monotonic()
    with pytest.raises(ActionFailed, match="still not writable"):
        acting.do("sqlite.wait", seconds=0.3)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("how", ["polite", "stubborn"])
def test_the_playbook_ends_the_holder_and_nothing_committed_is_lost(shop, acting, hold, quick, how):
    process = hold(shop, how)
    run_playbook(acting, quick)
    assert process.wait(10) == (-15 if how == "polite" else -9)
    assert row_count(shop) == 2000
    assert acting.look("sqlite.writable").holds
    # Run again, it has nothing to do.
    assert run_playbook(acting, quick) == []


def test_a_stubborn_holder_lives_where_killing_is_not_allowed(shop, acting, hold):
    process = hold(shop, "stubborn")
    acting.do("sqlite.holder")
    with pytest.raises(ActionFailed, match="may not kill"):
        acting.do("sqlite.end_holder", grace_seconds=0.2, kill=False)
    assert process.poll() is None


def test_a_dry_run_says_whom_it_would_end_and_ends_nobody(shop, acting, hold):
    process = hold(shop)
    told = acting.look("sqlite.end_holder")
    assert told.sentence.startswith("would end python")
    assert told.about.startswith(f"process {process.pid} (")
    assert told.about == acting.look("sqlite.end_holder").about
    assert process.poll() is None


def test_another_holder_than_the_one_agreed_to_is_left_alone(shop, acting, hold):
    first = hold(shop)
    acting.do("sqlite.holder")
    first.kill()
    first.wait()
    second = hold(shop)
    with pytest.raises(ActionFailed, match="another process than the one that was found"):
        acting.do("sqlite.end_holder")
    assert second.poll() is None


@pytest.mark.parametrize("wrong", [{"started": 1}, {"boot": "another"}])
def test_a_process_id_that_was_used_again_is_left_alone(shop, acting, hold, wrong):
    process = hold(shop)
    acting.do("sqlite.holder")
    acting.found["holder"] |= wrong
    with pytest.raises(ActionFailed, match="another process"):
        acting.do("sqlite.end_holder")
    assert process.poll() is None


def test_only_programs_that_the_target_names_are_ended(shop, acting, hold):
    process = hold(shop)
    acting.target = {**acting.target, "may_end": "nginx, worker"}
    acting.do("sqlite.holder")
    with pytest.raises(ActionFailed, match="may_end"):
        acting.do("sqlite.end_holder")
    assert process.poll() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process of another user")
def test_a_process_of_another_user_is_left_alone_unless_allowed(shop, acting, hold):
    process = hold(shop, user=65534)
    acting.do("sqlite.holder")
    with pytest.raises(ActionFailed, match="another user"):
        acting.do("sqlite.end_holder")
    assert process.poll() is None
    acting.target = {**acting.target, "other_users": True}
    assert acting.do("sqlite.end_holder").holds


STEP = """
import sys, time
from pathlib import Path
from grace.runner.action import ActionFailed, Situation
from grace.runner.registry import action_named
target = {"path": sys.argv[1], "application_id": int(sys.argv[2])}
try:
    action_named("sqlite.end_holder").look(
        Situation(target, {}, {}, Path("."), "k", time.time() + 60)
    )
except ActionFailed as error:
    print(error.sentence)
"""


def test_the_runner_never_ends_what_started_it(tmp_path):
    shop = make_database(tmp_path / "shop.db")
    with contextlib.closing(sqlite3.connect(shop, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        said = subprocess.run(
            [sys.executable, "-c", STEP, shop, str(APPLICATION)],
            capture_output=True,
            text=True,
            check=True,
        )
    assert "is the runner itself, or what started it" in said.stdout


def test_the_log_is_moved_into_the_database(tmp_path, acting, hold):
    shop = make_database(tmp_path / "shop.db", "wal")
    writer = hold(shop, statement="INSERT INTO orders (note) VALUES ('last')")
    wal = shop.with_name("shop.db-wal")
    writer.kill()
    writer.wait()
    assert wal.stat().st_size > 0
    assert acting.do("sqlite.checkpoint").holds
    assert not wal.exists() or wal.stat().st_size == 0
    assert acting.do("sqlite.checkpoint").sentence == "there is no write-ahead log to move"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"application_id": 1}, "application_id is"),
        ({"user_version": 8}, "user_version is 7, and 8"),
        ({"schema": "0" * 64}, "its schema is"),
        ({"tables": "orders, people"}, "no table people"),
        ({}, "do not say which database"),
        ({"path": "shop.db"}, "must be absolute"),
    ],
)
def test_the_wrong_database_is_refused_and_not_touched(tmp_path, hold, quick, settings, words):
    shop = make_database(tmp_path / "shop.db", "wal")
    process = hold(shop)
    before = bytes_of(tmp_path)
    acting = Acting({"path": str(shop), **settings}, tmp_path / "run")
    for step in quick.steps:
        with pytest.raises(WrongTarget, match=words):
            acting.do(step.action, step.id, **step.with_)
    assert bytes_of(tmp_path) == before
    assert process.poll() is None
    assert not (tmp_path / "run").exists()
