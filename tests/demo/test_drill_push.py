"""How a fault gets to main: as a commit of somebody's, pushed with a token."""

import subprocess
from pathlib import Path

import pytest

from grace.demo.faults import CRASH, FAULTS, write_faulty, write_healthy
from grace.demo.remote_git import GitFailed, commit_diff


def run(folder: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """Make a repository whose main is the healthy service."""
    source = tmp_path / "source"
    write_healthy(source)
    run(source, "init", "--quiet", "-b", "main")
    run(source, "add", "--all")
    run(source, "-c", "user.name=Ann", "-c", "user.email=a@example.org", "commit", "-qm", "first")
    run(tmp_path, "clone", "--quiet", "--bare", str(source), "origin.git")
    return tmp_path / "origin.git"


async def test_a_fault_is_a_commit_of_its_author_on_main(origin: Path, tmp_path: Path) -> None:
    commit = ("alice", CRASH.message, CRASH.diff)
    sha = await commit_diff(tmp_path / "work", origin.as_uri(), "a-token", commit)
    assert run(origin, "rev-parse", "main") == sha
    assert run(origin, "log", "-1", "--format=%an: %s", "main") == f"alice: {CRASH.message}"
    write_faulty(tmp_path / "wanted", CRASH)
    changed = "trigger_mesh/delivery.py"
    assert (
        run(origin, "show", f"main:{changed}")
        == (tmp_path / "wanted" / changed).read_text().strip()
    )


async def test_a_diff_that_does_not_apply_changes_nothing(origin: Path, tmp_path: Path) -> None:
    before = run(origin, "rev-parse", "main")
    commit = ("alice", "nonsense", FAULTS[0].diff.replace("deque", "queue"))
    with pytest.raises(GitFailed, match="git apply: error: patch failed"):
        await commit_diff(tmp_path / "work", origin.as_uri(), "a-token", commit)
    assert run(origin, "rev-parse", "main") == before
