"""Signing in at the forge, and out again.

The OAuth web flow of a GitHub App with PKCE (RFC 6749, RFC 7636; GitHub Docs, "Generating a user
access token for a GitHub App"). The state is tied to the browser by a sealed cookie, good for ten
minutes and once. What the forge says is who somebody is; its access token is not kept.
"""

import hmac
import re
import secrets
from datetime import timedelta
from html import escape
from typing import Final
from urllib.parse import quote

from aiohttp import web

from grace.domain.people import Actor
from grace.ports.access import SignInFailed
from grace.web.access.entrance import ACCESS, SIGN_IN_PAGE, Access, SignInView
from grace.web.access.forgery import SESSION
from grace.web.access.onward import onward_path
from grace.web.access.seal import Begun

CALLBACK: Final = "/sign-in/callback"
_START: Final = "/sign-in/start"
_LIFE: Final = timedelta(minutes=10)
_CODE: Final = re.compile(r"[A-Za-z0-9_.~-]{1,200}")
_AGAIN: Final = "this belongs to no sign-in of the last ten minutes in this browser: try again"


def add_routes(app: web.Application) -> None:
    """Register the sign-in page, the two steps of the flow, and signing out."""
    app.router.add_get("/sign-in", sign_in)
    app.router.add_get(_START, start)
    app.router.add_get(CALLBACK, callback)
    app.router.add_post("/sign-out", sign_out)


async def sign_in(request: web.Request) -> web.StreamResponse:
    """Show where to sign in."""
    return show(request, onward_path(request.query.get("next", "/")))


async def start(request: web.Request) -> web.StreamResponse:
    """Send the browser to the forge, with a state that only this browser can bring back."""
    access = request.app[ACCESS]
    onward = onward_path(request.query.get("next", "/"))
    if access.forge is None:
        return show(request, onward, "nobody can sign in here", 404)
    begun = Begun(secrets.token_urlsafe(32), onward, access.clock.now() + _LIFE)
    address = access.forge.address(
        begun.nonce, access.seal.challenge(begun.nonce), access.site.base(request) + CALLBACK
    )
    answer = _go(address)
    _set(access, answer, access.sign_in_cookie, access.seal.begun(begun), _LIFE)
    return answer


async def callback(request: web.Request) -> web.StreamResponse:
    """Take the forge's answer, learn who it is, and begin a new session."""
    access = request.app[ACCESS]
    begun = await _begun_here(access, request)
    if begun is None or access.forge is None:
        answer = show(request, "/", _AGAIN, 403)
    elif "error" in request.query:
        answer = show(request, begun.onward, _declined(request), 403)
    elif not _CODE.fullmatch(code := request.query.get("code", "")):
        answer = show(request, begun.onward, "the forge sent no code: try again", 400)
    else:
        redirect, verifier = access.site.base(request) + CALLBACK, access.seal.verifier(begun.nonce)
        try:
            person = await access.forge.person(code, verifier, redirect)
        except SignInFailed as failed:
            answer = show(request, begun.onward, failed.sentence, 502)
        else:
            answer = _go(begun.onward)
            await _begin(access, request, answer, person)
    _delete(access, answer, access.sign_in_cookie)
    return answer


async def sign_out(request: web.Request) -> web.StreamResponse:
    """End the session here, whatever the browser keeps."""
    access = request.app[ACCESS]
    session_id = request.get(SESSION)
    if session_id is not None:
        await access.store.end_session(session_id)
    answer = _go("/sign-in")
    _delete(access, answer, access.session_cookie)
    return answer


def show(
    request: web.Request, onward: str, sentence: str = "", status: int = 200
) -> web.StreamResponse:
    """Show the sign-in page, by whoever draws it."""
    access = request.app[ACCESS]
    link = f"{_START}?next={quote(onward, safe='/')}"
    view = SignInView(
        forge=access.forge_host,
        start=None if access.forge is None else link,
        sentence=sentence,
        status=status,
    )
    return request.app.get(SIGN_IN_PAGE, plain_page)(request, view)


def plain_page(request: web.Request, view: SignInView) -> web.StreamResponse:
    """Draw the page without anybody's templates."""
    del request
    said = f'<p role="alert">{escape(view.sentence)}</p>' if view.sentence else ""
    way = (
        "<p>Nobody can sign in here: no OAuth client is configured. Use a token.</p>"
        if view.start is None
        else f'<p><a href="{escape(view.start)}">Sign in with {escape(view.forge)}</a></p>'
    )
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width"><title>Sign in</title></head><body><main><h1>Sign in</h1>'
        f"{said}{way}</main></body></html>"
    )
    return web.Response(status=view.status, text=text, content_type="text/html")


async def _begun_here(access: Access, request: web.Request) -> Begun | None:
    """Return the sign-in that this answer ends, and use it up; None: it is not of this browser."""
    begun = access.seal.read_begun(request.cookies.get(access.sign_in_cookie, ""))
    now = access.clock.now()
    if begun is None or begun.until <= now:
        return None
    state = request.query.get("state", "").encode("utf-8", "surrogateescape")
    if not hmac.compare_digest(state, begun.nonce.encode()):
        return None
    return begun if await access.store.spend(begun.nonce, begun.until, now) else None


async def _begin(
    access: Access, request: web.Request, answer: web.StreamResponse, person: Actor
) -> None:
    """Begin a session with a new id; the one that this browser had before ends."""
    before = request.get(SESSION)
    if before is not None:
        await access.store.end_session(before)
    now = access.clock.now()
    session_id = await access.store.begin_session(person, now, now + access.life)
    _set(access, answer, access.session_cookie, access.seal.session(session_id), access.life)


def _declined(request: web.Request) -> str:
    said = request.query.get("error_description") or request.query["error"]
    return f"the forge did not let you in: {said[:300]}"


def _go(address: str) -> web.StreamResponse:
    return web.Response(status=303, headers={"Location": address})


def _set(
    access: Access, answer: web.StreamResponse, name: str, value: str, life: timedelta
) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=int(life.total_seconds()),
        path="/",
        httponly=True,
        secure=access.site.secure,
        samesite="Lax",
    )


def _delete(access: Access, answer: web.StreamResponse, name: str) -> None:
    answer.del_cookie(name, path="/", httponly=True, secure=access.site.secure, samesite="Lax")
