"""How a page is put together: one frame around each, and errors as pages for who reads HTML."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import aiohttp_jinja2
import jinja2
import structlog
from aiohttp import web

from grace.domain.access import Principal, Scope
from grace.domain.base import Frozen
from grace.domain.health import HealthState, overall
from grace.domain.remedy_words import cost
from grace.web.access.entrance import SIGN_IN_PAGE, SignInView
from grace.web.access.forgery import csrf_token
from grace.web.hub import HUB, PRINCIPAL
from grace.web.pages import words
from grace.web.problems import Refused

PAGES: web.AppKey[jinja2.Environment] = web.AppKey("pages", jinja2.Environment)
# What is answered in JSON whoever asks: programs' own addresses.
_NOT_PAGES: Final = ("/mission-control/", "/hooks/", "/ci/", "/alerts/", "/static/", "/events")


_FILTERS: Final[Mapping[str, Callable[..., str]]] = MappingProxyType(
    {
        "mark": words.mark,
        "plain": words.plain,
        "when": words.when,
        "iso": words.iso,
        "short": words.short,
        "figure": words.figure,
        "cost": cost,
    }
)


class Frame(Frozen):
    """What stands around every page. `position`: how far the feed had come when it was made."""

    here: str
    who: str = ""
    signed_in: bool = False
    operator: bool = False
    csrf: str = ""
    position: int = 0
    stopped: bool = False
    health: HealthState | None = None
    ailing: tuple[str, ...] = ()
    version: str
    environment: str


def set_up(app: web.Application) -> None:
    """Prepare the templates: everything is escaped, and a name that is not there is an error."""
    aiohttp_jinja2.setup(
        app,
        app_key=PAGES,
        loader=jinja2.PackageLoader("grace.web.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        filters=_FILTERS,
    )
    app[SIGN_IN_PAGE] = sign_in_page


async def frame_of(request: web.Request, here: str) -> Frame:
    """Gather what stands around a page."""
    hub = request.app[HUB]
    principal = request.get(PRINCIPAL)
    known = principal if isinstance(principal, Principal) else None
    found = hub.board.health()
    return Frame(
        here=here,
        who="" if known is None else known.actor,
        signed_in=known is not None and known.kind == "person",
        operator=known is not None and known.may(Scope.OPERATOR),
        csrf=csrf_token(request),
        position=0 if known is None else await hub.store.feed_end(),
        stopped=known is not None and await hub.store.kill_switch(),
        health=overall(found) if found and known is not None else None,
        ailing=tuple(h.title for h in found if h.state is not HealthState.HEALTHY),
        version=hub.about.version,
        environment=hub.about.environment,
    )


async def page(
    request: web.Request, here: str, context: dict[str, object], *, status: int = 200
) -> web.Response:
    """Answer with the template of the page `here`."""
    context = {**context, "frame": await frame_of(request, here)}
    return aiohttp_jinja2.render_template(
        f"{here}.html", request, context, app_key=PAGES, status=status
    )


def sign_in_page(request: web.Request, view: SignInView) -> web.Response:
    """Show where to sign in; nobody is known yet, so nothing of the hub stands around it."""
    about = request.app[HUB].about
    frame = Frame(here="sign_in", version=about.version, environment=about.environment)
    return aiohttp_jinja2.render_template(
        "sign_in.html", request, {"frame": frame, "view": view}, app_key=PAGES, status=view.status
    )


def reads_html(request: web.Request) -> bool:
    """Tell whether a person's browser asks for a page."""
    wants = request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("Accept", "")
    return wants and not request.path.startswith(_NOT_PAGES)


_TITLES: Final = {
    401: "Sign in first",
    403: "Not for you",
    404: "Nothing here",
    405: "Not that way",
    429: "Slowly, please",
    500: "This is our fault",
    503: "Not now",
}


async def error_page(request: web.Request, status: int, sentence: str) -> web.Response:
    """Answer with a page that says what went wrong and where to go."""
    title = _TITLES.get(status, "That did not work")
    said: dict[str, object] = {"status": status, "title": title, "sentence": sentence}
    return await page(request, "error", said, status=status)


@web.middleware
async def errors_as_pages(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Show who reads HTML an error as a page.

    It belongs inside of the door and of what makes problems of `Refused`, around the handlers.
    """
    if not reads_html(request):
        return await handler(request)
    try:
        return await handler(request)
    except Refused as error:
        if error.status == HTTPStatus.UNAUTHORIZED:
            raise  # the door leads to the sign-in
        return await error_page(request, error.status, error.sentence)
    except web.HTTPNotFound:
        return await error_page(request, 404, "There is nothing at this address for you.")
    except web.HTTPMethodNotAllowed:
        return await error_page(request, 405, "This address is not read like a page.")
    except web.HTTPException:
        raise
    except Exception:  # noqa: BLE001 - the boundary: logged, and answered without its reason
        structlog.get_logger("pages").exception("page", path=request.path)
        return await error_page(
            request, 500, "The page could not be made. What went wrong is in the bot's log."
        )
