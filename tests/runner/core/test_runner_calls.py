"""Calls of actions in processes of their own: ended in time, and with nothing of ours in them."""

import time
from pathlib import Path

import pytest

from grace.domain.playbooks.run import RunState
from grace.domain.playbooks.specs import ACTIONS
from grace.runner.registry import PLACES, action_named, missing_for
from grace.runner.serving import problems_at_start
from support.playbooks import step

STOP = {"on_failure": "stop"}


async def test_an_action_that_hangs_is_ended_with_all_that_it_started(real):
    real.settings["act_first"] = "child"
    report = await real.run(step("first", timeout_seconds=1, **STOP))
    assert report.state is RunState.FAILED
    assert "it took longer than 1 s and was ended" in report.sentence
    child = Path("/proc") / (real.folder / "target/hangs").read_text()
    end = time.monotonic() + 10
    while child.exists() and "\nState:\tZ" not in (child / "status").read_text():
        assert time.monotonic() < end


async def test_noise_and_faults_of_an_action_are_told_by_their_last_line(real):
    real.settings |= {"look_first": "noise", "act_first": "fault", "verify_first": "fault"}
    report = await real.run(step("first", **STOP))
    told = "the action's process ended with exit code 1: KeyError: 'a fault of the action'"
    assert told in report.sentence
    assert "not an answer" in (next(real.folder.rglob("actions.log"))).read_text()


async def test_an_action_gets_nothing_of_the_runners_environment(real):
    real.settings["act_first"] = "environment"
    report = await real.run(step("first", **STOP))
    names = set(report.sentence.rpartition(": ")[2].split())
    assert {"PATH", "LANG"} <= names
    assert "SECRET" not in names


def test_every_action_that_can_be_named_is_there_and_is_what_it_says():
    assert set(PLACES) == set(ACTIONS)
    for name, spec in ACTIONS.items():
        action = action_named(name)
        assert action is not None
        assert action.spec == spec
    assert action_named("sqlite.unheard_of") is None


def test_what_a_runner_cannot_act_on_is_said_at_its_start(work):
    targets = {"orders-db": work.target}
    assert problems_at_start(targets, missing_for) == []
    lacks = {name: place for name, place in PLACES.items() if name != "sqlite.check"}
    assert missing_for("sqlite", lacks) == "this runner has no action sqlite.check"
    gone = PLACES | {"sqlite.check": "grace.runner.unheard_of:Check"}
    told = "sqlite.check needs a package that is not installed: grace.runner.unheard_of"
    assert problems_at_start(targets, lambda kind: missing_for(kind, gone)) == [f"sqlite: {told}"]
    assert missing_for("abacus") == "no action is for this kind of target"


@pytest.mark.parametrize("kind", sorted({k.value for s in ACTIONS.values() for k in s.kinds}))
def test_the_packages_of_every_kind_are_here(kind):
    assert missing_for(kind) is None
