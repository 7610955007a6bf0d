"""What the tests of actions share: a bot, a forge's repository, a `grace` on the PATH, act."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from grace.localforge.runner import ActRunner
from grace.localforge.runs import JobFinished, JobLog, RunRequest

ROOT = Path(__file__).parents[2]


def _git(cwd: Path, *args: str) -> str:
    env = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": "/dev/null",
        **{
            f"GIT_{who}_{what}": "a@b.c"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    done = subprocess.run(["git", *args], cwd=cwd, env=env, capture_output=True, check=True)
    return done.stdout.decode().strip()


@dataclass
class Bot:
    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    authorization: list[str] = field(default_factory=list)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    state = Bot()

    async def token(request: web.Request) -> web.Response:
        state.authorization.append(request.headers["Authorization"])
        return web.json_response({"value": f"jwt-for-{request.query['audience']}"})

    async def results(request: web.Request) -> web.Response:
        state.authorization.append(request.headers["Authorization"])
        state.bodies.append(await request.read())
        return web.Response(status=202)

    app = web.Application()
    app.add_routes([web.get("/token", token), web.post("/ci/results", results)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    state.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield state
    await runner.cleanup()


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder for PATH with the `grace` of this checkout."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "grace").write_text(
        f"#!{sys.executable}\n"
        f"import sys\nsys.path.insert(0, {str(ROOT / 'bot')!r})\n"
        "from grace.cli import main\nmain()\n"
    )
    for file in folder.iterdir():
        file.chmod(0o755)
    return folder


@dataclass
class Repository:
    """A repository at a forge: `folder` is a work tree, `bare` what act is given."""

    root: Path
    folder: Path = field(init=False)
    bare: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder, self.bare = self.root / "work", self.root / "forge" / "acme" / "mesh.git"
        self.git("init", "-q", "-b", "main", "work", cwd=self.root)

    def git(self, *args: str, cwd: Path | None = None) -> str:
        return _git(cwd or self.folder, *args)

    def commit(self, files: dict[str, str]) -> str:
        for name, text in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a commit")
        return self.git("rev-parse", "HEAD")


@dataclass
class Ran:
    """What a run came to."""

    ends: dict[str, JobFinished]
    logs: dict[str, str]
    artifacts: Path

    @property
    def conclusions(self) -> dict[str, str]:
        return {job: end.conclusion for job, end in self.ends.items()}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture
def run(tmp_path: Path, repository: Repository, tools: Path):
    """Run `.github/workflows/ci.yml` of HEAD as for a pull request whose base is HEAD~1."""

    async def go(**env: str) -> Ran:
        repository.git("clone", "-q", "--bare", "work", str(repository.bare), cwd=tmp_path)
        head, base = repository.git("rev-parse", "HEAD", "HEAD~1").split()
        pull = {
            "number": 3,
            "head": {"sha": head, "ref": "f"},
            "base": {"sha": base, "ref": "main"},
        }
        request = RunRequest(
            repository="acme/mesh",
            bare=repository.bare,
            sha=head,
            ref="refs/pull/3/merge",
            workflow=".github/workflows/ci.yml",
            event_name="pull_request",
            event={"action": "opened", "number": 3, "pull_request": pull},
            run_id=12,
            run_attempt=1,
            actor="bob",
            env={"FORGE_GIT_URL": f"file://{tmp_path}/forge", "FORGE_TOKEN": "read-token", **env},
            log_dir=tmp_path / "logs",
            artifact_dir=tmp_path / "artifacts",
        )
        folders = {"grace-mission-control/grace": ROOT}
        runner = ActRunner(
            Path(sys.executable).parent / "act", folders, python=tools / "python", timeout_s=90
        )
        events = [event async for event in runner.run(request)]
        ends = {event.job: event for event in events if isinstance(event, JobFinished)}
        said = [event for event in events if isinstance(event, JobLog)]
        logs = {job: "\n".join(e.line for e in said if e.job == job) for job in ends}
        return Ran(ends, logs, tmp_path / "artifacts")

    return go
