"""The dashboard: server-rendered pages that a few small modules keep live and verify."""

from grace.web.pages.rendering import errors_as_pages
from grace.web.pages.routes import add_routes

__all__ = ["add_routes", "errors_as_pages"]
