"""Security headers, on every answer there is.

Sources: OWASP Secure Headers Project; Content Security Policy Level 3.
"""

from typing import Final

from aiohttp import web

from grace.web.access.entrance import ACCESS
from grace.web.access.site import STATIC

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_ALWAYS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with that, browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_HSTS: Final = "max-age=31536000"
_UNAUTHORIZED: Final = 401


async def secure(request: web.Request, answer: web.StreamResponse) -> None:
    """Set the headers that are not set; for `app.on_response_prepare`."""
    headers = answer.headers
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    if request.app[ACCESS].site.secure:
        headers.setdefault("Strict-Transport-Security", _HSTS)
    if not request.path.startswith(STATIC):
        headers.setdefault("Cache-Control", "no-store")
    if answer.status == _UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="grace"')
    headers["Server"] = "grace"
