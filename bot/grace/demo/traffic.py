"""Live traffic: what the demo's service gets in production, which is not what its load test sends.

One event in eight is an order or a bill on a hot topic; the others come from devices, each of
which has a topic of its own, and there are thousands of devices.
"""

import asyncio
import itertools
import random
from dataclasses import dataclass, replace
from typing import Self

import aiohttp

HOT_TOPICS = ("orders.created", "orders.paid", "orders.shipped", "billing.due")
_SERVER_ERROR = 500
_CLIENT_ERROR = 400


@dataclass(frozen=True, slots=True)
class TrafficSpec:
    """Where to send, how much, and how mixed. `rate` is in events a second."""

    url: str
    rate: float = 40.0
    hot_share: float = 0.12
    devices: int = 5000
    in_flight: int = 64
    timeout_s: float = 10.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the events sent so far; `unreachable` is no verdict on the service."""

    sent: int = 0
    accepted: int = 0
    refused: int = 0
    failed: int = 0
    unreachable: int = 0
    shed: int = 0

    @property
    def answered(self) -> int:
        return self.accepted + self.refused + self.failed

    @property
    def error_rate(self) -> float | None:
        """Percent of the answers that were server errors; None without any answer."""
        return 100 * self.failed / self.answered if self.answered else None

    def __sub__(self, earlier: "Counts") -> "Counts":
        return Counts(
            self.sent - earlier.sent,
            self.accepted - earlier.accepted,
            self.refused - earlier.refused,
            self.failed - earlier.failed,
            self.unreachable - earlier.unreachable,
            self.shed - earlier.shed,
        )


class Traffic:
    """Sends events at a constant rate until stopped, whether or not the service keeps up.

    A service that is down or restarting is counted (`unreachable`) and never fatal. At most
    `in_flight` events wait for an answer; what would come on top is counted as `shed`.
    """

    def __init__(self, spec: TrafficSpec) -> None:
        self.spec = spec
        self._counts = Counts()
        self._random = random.Random(spec.seed)  # noqa: S311  # shapes a load, guards nothing
        self._task: asyncio.Task[None] | None = None

    @property
    def counts(self) -> Counts:
        return self._counts

    async def start(self) -> None:
        """Begin to send in the background; a second start is an error."""
        if self._task is not None:
            raise RuntimeError("this traffic runs already")
        self._task = asyncio.create_task(self._run(), name="live-traffic")

    async def stop(self) -> Counts:
        """Stop, drop what is in flight, and return the counts; raise what went wrong meanwhile."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()
        return self._counts

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        waiting: set[asyncio.Task[None]] = set()
        connector = aiohttp.TCPConnector(limit=self.spec.in_flight)
        timeout = aiohttp.ClientTimeout(total=self.spec.timeout_s)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            asyncio.TaskGroup() as group,
        ):
            for number in itertools.count():
                await asyncio.sleep(begun + number / self.spec.rate - loop.time())
                if len(waiting) >= self.spec.in_flight:
                    self._count("shed")
                    continue
                task = group.create_task(self._send(session, self._event(number)))
                waiting.add(task)
                task.add_done_callback(waiting.discard)

    def _event(self, number: int) -> dict[str, object]:
        if self._random.random() < self.spec.hot_share:
            topic = self._random.choice(HOT_TOPICS)
        else:
            topic = f"device.{self._random.randrange(self.spec.devices):05d}"
        event_id = f"live-{self._random.getrandbits(64):016x}-{number}"
        return {"id": event_id, "topic": topic, "payload": {"number": number}}

    async def _send(self, session: aiohttp.ClientSession, event: dict[str, object]) -> None:
        self._count("sent")
        try:
            async with session.post(f"{self.spec.url}/events", json=event) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            self._count("unreachable")
            return
        if answer.status >= _SERVER_ERROR:
            self._count("failed")
        elif answer.status >= _CLIENT_ERROR:
            self._count("refused")
        else:
            self._count("accepted")

    def _count(self, what: str) -> None:
        self._counts = replace(self._counts, **{what: getattr(self._counts, what) + 1})
