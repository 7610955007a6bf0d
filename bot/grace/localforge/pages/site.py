"""The pages' routes: who may look, forms from elsewhere refused, errors as pages."""

import ipaddress
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Final
from urllib.parse import quote, urlsplit

import jinja2
import structlog
from aiohttp import web

from grace.localforge.api import Route
from grace.localforge.core import Core
from grace.localforge.errors import ApiError
from grace.localforge.pages import (
    browsing,
    checks,
    issues,
    oauth,
    pulls,
    repositories,
    signing_in,
)
from grace.localforge.pages.sessions import Sessions, Visitor
from grace.localforge.pages.text import Markdown, diff_lines, log_text, moment, short, visible
from grace.localforge.pages.visit import Form, PageRoute, Site, Visit

WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# `/login` and `/{owner}` are alike: what is fixed comes first.
ROUTES: Final[tuple[PageRoute, ...]] = (
    *signing_in.ROUTES,
    *oauth.ROUTES,
    *issues.ROUTES,
    *pulls.ROUTES,
    *checks.ROUTES,
    *browsing.ROUTES,
    *repositories.ROUTES,
)
STYLE: Final = "/_pages/forge.css"
AWAY: Final = (
    "Anyone can sign in as anyone here with one click, so these pages answer on loopback alone."
)
STALE: Final = "This form was not made for you by this forge, or is too old. Go back and reload it."
UNAUTHORIZED, FORBIDDEN, TOO_LARGE, SERVER_ERROR = 401, 403, 413, 500


class Pages:
    """Builds the routes of every page over the operations of the API."""

    def __init__(self, core: Core, operations: tuple[Route, ...]) -> None:
        known = {route.handler: route for route in reversed(operations)}
        self._site = Site(core, _templates(), Sessions(), known)

    def front(self, otherwise: WebHandler) -> list[web.RouteDef]:
        """Return the first page, for browsers; others get what `otherwise` answers."""
        page = self._handler(PageRoute("GET", "/", repositories.home), otherwise)

        async def handle(request: web.Request) -> web.StreamResponse:
            wanted = "text/html" in request.headers.get("Accept", "")
            return await (page if wanted else otherwise)(request)

        return [web.get("/", handle)]

    def routes(self, otherwise: WebHandler) -> list[web.RouteDef]:
        """Return all other pages; who asks for JSON gets what `otherwise` answers."""
        style = files("grace.localforge.pages").joinpath("static", "forge.css").read_text("utf-8")

        async def stylesheet(_request: web.Request) -> web.Response:
            headers = {"Cache-Control": "max-age=300", "X-Content-Type-Options": "nosniff"}
            return web.Response(text=style, content_type="text/css", headers=headers)

        pages = [
            web.route(route.method, route.path, self._handler(route, otherwise)) for route in ROUTES
        ]
        return [web.get(STYLE, stylesheet), oauth.token_route(self._site.core), *pages]

    def _handler(self, route: PageRoute, otherwise: WebHandler) -> WebHandler:
        async def handle(request: web.Request) -> web.StreamResponse:
            if "json" in request.headers.get("Accept", ""):
                return await otherwise(request)
            return await _answer(self._site, route, request)

        return handle


def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("grace.localforge.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "markdown": Markdown(),
        "visible": visible,
        "short": short,
        "moment": moment,
        "log": log_text,
        "diff": diff_lines,
    }
    return environment


async def _answer(site: Site, route: PageRoute, request: web.Request) -> web.StreamResponse:
    cookie = f"local_forge_{urlsplit(site.core.url).port or 80}"
    visitor = site.sessions.visitor(request.cookies.get(cookie))
    visit = Visit(site, request, visitor, {})
    try:
        _refuse_strangers(site.core, request)
        if request.method == "POST":
            visit.form = await _posted(site, visitor, request)
        response = await route.page(visit)
    except ApiError as error:
        response = _refusal(visit, error)
    except web.HTTPRequestEntityTooLarge:
        response = _refusal(visit, ApiError(TOO_LARGE, "This is too large."))
    except Exception:  # noqa: BLE001 - the boundary: answer 500, log, go on serving
        structlog.get_logger().exception("forge.page_failed", path=request.path)
        response = _refusal(visit, ApiError(SERVER_ERROR, "The forge failed; its log says why."))
    targets = " ".join(("'self'", *visit.form_targets))
    response.headers.update(
        {
            "Content-Security-Policy": (
                "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self';"
                f" form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
            ),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
    )
    response.set_cookie(cookie, visit.visitor.secret, httponly=True, samesite="Lax", path="/")
    return response


def _refuse_strangers(core: Core, request: web.Request) -> None:
    """Refuse a name that is not loopback's: another site's name could be made to lead here."""
    names = [request.host]
    if core.config.public_url is not None:
        names.append(urlsplit(core.config.public_url).netloc)
    if not all(_is_loopback(name) for name in names):
        raise ApiError(FORBIDDEN, AWAY)


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


async def _posted(site: Site, visitor: Visitor, request: web.Request) -> Form:
    """Return the fields posted, if the form was one of ours."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise ApiError(FORBIDDEN, STALE)
    sent = await request.post()
    form: dict[str, list[str]] = {}
    for name, value in sent.items():
        if isinstance(value, str):
            form.setdefault(name, []).append(value)
    if not site.sessions.proves(visitor, form.pop("csrf", [""])[0]):
        raise ApiError(FORBIDDEN, STALE)
    return form


def _refusal(visit: Visit, error: ApiError) -> web.Response:
    """Show why something was refused; who is not signed in and has to be is asked to."""
    if error.status == UNAUTHORIZED and visit.request.method == "GET":
        return visit.see(f"/login?return_to={quote(visit.request.path_qs, safe='')}")
    details = [
        item.get("message") or f"{item.get('field')}: {item.get('code')}"
        for item in error.errors or ()
    ]
    return visit.page("error.html", status=error.status, message=error.message, details=details)
