"""The faults of the drills: changes that no test sees, and the remedies that are kept for them."""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grace.demo.service import patch_text, write_template


@dataclass(frozen=True, slots=True)
class Fault:
    """A change that breaks the live service, though the tests pass.

    `message` is the commit's; `what`: what it does to the service; `metrics`: where it shows.
    """

    name: str
    message: str
    what: str
    metrics: tuple[str, ...]

    @property
    def diff(self) -> str:
        return patch_text(f"drill_{self.name}")

    def remedy(self, diff: str) -> dict[str, Any]:
        """Write what is kept for it in `remedies.yaml`."""
        return {
            "name": f"undo-{self.name}",
            "description": f"Takes back: {self.message}",
            "metrics": list(self.metrics),
            "diff": diff,
        }


LATENCY = Fault(
    name="latency",
    message="Ask the registry whose device it is",
    what="every event of a device waits 300 ms for a registry",
    metrics=("trigger_mesh.latency_p95",),
)
ERRORS = Fault(
    name="errors",
    message="Find the region of a device by its number",
    what="events of a quarter of the devices are answered with 500",
    metrics=("error_rate",),
)
LEAK = Fault(
    name="leak",
    message="Keep what devices say for the replay",
    what="each event of a device leaves 128 KB in memory for good",
    metrics=("trigger_mesh.memory",),
)
LOCK = Fault(
    name="lock",
    message="Remember when a device was heard of",
    what="the first event of a device takes the lock twice, and nothing is delivered any more",
    metrics=("trigger_mesh.in_flight",),
)
CRASH = Fault(
    name="crash",
    message="Begin anew when there are too many devices",
    what="after 100 devices the process ends, and nothing starts it again",
    metrics=("trigger_mesh.up",),
)
FAULTS = (LATENCY, ERRORS, LEAK, LOCK, CRASH)


def write_healthy(folder: Path) -> None:
    """Write the demo's service as it is after its story: with the fix of its slow delivery."""
    write_template(folder)
    apply(folder, patch_text("right"))


def write_faulty(folder: Path, fault: Fault) -> None:
    """Write the healthy service with a fault."""
    write_healthy(folder)
    apply(folder, fault.diff)


def apply(folder: Path, diff: str) -> None:
    """Apply a diff to the files below a folder, a work tree or not."""
    _git(folder, "apply", "-", given=diff)


def remedy_of(fault: Fault) -> dict[str, Any]:
    """Write the remedy of a fault: a diff that leads from the faulty service to the healthy one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_faulty(folder, fault)
        _git(folder, "init", "--quiet", "-b", "main")
        _git(folder, "add", "--all")
        _git(folder, "apply", "-R", "-", given=fault.diff)
        return fault.remedy(_git(folder, "diff"))


def _git(folder: Path, *args: str, given: str | None = None) -> str:
    # A repository that the folder lies in by chance is none of ours, nor is anybody's taste.
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_CEILING_DIRECTORIES": str(folder.resolve().parent),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    command = ["git", *args]
    done = subprocess.run(
        command, cwd=folder, env=env, input=given, check=True, capture_output=True, text=True
    )
    return done.stdout
