"""Memory in the store's own file: FTS5 finds candidates, the core ranks them."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from grace.adapters.memory import source
from grace.adapters.memory.source import Candidate
from grace.domain.memory.question import Question
from grace.domain.memory.ranking import Corpus, likest, weighed
from grace.domain.memory.recall import Memories

CANDIDATES: Final = 100


class SqliteMemory:
    """`grace.ports.memory.MemorySearch` over the file of the store; it never writes there.

    `everywhere`: find what may not be cited too, for the operator's eyes alone.
    """

    def __init__(self, path: Path, *, everywhere: bool = False) -> None:
        self._path = path
        self._everywhere = everywhere

    async def similar(self, question: Question, limit: int = 20) -> Memories:
        """Return the likest missions, the likest first."""
        return await asyncio.to_thread(self._similar, question, limit)

    async def close(self) -> None:
        """Nothing stays open between questions."""

    def _similar(self, question: Question, limit: int) -> Memories:
        with source.opened(self._path) as connection:
            asker = source.place_of(connection, question.ref)
            fields = question.fields()
            frequency = source.frequencies(connection, fields.distinct())
            asked = weighed(fields, Corpus(source.total(connection), frequency))
            found = list[Candidate]()
            if asked.weights:
                match = any_of(asked.weights)
                reached = source.reach(asker, everywhere=self._everywhere)
                found = source.candidates(connection, match, reached, question.asker, CANDIDATES)
            alike = likest(question, asked, [(c.found, c.place, c.fields) for c in found], limit)
            return Memories(
                asker=asker,
                alike=[
                    replace(each, found=source.with_diff(connection, each.found)) for each in alike
                ],
                said=source.said(connection, asker),
                spoiled=source.spoiled(connection, asker.log),
            )


def any_of(terms: Iterable[str]) -> str:
    """Write a query of FTS5 that any of these terms answers."""
    return " OR ".join(f'"{term}"' for term in terms)
