"""Reading act's lines of JSON as they come."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping

from grace.localforge.runner.errors import RunnerError

LINE_LIMIT = 8 * 1024 * 1024
_TICK_S = 0.25


def record(line: bytes) -> Mapping[str, object]:
    """Return one of act's records; a line that is none counts for nothing."""
    try:
        value: object = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


async def lines(process: asyncio.subprocess.Process) -> AsyncGenerator[bytes, None]:
    """Yield act's lines, and an empty one whenever it is silent for a moment.

    Ends when act has ended and its pipe is drained, or silent: a process that escaped may hold
    the pipe open.
    """
    stream = process.stdout
    if stream is None:
        raise RunnerError("act has no output to read")
    reading = asyncio.ensure_future(stream.readline())
    try:
        while True:
            done, _ = await asyncio.wait((reading,), timeout=_TICK_S)
            if not done:
                if process.returncode is not None:
                    return
                yield b""
                continue
            line = _read(reading)
            if line == b"":
                return
            reading = asyncio.ensure_future(stream.readline())
            yield line
    finally:
        reading.cancel()


def _read(reading: asyncio.Future[bytes]) -> bytes:
    """Return the line that was read; one beyond the limit is passed over."""
    try:
        return reading.result()
    except ValueError:
        return b"\n"
