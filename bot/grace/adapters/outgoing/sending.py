"""POST to a webhook: at an address that was looked at first, no redirect, bounded in time.

The name of the host is resolved here, each address judged, and the connection made to the very
address that was judged: a name that means something else a moment later leads nowhere.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from grace.adapters.outgoing.signing import WebhookSecret, sign
from grace.domain.notifying.addresses import refusal
from grace.domain.notifying.config import Network
from grace.domain.render import one_line
from grace.ports.outgoing import Answer

TIMEOUT_S: Final = 10.0
AGENT: Final = "grace-mission-control"
_NO_REUSE: Final = httpx.Limits(max_keepalive_connections=0)
_MOST_S: Final = 10**9

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a webhook is sent, how far in that may be, and what it is signed with."""

    url: str
    network: Network
    secrets: tuple[WebhookSecret, ...]


class _Unreachable(Exception):
    """No address of a host may be reached; the sentence says why."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host; OSError: it has none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[4][0]) for place in found))


class HttpWebhooks:
    """Send signed bodies to webhooks (`grace.ports.outgoing.WebhookSender`).

    A connection is used once: kept ones are known by their address, behind which may be many hosts.
    """

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        *,
        timeout_s: float = TIMEOUT_S,
        resolver: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._timeout_s = timeout_s
        self._resolve = resolver
        self._client = httpx.AsyncClient(
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,
            limits=_NO_REUSE,
            verify=tls or httpx.create_ssl_context(),
        )

    async def send(self, webhook: str, message_id: str, body: bytes, at: datetime) -> Answer:
        """Send one body; whatever goes wrong is an answer."""
        endpoint = self._endpoints[webhook]
        headers = {
            "content-type": "application/json",
            "user-agent": AGENT,
            **sign(endpoint.secrets, message_id, body, at),
        }
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(endpoint, headers, body, at)
        except TimeoutError:
            return Answer(None, f"did not answer within {self._timeout_s:g} s")
        except _Unreachable as error:
            return Answer(None, str(error))
        except (httpx.HTTPError, ssl.SSLError, OSError) as error:
            why = one_line(str(error), 200)
            return Answer(None, f"cannot be reached: {why or type(error).__name__}")

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()

    async def _post(
        self, endpoint: Endpoint, headers: dict[str, str], body: bytes, at: datetime
    ) -> Answer:
        url = httpx.URL(endpoint.url)
        address = await self._address(url, endpoint.network)
        request = self._client.build_request(
            "POST",
            url.copy_with(host=address),
            headers={**headers, "host": url.netloc.decode("ascii")},
            content=body,
            extensions={"sni_hostname": url.host},
        )
        response = await self._client.send(request, stream=True)
        try:  # the body of an answer is nothing to us, and may never end
            return _answer(response, at)
        finally:
            await response.aclose()

    async def _address(self, url: httpx.URL, network: Network) -> str:
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = await self._resolve(url.host, port)
        refused = [refusal(url.host, address, network) for address in addresses]
        for address, why in zip(addresses, refused, strict=True):
            if why is None:
                return address
        raise _Unreachable(next(filter(None, refused), f"{url.host} has no address"))


def _answer(response: httpx.Response, now: datetime) -> Answer:
    status = response.status_code
    if response.is_success:
        return Answer(status, None)
    after = _retry_after(response.headers.get("retry-after", ""), now)
    if response.is_redirect:
        return Answer(status, f"answered {status}: redirects are not followed; write the new URL")
    return Answer(status, one_line(f"answered {status} {response.reason_phrase}", 200), after)


def _retry_after(value: str, now: datetime) -> timedelta | None:
    """Read seconds or a date, as RFC 9110 has them; None where it is neither."""
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:20]), _MOST_S))
    try:
        return max(parsedate_to_datetime(value) - now, timedelta(0))
    except (ValueError, TypeError):
        return None
