"""The API: one table of operations, from which its routes and its OpenAPI document are made."""

from grace.web.api.routes import add_routes

__all__ = ["add_routes"]
