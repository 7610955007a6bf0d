"""The demo's service: its source, and one running process of it."""

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Self

import httpx

_SKIPPED = frozenset({"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache"})
_HEALTH_INTERVAL_S = 0.05
_STOP_TIMEOUT_S = 5.0


class NotHealthy(Exception):
    """The service ended, or answered no health check in time; `log` is the tail of its output."""

    def __init__(self, reason: str, log: str = "") -> None:
        super().__init__(f"{reason}\n{log}" if log else reason)
        self.reason = reason
        self.log = log


def template_files() -> Mapping[str, bytes]:
    """Read the demo repository's first commit: path to content."""
    root = resources.files("grace.demo") / "template"
    return {path: node.read_bytes() for path, node in _walk(root, "")}


def write_template(folder: Path) -> None:
    """Write the demo repository's files below a folder, which is made if need be."""
    for path, content in template_files().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def patch_text(name: str) -> str:
    """Read a patch that ships with the demo, by its name."""
    return (resources.files("grace.demo") / "patches" / f"{name}.patch").read_text("utf-8")


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for node in sorted(folder.iterdir(), key=lambda each: each.name):
        if node.name in _SKIPPED:
            continue
        if node.is_dir():
            yield from _walk(node, f"{prefix}{node.name}/")
        else:
            yield f"{prefix}{node.name}", node


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """What to run: a checkout of the service, where it listens and what it calls its version.

    `data`: the folder for what outlives a release, which exists.
    """

    checkout: Path
    python: Path
    port: int
    version: str
    log: Path
    host: str = "127.0.0.1"
    argv: tuple[str, ...] = ("-m", "trigger_mesh")
    data: Path | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@dataclass(slots=True)
class ServiceProcess:
    """One running service in a process group of its own."""

    spec: ServiceSpec
    _process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    async def start(self, timeout_s: float = 10.0) -> None:
        """Start it and wait until /healthz answers with this version; NotHealthy if it never does.

        Nothing is left running after a failure or a cancellation.
        """
        spec = self.spec
        spec.log.parent.mkdir(parents=True, exist_ok=True)
        env = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONDONTWRITEBYTECODE": "1"}
        env |= {"HOST": spec.host, "PORT": str(spec.port), "VERSION": spec.version}
        env |= {} if spec.data is None else {"DATA_DIR": str(spec.data)}
        with spec.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                spec.python,
                *spec.argv,
                cwd=spec.checkout,
                env=env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(timeout_s):
                await self._wait_healthy(self._process)
        except TimeoutError as error:
            await self.stop()
            reason = f"no answer from {spec.url}/healthz within {timeout_s:g} s"
            raise NotHealthy(reason, self._log_tail()) from error
        except BaseException:
            await self.stop()
            raise

    async def _wait_healthy(self, process: asyncio.subprocess.Process) -> None:
        async with httpx.AsyncClient(timeout=1.0, trust_env=False) as client:
            while True:
                if process.returncode is not None:
                    reason = f"the service ended with status {process.returncode}"
                    raise NotHealthy(reason, self._log_tail())
                if await _version(client, self.spec.url) == self.spec.version:
                    return
                await asyncio.sleep(_HEALTH_INTERVAL_S)

    async def stop(self) -> None:
        """End the whole process group, politely at first; do nothing when it has ended."""
        process = self._process
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        try:
            await asyncio.wait([asyncio.ensure_future(process.wait())], timeout=_STOP_TIMEOUT_S)
        finally:
            # Also takes children that outlived the leader, and the leader when time ran out.
            _signal_group(process.pid, signal.SIGKILL)
            self._process = None
        await process.wait()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def _log_tail(self) -> str:
        return self.spec.log.read_text("utf-8", errors="replace")[-2000:].strip()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


async def _version(client: httpx.AsyncClient, url: str) -> str | None:
    try:
        answer = await client.get(f"{url}/healthz")
        body = answer.json() if answer.status_code == httpx.codes.OK else None
    except (httpx.TransportError, ValueError):
        return None  # not up yet: what the caller waits for
    return body.get("version") if isinstance(body, dict) else None


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return  # ended already, which is what the signal asks for
