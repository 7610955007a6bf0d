"""The two ends of signing in with an App: the person's consent, and the App's exchange."""

from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from aiohttp import web

from grace.localforge.core import Core
from grace.localforge.errors import ApiError
from grace.localforge.oauth import (
    DENIED,
    Authorization,
    BadRequest,
    Refusal,
    exchange,
    issue_code,
    read_request,
)
from grace.localforge.pages.visit import PageRoute, Visit

AUTHORIZE: Final = "/login/oauth/authorize"
KEPT: Final = ("client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method")


def _read(visit: Visit, given: dict[str, str]) -> Authorization:
    try:
        return read_request(visit.core, given)
    except BadRequest as error:
        raise ApiError(400, str(error)) from error


async def consent(visit: Visit) -> web.StreamResponse:
    """Ask who is signed in whether an App may know them; who is not signs in first."""
    given = dict(visit.request.query)
    asked = _read(visit, given)
    if visit.user is None:
        return visit.see(f"/login?return_to={quote(visit.request.path_qs, safe='')}")
    target = urlsplit(asked.redirect_uri)
    visit.form_targets = (f"{target.scheme}://{target.netloc}",)
    kept = {name: given[name] for name in KEPT if name in given}
    return visit.page("authorize.html", asked=asked, kept=kept, target=visit.form_targets[0])


async def decide(visit: Visit) -> web.StreamResponse:
    """Send the person back to the App, with a code when they agreed."""
    asked = _read(visit, {name: visit.value(name) for name in KEPT if name in visit.form})
    user = visit.user
    if user is None:
        raise ApiError(401, "Sign in first.")
    agreed = visit.value("answer") == "authorize"
    answer = {"code": issue_code(visit.core, asked, user)} if agreed else dict(DENIED)
    if asked.state is not None:
        answer["state"] = asked.state
    parts = urlsplit(asked.redirect_uri)
    query = urlencode([*parse_qsl(parts.query), *answer.items()])
    return visit.see(urlunsplit(parts._replace(query=query)))


ROUTES: Final = (PageRoute("GET", AUTHORIZE, consent), PageRoute("POST", AUTHORIZE, decide))


def token_route(core: Core) -> web.RouteDef:
    """Return the route at which an App turns a code into a token; JSON when it asks for that."""

    async def token(request: web.Request) -> web.Response:
        if request.content_type == "application/json":
            try:
                sent = await request.json()
            except ValueError:
                sent = None
            given = sent if isinstance(sent, dict) else {}
        else:
            given = {**request.query, **await request.post()}
        form = {name: value for name, value in given.items() if isinstance(value, str)}
        try:
            answer = exchange(core, form)
        except Refusal as refusal:
            answer = refusal.body()
        headers = {"Cache-Control": "no-store"}
        if "json" in request.headers.get("Accept", ""):
            return web.json_response(answer, headers=headers)
        kind = "application/x-www-form-urlencoded"
        return web.Response(text=urlencode(answer), content_type=kind, headers=headers)

    return web.post("/login/oauth/access_token", token)
