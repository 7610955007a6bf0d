"""Pages of a list, and the cursors between them."""

import base64
import json

import pytest

from grace.domain.phase import Severity
from grace.ports.hub import BadCursor, MissionFilter

EVERYONES = MissionFilter(logs=None)


async def issues(world, order):
    found = await world.store.mission_page(EVERYONES, order, world.now)
    return [row.issue for row in found.rows]


@pytest.mark.parametrize("order", ["newest", "urgency"])
async def test_pages_show_each_mission_once_while_others_come_and_go(world, order):
    for issue in range(1, 8):
        world.later(minutes=1)
        await world.open_mission(issue, request=world.request(list(Severity)[issue % 4]))
    whole = await issues(world, order)
    seen, after = [], None
    while True:
        page = await world.store.mission_page(EVERYONES, order, world.now, after=after, limit=2)
        assert len(page.rows) <= 2
        seen += [row.issue for row in page.rows]
        after = page.following
        if after is None:
            break
        world.later(minutes=1)
        await world.open_mission(100 + len(seen), request=world.request(Severity.CRITICAL))
    assert [issue for issue in seen if issue < 100] == whole
    assert len(set(seen)) == len(seen)


async def test_missions_of_one_moment_are_not_lost_between_pages(world):
    for issue in range(1, 6):
        await world.open_mission(issue)
    for order in ("newest", "urgency"):
        seen, after = [], None
        for _ in range(5):
            page = await world.store.mission_page(EVERYONES, order, world.now, after=after, limit=1)
            seen += [row.issue for row in page.rows]
            after = page.following
        assert after is None
        assert seen == await issues(world, order)


def encoded(value) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "garbage",
        "ä",
        "!!!!",
        "A" * 5000,
        encoded(["newest", 1, "a"]) + "=",
        encoded(["newest", 1, "a"]).rstrip("=") + "A",
        encoded(["urgency", 0, 1, "a"]).rstrip("="),
        encoded(["newest", 1]).rstrip("="),
        encoded(["newest", 1, "a", 2]).rstrip("="),
        encoded(["newest", "1", "a"]).rstrip("="),
        encoded(["newest", True, "a"]).rstrip("="),
        encoded(["newest", 1.5, "a"]).rstrip("="),
        encoded(["newest", 2**63, "a"]).rstrip("="),
        encoded(["newest", 1, "\ud800"]).rstrip("="),
        encoded([]).rstrip("="),
        encoded({"newest": 1}).rstrip("="),
        encoded(5).rstrip("="),
        base64.urlsafe_b64encode(b"[" * 700).decode().rstrip("="),
        base64.urlsafe_b64encode(b'["newest", 1, "a"]').decode().rstrip("="),
        base64.urlsafe_b64encode(b"\xff\xfe").decode().rstrip("="),
    ],
)
async def test_cursor_of_nobody_is_refused(world, cursor):
    with pytest.raises(BadCursor):
        await world.store.mission_page(EVERYONES, "newest", world.now, after=cursor)


async def test_cursor_is_safe_in_an_address_and_good_for_its_order_alone(world):
    for issue in (1, 2):
        await world.open_mission(issue)
    page = await world.store.mission_page(EVERYONES, "newest", world.now, limit=1)
    assert page.following is not None
    assert set(page.following) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )
    with pytest.raises(BadCursor):
        await world.store.mission_page(EVERYONES, "urgency", world.now, after=page.following)
