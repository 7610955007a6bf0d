"""The webhook queue: durable, in order a hook, one attempt each, recorded, sent again on demand."""

import asyncio
import hashlib
import hmac
import time
from dataclasses import dataclass

import aiohttp

from grace.localforge.core import Core, Json
from grace.localforge.db import Row
from grace.localforge.faults import DeliveryFault

MAX_RECORDED = 65_536


@dataclass(frozen=True, slots=True)
class _Outcome:
    code: int
    status: str
    headers: Json
    body: str


class Deliveries:
    """Sends what `events` queued. One task a hook keeps that hook's deliveries in order."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._held: dict[int, int] = {}
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Begin to send; what an earlier process left behind goes first."""
        timeout = aiohttp.ClientTimeout(total=self._core.config.delivery_timeout)
        self._session = aiohttp.ClientSession(timeout=timeout)
        self._core.wake = self.wake
        for row in self._core.db.all("SELECT DISTINCT hook_id FROM deliveries WHERE pending=1"):
            self.wake(row["hook_id"])

    async def close(self) -> None:
        """Stop; what is not yet sent stays in the queue."""
        self._core.wake = lambda _hook: None
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    @property
    def busy(self) -> bool:
        """Tell whether something is being sent or waits to be."""
        return bool(self._tasks)

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """Return the tasks at work."""
        return set(self._tasks.values())

    def wake(self, hook_id: int) -> None:
        """Send what a hook has waiting."""
        if hook_id not in self._tasks and self._session is not None:
            self._tasks[hook_id] = asyncio.create_task(self._drain(hook_id))

    async def _drain(self, hook_id: int) -> None:
        try:
            while (row := self._next(hook_id)) is not None:
                name = f"{row['event']}.{row['action']}" if row["action"] else row["event"]
                fault = self._core.faults.delivery(name)
                if fault is DeliveryFault.REORDER and hook_id not in self._held:
                    self._held[hook_id] = row["id"]
                    continue
                await self._send(row, fault)
                held = self._held.pop(hook_id, None)
                if held is not None:
                    await self._send(self._core.db.get("deliveries", held), None)
        finally:
            del self._tasks[hook_id]

    def _next(self, hook_id: int) -> Row | None:
        return self._core.db.one(
            "SELECT * FROM deliveries WHERE hook_id=? AND pending=1 AND id<>? ORDER BY id LIMIT 1",
            hook_id,
            self._held.get(hook_id, 0),
        )

    async def _send(self, row: Row, fault: DeliveryFault | None) -> None:
        hook = self._core.db.one("SELECT * FROM hooks WHERE id=?", row["hook_id"])
        headers = {} if hook is None else request_headers(hook, row)
        started = time.monotonic()
        if hook is None or fault is DeliveryFault.DROP:
            outcome = _Outcome(0, "failed to connect to host", {}, "")
        else:
            outcome = await self._post(hook, row, headers)
            if fault is DeliveryFault.DUPLICATE:
                outcome = await self._post(hook, row, headers)
        self._core.db.update(
            "deliveries",
            row["id"],
            pending=0,
            delivered_at=self._core.now(),
            duration=round(time.monotonic() - started, 3),
            status=outcome.status,
            status_code=outcome.code,
            request_headers_json=headers,
            response_headers_json=outcome.headers,
            response=outcome.body,
        )

    async def _post(self, hook: Row, row: Row, headers: dict[str, str]) -> _Outcome:
        if self._session is None:
            raise RuntimeError("the delivery queue is not started")
        try:
            async with self._session.post(
                hook["url"], data=row["payload"].encode(), headers=headers, allow_redirects=False
            ) as answer:
                body = (await answer.content.read(MAX_RECORDED)).decode(errors="replace")
                status = "OK" if answer.ok else f"Invalid HTTP Response: {answer.status}"
                return _Outcome(answer.status, status, dict(answer.headers), body)
        except TimeoutError:
            return _Outcome(0, "timed out", {}, "")
        except (aiohttp.ClientError, ValueError) as error:
            return _Outcome(0, "failed to connect to host", {}, str(error))


def request_headers(hook: Row, delivery: Row) -> dict[str, str]:
    """Return the headers of a delivery, signed over the raw bytes when the hook has a secret."""
    target = "integration" if hook["app_id"] else "repository"
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/localforge",
        "X-GitHub-Delivery": delivery["guid"],
        "X-GitHub-Event": delivery["event"],
        "X-GitHub-Hook-ID": str(hook["id"]),
        "X-GitHub-Hook-Installation-Target-ID": str(hook["app_id"] or hook["repository_id"]),
        "X-GitHub-Hook-Installation-Target-Type": target,
    }
    if hook["secret"]:
        key, body = hook["secret"].encode(), delivery["payload"].encode()
        for name, digest in (("X-Hub-Signature", "sha1"), ("X-Hub-Signature-256", "sha256")):
            value = hmac.new(key, body, getattr(hashlib, digest)).hexdigest()
            headers[name] = f"{digest}={value}"
    return headers


def redeliver(core: Core, delivery: Row) -> int:
    """Queue a delivery again: same id and payload; return the new row's id."""
    number = core.db.insert(
        "deliveries",
        **{
            name: delivery[name]
            for name in ("hook_id", "guid", "event", "action", "installation_id", "repository_id")
        },
        payload=delivery["payload"],
        redelivery=1,
        queued_at=core.now(),
    )
    core.wake(delivery["hook_id"])
    return number
