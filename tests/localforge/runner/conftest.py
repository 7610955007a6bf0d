import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from grace.localforge.runner import ActRunner
from grace.localforge.runs import JobFinished, JobLog, RunEvent, RunRequest


def git(*args: str, cwd: Path) -> str:
    env = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.com",
    }
    done = subprocess.run(["git", *args], cwd=cwd, env=env, capture_output=True, check=True)
    return done.stdout.decode().strip()


@dataclass
class Repository:
    """A bare repository with one commit of one workflow, and requests to run it."""

    root: Path
    sha: str = ""
    bare: Path = field(init=False)

    def __post_init__(self) -> None:
        self.bare = self.root / "forge" / "acme" / "mesh.git"

    def commit(self, workflow: str, files: dict[str, str] | None = None) -> str:
        work = self.root / "work"
        git("init", "-q", "-b", "main", str(work), cwd=self.root)
        for name, text in {".github/workflows/ci.yml": workflow, **(files or {})}.items():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git("add", "-A", cwd=work)
        git("commit", "-q", "-m", "first", cwd=work)
        self.sha = git("rev-parse", "HEAD", cwd=work)
        git("clone", "-q", "--bare", str(work), str(self.bare), cwd=self.root)
        return self.sha

    def request(self, run_id: int = 7, **env: str) -> RunRequest:
        pull = {"number": 3, "head": {"sha": self.sha, "ref": "f"}, "base": {"ref": "main"}}
        return RunRequest(
            repository="acme/mesh",
            bare=self.bare,
            sha=self.sha,
            ref="refs/pull/3/merge",
            workflow=".github/workflows/ci.yml",
            event_name="pull_request",
            event={"action": "opened", "number": 3, "pull_request": pull},
            run_id=run_id,
            run_attempt=2,
            actor="bob",
            env={
                "FORGE_GIT_URL": f"file://{self.root}/forge",
                "FORGE_TOKEN": "read-token-1234",
                "GITHUB_SERVER_URL": "http://127.0.0.1:9",
                **env,
            },
            log_dir=self.root / "logs",
            artifact_dir=self.root / "artifacts",
        )


@dataclass
class Outcome:
    events: list[RunEvent]

    @property
    def conclusions(self) -> dict[str, str]:
        return {job: finished.conclusion for job, finished in self.finished.items()}

    @property
    def finished(self) -> dict[str, JobFinished]:
        found = [event for event in self.events if isinstance(event, JobFinished)]
        assert len({event.job for event in found}) == len(found), "a job finished twice"
        return {event.job: event for event in found}

    def log(self, job: str) -> str:
        return "\n".join(e.line for e in self.events if isinstance(e, JobLog) and e.job == job)

    def json(self, job: str, mark: str) -> dict[str, str]:
        line = next(line for line in self.log(job).splitlines() if line.startswith(mark))
        value: dict[str, str] = json.loads(line.removeprefix(mark))
        return value


async def collect(runner: ActRunner, request: RunRequest) -> Outcome:
    return Outcome([event async for event in runner.run(request)])


@pytest.fixture
def run() -> Callable[[ActRunner, RunRequest], Awaitable[Outcome]]:
    return collect


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture(scope="session")
def act() -> Path:
    return Path(sys.executable).parent / "act"


@pytest.fixture
def make_runner(act: Path) -> Callable[..., ActRunner]:
    def make(**options: object) -> ActRunner:
        settings: dict[str, object] = {"python": Path(sys.executable), "timeout_s": 30.0}
        return ActRunner(act, options.pop("actions", {}), **{**settings, **options})  # type: ignore[arg-type]

    return make
