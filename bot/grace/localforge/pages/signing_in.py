"""Signing in by one click: the people of a toy have no passwords."""

from typing import Final

from aiohttp import web

from grace.localforge.errors import ApiError
from grace.localforge.pages.visit import PageRoute, Visit


def safe_path(path: str) -> str:
    """Return a path of this forge; anything that could lead elsewhere becomes the first page."""
    plain = path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"


async def sign_in_page(visit: Visit) -> web.StreamResponse:
    """Show everybody whom one can be."""
    return visit.page("login.html", return_to=safe_path(visit.query("return_to", "/")))


async def sign_in(visit: Visit) -> web.StreamResponse:
    """Become somebody, and go back to where one was."""
    login = visit.value("login")
    user = visit.core.user_named(login)
    if user is None or user["type"] != "User":
        raise ApiError(422, f"There is nobody called {login} here.")
    visit.visitor = visit.site.sessions.sign_in(visit.visitor, user["login"])
    return visit.see(safe_path(visit.value("return_to", "/")))


async def sign_out(visit: Visit) -> web.StreamResponse:
    """Be nobody again."""
    visit.site.sessions.sign_out(visit.visitor)
    visit.visitor = visit.site.sessions.visitor(None)
    return visit.see("/")


ROUTES: Final = (
    PageRoute("GET", "/login", sign_in_page),
    PageRoute("POST", "/login", sign_in),
    PageRoute("POST", "/logout", sign_out),
)
