"""Deliveries that failed are asked for again: once each, within bounds, until one arrives."""

from datetime import UTC, datetime
from typing import Any

import httpx

SINCE = datetime(2026, 3, 1, 11, 0, tzinfo=UTC)


def tried(number: int, guid: str, status: int, minute: int = 30, hour: int = 11) -> dict[str, Any]:
    at = f"2026-03-01T{hour}:{minute:02}:00Z"
    return {"id": number, "guid": guid, "delivered_at": at, "status_code": status}


async def test_only_what_never_arrived_is_asked_for(github: Any) -> None:
    listed = [
        tried(9, "b", 202, 40),
        tried(8, "b", 502, 39),
        tried(7, "c", 0, 38),
        tried(6, "a", 500, 37),
        tried(5, "old", 500, 0, hour=10),
        *(tried(n, "five", 500, 20) for n in range(20, 25)),
    ]
    github.on("GET", "/app/hook/deliveries").respond(json=listed)
    again = github.router.route(path__regex=r"^/api/v3/app/hook/deliveries/\d+/attempts$")
    again.respond(202, json={})
    assert await github.forge.redeliver(SINCE) == 2
    asked = [call.request.url.path.split("/")[-2] for call in again.calls]
    assert asked == ["6", "7"]


async def test_list_is_followed_by_its_cursor_until_before_the_moment(github: Any) -> None:
    link = '<https://github.test/api/v3/app/hook/deliveries?cursor=v1_2>; rel="next"'

    def page(request: Any) -> Any:
        if "cursor" in request.url.params:
            return httpx.Response(
                200, json=[tried(5, "old", 500, 0, hour=10)], headers={"link": link}
            )
        return httpx.Response(200, json=[tried(6, "a", 200)], headers={"link": link})

    listing = github.on("GET", "/app/hook/deliveries")
    listing.mock(side_effect=page)
    assert await github.forge.redeliver(SINCE) == 0
    assert listing.call_count == 2


async def test_fifty_are_asked_for_at_once_and_no_more(github: Any) -> None:
    listed = [tried(n, f"g{n}", 500) for n in range(80)]
    github.on("GET", "/app/hook/deliveries").respond(json=listed)
    again = github.router.route(path__regex=r"/attempts$")
    again.respond(202, json={})
    assert await github.forge.redeliver(SINCE) == 50
    assert again.call_count == 50
