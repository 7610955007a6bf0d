"""Call actions in child processes that are ended when their time is over."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from grace.runner.step import Answer, Request

PROGRAM: Final = (sys.executable, "-I", "-m", "grace.runner.step")
GRACE_S: Final = 2.0  # behind its deadline, in which an action may still end by itself
_KEPT: Final = ("PATH", "HOME")
_MOST_STDERR: Final = 2000


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A call ended without a word; what it was to do may be done, half done or not done."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Calls:
    """How actions are called. `program`: what answers a `Request`.

    It gets of our environment where programs and the user's own settings are, and nothing else.
    """

    program: Sequence[str] = PROGRAM
    environment: Mapping[str, str] = field(default_factory=dict)

    async def call(
        self, request: Request, seconds: float, log: Path, lock: int
    ) -> Answer | Unanswered:
        """Call an action and wait for its answer, so long; its noise goes to the file `log`."""
        kept = {name: self.environment[name] for name in _KEPT if name in self.environment}
        with log.open("ab") as noise:
            start = noise.tell()
            process = await asyncio.create_subprocess_exec(
                *self.program,
                stdin=PIPE,
                stdout=PIPE,
                stderr=noise,
                env={**kept, "LANG": "C.UTF-8"},
                start_new_session=True,
                pass_fds=(lock,),
            )
        said = await _said(process, request.model_dump_json().encode(), seconds + GRACE_S)
        if said is None:
            return Unanswered(f"it took longer than {seconds:g} s and was ended")
        try:
            return Answer.model_validate_json(said)
        except ValidationError:
            return Unanswered(_why(process.returncode, log, start))


async def _said(process: Process, request: bytes, seconds: float) -> bytes | None:
    """Return what a process says before it ends; None: it was ended. Its whole group ends."""
    try:
        out, _ = await asyncio.wait_for(process.communicate(request), seconds)
    except TimeoutError:
        return None
    else:
        return out
    finally:
        _end_group(process.pid)
        await process.wait()


def _end_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # nobody of it is left


def _why(code: int | None, log: Path, start: int) -> str:
    """Say why there is no answer, by the last line of the noise."""
    with log.open("rb") as noise:
        noise.seek(max(start, noise.seek(0, os.SEEK_END) - _MOST_STDERR))
        lines = noise.read().decode("utf-8", "replace").strip().splitlines()
    last = lines[-1].strip()[:300] if lines else "it said nothing"
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    return f"the action's process ended with {how}: {last}"
