import time
from pathlib import Path

import pytest
import yaml

from grace.domain.playbooks.playbook import Playbook
from grace.runner.action import ActionFailed, WrongTarget
from support.acting import run_playbook
from support.dying import moments_of

PLAYBOOK = Path(__file__).parents[3] / "playbooks/database-locked-postgresql.yaml"
HELD = ("BEGIN", "UPDATE orders SET note = 'mine' WHERE id = 1")
WAITS = "UPDATE orders SET note = 'waits' WHERE id = 1"


@pytest.fixture
def quick():
    told = yaml.safe_load(PLAYBOOK.read_text())
    told["healed"]["with"]["waiting_seconds"] = 0
    for step in told["steps"]:
        given = step["with"]
        given |= {k: 0 for k in ("idle_seconds", "min_age_seconds") if k in given}
        given |= {"seconds": 0.1, "waiting_seconds": 0} if "seconds" in given else {}
    return Playbook.model_validate(told)


def blocked(acting):
    """Wait until the server says that somebody waits."""
    until = time.monotonic() + 10
    while acting.look("postgresql.unblocked", waiting_seconds=0).holds:
        assert time.monotonic() < until


def test_an_idle_transaction_that_blocks_another_is_ended(store, quick):
    acting = store.acting()
    assert acting.look("postgresql.unblocked", waiting_seconds=0).holds
    with store.session(*HELD) as idle, store.session(waits=WAITS) as waits:
        blocked(acting)
        acting.do("postgresql.sessions", idle_seconds=0)
        told = acting.look("postgresql.terminate", min_age_seconds=0)
        assert told.about.startswith("session ")
        assert told.about == acting.look("postgresql.terminate", min_age_seconds=0).about
        failed = run_playbook(acting, quick)
        found = acting.found["sessions"]
        assert (found["count"], found["role_1"], found["blocks_1"]) == (1, "clerk", 1)
        assert found["state_1"] == "idle in transaction"
        assert failed == ["wait"]
        assert waits.stdout.readline() == "done\n"
        assert "terminating connection" in idle.communicate("SELECT 1;\n")[0]
        assert run_playbook(acting, quick) == []
        assert acting.do("postgresql.wait", seconds=1).holds


def test_a_running_statement_is_cancelled_and_its_session_lives(store, quick):
    acting = store.acting(may_end_roles=None, may_end_applications="ti*")
    with (
        store.session(*HELD, waits="SELECT pg_sleep(60)") as busy,
        store.session(waits=WAITS) as waits,
    ):
        blocked(acting)
        assert "would cancel" in acting.look("postgresql.cancel").sentence
        run_playbook(acting, quick)
        assert busy.stdout.readline() == "ERROR:  canceling statement due to user request\n"
        assert waits.stdout.readline() == "done\n"
        assert busy.poll() is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"may_end_roles": "till, shelf"}, "not among those that `may_end_roles`"),
        ({"may_end_applications": "cron*"}, "not among those that `may_end_applications`"),
        ({"may_end_roles": None}, "do not say whose sessions"),
    ],
)
def test_only_sessions_that_the_target_names_are_ended(store, settings, words):
    acting = store.acting(**settings)
    with store.session(*HELD) as idle:
        acting.do("postgresql.sessions", idle_seconds=0)
        with pytest.raises(ActionFailed, match=words):
            acting.do("postgresql.terminate", min_age_seconds=0)
        assert idle.poll() is None
        assert acting.do("postgresql.sessions", idle_seconds=0).values["count"] == 1


def test_young_sessions_and_those_of_superusers_are_left_alone(store):
    acting = store.acting(user="grace", may_end_roles="*")
    with store.session(*HELD), store.session("BEGIN", "SELECT 1", user="grace"):
        acting.do("postgresql.sessions", idle_seconds=0)
        assert acting.found["sessions"]["count"] == 2
        with pytest.raises(ActionFailed, match=r"younger than 3600 s.*|superuser"):
            acting.do("postgresql.terminate", min_age_seconds=3600)
        acting.do("postgresql.terminate", min_age_seconds=0)
        left = acting.do("postgresql.sessions", idle_seconds=0).values
        assert (left["count"], left["role_1"]) == (1, "grace")
        with pytest.raises(ActionFailed, match="superuser"):
            acting.look("postgresql.terminate", min_age_seconds=0)


def test_a_process_id_that_was_used_again_is_left_alone(store):
    acting = store.acting()
    with store.session(*HELD):
        acting.do("postgresql.sessions", idle_seconds=0)
        acting.found["sessions"]["started_1"] = "20200101000000000000"
        assert acting.do("postgresql.terminate", min_age_seconds=0).holds
        assert acting.do("postgresql.sessions", idle_seconds=0).values["count"] == 1


def test_the_lock_of_a_table_is_tried_for_and_let_go(store):
    acting = store.acting()
    assert acting.look("postgresql.unblocked", table="public.orders").holds
    with store.session("BEGIN", "LOCK TABLE orders IN SHARE MODE", user="keeper"):
        told = acting.look("postgresql.unblocked", table="public.orders")
        assert not told.holds
        assert "write lock of orders is not free" in told.sentence
    with pytest.raises(ActionFailed, match="no table nothing"):
        acting.look("postgresql.unblocked", table="nothing")


def test_a_prepared_transaction_is_named(store):
    with store.session("BEGIN", "LOCK TABLE orders", "PREPARE TRANSACTION 'half'", user="grace"):
        pass
    try:
        told = store.acting().do("postgresql.sessions")
        assert "1 prepared transactions hold locks" in told.sentence
    finally:
        store.sql("ROLLBACK PREPARED 'half'", database="store")


def test_a_role_that_may_not_see_others_says_so(store):
    with pytest.raises(ActionFailed, match="GRANT pg_monitor"):
        store.acting(user="clerk").look("postgresql.unblocked")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"system_identifier": "1"}, "and 1 is expected"),
        ({"database": "postgres"}, "the database is store, and postgres is expected"),
        ({"database": None}, "give `database`"),
    ],
)
def test_the_wrong_database_is_refused_and_not_touched(store, quick, settings, words):
    with store.session(*HELD) as idle:
        for step in quick.steps:
            with pytest.raises(WrongTarget, match=words):
                store.acting(**settings).do(step.action, step.id, **step.with_)
        assert idle.poll() is None
        assert store.acting().do("postgresql.sessions", idle_seconds=0).values["count"] == 1


def test_an_address_that_answers_nothing_is_told_without_its_password(store):
    acting = store.acting(url="postgresql://keeper:s3cret@127.0.0.1:1/store")
    with pytest.raises(ActionFailed, match="does not let us in") as told:
        acting.look("postgresql.unblocked")
    assert "s3cret" not in told.value.sentence


@pytest.mark.stress
def test_killed_at_every_moment_the_lock_is_free_when_run_again(store, quick):
    held = []

    def prepare():
        while held:
            held.pop().__exit__(None, None, None)
        for each in (store.session(*HELD), store.session(waits=WAITS)):
            held.append(each)
            each.__enter__()
        blocked(store.acting())

    deaths = 0
    for _ in moments_of(lambda: run_playbook(store.acting(), quick), prepare, step=2):
        deaths += 1
        acting = store.acting()
        run_playbook(acting, quick)
        assert acting.look("postgresql.unblocked", waiting_seconds=0).holds
    while held:
        held.pop().__exit__(None, None, None)
    assert deaths > 10
