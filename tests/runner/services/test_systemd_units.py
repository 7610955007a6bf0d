import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grace.runner.action import ActionFailed, WrongTarget
from grace.runner.actions.systemd_members import Units
from grace.runner.registry import action_named
from support.service_servers import program
from support.service_steps import killed_at, resumed, situated, taken

STAND_IN = Path(__file__).parents[2] / "support/systemctl_stand_in.py"
UNITS = [f"web@{n}.service" for n in range(1, 201)]


@pytest.fixture
def systemd(tmp_path):
    """Three instances of a template, two of them running."""
    state = tmp_path / "units.json"
    units = {
        name: {"runs": place < 2, "invocation": int(place < 2), "pid": os.getpid()}
        for place, name in enumerate(UNITS)
    }
    state.write_text(json.dumps({"units": units, "said": []}))
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f'#!/bin/sh\nexec {sys.executable} -S {STAND_IN} {state} "$@"\n')
    systemctl.chmod(0o755)
    (tmp_path / "machine-id").write_text("a1b2c3\n")
    target = {
        "kind": "systemd",
        "systemctl": str(systemctl),
        "units": "web@1.service, web@2.service",
        "machine_id_file": str(tmp_path / "machine-id"),
        "expect_machine_id": "a1b2c3",
    }
    return target, lambda: json.loads(state.read_text())


def changes(seen):
    return [each for each in seen()["said"] if not each.startswith("show")]


def step(name, folder, target, **given):
    return situated(f"systemd.{name}", folder / "run", target, given)


def test_units_are_restarted_one_after_another(systemd, tmp_path):
    target, seen = systemd
    situation = step("restart", tmp_path, target)
    assert taken("systemd.restart", situation)[0] == "done"
    assert action_named("systemd.restart").act(situation).holds
    assert changes(seen) == ["restart web@1.service", "restart web@2.service"]


def test_instances_are_started_and_undo_stops_those_alone(systemd, tmp_path):
    target, seen = systemd
    target = {**target, "template": "web@"}
    situation = step("scale", tmp_path, target, processes=4)
    state, found = taken("systemd.scale", situation)
    assert (state, found.sentence) == ("done", "4 run, before it was 2")
    assert action_named("systemd.scale").undo(situation).sentence == "2 run again"
    assert changes(seen) == [
        "start web@3.service",
        "start web@4.service",
        "stop web@3.service",
        "stop web@4.service",
    ]
    again = step("scale", tmp_path / "again", target, processes=2)
    assert taken("systemd.scale", again)[0] == "needless"


def test_its_memory_is_that_of_the_main_processes(systemd, tmp_path):
    target, _ = systemd
    found = action_named("process.memory").look(
        situated("process.memory", tmp_path / "run", target, {"max_mb": 100_000})
    )
    assert found.holds
    assert found.values["largest_mb"] > 10


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"expect_machine_id": "other"}, WrongTarget, "its machine id is a1b2c3, expected other"),
        ({"machine_id_file": "/nowhere"}, ActionFailed, "machine's id cannot be read"),
        ({"units": "bank.service"}, ActionFailed, "systemd knows no unit bank.service"),
        ({"template": "web"}, ActionFailed, "ends with @"),
        ({"systemctl": "/nowhere"}, ActionFailed, "there is no program `nowhere` here"),
    ],
)
def test_on_the_wrong_target_nothing_changes(systemd, tmp_path, changed, error, said):
    target, seen = systemd
    with pytest.raises(error, match=said):
        taken("systemd.restart", step("restart", tmp_path, {**target, **changed}))
    assert changes(seen) == []


@pytest.mark.stress
def test_killed_at_a_line_the_next_try_restarts_the_rest(systemd, tmp_path):
    target, seen = systemd
    situation = step("restart", tmp_path, target)
    assert killed_at("systemd.restart", situation, 200)
    assert resumed("systemd.restart", situation).holds
    assert changes(seen) == ["restart web@1.service", "restart web@2.service"]


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "show"])
def test_the_real_systemctl_takes_the_same_words(systemd, tmp_path, verb):
    """Where no systemd runs it fails, but not for want of understanding."""
    target, _ = systemd
    unit = "grace-nothing@1.service"
    units = Units(situated("systemd.restart", tmp_path / "run", target))
    words = units._systemctl.words[1:]
    listed = ["--property=Id,LoadState,ActiveState,MainPID,InvocationID"] * (verb == "show")
    ended = subprocess.run(
        [program("systemctl", "systemd"), *words, verb, *listed, "--", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not any(
        told in ended.stderr.lower() for told in ("invalid", "unrecognized", "unknown command")
    )
