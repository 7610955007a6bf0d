"""Where the demo's tools are: act, the interpreter, and the composite actions that ship with us."""

import shutil
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from grace.localforge.runner import ActRunner

ACTIONS_REPOSITORY = "grace-mission-control/grace"


class ToolMissing(Exception):
    """Something the demo needs is not installed; the message says how to get it."""


def python_path() -> Path:
    """Return the interpreter that runs us; its folder holds `grace` and what it installed."""
    return Path(sys.executable)


def find_act() -> Path:
    """Find `act` beside the interpreter or on PATH."""
    beside = python_path().parent / "act"
    found = str(beside) if beside.exists() else shutil.which("act")
    if found is None:
        raise ToolMissing("act is missing: pip install 'grace-mission-control[forge,ci]'")
    return Path(found)


def actions_folder() -> Path:
    """Find the folder that holds `actions/`: in the wheel, or in the checkout."""
    packaged = Path(str(resources.files("grace"))) / "_actions"
    if packaged.is_dir():
        return packaged
    checkout = Path(str(resources.files("grace"))).parent.parent
    if (checkout / "actions").is_dir():
        return checkout
    raise ToolMissing("the composite actions are missing: install the package again")


def make_runner(hidden: Sequence[Path]) -> ActRunner:
    """Make the runner of real workflows."""
    return ActRunner(
        find_act(),
        {ACTIONS_REPOSITORY: actions_folder()},
        python=python_path(),
        timeout_s=600,
        hidden=[path.resolve() for path in hidden],
    )
