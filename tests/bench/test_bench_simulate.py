"""Ten thousand past missions: every verdict replayed, and another policy tried on each."""

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

import pytest
from typer.testing import CliRunner

from bench.figures import tell
from grace.cli.main import app
from grace.domain.simulation import KINDS
from support.past import Story, failed, resolved, rolled_back, waiting, write_past
from support.world import CI_APP, World, issue_body

pytestmark = pytest.mark.bench

MISSIONS = 10_000
A_MINUTE = 60.0
STRICTER = {
    "version": 1,
    "tests": {"ci_app_ids": [CI_APP]},
    "rules": [
        {
            "name": "two people",
            "when": {"severity": ["high", "critical"]},
            "require": {"approvals": {"count": 2}},
        },
        {"name": "small", "require": {"change_size": {"files": 40, "lines": 4000}}},
    ],
}


def slow(p95: float) -> Story:
    """Let the load test come out like this."""

    def story(world: World) -> None:
        world.file().ci(p95=p95).review("max").deploy().observe()

    return story


def approved_twice(world: World) -> None:
    world.file().ci().review("max").review().deploy().observe()


def second_try(world: World) -> None:
    """Fail the first patch, and merge the second."""
    world.file(issue_body(candidates=2)).ci(passed=False).ci().review().deploy().observe()


STORIES = (
    *(resolved, approved_twice, rolled_back, second_try, waiting, failed),
    *(slow(20.0 + step) for step in range(14)),
)


def multiply(path: Path, times: int) -> None:
    """Copy each mission of a ledger under other names, as entries behind its own.

    The lines stay what they were. A simulation asks the columns whose they are; an audit would not.
    """
    with closing(sqlite3.connect(path)) as connection, connection:
        rows = connection.execute(
            "SELECT log, line, hash, time, mission, kind FROM ledger WHERE mission IS NOT NULL"
            " ORDER BY seq"
        ).fetchall()
        (seq,) = connection.execute("SELECT max(seq) FROM ledger").fetchone()
        for copy in range(1, times):
            made = []
            for log, line, digest, time, mission, kind in rows:
                seq += 1
                name = f"{mission}{copy:04}"
                made.append((log, seq, line, digest, time, name, kind))
            connection.executemany("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?)", made)


@dataclass(frozen=True, slots=True)
class Run:
    """What the command printed as JSON, and how long it took: on the wall, and of one core."""

    said: dict[str, object]
    seconds: float
    core: float


def simulate(data: Path, *more: str) -> Run:
    wall, core = perf_counter(), process_time()
    args = ["policy", "simulate", "--since", "2026-01-01", "--data", str(data), "--json", *more]
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 0, result.output[-2000:]
    return Run(json.loads(result.stdout), perf_counter() - wall, process_time() - core)


async def test_ten_thousand_missions_are_replayed_within_a_minute(tmp_path: Path) -> None:
    store = tmp_path / "grace.db"
    worlds = await write_past(store, STORIES, kinds=frozenset(KINDS))
    verdicts = sum(note.kind == "mission.verdict" for world in worlds for note in world.notes)
    times = MISSIONS // len(STORIES)
    multiply(store, times)
    rules = tmp_path / "governance.yaml"
    rules.write_text(json.dumps(STRICTER))

    replayed = await asyncio.to_thread(simulate, tmp_path)
    tried = await asyncio.to_thread(simulate, tmp_path, "--policy", str(rules))

    assert replayed.said["verdicts"] == {
        "reproduced": verdicts * times,
        "different": [],
        "unreadable": [],
    }
    assert tried.said["missions"] == MISSIONS
    rule = tried.said["by_rule"]
    size = store.stat().st_size / 1e6
    tell(
        f"{MISSIONS:,} missions, {verdicts * times:,} verdicts, {size:,.0f} MB of ledger",
        f"every verdict replayed, all reproduced: {replayed.seconds:.1f} s ({replayed.core:.1f} s"
        " of one core)",
        f"another policy tried on each mission: {tried.seconds:.1f} s ({tried.core:.1f} s of one"
        " core)",
        f"what it would have changed, by rule: {rule}",
    )
    assert replayed.core < A_MINUTE
    assert tried.core < A_MINUTE
