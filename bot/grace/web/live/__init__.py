"""Live events: every ledger entry as it was signed, to whoever may see it, while it is new."""

from aiohttp import web

from grace.web.live.events import events
from grace.web.live.live import LIVE, Figures, Live, LiveLimits
from grace.web.live.socket import socket

__all__ = ["LIVE", "Figures", "Live", "LiveLimits", "add_routes"]


def add_routes(app: web.Application) -> None:
    """Add `/ws` and `/events`; they take what they need of `app[HUB]` and `app[LIVE]`."""
    app.router.add_get("/ws", socket, allow_head=False)
    app.router.add_get("/events", events, allow_head=False)
    app.on_shutdown.append(_close)


async def _close(app: web.Application) -> None:
    app[LIVE].close()
