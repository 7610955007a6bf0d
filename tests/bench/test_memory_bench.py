"""Finding duplicates among GitBugs' Hadoop reports, beside plain FTS5.

`GITBUGS_DIR` is the path of a clone of https://github.com/av9ash/gitbugs; nothing of it is stored
here. The constants of the ranking were chosen on the queries with an odd number; the bounds are
about the others. `MEMORY_MODEL` names a model for sentence-transformers, where that is installed:
then words and vectors together are measured too, which takes minutes.
"""

import os
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import pytest
from rich.console import Console
from rich.table import Table

from bench.figures import percentile
from grace.adapters.memory.sentences import SentenceEmbedder
from grace.adapters.memory.sqlite import SqliteMemory
from grace.adapters.memory.vectors import AT_ONCE, VectorMemory
from grace.adapters.sqlite import memory_rows
from grace.adapters.sqlite.schema import connect, create_private, migrate, shipped
from grace.domain.memory.folding import REMEMBERED, payload_of
from grace.domain.memory.normalise import errors_in, trace_of
from grace.domain.memory.question import Question
from grace.domain.memory.signature import signature
from grace.domain.package import Symptom
from grace.ports import Recorded
from grace.ports.memory import MemorySearch
from support.gitbugs import REF, Duplicates, Report, read_hadoop, remembered

pytestmark = pytest.mark.bench

DEEP = 20
Find = Callable[[Report], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Found:
    """How often what was looked for is among the first, and how long a question took the processor."""

    recall: dict[int, float]
    reciprocal: float
    milliseconds: float


@pytest.fixture(scope="module")
def duplicates() -> Duplicates:
    folder = os.environ.get("GITBUGS_DIR")
    if not folder:
        pytest.skip("set GITBUGS_DIR to a clone: git clone https://github.com/av9ash/gitbugs")
    return read_hadoop(Path(folder))


@pytest.fixture(scope="module")
def store(duplicates: Duplicates, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that remembers every report, by the way that an ended mission takes."""
    path = tmp_path_factory.mktemp("memory") / "grace.db"
    create_private(path)
    with closing(connect(path)) as connection:
        migrate(connection, path, shipped())
        connection.execute("BEGIN")
        for number, report in enumerate(duplicates.reports.values(), 1):
            left = remembered(report, number)
            said = Recorded(
                log=REF.log,
                seq=number,
                time=left.closed_at,
                mission=left.mission,
                kind=REMEMBERED,
                actor="grace",
                payload=payload_of(left),
            )
            memory_rows.remember(connection, said)
        connection.execute("COMMIT")
    return path


@pytest.fixture(scope="module")
def plain(duplicates: Duplicates) -> Iterator[sqlite3.Connection]:
    """The same reports in an FTS5 table as it comes."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE reports USING fts5(id UNINDEXED, title, body)")
        connection.executemany(
            "INSERT INTO reports VALUES (?, ?, ?)",
            [(r.id, r.summary, r.description) for r in duplicates.reports.values()],
        )
        yield connection


def question(report: Report) -> Question:
    symptom = Symptom(description=report.summary)
    return Question(
        ref=REF,
        asker=f"mission_20200101_{int(report.id):03d}",
        head=report.summary,
        details="\n".join([report.description, *errors_in(report.description)])[:60_000],
        trace=trace_of(report.description),
        signature=str(signature([symptom], [report.description])),
    )


async def test_duplicates_are_found_more_often_than_by_plain_fts5(
    duplicates: Duplicates,
    store: Path,
    plain: sqlite3.Connection,
    capsys: pytest.CaptureFixture[str],
) -> None:
    memory = SqliteMemory(store)

    def by(search: MemorySearch) -> Find:
        async def find(report: Report) -> Sequence[str]:
            found = await search.similar(question(report), DEEP)
            return [str(int(each.found.mission.rsplit("_", 1)[1])) for each in found.alike]

        return find

    async def theirs(report: Report) -> Sequence[str]:
        words = re.findall(r"\w+", f"{report.summary} {report.description}".lower())
        terms = " OR ".join(f'"{word}"' for word in dict.fromkeys(words))
        rows = plain.execute(
            "SELECT id FROM reports WHERE reports MATCH ? AND id <> ?"
            " ORDER BY bm25(reports) LIMIT ?",
            (terms, report.id, DEEP),
        )
        return [row[0] for row in rows]

    table = Table("half", "queries", "search", "@1", "@5", "@10", "MRR", "CPU ms", box=None)
    found: dict[tuple[str, bool], Found] = {}
    searches = {"plain FTS5": theirs, "memory": by(memory)}
    model = os.environ.get("MEMORY_MODEL")
    if model:
        both = VectorMemory(memory, SentenceEmbedder(model), store, store.with_name("vectors.db"))
        for _ in range(-(-len(duplicates.reports) // AT_ONCE)):  # until each has its vector
            await both.similar(question(next(iter(duplicates.reports.values()))), 1)
        searches["memory, with a model"] = by(both)
    for odd in (True, False):
        queries = duplicates.half(odd=odd)
        for name, find in searches.items():
            found[name, odd] = each = await measure(duplicates, queries, find)
            told = [f"{each.recall[k]:.3f}" for k in (1, 5, 10)]
            half = "odd" if odd else "even"
            more = (f"{each.reciprocal:.3f}", f"{each.milliseconds:.0f}")
            table.add_row(half, str(len(queries)), name, *told, *more)
    with capsys.disabled():
        Console().print("", table)
    assert found["memory", False].recall[5] > found["plain FTS5", False].recall[5] + 0.05
    assert found["memory", False].milliseconds < 150


async def measure(duplicates: Duplicates, queries: Sequence[str], find: Find) -> Found:
    """Ask for each report of a half, and see where its duplicates stand."""
    recall = {1: 0.0, 5: 0.0, 10: 0.0}
    reciprocal, times = 0.0, []
    for name in queries:
        started = process_time()
        found = await find(duplicates.reports[name])
        times.append(1000 * (process_time() - started))
        places = [found.index(other) + 1 for other in duplicates.same[name] if other in found]
        for depth in recall:
            recall[depth] += sum(p <= depth for p in places) / len(duplicates.same[name])
        reciprocal += 1 / min(places) if places else 0.0
    count = len(queries)
    shares = {depth: hits / count for depth, hits in recall.items()}
    return Found(shares, reciprocal / count, percentile(times, 0.5))
