"""Proxies that fail as networks and GitHub do: one before the forge's API, one before the bot.

Both are seeded. What happens to a request is drawn from the seed, its method and path and how many
of the same came before: the order in which different requests arrive changes nothing.
"""

import asyncio
import contextlib
import hashlib
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
HOP_BY_HOP = {"host", "connection", "keep-alive", "transfer-encoding", "content-length"}


class ApiFault(StrEnum):
    """What goes wrong with a request; `..._AFTER` lets it take effect first."""

    NONE = "none"
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"
    SECONDARY_LIMIT = "secondary_limit"
    UNAUTHORIZED = "unauthorized"
    TRUNCATED = "truncated"


class HookFault(StrEnum):
    """What goes wrong with a delivery.

    LOST is accepted and never arrives; REFUSED is answered 502, which the sender records; LATE
    arrives after `late_hours`; REORDERED arrives after the next one.
    """

    NONE = "none"
    LOST = "lost"
    REFUSED = "refused"
    DUPLICATED = "duplicated"
    REORDERED = "reordered"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Deed:
    """What a proxy did to one request; `status` is what the other side answered, if asked."""

    fault: ApiFault | HookFault
    method: str
    path: str
    status: int | None


@dataclass(frozen=True, slots=True)
class ApiPlan:
    """How often each fault comes, as a share of requests, and how it looks.

    `burst` bounds the faults in a row that one method and path suffers, so that a client that
    tries again comes through. `hold` is how many seconds a time-out keeps the connection before
    it is cut. `retry_after` is in seconds. `spare` are pieces of paths that never suffer. With
    `git` its requests suffer too, of what any server does; a refusal would mean something to git.
    """

    rates: Mapping[ApiFault, float]
    seed: int = 0
    burst: int = 2
    hold: float = 0.05
    retry_after: int = 1
    unauthorized: int = 1
    spare: tuple[str, ...] = ()
    git: bool = False


@dataclass(frozen=True, slots=True)
class HookPlan:
    """How often each fault comes; LATE is `late_hours` long and runs `speed` times as fast."""

    rates: Mapping[HookFault, float]
    seed: int = 0
    late_hours: float = 1.0
    speed: float = 3600 / 0.2
    burst: int = 3


class _Dice:
    """Draws a fault for the n-th request of a kind, never more than `burst` in a row."""

    def __init__(self, seed: int, burst: int) -> None:
        self._seed = seed
        self._burst = burst
        self._seen: Counter[str] = Counter()
        self._row: Counter[str] = Counter()

    def draw(self, key: str, rates: Mapping[str, float]) -> tuple[str | None, random.Random]:
        """Return the fault's name, None for none, and what to draw its details from."""
        count = self._seen[key]
        self._seen[key] += 1
        digest = hashlib.sha256(f"{self._seed}\0{key}\0{count}".encode()).digest()
        chance = random.Random(digest)
        point, found = chance.random(), None
        for name, rate in rates.items():
            if point < rate:
                found = name
                break
            point -= rate
        if found is not None and self._row[key] >= self._burst:
            found = None
        self._row[key] = 0 if found is None else self._row[key] + 1
        return found, chance


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: CIMultiDict[str]
    body: bytes

    def response(self, body: bytes | None = None) -> web.Response:
        content = self.body if body is None else body
        return web.Response(status=self.status, headers=self.headers, body=content)


class _Proxy(ABC):
    """A server on loopback that hands requests on to `upstream`."""

    def __init__(self) -> None:
        self.url = ""
        self.upstream = ""
        self.deeds: list[Deed] = []
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=120)
        self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)
        app = web.Application(client_max_size=0)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    def count(self, fault: ApiFault | HookFault) -> int:
        """Count the requests that suffered a fault."""
        return sum(deed.fault is fault for deed in self.deeds)

    @abstractmethod
    async def _handle(self, request: web.Request) -> web.StreamResponse: ...

    async def _forward(self, request: web.Request, body: bytes) -> _Answer:
        assert self._session is not None
        headers = _kept(request.headers)
        headers.popall("Content-Encoding", None)  # the server has undone it
        async with self._session.request(
            request.method,
            self.upstream + request.raw_path,
            headers=headers,
            data=body or None,
            allow_redirects=False,
        ) as answer:
            return _Answer(answer.status, _kept(answer.headers), await answer.read())


def _kept(headers: Mapping[str, str]) -> CIMultiDict[str]:
    pairs = [(name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP]
    return CIMultiDict(pairs)


class ApiProxy(_Proxy):
    """Stands before a forge: its API and, if the plan says so, git.

    Set `upstream` before the first request. For links in answers to lead through the proxy too,
    give the forge `public_url=proxy.url`.
    """

    def __init__(self, plan: ApiPlan) -> None:
        super().__init__()
        self.plan = plan
        self._dice = _Dice(plan.seed, plan.burst)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body, plan = await request.read(), self.plan
        path = request.path
        git = ".git/" in path
        if (git and not plan.git) or any(piece in path for piece in plan.spare):
            return (await self._forward(request, body)).response()
        rates = {f.value: r for f, r in plan.rates.items() if not git or f in OF_ANY_SERVER}
        found, chance = self._dice.draw(f"{request.method} {path}", rates)
        fault = ApiFault.NONE if found is None else ApiFault(found)
        if fault is ApiFault.UNAUTHORIZED and self.count(fault) >= plan.unauthorized:
            fault = ApiFault.NONE
        return await self._suffer(request, body, fault, chance)

    async def _suffer(
        self, request: web.Request, body: bytes, fault: ApiFault, chance: random.Random
    ) -> web.StreamResponse:
        answer = None if fault in BEFORE else await self._forward(request, body)
        status = None if answer is None else answer.status
        self.deeds.append(Deed(fault, request.method, request.path, status))
        if fault in {ApiFault.TIMEOUT_BEFORE, ApiFault.TIMEOUT_AFTER}:
            return await self._cut(request)
        if fault in {ApiFault.ERROR_BEFORE, ApiFault.ERROR_AFTER}:
            return _error(chance.choice((500, 502)))
        if answer is None:
            return self._refuse(fault)
        if fault is ApiFault.TRUNCATED and len(answer.body) > 1:
            half = answer.body[: len(answer.body) // 2]
            if ".git/" in request.path:
                return await self._break_off(request, answer, half)
            return answer.response(half)
        return answer.response()

    def _refuse(self, fault: ApiFault) -> web.Response:
        if fault is ApiFault.UNAUTHORIZED:
            return web.json_response({"message": "Bad credentials", "status": "401"}, status=401)
        headers = {"Retry-After": str(self.plan.retry_after), "X-RateLimit-Remaining": "4000"}
        return web.json_response({"message": SECONDARY}, status=403, headers=headers)

    async def _break_off(
        self, request: web.Request, answer: _Answer, half: bytes
    ) -> web.StreamResponse:
        """Announce the whole answer and cut the connection; git waits for half a packet's rest."""
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_length = len(answer.body)
        await response.prepare(request)
        await response.write(half)
        await asyncio.sleep(self.plan.hold)
        if request.transport is not None:
            request.transport.close()
        return response

    async def _cut(self, request: web.Request) -> web.Response:
        """Say nothing for a while, then close the connection without an answer."""
        await asyncio.sleep(self.plan.hold)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=504)


OF_ANY_SERVER = frozenset(ApiFault) - {ApiFault.SECONDARY_LIMIT, ApiFault.UNAUTHORIZED}
BEFORE = frozenset(
    {
        ApiFault.ERROR_BEFORE,
        ApiFault.TIMEOUT_BEFORE,
        ApiFault.SECONDARY_LIMIT,
        ApiFault.UNAUTHORIZED,
    }
)


def _error(status: int) -> web.Response:
    """Answer as GitHub's edge does: 500 in JSON, 502 as a page."""
    if status == 500:
        return web.json_response({"message": "Server Error"}, status=500)
    return web.Response(status=502, text="<html>502 Bad Gateway</html>", content_type="text/html")


class HookProxy(_Proxy):
    """Stands before a webhook receiver; answers the sender at once where it holds a delivery."""

    def __init__(self, plan: HookPlan) -> None:
        super().__init__()
        self.plan = plan
        self._dice = _Dice(plan.seed, plan.burst)
        self._held: list[tuple[web.Request, bytes]] = []
        self._late: set[asyncio.Task[None]] = set()
        self._hurry = asyncio.Event()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)
        await super().__aexit__(kind, error, trace)

    async def drain(self) -> None:
        """Deliver now what is held or late."""
        await self._release()
        self._hurry.set()
        while self._late:
            await asyncio.gather(*self._late)
        self._hurry.clear()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        rates = {name.value: rate for name, rate in self.plan.rates.items()}
        event = request.headers.get("X-GitHub-Event", "")
        found, _ = self._dice.draw(event, rates)
        fault = HookFault.NONE if found is None else HookFault(found)
        self.deeds.append(Deed(fault, request.method, f"{request.path} {event}", None))
        match fault:
            case HookFault.LOST:
                return web.Response(status=202)
            case HookFault.REFUSED:
                return _error(502)
            case HookFault.REORDERED:
                self._held.append((request, body))
                return web.Response(status=202)
            case HookFault.LATE:
                self._send_late(request, body)
                return web.Response(status=202)
            case HookFault.DUPLICATED | HookFault.NONE:
                return await self._deliver(request, body, twice=fault is HookFault.DUPLICATED)

    async def _deliver(self, request: web.Request, body: bytes, *, twice: bool) -> web.Response:
        answer = await self._forward(request, body)
        if twice:
            answer = await self._forward(request, body)
        await self._release()
        return answer.response()

    async def _release(self) -> None:
        held, self._held = self._held, []
        for request, body in held:
            await self._forward(request, body)

    def _send_late(self, request: web.Request, body: bytes) -> None:
        seconds = self.plan.late_hours * 3600 / self.plan.speed

        async def later() -> None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), seconds)
            await self._forward(request, body)

        task = asyncio.create_task(later())
        self._late.add(task)
        task.add_done_callback(self._late.discard)
