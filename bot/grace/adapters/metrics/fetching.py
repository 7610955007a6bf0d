"""One bounded answer over HTTP: no redirects, no compression, so much of it and so long at most."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a source may cost, and on how old what it says may be.

    `look_s`: an older look is not compared with. `stale_s`: what a source itself says is older is
    no value. `skew_s`: a source's clock may be so far ahead of ours before it is told. `looks`: so
    many are remembered. `at_once`: requests under way at the same time; the others wait.
    """

    timeout_s: float = 5.0
    body_bytes: int = 8 * 1024 * 1024
    look_s: float = 600.0
    stale_s: float = 300.0
    skew_s: float = 10.0
    looks: int = 20_000
    at_once: int = 16


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    body: bytes


class NoAnswer(Exception):
    """A source gave nothing to read; the message says why."""


class Fetcher:
    """Fetch bounded bodies. The client belongs to the caller; redirects are not followed."""

    def __init__(self, client: httpx.AsyncClient, limits: Limits) -> None:
        self._client = client
        self._limits = limits
        self._turns = asyncio.Semaphore(limits.at_once)

    async def get(
        self, url: str, headers: Mapping[str, str], params: Mapping[str, str] | None = None
    ) -> Answer:
        """Fetch one body; NoAnswer for no connection, a redirect, or too much of it."""
        async with self._turns:
            return await self._get(url, {**headers, "Accept-Encoding": "identity"}, params)

    async def _get(
        self, url: str, headers: Mapping[str, str], params: Mapping[str, str] | None
    ) -> Answer:
        try:
            async with (
                asyncio.timeout(self._limits.timeout_s),
                self._client.stream(
                    "GET", url, headers=dict(headers), params=params, follow_redirects=False
                ) as response,
            ):
                if response.is_redirect:
                    raise NoAnswer(f"answered a redirect (HTTP {response.status_code})")
                if response.headers.get("Content-Encoding", "identity") != "identity":
                    raise NoAnswer("answered a compressed body, which was not asked for")
                body = await self._bounded(response)
                kind = response.headers.get("Content-Type", "")
                return Answer(response.status_code, kind, body)
        except TimeoutError as error:
            raise NoAnswer(f"no answer within {self._limits.timeout_s:g} s") from error
        except httpx.InvalidURL as error:
            raise NoAnswer("not reachable: its address cannot be read") from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise NoAnswer(f"not reachable: {_told(error, url)}") from error

    async def _bounded(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._limits.body_bytes:
                raise NoAnswer(f"answered more than {self._limits.body_bytes} bytes")
        return bytes(body)


def _told(error: Exception, url: str) -> str:
    """Say what failed, in the library's words where these do not name the host."""
    kind, words = type(error).__name__, str(error)
    host = httpx.URL(url).host
    return kind if not words or (host and host in words) else f"{kind}: {words}"


def without_secrets(url: str) -> str:
    """Name a source without the user, password and query that its URL may carry."""
    scheme, found, rest = url.partition("://")
    said = re.split(r"[?#]", rest if found else url, maxsplit=1)[0]
    host, slash, path = said.partition("/")
    return f"{scheme}://{host.rsplit('@', 1)[-1]}{slash}{path}"
