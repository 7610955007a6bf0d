"""Where this bot is reached: its public address, the names it answers to, whose pages are ours."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from grace.web.problems import Refused

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?", re.ASCII)
# Machines call these by whatever name they know, and prove themselves in their own way.
_OUTSIDE: Final = ("/hooks/", "/ci/", "/alerts/")
_OUTSIDE_EXACT: Final = frozenset({"/healthz", "/readyz", "/metrics", "/kill-switch"})
STATIC: Final = "/static/"


def outside(path: str) -> bool:
    """Tell whether a path is for machines with proofs of their own, not tokens of ours."""
    return path in _OUTSIDE_EXACT or path.startswith(_OUTSIDE)


@dataclass(frozen=True, slots=True)
class Site:
    """The address that people use; None: whatever leads to a loopback or listening address.

    `listens`: the address that the server listens on.
    """

    public_url: str | None
    listens: str = "127.0.0.1"

    @property
    def secure(self) -> bool:
        """Tell whether people come over https; cookies are then marked so."""
        return self.public_url is not None and self.public_url.startswith("https:")

    def require_ours(self, request: web.Request) -> None:
        """Refuse a request that was sent to another name: DNS rebinding ends here."""
        name = _name(request.host)
        if name is None or not self._answers_to(name):
            raise Refused(
                421, "this is not my name: use the address that GRACE_PUBLIC_URL gives, or set it"
            )

    def _answers_to(self, name: str) -> bool:
        if name in _LOOPBACK or name == self.listens.strip("[]").lower():
            return True
        return self.public_url is not None and name == urlsplit(self.public_url).hostname

    def origins(self, request: web.Request) -> frozenset[str]:
        """Return the origins whose pages are ours: the public one, and the one asked for here."""
        here = _origin(f"{request.scheme}://{request.host}")
        public = None if self.public_url is None else _origin(self.public_url)
        return frozenset(each for each in (here, public) if each is not None)

    def base(self, request: web.Request) -> str:
        """Return our address as the browser knows it, without a slash at the end."""
        return (self.public_url or f"{request.scheme}://{request.host}").rstrip("/")

    def address(self, request: web.Request) -> str:
        """Name the network address that asks; a whole /64 of IPv6 counts as one.

        A proxy before us is believed when it speaks from this machine and we have a public URL:
        then the last `X-Forwarded-For`, which it wrote itself.
        """
        peer = _ip(request.remote or "")
        if self.public_url is not None and peer is not None and peer.is_loopback:
            told = ",".join(request.headers.getall("X-Forwarded-For", []))
            peer = _ip(told.rpartition(",")[2].strip()) or peer
        if peer is None:
            return "unknown"
        if isinstance(peer, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((peer, 64), strict=False))
        return str(peer)


def is_ours(origin: str, ours: frozenset[str]) -> bool:
    """Tell whether an `Origin` header names one of these; `null` never does."""
    return _origin(origin) in ours


def _origin(url: str) -> str | None:
    """Write an origin with its port, so that two spellings are equal; None: it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _name(host: str) -> str | None:
    """Read the name in a `Host` header; None: it is none, or has more in it than name and port."""
    if _HOST.fullmatch(host) is None:
        return None
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
