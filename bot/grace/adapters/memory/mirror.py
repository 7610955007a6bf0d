"""The copy of memory in PostgreSQL: what changed in the store since, in one transaction.

Doing it twice changes nothing, and a copy of before a rebuild is made anew. Several stores may keep
theirs in one database, each its own rows.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from grace.adapters.memory import source
from grace.adapters.memory.source import Changed, State
from grace.domain.memory.remembered import Remembered

BATCH: Final = 500
_POSITIONS: Final = 16_000
_KEPT: Final = 20  # places of one term in one text
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS grace_memory_state (
    store text PRIMARY KEY, epoch bigint NOT NULL, last bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS grace_memory (
    store text NOT NULL, row bigint NOT NULL, log text NOT NULL, mission text NOT NULL,
    host text NOT NULL, installation_id bigint, document text NOT NULL,
    head text NOT NULL, details text NOT NULL, trace text NOT NULL, vector tsvector NOT NULL,
    PRIMARY KEY (store, row)
);
CREATE INDEX IF NOT EXISTS grace_memory_vector ON grace_memory USING gin (vector);
CREATE TABLE IF NOT EXISTS grace_memory_terms (
    store text NOT NULL, term text NOT NULL, docs bigint NOT NULL, PRIMARY KEY (store, term)
);
"""


async def bring_up_to_date(connection: Any, path: Path) -> str:
    """Copy what changed; return the name of the store, which its rows carry."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('grace_memory'))")
        await connection.execute(_SCHEMA)
        now = await asyncio.to_thread(_state, path)
        row = await connection.fetchrow(
            "SELECT epoch, last FROM grace_memory_state WHERE store = $1", now.store
        )
        last = 0 if row is None or row["epoch"] != now.epoch else int(row["last"])
        if row is not None and row["epoch"] != now.epoch:
            await connection.execute("DELETE FROM grace_memory WHERE store = $1", now.store)
            await connection.execute("DELETE FROM grace_memory_terms WHERE store = $1", now.store)
        while changed := await asyncio.to_thread(_changes, path, last):
            for each in changed:
                await _put(connection, now.store, each)
            last = changed[-1].change
        await connection.execute(
            "INSERT INTO grace_memory_state (store, epoch, last) VALUES ($1, $2, $3)"
            " ON CONFLICT (store) DO UPDATE SET epoch = excluded.epoch, last = excluded.last",
            now.store,
            now.epoch,
            last,
        )
    return now.store


async def frequencies(
    connection: Any, store: str, terms: Sequence[str]
) -> tuple[int, dict[str, int]]:
    """Count the memories, and in how many of them each term stands."""
    rows = await connection.fetch(
        "SELECT term, docs FROM grace_memory_terms"
        " WHERE store = $1 AND term = ANY ($2) AND docs > 0",
        store,
        list(terms),
    )
    total = await connection.fetchval("SELECT count(*) FROM grace_memory WHERE store = $1", store)
    return int(total), {row["term"]: row["docs"] for row in rows}


def _state(path: Path) -> State:
    with source.opened(path) as store:
        return source.state(store)


def _changes(path: Path, after: int) -> list[Changed]:
    with source.opened(path) as store:
        return source.changes(store, after, BATCH)


async def _put(connection: Any, store: str, each: Changed) -> None:
    """Take the old row out, and put the new one in where it may be found."""
    await connection.execute(
        "WITH old AS (DELETE FROM grace_memory WHERE store = $1 AND row = $2 RETURNING vector)"
        " UPDATE grace_memory_terms AS known SET docs = known.docs - 1 FROM old"
        " WHERE known.store = $1 AND known.term = ANY (tsvector_to_array(old.vector))",
        store,
        each.row,
    )
    if each.texts is None:
        return
    found = Remembered.model_validate_json(each.document)
    await connection.execute(
        "INSERT INTO grace_memory (store, row, log, mission, host, installation_id, document,"
        " head, details, trace, vector)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, ($11::text)::tsvector)",
        store,
        each.row,
        found.log,
        found.mission,
        found.host,
        found.installation_id,
        each.document,
        *each.texts,
        vector(each.texts),
    )
    await connection.execute(
        "INSERT INTO grace_memory_terms AS known (store, term, docs)"
        " SELECT $1, term, 1 FROM unnest($2::text[]) AS term"
        " ON CONFLICT (store, term) DO UPDATE SET docs = known.docs + 1",
        store,
        sorted({term for text in each.texts for term in text.split()}),
    )


def vector(texts: tuple[str, str, str]) -> str:
    """Write a `tsvector`: terms with their places, of the head as A, of the trace as B.

    Terms are letters, digits and underscores, so that none can end its quotes.
    """
    places: dict[str, list[str]] = {}
    position = 0
    for text, weight in zip(texts, ("A", "D", "B"), strict=True):
        for term in text.split():
            position = min(position + 1, _POSITIONS)
            found = places.setdefault(term, [])
            if len(found) < _KEPT and f"{position}{weight}" not in found:
                found.append(f"{position}{weight}")
    return " ".join(f"'{term}':{','.join(found)}" for term, found in places.items())
