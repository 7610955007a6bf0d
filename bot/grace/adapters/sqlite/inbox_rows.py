"""The inbox's table: what came in, as it came, once."""

import sqlite3
from datetime import datetime

from grace.adapters.sqlite.values import micros, moment
from grace.ports import Delivery


def accept(connection: sqlite3.Connection, delivery: Delivery) -> bool:
    """Keep a delivery; False: it was here before."""
    return (
        connection.execute(
            "INSERT INTO deliveries (origin, delivery_id, event, body, received_at)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (origin, delivery_id) DO NOTHING",
            (
                delivery.origin,
                delivery.delivery_id,
                delivery.event,
                delivery.body,
                micros(delivery.received_at),
            ),
        ).rowcount
        == 1
    )


def unrouted(connection: sqlite3.Connection, limit: int) -> list[Delivery]:
    """Return deliveries that nobody has looked at, in the order they came."""
    rows = connection.execute(
        "SELECT id, origin, delivery_id, event, body, received_at FROM deliveries"
        " WHERE routed_at IS NULL ORDER BY id LIMIT ?",
        (limit,),
    )
    return [
        Delivery(
            origin=row["origin"],
            delivery_id=row["delivery_id"],
            event=row["event"],
            body=row["body"],
            received_at=moment(row["received_at"]),
            id=row["id"],
        )
        for row in rows
    ]


def remark(connection: sqlite3.Connection, delivery: int, note: str) -> None:
    """Replace the note of a delivery."""
    connection.execute("UPDATE deliveries SET note = ? WHERE id = ?", (note, delivery))


def mark_routed(connection: sqlite3.Connection, delivery: int, note: str, now: datetime) -> bool:
    """Mark a delivery; False: it was marked before. KeyError: there is no such delivery."""
    row = connection.execute(
        "SELECT routed_at FROM deliveries WHERE id = ?", (delivery,)
    ).fetchone()
    if row is None:
        raise KeyError(f"no delivery {delivery}")
    if row["routed_at"] is not None:
        return False
    connection.execute(
        "UPDATE deliveries SET routed_at = ?, note = ? WHERE id = ?",
        (micros(now), note, delivery),
    )
    return True
