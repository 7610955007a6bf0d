"""Carry one run out with real child processes, in a process that may end at a point.

`runner_once.py FOLDER POINT STORY [SETTING=VALUE ...]`: the exit code is the number of the run's
state. POINT 0: it ends nowhere by itself.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from grace.domain.playbooks.action import TargetKind
from grace.domain.playbooks.run import RunState
from grace.runner.calling import Calls
from grace.runner.carry import Bench, ByHand, Errand, carry_out
from grace.runner.errors import TargetBusy
from grace.runner.journal import open_state
from grace.runner.targets import Target
from support.fake_actions import PROGRAM
from support.playbooks import SPECS, order, step

FIRST = step("first")
SECOND = {"stopped": step("second", on_failure="stop")}


async def told(_report):
    """Report to nobody."""


def carried(folder, point, story, settings):
    left = point

    def at(_name):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    bench = Bench("db-1", open_state(folder / "state"), Calls(PROGRAM), SPECS, at=at)
    ordered = order(FIRST, SECOND.get(story, step("second")))
    target = Target("orders-db", TargetKind.SQLITE, settings)
    for _ in range(500):
        try:
            return asyncio.run(carry_out(bench, Errand(ordered, ByHand(), told), target))
        except TargetBusy:
            time.sleep(0.02)  # what a killed one had called ends a moment later
    raise TimeoutError


if __name__ == "__main__":
    folder, point, *more = sys.argv[1:]
    story = next((each for each in more if "=" not in each), "healed")
    settings = dict(each.split("=", 1) for each in more if "=" in each)
    settings |= {"path": str(Path(folder) / "target/target.db"), "name": "orders"}
    report = carried(Path(folder), int(point), story, settings)
    sys.exit(list(RunState).index(report.state))
