"""Routing: one delivery's fault is not another's."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from grace.adapters.github.ours import Ours
from grace.adapters.keys import Ed25519Key
from grace.adapters.sqlite.store import SqliteStore
from grace.app.bootstrap import SystemClock
from grace.app.inlets import readers_of
from grace.app.router import Readers, Router, Translation, Unreadable
from grace.domain.mission import MissionRef
from grace.ports import Delivery
from support.world import make_policy


def read(delivery: Delivery) -> Translation:
    """Fail as a translator can: foreseen, and not."""
    match delivery.event:
        case "odd":
            raise Unreadable("the body is odd")
        case "fault":
            raise AttributeError("created_at")
        case _:
            return (), "nothing to do"


async def test_delivery_that_cannot_be_read_is_kept_and_holds_nothing_up(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "grace.db", Ed25519Key.generate(tmp_path / "key"))
    try:
        now = datetime.now(UTC)
        for event, origin in (("fault", "here"), ("odd", "here"), ("good", "here"), ("x", "there")):
            await store.accept(Delivery(origin, f"{event}-1", event, b"{}", now))
        assert await Router(store, SystemClock(), Readers({"here": read})).drain() == 4
        assert await store.unrouted(10) == []
    finally:
        await store.close()
    with closing(sqlite3.connect(tmp_path / "grace.db")) as connection:
        rows = connection.execute("SELECT event, body, note FROM deliveries").fetchall()
    notes = {event: (body, note) for event, body, note in rows}
    assert {body for body, _ in notes.values()} == {b"{}"}
    assert "created_at" in notes["fault"][1]
    assert notes["odd"][1] == "unreadable: the body is odd"
    assert notes["good"][1] == "nothing to do"
    assert "no translator" in notes["x"][1]


async def test_issue_that_stops_is_in_force_as_soon_as_its_delivery_is_routed(
    tmp_path: Path,
) -> None:
    store = await SqliteStore.open(tmp_path / "grace.db", Ed25519Key.generate(tmp_path / "key"))
    now, sender = datetime.now(UTC), {"login": "tess", "id": 21, "type": "User"}
    label = {"name": "grace:stop"}
    issue = {"number": 5, "updated_at": now.isoformat(), "labels": [label], "user": sender}
    ours = Ours(host="forge.test", app_id=7, bot_login="grace[bot]")
    mesh = MissionRef(host="forge.test", repository_id=1, repository="acme/mesh")
    shop = MissionRef(host="forge.test", repository_id=2, repository="acme/shop")
    readers = readers_of(ours, make_policy(), {"mesh": mesh}, 60)
    try:
        for ref in (mesh, shop):
            body = {
                "action": "labeled",
                "label": label,
                "issue": issue,
                "sender": sender,
                "repository": {"id": ref.repository_id, "full_name": ref.repository},
            }
            raw = json.dumps(body).encode()
            await store.accept(Delivery("github", ref.repository, "issues", raw, now))
        await store.accept(Delivery("github", "odd", "issues", b"{", now))
        assert await Router(store, SystemClock(), readers).drain() == 3
        [stop] = await store.standing_stops(mesh)
        assert (stop.number, stop.actor and stop.actor.login) == (5, "tess")
        assert [found.kind for found in await store.stops(mesh)] == ["issue"]
        assert await store.stops(shop) == ()
    finally:
        await store.close()
