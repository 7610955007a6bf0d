"""SIGKILL at any moment loses nothing that was promised and doubles nothing that is seen."""

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from grace.adapters.sqlite.store import SqliteStore
from grace.domain.ledger_verify import Verified, verify_entries

SCRIPT = Path(__file__).with_name("crash_rounds.py")
LOG = "forge.test/7"


def names(path: Path) -> list[str]:
    return path.read_text().splitlines()


def run_rounds(folder: Path, seed: int, rounds: int) -> None:
    result = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), str(seed), str(rounds)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr


async def check(folder: Path, key, keys) -> None:
    path = folder / "grace.db"
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    stored = {row[0] for row in connection.execute("SELECT delivery_id FROM deliveries")}
    open_effects = connection.execute(
        "SELECT count(*) FROM outbox WHERE state NOT IN ('done', 'failed')"
    ).fetchone()
    connection.close()
    # What was promised is there. A kill between commit and promise leaves one that was not.
    assert set(names(folder / "accepted")) <= stored
    assert names(folder / "doubled") == []
    # Each was acted on exactly once, and the ledger has each step exactly once.
    assert open_effects == (0,)
    assert Counter(names(folder / "acted")) == Counter(stored)
    store = await SqliteStore.open(path, key)
    lines = await store.lines(LOG, limit=10**9)
    steps = Counter((e.envelope.kind, e.payload["id"]) for e in await store.entries(LOG, 1, 10**9))
    assert await store.unrouted(1) == []
    await store.close()
    assert isinstance(verify_entries(lines, keys), Verified)
    kinds = ("mission.commanded", "mission.acted")
    assert steps == Counter((kind, name) for kind in kinds for name in stored)
    assert len(stored) > 20


async def test_twenty_kills_lose_and_double_nothing(tmp_path, key, keys):
    run_rounds(tmp_path, 1, 20)
    await check(tmp_path, key, keys)


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(2, 12))
async def test_many_kills_lose_and_double_nothing(tmp_path, key, keys, seed):
    run_rounds(tmp_path, seed, 150)
    await check(tmp_path, key, keys)
