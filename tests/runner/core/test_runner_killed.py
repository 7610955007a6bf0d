"""The runner's process ended at every point of a run: gone on with, it ends as if nothing had been.

A point lies before and behind every word that is written, every call and every report.
"""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from grace.domain.playbooks.record import Closed
from grace.domain.playbooks.run import RunState
from grace.runner.calling import Calls
from grace.runner.carry import Bench
from grace.runner.errors import TargetBusy
from grace.runner.locks import alone_with
from support.fake_actions import PROGRAM, make_target
from support.playbooks import order, step

TWO = (step("first"), step("second"))
ONCE = Path(__file__).parents[2] / "support/runner_once.py"
STORIES = {
    "healed": (TWO, {"heals": "second"}, RunState.HEALED, {"first", "second"}),
    "undone": (TWO, {"act_second": "fail"}, RunState.UNDONE, set()),
    "stopped": (
        (step("first"), step("second", on_failure="stop")),
        {"act_second": "fail"},
        RunState.FAILED,
        {"first"},
    ),
}


def in_a_fork(work, ordered, kill_at):
    """Carry a run out in a process that ends at a point; tell whether it ended there."""
    pid = os.fork()
    if pid == 0:
        left = kill_at

        def at(_point):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        bench = work.bench
        made = Bench(bench.name, bench.state, bench.calls, bench.actions, at=at)
        work.__class__.bench = property(lambda _: made)
        try:
            asyncio.run(work.carry(ordered))
        finally:
            os._exit(0)
    return os.waitpid(pid, 0)[1] != 0


def campaign(work, story, stride):
    steps, settings, state, so = STORIES[story]
    for at in range(1, 200, stride):
        folder = work.folder / f"at-{at}"
        work.settings = make_target(folder) | settings
        ordered = order(*steps, id=f"mission_20261122_001/run/{at}.1")
        killed = in_a_fork(work, ordered, at)
        report = asyncio.run(work.carry(ordered))
        assert (report.state, set(work.done)) == (state, so), at
        assert all(times == 1 for times in work.done.values()), at
        told = [w.report.step for w in work.words(ordered) if isinstance(w, Closed)]
        assert told[0] == "first"
        if not killed:
            assert at > 30
            return
    raise AssertionError("it never came to its end")


def test_killed_at_some_points_a_run_ends_as_if_nothing_had_been(work):
    campaign(work, "undone", 13)


@pytest.mark.stress
@pytest.mark.parametrize("story", list(STORIES))
def test_killed_at_every_point_a_run_ends_as_if_nothing_had_been(work, story):
    campaign(work, story, 1)


@pytest.mark.stress
@pytest.mark.parametrize("when", ["act", "acted", "verify"])
def test_killed_within_an_action_the_run_goes_on(work, when):
    work.settings |= {f"{when}_first": "kill", "heals": "second"}
    argv = [sys.executable, str(ONCE), str(work.folder), "0", f"{when}_first=kill"]
    died = subprocess.run(argv, check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    until(lambda: free(work))  # what it had called ends a moment later
    work.calls = Calls(PROGRAM)
    report = asyncio.run(work.carry(order(*TWO)))
    assert report.state is RunState.HEALED
    assert work.done == {"first": 1, "second": 1}


def until(holds, seconds=30):
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def free(work):
    """Tell whether nobody acts on the target."""
    try:
        with alone_with(work.bench.state, "orders-db"):
            return True
    except TargetBusy:
        return False


def test_what_a_killed_runner_left_running_dies_with_it(work):
    hangs = work.folder / "target/hangs"
    argv = [sys.executable, str(ONCE), str(work.folder), "0", "act_first=hang"]
    with subprocess.Popen(argv) as process:
        until(lambda: hangs.exists() and hangs.read_text())
        process.kill()
    child = Path(f"/proc/{hangs.read_text()}")
    until(lambda: not child.exists() and free(work))
    assert asyncio.run(work.carry(order(*TWO))).state is RunState.NOT_HEALED
    assert work.done == {"first": 1, "second": 1}


@pytest.mark.stress
@pytest.mark.parametrize("story", list(STORIES))
def test_a_real_runner_killed_at_one_point_in_five_with_real_children(work, story):
    _, settings, state, so = STORIES[story]
    given = [f"{k}={v}" for k, v in settings.items()]
    for at in range(1, 200, 5):
        folder = work.folder / f"at-{at}"
        folder.mkdir()
        target = make_target(folder / "target") | settings
        argv = [sys.executable, str(ONCE), str(folder)]
        first = subprocess.run([*argv, str(at), story, *given], check=False, timeout=120)
        again = subprocess.run([*argv, "0", story, *given], check=False, timeout=120)
        assert again.returncode == list(RunState).index(state), at
        with closing(sqlite3.connect(target["path"])) as db:
            done = dict(db.execute("SELECT step, times FROM done").fetchall())
        assert set(done) == so, at
        if first.returncode != -signal.SIGKILL:
            assert at > 30
            return
    raise AssertionError("it never came to its end")
