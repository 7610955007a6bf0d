"""Routing: one delivery's fault is not another's."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from grace.adapters.keys import Ed25519Key
from grace.adapters.sqlite.store import SqliteStore
from grace.app.bootstrap import SystemClock
from grace.app.router import Readers, Router, Translation, Unreadable
from grace.ports import Delivery


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
