"""Vectors beside words: what a model finds alike is fused with what full text finds.

Vectors are kept in a file of their own, by model; it holds nothing that cannot be made again, and
may be deleted. A question makes those that are missing, some at a time, newest missions first, so
that the first questions of an old store find by words alone.
"""

import asyncio
import sqlite3
from array import array
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from math import sqrt
from operator import mul
from pathlib import Path
from typing import Final

from grace.adapters.memory import source
from grace.domain.memory.question import Question
from grace.domain.memory.ranking import Likeness, fused
from grace.domain.memory.recall import Memories
from grace.ports.memory import Embedder, MemorySearch

AT_ONCE: Final = 64  # vectors made for one question
COMPARED: Final = 5000  # the newest memories
_DEEP: Final = 100
_CHARACTERS: Final = 2000
_UNLIKE: Final = 0.4  # cosine of texts that only share a language
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS vectors (store TEXT NOT NULL, row INTEGER NOT NULL,"
    " changed INTEGER NOT NULL, model TEXT NOT NULL, vector BLOB NOT NULL,"
    " PRIMARY KEY (store, row, model)) STRICT, WITHOUT ROWID"
)


class VectorMemory:
    """`grace.ports.memory.MemorySearch` by words and by vectors.

    `path`: the store's file; `kept`: the file of the vectors.
    """

    def __init__(self, by_words: MemorySearch, embedder: Embedder, path: Path, kept: Path) -> None:
        self._by_words = by_words
        self._embedder = embedder
        self._path = path
        self._kept = kept
        self._turn = asyncio.Lock()

    async def similar(self, question: Question, limit: int = 20) -> Memories:
        """Return the likest missions by both, the likest first."""
        found = await self._by_words.similar(question, _DEEP)
        text = f"{question.head}\n{question.details}"[:_CHARACTERS]
        if not text.strip():
            return replace(found, alike=found.alike[:limit])
        async with self._turn:
            known = await asyncio.to_thread(self._visible, question)
            missing = [each for each in known if each.vector is None][:AT_ONCE]
            texts = [text, *(each.text for each in missing)]
            asked, *made = [array("f", vector) for vector in await self._embedder.embed(texts)]
            for each, vector in zip(missing, made, strict=True):
                each.vector = vector
            await asyncio.to_thread(self._keep, missing)
        near = sorted(
            ((_cosine(asked, each.vector), each) for each in known if each.vector is not None),
            key=lambda pair: (-pair[0], pair[1].row),
        )[:_DEEP]
        return await asyncio.to_thread(self._fused, found, near, limit)

    async def close(self) -> None:
        await self._by_words.close()

    def _visible(self, question: Question) -> "list[_Known]":
        with source.opened(self._path) as store:
            asker = source.place_of(store, question.ref)
            name = source.state(store).store
            rows = source.citable(store, asker, question.asker, COMPARED)
        with closing(self._open()) as kept:
            known = {
                (row, changed): vector
                for row, changed, vector in kept.execute(
                    "SELECT row, changed, vector FROM vectors WHERE store = ? AND model = ?",
                    (name, self._embedder.model),
                )
            }
        found = []
        for row in rows:
            vector = known.get((row.row, row.change))
            text = f"{row.found.summary}\n{row.found.details}"[:_CHARACTERS]
            read = None if vector is None else array("f", vector)
            found.append(_Known(name, row, text, read))
        return found

    def _keep(self, made: "Sequence[_Known]") -> None:
        with closing(self._open()) as kept, kept:
            kept.executemany(
                "INSERT OR REPLACE INTO vectors (store, row, changed, model, vector)"
                " VALUES (?, ?, ?, ?, ?)",
                [
                    (each.store, each.row, each.citable.change, self._embedder.model, each.vector)
                    for each in made
                ],
            )

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._kept)
        connection.execute(_SCHEMA)
        return connection

    def _fused(
        self, found: Memories, near: "Sequence[tuple[float, _Known]]", limit: int
    ) -> Memories:
        by_words = {(e.found.log, e.found.mission): e for e in found.alike}
        both = dict(by_words)
        with source.opened(self._path) as store:
            for cosine, each in near:
                left, score = each.citable.found, max(0.0, (cosine - _UNLIKE) / (1 - _UNLIKE))
                key = (left.log, left.mission)
                told = both.get(key)
                if told is None:
                    whole = source.with_diff(store, left)
                    both[key] = Likeness(whole, each.citable.place, min(1.0, score))
                elif score > told.score:
                    both[key] = replace(told, score=min(1.0, score))
        names = list(both)
        numbers = {name: number for number, name in enumerate(names)}
        order = fused(
            [numbers[name] for name in by_words],
            [numbers[e.citable.found.log, e.citable.found.mission] for _, e in near],
        )
        return replace(found, alike=[both[names[number]] for number in order[:limit]])


class _Known:
    """A memory that may be cited, with its vector where that was made."""

    def __init__(
        self, store: str, citable: source.Citable, text: str, vector: "array[float] | None"
    ) -> None:
        self.store = store
        self.citable = citable
        self.text = text
        self.vector = vector

    @property
    def row(self) -> int:
        return self.citable.row


def _cosine(one: "array[float]", other: "array[float]") -> float:
    length = sqrt(sum(map(mul, one, one))) * sqrt(sum(map(mul, other, other)))
    return sum(map(mul, one, other)) / length if length and len(one) == len(other) else 0.0
