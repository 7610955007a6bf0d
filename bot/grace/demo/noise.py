"""Noise that a healthy service has to stand: bursts, clients on slow lines, short pauses.

Everything is drawn from one seed; when it happens depends on the machine, as in life.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from grace.demo.traffic import Traffic, TrafficSpec

Pid = Callable[[], int | None]
_BODY_BYTES = 48 * 1024
_ANSWER_S = 5.0


@dataclass(frozen=True, slots=True)
class NoiseSpec:
    """How noisy it is; each pair is the least and the most.

    Bursts are traffic on top (`burst_rate` in events a second), a slow client needs `slow_s` to
    send its event, and in a pause the process does not run at all, as while memory is collected.
    """

    url: str
    seed: int
    burst_every_s: tuple[float, float] = (4, 12)
    burst_s: tuple[float, float] = (0.5, 2)
    burst_rate: float = 80
    slow_every_s: tuple[float, float] = (1, 4)
    slow_s: tuple[float, float] = (0.1, 0.6)
    pause_every_s: tuple[float, float] = (2, 6)
    pause_s: tuple[float, float] = (0.02, 0.12)


@asynccontextmanager
async def noise(spec: NoiseSpec, pid: Pid) -> AsyncIterator[None]:
    """Make noise at a service until it is over here; `pid` names its process now, if it runs."""
    kinds = (_bursts(spec), _slow_clients(spec), _pauses(spec, pid))
    tasks = [asyncio.create_task(kind) for kind in kinds]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    faults = [e for e in ends if isinstance(e, Exception)]
    if faults:
        raise faults[0]


def _dice(spec: NoiseSpec, kind: str) -> random.Random:
    return random.Random(f"{spec.seed}/{kind}")  # noqa: S311  # shapes a load, guards nothing


async def _bursts(spec: NoiseSpec) -> None:
    dice = _dice(spec, "bursts")
    while True:
        await asyncio.sleep(dice.uniform(*spec.burst_every_s))
        burst = TrafficSpec(spec.url, rate=spec.burst_rate, seed=dice.getrandbits(32))
        async with Traffic(burst):
            await asyncio.sleep(dice.uniform(*spec.burst_s))


async def _slow_clients(spec: NoiseSpec) -> None:
    dice = _dice(spec, "slow")
    while True:
        await asyncio.sleep(dice.uniform(*spec.slow_every_s))
        event = {"id": f"slow-{dice.getrandbits(64):016x}", "topic": "billing.due"}
        body = json.dumps({**event, "payload": "x" * _BODY_BYTES}).encode()
        with contextlib.suppress(OSError, TimeoutError):  # a service that is down has no clients
            await _send_slowly(spec.url, body, dice.uniform(*spec.slow_s))


async def _send_slowly(url: str, body: bytes, seconds: float) -> None:
    """Send half of an event, wait, send the rest, and hear the answer."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        head = f"POST /events HTTP/1.1\r\nHost: mesh\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body[: len(body) // 2])
        await writer.drain()
        await asyncio.sleep(seconds)
        writer.write(body[len(body) // 2 :])
        async with asyncio.timeout(_ANSWER_S):
            await reader.read()
    finally:
        writer.close()


async def _pauses(spec: NoiseSpec, pid: Pid) -> None:
    dice = _dice(spec, "pauses")
    while True:
        await asyncio.sleep(dice.uniform(*spec.pause_every_s))
        paused = pid()
        if paused is None:
            continue
        try:
            with contextlib.suppress(ProcessLookupError):  # it ended: nothing to pause
                os.kill(paused, signal.SIGSTOP)
            await asyncio.sleep(dice.uniform(*spec.pause_s))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(paused, signal.SIGCONT)
