"""Which page is where."""

from aiohttp import web

from grace.web.pages.assets import load_assets, serve
from grace.web.pages.board import board
from grace.web.pages.listing import activity, ledger, queue, systems
from grace.web.pages.mission import mission
from grace.web.pages.registers import capas, trust
from grace.web.pages.rendering import set_up


def add_routes(app: web.Application) -> None:
    """Add the pages and their assets; the middleware `errors_as_pages` is composed elsewhere."""
    set_up(app)
    app.router.add_get("/static/{name}", serve(load_assets()))
    app.router.add_get("/", board)
    app.router.add_get("/missions/{mission_id}", mission)
    app.router.add_get("/activity", activity)
    app.router.add_get("/map", systems)
    app.router.add_get("/queue", queue)
    app.router.add_get("/trust", trust)
    app.router.add_get("/capa", capas)
    app.router.add_get("/ledger", ledger)
