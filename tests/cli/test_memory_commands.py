"""`grace memory`: found, looked at, kept, forgotten and folded anew."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from grace.adapters.keys import Ed25519Key
from grace.adapters.sqlite.store import SqliteStore
from grace.cli.main import app
from support.past import resolved, rolled_back, waiting, write_past

UNDONE, FIXED, WAITING = (f"mission_20261122_{n:03d}" for n in (1, 2, 3))


def grace(*args: str) -> Result:
    return CliRunner().invoke(app, ["memory", *args], env={"COLUMNS": "250"})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One mission was rolled back, one fixed, and one waits."""
    folder = tmp_path_factory.mktemp("past")
    asyncio.run(write_past(folder / "grace.db", (rolled_back, resolved, waiting)))
    Ed25519Key.generate(folder / "signing.key")
    return folder


@pytest.fixture
def past(written: Path, tmp_path: Path) -> str:
    return str(shutil.copytree(written, tmp_path / "data"))


def test_search_finds_missions_and_says_what_became_of_them(past: str) -> None:
    said = grace("search", "slow", "--data", past)
    assert said.exit_code == 0, said.output
    assert "rolled_back, reverted" in said.stdout
    assert "candidate:patch-1: held" in said.stdout
    rows = json.loads(grace("search", "slow", "--data", past, "--json").stdout)
    assert {row["mission"] for row in rows} == {UNDONE, FIXED}
    assert all(0 < row["score"] <= 1 for row in rows)
    assert grace("search", "zebra", "--data", past).stdout == "Memory holds nothing like this.\n"
    assert (
        len(json.loads(grace("search", "slow", "--limit", "1", "--data", past, "--json").stdout))
        == 1
    )


def test_show_says_what_one_mission_left(past: str) -> None:
    said = grace("show", FIXED, "--data", past)
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith(f"{FIXED} in acme/mesh, trigger_mesh, high: fixed, 20")
    assert "tried candidate:patch-1: held" in said.stdout
    assert "once a person says `/grace remember`" in said.stdout
    assert "was reverted (" in grace("show", UNDONE, "--data", past).stdout
    document = json.loads(grace("show", UNDONE, "--data", past, "--json").stdout)
    assert document["reverted"] is True
    live = grace("show", WAITING, "--data", past)
    assert (live.exit_code, live.stderr) == (
        *(1, f"memory has no mission {WAITING}: it has not ended, or there is none\n"),
    )


def test_a_lesson_waits_until_somebody_keeps_it(past: str) -> None:
    listed = grace("proposals", "--data", past)
    assert FIXED in listed.stdout
    assert UNDONE not in listed.stdout
    assert [
        row["mission"] for row in json.loads(grace("proposals", "--data", past, "--json").stdout)
    ] == [FIXED]
    kept = grace("approve", FIXED, "--data", past, "--by", "ann")
    assert kept.stdout == f"{FIXED}: its patch may be tried again, says ann\n", kept.output
    assert "its patch may be tried again" in grace("show", FIXED, "--data", past).stdout
    assert grace("proposals", "--data", past).stdout == "no lesson waits for a word\n"
    undone = grace("approve", UNDONE, "--data", past)
    assert (undone.exit_code, undone.stderr) == (
        *(1, f"{UNDONE} has no lesson that waits: it is none\n"),
    )
    assert grace("approve", WAITING, "--data", past).exit_code == 1


def test_what_is_forgotten_is_not_found_and_the_ledger_says_who_and_why(past: str) -> None:
    said = grace("forget", FIXED, "--reason", "a mistake", "--by", "ann", "--data", past)
    assert said.stdout.startswith(f"{FIXED} is forgotten"), said.output
    rows = json.loads(grace("search", "slow", "--data", past, "--json").stdout)
    assert [row["mission"] for row in rows] == [UNDONE]
    assert "forgotten, by ann" in grace("show", FIXED, "--data", past).stdout
    assert grace("forget", WAITING, "--reason", "x", "--data", past).exit_code == 1


def test_a_rebuilt_memory_says_the_same(past: str) -> None:
    grace("forget", UNDONE, "--reason", "a mistake", "--data", past)
    before = [grace("show", name, "--data", past, "--json").stdout for name in (UNDONE, FIXED)]
    assert grace("rebuild", "--data", past).stdout == "memory holds 2 missions\n"
    after = [grace("show", name, "--data", past, "--json").stdout for name in (UNDONE, FIXED)]
    assert after == before


def test_beside_a_running_bot_the_way_is_a_comment(past: str) -> None:
    async def beside() -> Result:
        key = Ed25519Key.load(Path(past) / "signing.key")
        store = await SqliteStore.open(Path(past) / "grace.db", key)
        try:
            return await asyncio.to_thread(grace, "approve", FIXED, "--data", past)
        finally:
            await store.close()

    said = asyncio.run(beside())
    assert said.exit_code == 2
    assert "say `/grace remember` or `/grace forget REASON` on the mission" in said.stderr


@pytest.mark.parametrize(
    "command", [["search", "x"], ["approve", FIXED], ["rebuild"], ["proposals"]]
)
def test_a_folder_without_a_store_is_said_so(tmp_path: Path, command: list[str]) -> None:
    said = grace(*command, "--data", str(tmp_path))
    assert said.exit_code == 2
    assert "is not there: name the file of an existing store" in said.stderr
