"""The manifest flow: a page that sends a person to GitHub, and the way back with a code.

Only for whoever has the setup token that the terminal shows. The state that GitHub sends back is
signed by a secret of this process, good for an hour and once, and tied to the browser by a cookie.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from typing import Final

from aiohttp import web

from grace.ports import Clock

FLOW: "web.AppKey[ManifestFlow]" = web.AppKey("manifest_flow")
COOKIE: Final = "grace_setup"
_LIFE: Final = timedelta(hours=1)
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
_STYLE: Final = "body{font:1rem/1.5 system-ui;max-width:44rem;margin:3rem auto;padding:0 1rem}"


@dataclass(frozen=True, slots=True)
class Made:
    """An App that was made: its name at the forge and its page there. Nothing secret."""

    slug: str
    page: str


class NotMade(Exception):
    """No App was made; the sentence is for the person at the browser."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(slots=True)
class ManifestFlow:
    """One App to make. `address` gives where the form goes for a state.

    `exchange` turns GitHub's code into an App and keeps its secrets; it raises `NotMade`.
    """

    manifest: str
    address: Callable[[str], str]
    exchange: Callable[[str], Awaitable[Made]]
    clock: Clock
    secure: bool
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    made: asyncio.Event = field(default_factory=asyncio.Event)
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    def state(self, nonce: str) -> str:
        """Sign a state for one browser."""
        expires = int((self.clock.now() + _LIFE).timestamp())
        return f"{expires}.{self._mac(nonce, expires)}"

    def accepts(self, state: str, nonce: str) -> bool:
        """Tell whether a state is ours, of this browser, and not too old."""
        expires, _, mac = state.partition(".")
        if not (expires.isascii() and expires.isdigit() and len(expires) < 12):  # noqa: PLR2004 - a date
            return False
        good = hmac.compare_digest(mac.encode(), self._mac(nonce, int(expires)).encode())
        return good and _now(self.clock) < int(expires)

    async def finish(self, code: str) -> Made:
        """Exchange the code, one at a time and never after one succeeded."""
        async with self._busy:
            if self.made.is_set():
                raise NotMade("an App was made already; this address has done its work")
            made = await self.exchange(code)
            self.made.set()
            return made

    def _mac(self, nonce: str, expires: int) -> str:
        return hmac.new(self._secret, f"{nonce}.{expires}".encode(), hashlib.sha256).hexdigest()


def make_manifest_app(flow: ManifestFlow) -> web.Application:
    """Build the application: two pages and nothing else."""
    app = web.Application(client_max_size=4096)
    app[FLOW] = flow
    app.router.add_get("/github/manifest", begin)
    app.router.add_get("/github/manifest/callback", callback)
    return app


def form(address: str, manifest: str) -> str:
    """Write the form that posts a manifest to GitHub."""
    return (
        f'<form method="post" action="{escape(address)}">'
        f'<input type="hidden" name="manifest" value="{escape(manifest)}">'
        '<button type="submit">Create the GitHub App</button></form>'
    )


def page(title: str, body: str) -> str:
    """Write a whole page; `body` is markup."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" '
        f'content="no-referrer"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )


async def begin(request: web.Request) -> web.Response:
    """Show the form to whoever has the setup token."""
    flow = request.app[FLOW]
    given = request.query.get("token", "")
    if not hmac.compare_digest(given.encode(), flow.token.encode()):
        return _sentence(403, "The setup token is missing or wrong: open the address that the "
                              "terminal shows.")  # fmt: skip
    if flow.made.is_set():
        return _sentence(410, "An App was made already; this address has done its work.")
    nonce = secrets.token_urlsafe(24)
    address = flow.address(flow.state(nonce))
    shown = (
        "<p>GitHub shows what the App asks for, and makes it under your account or organisation. "
        "Its key and secret go to the machine where the terminal is, and to no page.</p>"
        f"{form(address, flow.manifest)}<h2>What it asks for</h2><pre>{escape(flow.manifest)}</pre>"
    )
    answer = _page(200, page("Create the GitHub App", shown), _origin(address))
    answer.set_cookie(
        COOKIE,
        nonce,
        max_age=int(_LIFE.total_seconds()),
        path="/github/manifest",
        httponly=True,
        secure=flow.secure,
        samesite="Lax",
    )
    return answer


async def callback(request: web.Request) -> web.Response:
    """Take GitHub's code, if it belongs to a form that we showed in this browser."""
    flow = request.app[FLOW]
    nonce, state = request.cookies.get(COOKIE, ""), request.query.get("state", "")
    if not nonce or not flow.accepts(state, nonce):
        return _sentence(403, "This answer belongs to no form that was shown in this browser "
                              "within the last hour: begin again.")  # fmt: skip
    code = request.query.get("code", "")
    if not _CODE.fullmatch(code):
        return _sentence(400, "GitHub sent no code: begin again.")
    try:
        made = await flow.finish(code)
    except NotMade as error:
        return _sentence(502, error.sentence)
    shown = (
        f"<p>{escape(made.slug)} is made. The terminal says where its key and secret lie.</p>"
        f'<p><a href="{escape(made.page)}/installations/new">Install it on your repositories</a>, '
        "then start the bot as the terminal says.</p>"
    )
    answer = _page(200, page("The GitHub App is made", shown))
    answer.del_cookie(COOKIE, path="/github/manifest")
    return answer


def _now(clock: Clock) -> float:
    now: datetime = clock.now()
    return now.timestamp()


def _origin(address: str) -> str:
    return "/".join(address.split("/")[:3])


def _sentence(status: int, sentence: str) -> web.Response:
    return _page(status, page("Set up the GitHub App", f"<p>{escape(sentence)}</p>"))


def _page(status: int, text: str, form_action: str = "'none'") -> web.Response:
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; form-action {form_action}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)
