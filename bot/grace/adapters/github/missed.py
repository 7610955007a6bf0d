"""Deliveries that did not reach us: GitHub never repeats one by itself, so they are asked for.

Source: GitHub Docs, "REST API endpoints for GitHub App webhooks"; the record goes back three days.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Final

from pydantic import AwareDatetime

from grace.adapters.github.payloads import Id, Lenient, fit
from grace.adapters.github.session import PAGE, Session
from grace.adapters.github.wire import Request

_PAGES: Final = 10
_TRIES: Final = 5
_AT_ONCE: Final = 50
_ARRIVED: Final = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)


class _Delivery(Lenient):
    id: Id
    guid: str
    delivered_at: AwareDatetime
    status_code: int = 0


class _Deliveries(Lenient):
    items: tuple[_Delivery, ...]


class Missed:
    """Find deliveries that failed in the app's own record, and have them sent again."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def ask_again(self, since: datetime) -> int:
        """Have sent again what failed since then and never arrived; return how many.

        One call for each hundred deliveries since then, and one for each that failed. After five
        tries a delivery is left alone; past fifty, the rest has its turn with the next round.
        """
        failed = lost(await self._since(since))[:_AT_ONCE]
        path = "/app/hook/deliveries/{delivery}/attempts"
        for delivery in failed:
            request = Request("redeliver", "POST", path, {"delivery": delivery})
            await self._session.as_app(request)
        return len(failed)

    async def _since(self, since: datetime) -> list[_Delivery]:
        found: list[_Delivery] = []
        path = "/app/hook/deliveries{?per_page}"
        request = Request("list deliveries", "GET", path, {"per_page": PAGE})
        for _ in range(_PAGES):
            answer = await self._session.as_app(request)
            page = fit(_Deliveries, {"items": answer.data}, request.purpose).items
            found += [d for d in page if d.delivered_at >= since]
            if answer.more is None or any(d.delivered_at < since for d in page):
                break
            request = replace(request, url=answer.more)
        return found


def lost(deliveries: Sequence[_Delivery]) -> list[int]:
    """Return an id for each delivery that no try brought, oldest first; newest come first."""
    tries: dict[str, list[_Delivery]] = {}
    for delivery in deliveries:
        tries.setdefault(delivery.guid, []).append(delivery)
    return [
        made[0].id
        for made in reversed(tries.values())
        if len(made) < _TRIES and not any(d.status_code in _ARRIVED for d in made)
    ]
