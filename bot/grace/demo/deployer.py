"""The demo's deployer: whatever lands on the base branch goes live, and the forge is told.

It knows the forge's REST API for deployments and git, and nothing of Grace.
"""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

import httpx
import structlog

from grace.demo.remote_git import GitFailed, git
from grace.demo.service import NotHealthy, ServiceProcess, ServiceSpec

_CALL_TIMEOUT_S = 30.0
_DESCRIPTION_LIMIT = 140  # GitHub's limit for a deployment status

State = Literal["in_progress", "success", "failure"]


class DeployError(Exception):
    """Git or the forge refused; the message says which command or request, and why."""


@dataclass(frozen=True, slots=True)
class DeployerConfig:
    """Where the commits come from, where the service goes, and who is told.

    `api_url` is the REST root without a slash at its end, `git_url` the clone URL, `work` a
    folder of the deployer's own, `python` what runs the service, `port` where it is always found.
    """

    api_url: str
    git_url: str
    repository: str
    token: str = field(repr=False)
    work: Path
    python: Path
    port: int
    branch: str = "main"
    environment: str = "production"
    health_timeout_s: float = 10.0
    poll_interval_s: float = 0.3

    @property
    def data(self) -> Path:
        """Return the folder of what outlives a release."""
        return self.work / "data"

    @property
    def public_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Deployed:
    """One attempt to put a commit into production, as the forge knows it too."""

    sha: str
    deployment_id: int
    state: Literal["success", "failure"]
    description: str
    at: datetime


class Deployer:
    """Runs the one production process of the demo. Use as `async with`; watch() in a task."""

    def __init__(
        self, config: DeployerConfig, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.config = config
        self._clock = clock
        self._lock = asyncio.Lock()
        self._changed = asyncio.Condition()
        self._history: list[Deployed] = []
        self._live: ServiceProcess | None = None
        self._http = httpx.AsyncClient(
            headers={
                "Authorization": f"Bearer {config.token}",
                "Accept": "application/vnd.github+json",
                "User-Agent": "trigger-mesh-deployer",
            },
            timeout=_CALL_TIMEOUT_S,
            trust_env=False,
        )
        self._log = structlog.get_logger("deployer").bind(repository=config.repository)

    @property
    def history(self) -> tuple[Deployed, ...]:
        """Every finished deployment, oldest first."""
        return tuple(self._history)

    @property
    def live_sha(self) -> str | None:
        """The commit that serves now; None when nothing does."""
        return self._live.spec.version if self._live and self._live.running else None

    @property
    def live_pid(self) -> int | None:
        """The process that serves now; None when nothing does."""
        return self._live.pid if self._live and self._live.running else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop the service and hang up; can be called twice."""
        try:
            if self._live is not None:
                await self._live.stop()
        finally:
            self._live = None
            await self._http.aclose()

    async def wait_for(self, sha: str) -> Deployed:
        """Wait until this commit's latest deployment has ended, well or not."""
        async with self._changed:
            while True:
                for each in reversed(self._history):
                    if each.sha == sha:
                        return each
                await self._changed.wait()

    async def watch(self) -> None:
        """Deploy every new tip of the base branch until cancelled.

        A forge that cannot be reached, or refuses, is logged and asked again at the next poll.
        """
        last: str | None = None
        while True:
            try:
                tip = await self.tip()
                if tip is not None and tip != last:
                    await self.deploy(tip)
                    last = tip
            except (DeployError, httpx.HTTPError) as error:
                self._log.warning("deploy_poll_failed", error=str(error))
            await asyncio.sleep(self.config.poll_interval_s)

    async def tip(self) -> str | None:
        """Read the base branch's commit from the forge; None while there is no such branch."""
        ref = f"refs/heads/{self.config.branch}"
        lines = await self._git("ls-remote", self.config.git_url, ref)
        return lines.split()[0] if lines.strip() else None

    async def deploy(self, sha: str) -> Deployed:
        """Replace the running version by this commit, and report it to the forge.

        A version that never gets healthy is reported as a failure, and the one before it is
        started again. Raise DeployError if the commit or the forge cannot be had; the running
        version is left alone then.
        """
        async with self._lock:
            deployment_id = await self._create(sha)
            await self._report(deployment_id, "in_progress", f"starting {sha[:12]}")
            try:
                checkout = await self._checkout(sha)
                await self._replace(sha, checkout)
            except (DeployError, NotHealthy) as error:
                reason = error.reason if isinstance(error, NotHealthy) else str(error)
                return await self._finish(sha, deployment_id, "failure", reason)
            return await self._finish(sha, deployment_id, "success", f"{sha[:12]} is live")

    async def _replace(self, sha: str, checkout: Path) -> None:
        config = self.config
        log = config.work / "logs" / f"{sha[:12]}.log"
        config.data.mkdir(parents=True, exist_ok=True)
        spec = ServiceSpec(checkout, config.python, config.port, sha, log, data=config.data)
        before, self._live = self._live, None
        if before is not None:
            await before.stop()
        fresh = ServiceProcess(spec)
        try:
            await fresh.start(config.health_timeout_s)
        except NotHealthy:
            if before is not None:
                await before.start(config.health_timeout_s)
                self._live = before
            raise
        self._live = fresh

    async def _finish(
        self, sha: str, deployment_id: int, state: Literal["success", "failure"], text: str
    ) -> Deployed:
        await self._report(deployment_id, state, text)
        done = Deployed(sha, deployment_id, state, text, self._clock())
        async with self._changed:
            self._history.append(done)
            self._changed.notify_all()
        self._log.info("deployed", sha=sha, state=state, description=text)
        return done

    async def _create(self, sha: str) -> int:
        body = {
            "ref": sha,
            "environment": self.config.environment,
            "production_environment": True,
            "auto_merge": False,
            "required_contexts": [],
            "description": f"{self.config.branch} at {sha[:12]}",
        }
        made = await self._post("deployments", body)
        deployment_id = made.get("id")
        if not isinstance(deployment_id, int):
            raise DeployError("POST deployments: the forge answered without an id")
        return deployment_id

    async def _report(self, deployment_id: int, state: State, description: str) -> None:
        body = {
            "state": state,
            "description": description[:_DESCRIPTION_LIMIT],
            "environment_url": self.config.public_url,
            "auto_inactive": True,
        }
        await self._post(f"deployments/{deployment_id}/statuses", body)

    async def _post(self, path: str, body: dict[str, object]) -> dict[str, object]:
        url = f"{self.config.api_url}/repos/{self.config.repository}/{path}"
        answer = await self._http.post(url, json=body)
        if answer.status_code != httpx.codes.CREATED:
            text = answer.text[:300]
            raise DeployError(f"POST {path}: the forge answered {answer.status_code}: {text}")
        made = answer.json()
        if not isinstance(made, dict):
            raise DeployError(f"POST {path}: the forge answered with something else than an object")
        return made

    async def _checkout(self, sha: str) -> Path:
        folder = self.config.work / "releases" / sha
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        await self._git("init", "--quiet", "-b", "release", cwd=folder)
        await self._git("fetch", "--quiet", "--depth=1", self.config.git_url, sha, cwd=folder)
        await self._git("checkout", "--quiet", "--detach", "FETCH_HEAD", cwd=folder)
        return folder

    async def _git(self, *args: str, cwd: Path | None = None) -> str:
        try:
            return await git(self.config.token, *args, cwd=cwd)
        except GitFailed as error:
            raise DeployError(str(error)) from error
