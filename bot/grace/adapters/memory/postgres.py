"""Memory searched in PostgreSQL, in a copy of the store's table that is brought up to date first.

Candidates are found by `tsvector` and weighed by `ts_rank` term by term, since PostgreSQL's own
ranking does not know which terms are rare; the core ranks them as it ranks those of SQLite. What
the store's file alone knows (who is private, which patches were reverted, what is counted) is read
there.
"""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from grace.adapters.memory import mirror, source
from grace.adapters.memory.source import Candidate
from grace.domain.memory.places import Place
from grace.domain.memory.question import Question, of_index
from grace.domain.memory.ranking import Asked, Corpus, likest, weighed
from grace.domain.memory.recall import Memories
from grace.domain.memory.remembered import Remembered
from grace.ports.memory import MemoryUnavailable

CANDIDATES: Final = 100
_MISSING: Final = (
    "asyncpg is not installed: install grace-mission-control with its extra `postgres`"
)
# Weights of D, C, B and A: details, nothing, trace, head.
_FIND: Final = """
SELECT m.row, m.log, m.document, m.head, m.details, m.trace
FROM unnest($1::text[], $2::float8[]) AS asked (term, weight)
JOIN grace_memory AS m ON m.vector @@ asked.term::tsquery
WHERE m.store = $3 AND NOT (m.log = $4 AND m.mission = $5)
AND (m.log = $4 OR (m.host = $6 AND m.installation_id = $7 AND ($8 OR m.log = ANY ($9))))
GROUP BY m.store, m.row
ORDER BY sum(asked.weight * ts_rank('{0.17, 0, 0.33, 1}', m.vector, asked.term::tsquery)) DESC,
    m.row
LIMIT $10
"""


class PostgresMemory:
    """`grace.ports.memory.MemorySearch` in PostgreSQL, for the file of one store.

    `seconds`: how long one question may take, bringing the copy up to date included.
    """

    def __init__(self, url: str, path: Path, seconds: float = 60.0) -> None:
        self._url = url
        self._path = path
        self._seconds = seconds
        self._turn = asyncio.Lock()

    async def similar(self, question: Question, limit: int = 20) -> Memories:
        """Return the likest missions, the likest first."""
        try:
            import asyncpg  # noqa: PLC0415 - an extra that few need
        except ImportError as error:
            raise MemoryUnavailable(_MISSING) from error
        try:
            async with self._turn, asyncio.timeout(self._seconds):
                connection = await asyncpg.connect(
                    self._url, server_settings={"application_name": "grace"}
                )
                try:
                    return await self._answer(connection, question, limit)
                finally:
                    connection.terminate()
        except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            # The address may hold a password, and so may what the driver says of it.
            raise MemoryUnavailable(
                f"the database of memory_url does not answer: {type(error).__name__}"
            ) from error

    async def close(self) -> None:
        """Nothing stays open between questions."""

    async def _answer(self, connection: Any, question: Question, limit: int) -> Memories:
        store = await mirror.bring_up_to_date(connection, self._path)
        fields = question.fields()
        total, frequency = await mirror.frequencies(connection, store, fields.distinct())
        asked = weighed(fields, Corpus(total, frequency))
        asker, open_logs = await asyncio.to_thread(self._surroundings, question)
        found = list[Candidate]()
        if asked.weights:
            rows = await connection.fetch(
                _FIND,
                [f"'{term}'" for term in asked.weights],
                list(asked.weights.values()),
                store,
                asker.log,
                question.asker,
                asker.host,
                asker.installation_id,
                asker.private is True,
                open_logs,
                CANDIDATES,
            )
            found = [_candidate(row, frozenset(open_logs)) for row in rows]
        return await asyncio.to_thread(self._memories, question, asker, (asked, found), limit)

    def _surroundings(self, question: Question) -> tuple[Place, list[str]]:
        with source.opened(self._path) as store:
            asker = source.place_of(store, question.ref)
            return asker, source.open_logs(store, asker.host)

    def _memories(
        self, question: Question, asker: Place, found: tuple[Asked, list[Candidate]], limit: int
    ) -> Memories:
        asked, candidates = found
        known = [(c.found, c.place, c.fields) for c in candidates]
        alike = likest(question, asked, known, limit)
        with source.opened(self._path) as store:
            return Memories(
                asker=asker,
                alike=[replace(each, found=source.with_diff(store, each.found)) for each in alike],
                said=source.said(store, asker),
                spoiled=source.spoiled(store, asker.log),
            )


def _candidate(row: Any, open_logs: frozenset[str]) -> Candidate:
    found = Remembered.model_validate_json(row["document"])
    place = Place(
        host=found.host,
        repository_id=found.repository_id,
        installation_id=found.installation_id,
        private=False if found.log in open_logs else None,
    )
    fields = of_index(row["head"], row["details"], row["trace"])
    return Candidate(row["row"], found, place, fields)
