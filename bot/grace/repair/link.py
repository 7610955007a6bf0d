"""The parent's end of a fork server: starts it, asks it, and ends it."""

import json
import os
import secrets
import select
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from grace.repair.wanted import RepairError

SCRIPT = Path(__file__).with_name("forkserver.py")
# What a server may take beyond its child's own limit before it counts as lost, in seconds.
SLACK = 30.0
STARTING = 120.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where tests are run: a copy of the checkout, and how pytest is called in it."""

    copy: Path
    temp: Path
    python: str
    arguments: tuple[str, ...]
    path: tuple[str, ...]
    suspects: tuple[str, ...]

    def environment(self) -> dict[str, str]:
        """Give the code its own copies first, and the same order of sets each time."""
        paths = [str(self.copy / path) for path in self.path]
        inherited = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*paths, *inherited]),
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }


@dataclass(frozen=True, slots=True)
class Result:
    """How one test ended: p(assed), f(ailed), s(kipped), t(imed out), c(rashed).

    `seconds` are the processor's, `wall` the clock's.
    """

    status: str
    seconds: float = 0.0
    error: str = ""
    blamed: tuple[tuple[str, int], ...] = ()
    wall: float = 0.0


@dataclass(frozen=True, slots=True)
class Swap:
    """Which function gets new code: its name and first line, and the top statement it is in."""

    file: str
    name: str
    first: int
    unit: str
    line: int
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """Which tests to run, each within how much processor time."""

    tests: tuple[str, ...]
    limits: tuple[float, ...]
    wall: float
    swap: Swap | None = None
    stop: bool = True
    trace: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it. `refused` says why the swap could not be made."""

    results: tuple[Result, ...]
    watch: dict[str, Any] | None = None
    refused: str = ""


@dataclass(slots=True)
class Link:
    """A running fork server and its place."""

    place: Place
    fresh: bool = False
    collected: dict[str, Any] = field(default_factory=dict)
    _process: "subprocess.Popen[bytes] | None" = None
    _log: IO[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it has collected; RepairError if it cannot."""
        self._log = (self.place.temp / f"server-{secrets.token_hex(4)}.log").open("w+b")
        self._process = subprocess.Popen(
            [self.place.python, str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=self.place.environment(),
            cwd=self.place.copy,
            start_new_session=True,
        )
        self._send(
            {
                "root": str(self.place.copy),
                "cwd": str(self.place.copy),
                "arguments": list(self.place.arguments),
                "path": [str(self.place.copy / path) for path in self.place.path],
                "suspects": list(self.place.suspects),
                "temp": str(self.place.temp / f"pytest-{secrets.token_hex(4)}"),
                "fresh": self.fresh,
            }
        )
        self.collected = self._hear(STARTING)

    def ask(self, ask: Ask) -> Answer:
        """Run tests in a child of the server. A lost server is started anew, and has crashed."""
        nonce = secrets.token_hex(16)
        request: dict[str, Any] = {
            "nonce": nonce,
            "tests": list(ask.tests),
            "limits": list(ask.limits),
            "wall": ask.wall,
            "stop": ask.stop,
            "trace": ask.trace,
            "collect": 30.0,
        }
        if ask.swap is not None:
            s = ask.swap
            request["swap"] = {"file": s.file, "name": s.name, "first": s.first}
            request["swap"] |= {"unit": s.unit, "line": s.line, "flags": s.flags}
        try:
            self._send(request)
            heard = self._hear(ask.wall + SLACK)
        except (RepairError, OSError):
            self.close()
            self.start()
            return Answer((Result("c", error="the server was lost"),))
        results = tuple(
            Result(
                str(r["status"]),
                float(r.get("seconds", 0.0)),
                str(r.get("error", "")),
                tuple((str(file), int(line)) for file, line in r.get("blamed", ())),
                float(r.get("wall", 0.0)),
            )
            for r in heard["results"]
        )
        return Answer(results, heard["watch"], str(heard["refused"]))

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _hear(self, seconds: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        data, deadline = b"", time.monotonic() + seconds
        while not data.endswith(b"\n"):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, left))
            piece = os.read(self._process.stdout.fileno(), 1 << 16) if ready else b""
            if not piece:
                raise RepairError(f"The tests cannot be run: {self._said()}")
            data += piece
        message: dict[str, Any] = json.loads(data)
        return message

    def _said(self) -> str:
        if self._log is None:
            return "nothing was said"
        self._log.seek(0)
        return self._log.read()[-600:].decode("utf-8", "replace").strip() or "nothing was said"

    def close(self) -> None:
        """End the server and all that it started."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                self._process.poll()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    try:
                        stream.close()
                    except BrokenPipeError:
                        continue
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None
