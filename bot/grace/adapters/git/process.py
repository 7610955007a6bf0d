"""Run the `git` binary: nothing of the machine's configuration, bounded in time and output."""

import asyncio
import base64
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grace.adapters.git.classify import classify, scrub
from grace.adapters.git.errors import GitTimeout, OutputTooLarge

_CHUNK = 65536
_STDERR_KEPT = 65536
_REAP_SECONDS = 5.0

# Old commits and trees carry these cosmetic faults in many honest repositories.
_TOLERATED_FAULTS = (
    "zeroPaddedFilemode",
    "badTimezone",
    "missingSpaceBeforeDate",
    "missingNameBeforeEmail",
    "badName",
    "missingEmail",
    "badEmail",
)

_CONFIG: tuple[tuple[str, str], ...] = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("credential.helper", ""),
    ("transfer.fsckObjects", "true"),
    *((f"fetch.fsck.{fault}", "ignore") for fault in _TOLERATED_FAULTS),
    ("fetch.recurseSubmodules", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    # A redirect would carry the Authorization header elsewhere.
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "30"),
    ("merge.renames", "false"),
    ("merge.directoryRenames", "false"),
    ("init.defaultBranch", "main"),
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Name and token for HTTP Basic; never part of a URL, an argument list or an error."""

    username: str
    token: str = field(repr=False)

    @property
    def header(self) -> str:
        return f"Authorization: Basic {self._basic}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """List every form of the token that a text could leak."""
        return (self._basic, self.token)

    @property
    def _basic(self) -> str:
        return base64.b64encode(f"{self.username}:{self.token}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Call:
    """What one command needs besides its arguments; None means the runner's own limit."""

    repository: Path | None = None
    index: Path | None = None
    stdin: bytes = b""
    credentials: Credentials | None = None
    accept: tuple[int, ...] = (0,)
    timeout: float | None = None
    max_output: int | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Return standard output as text without the final newline."""
        return self.stdout.decode("utf-8", "replace").rstrip("\n")


@dataclass(frozen=True, slots=True)
class Git:
    """Run git commands; `environment` adds variables such as HTTPS_PROXY or GIT_SSL_CAINFO."""

    binary: str = "git"
    timeout: float = 120.0
    max_output: int = 32 * 1024 * 1024
    environment: Mapping[str, str] = field(default_factory=dict)

    async def run(self, args: Sequence[str], call: Call) -> Completed:
        """Run `git ARGS`; raise the classified GitError unless its exit code is accepted."""
        seconds = self.timeout if call.timeout is None else call.timeout
        process = await asyncio.create_subprocess_exec(
            self.binary,
            *args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=call.repository or "/",
            env=self._environment(call),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(seconds):
                stdout, stderr = await self._talk(process, args[0], call)
                code = await process.wait()
        except BaseException as error:
            await _end(process)
            if isinstance(error, TimeoutError):
                raise GitTimeout(args[0], seconds) from error
            raise
        secrets = call.credentials.secrets if call.credentials else ()
        completed = Completed(code, stdout, scrub(stderr.decode("utf-8", "replace"), secrets))
        if code not in call.accept:
            raise classify(args[0], code, completed.stderr)
        return completed

    async def _talk(
        self, process: asyncio.subprocess.Process, command: str, call: Call
    ) -> tuple[bytes, bytes]:
        limit = self.max_output if call.max_output is None else call.max_output
        stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
        if stdin is None or stdout is None or stderr is None:
            raise RuntimeError("the process was started without pipes")
        _, out, err = await asyncio.gather(
            _feed(stdin, call.stdin), _read(process, stdout, limit), _read_ends(stderr)
        )
        if len(out) > limit:
            raise OutputTooLarge(command, limit)
        return out, err

    def _environment(self, call: Call) -> dict[str, str]:
        config = [*_CONFIG]
        if call.credentials is not None:
            config.append(("http.extraHeader", call.credentials.header))
        environment = {
            **self.environment,
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "file:http:https",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_CONFIG_COUNT": str(len(config)),
        }
        for number, (key, value) in enumerate(config):
            environment[f"GIT_CONFIG_KEY_{number}"] = key
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        if call.repository is not None:
            environment["GIT_DIR"] = str(call.repository)
        if call.index is not None:
            environment["GIT_INDEX_FILE"] = str(call.index)
        return environment


async def _feed(stream: asyncio.StreamWriter, data: bytes) -> None:
    # A process that ends before it has read everything says why by its exit code.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stream.write(data)
        await stream.drain()
    stream.close()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await stream.wait_closed()


async def _read(
    process: asyncio.subprocess.Process, stream: asyncio.StreamReader, limit: int
) -> bytes:
    """Read to the end; past `limit` kill the process and keep one byte more than allowed."""
    kept = bytearray()
    while chunk := await stream.read(_CHUNK):
        kept += chunk[: limit + 1 - len(kept)]
        if len(kept) > limit:
            _kill(process)
    return bytes(kept)


async def _read_ends(stream: asyncio.StreamReader) -> bytes:
    """Read everything, keep the first and the last part."""
    first, last = bytearray(), b""
    while chunk := await stream.read(_CHUNK):
        if len(first) < _STDERR_KEPT:
            first += chunk
        else:
            last = (last + chunk)[-_STDERR_KEPT:]
    return bytes(first) + last


def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill the whole process group: transports and what outlived the leader included."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill and reap. `wait` ends only when every pipe has, so they are closed and drained."""
    _kill(process)
    if process.stdin is not None and not process.stdin.is_closing():
        process.stdin.transport.abort()
    # A grandchild that left the group could hold a pipe open: then it is not waited for.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_REAP_SECONDS):
            await asyncio.gather(
                *(_read_ends(stream) for stream in (process.stdout, process.stderr) if stream),
                process.wait(),
            )
