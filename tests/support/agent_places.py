"""Small repositories for agents, and tasks about them."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from grace.agents import Place
from grace.domain.package import AcceptanceCriteria, MissionPackage, Symptom
from grace.domain.phase import Severity, Status
from grace.domain.proposals import AgentTask, Budget

WRONG = "def add(a, b):\n    return a - b\n"
RIGHT = "def add(a, b):\n    return a + b\n"
CHECK = "from calc import add\n\nassert add(2, 3) == 5\n"
TEST = "python3 check.py"
FIX = "sed -i 's/a - b/a + b/' calc.py"


def git(root: Path, *args: str) -> str:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{who}_{what}": "a@b.c"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    done = subprocess.run(
        ["git", *args], cwd=root, env=env, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(root: Path, files: dict[str, str | None], message: str = "change") -> str:
    """Write files, None to remove one, commit them, and return the commit."""
    for name, text in files.items():
        path = root / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)
    return git(root, "rev-parse", "HEAD")


def repository(root: Path, files: dict[str, str | None] | None = None) -> str:
    """Make a repository of one commit: a function that is wrong, and a check that says so."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    return commit(root, files if files is not None else {"calc.py": WRONG, "check.py": CHECK})


def task(base: str, agent: str = "fixer", symptom: str = "add is wrong", **more) -> AgentTask:
    mission = MissionPackage(
        mission_id="mission_20261122_001",
        subsystem_id="calc",
        severity=Severity.LOW,
        status=Status.IN_PROGRESS,
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
        symptoms=(Symptom(description=symptom),),
        acceptance_criteria=AcceptanceCriteria(),
    )
    more.setdefault("budget", Budget(minutes=1))
    return AgentTask(
        request="mission_20261122_001/ask/1", agent=agent, mission=mission, base=base, **more
    )


def place(root: Path, test: str | None = TEST, **more) -> Place:
    return Place(checkout=root, test=test, **more)
