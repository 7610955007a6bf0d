"""That a request with a cookie was meant by the person whose cookie it is.

Sources: OWASP Cross-Site Request Forgery Prevention; Fetch Metadata Request Headers.
"""

import hmac
from typing import Final

from aiohttp import web

from grace.web.access.entrance import ACCESS
from grace.web.access.site import is_ours
from grace.web.problems import Refused

# The id of the session that a request came with; missing where it came with none.
SESSION: web.RequestKey[str] = web.RequestKey("session_id", str)
HEADER: Final = "X-CSRF-Token"
FIELD: Final = "csrf_token"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM: Final = "application/x-www-form-urlencoded"
_OWN_SITES: Final = frozenset({"same-origin", "none"})


def csrf_token(request: web.Request) -> str:
    """Return the token for the pages and forms of this session; empty where there is none."""
    session_id = request.get(SESSION)
    return "" if session_id is None else request.app[ACCESS].seal.csrf(session_id)


def is_upgrade(request: web.Request) -> bool:
    """Tell whether a WebSocket is asked for."""
    return "websocket" in request.headers.get("Upgrade", "").lower()


def require_own_site(request: web.Request) -> None:
    """Refuse what another site's page made the browser send: writes, and WebSockets."""
    if request.method in SAFE and not is_upgrade(request):
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site.lower() not in _OWN_SITES:
        raise Refused(403, "this was sent by a page of another site")
    origin = request.headers.get("Origin")
    if origin is None:
        if is_upgrade(request):
            raise Refused(403, "a WebSocket with a cookie needs the header Origin")
        return
    if not is_ours(origin, request.app[ACCESS].site.origins(request)):
        raise Refused(403, "this was sent by a page of another site")


async def require_token(request: web.Request) -> None:
    """Refuse a write with a cookie that does not bring its session's token along."""
    if request.method in SAFE:
        return
    given = request.headers.get(HEADER, "")
    if not given and request.content_type == _FORM:
        field = (await request.post()).get(FIELD, "")
        given = field if isinstance(field, str) else ""
    wanted = csrf_token(request)
    if not wanted or not hmac.compare_digest(
        given.encode("utf-8", "surrogateescape"), wanted.encode()
    ):
        raise Refused(403, f"the header {HEADER} is missing or belongs to another session")
