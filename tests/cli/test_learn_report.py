"""`grace learn report`: printed for people, as JSON for programs, and drawn."""

import asyncio
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from grace.adapters.sqlite import memory_rows
from grace.adapters.sqlite.schema import connect
from grace.cli.main import app
from grace.domain.memory.folding import REMEMBERED, payload_of
from grace.domain.memory.remembered import Remembered
from grace.domain.phase import Outcome
from grace.ports import Recorded
from support.learned import left
from support.past import resolved, rolled_back, write_past


def grace(*args: str) -> Result:
    return CliRunner().invoke(app, ["learn", "report", *args], env={"COLUMNS": "250"})


def ended(number: int, tried: str, days_ago: float, **changes: object) -> Remembered:
    return left(number, tried, closed_at=datetime.now(UTC) - timedelta(days=days_ago), **changes)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose memory holds a past of two symptoms, folded from entries like the bot's."""
    folder = tmp_path_factory.mktemp("learned")
    asyncio.run(write_past(folder / "grace.db", ()))
    missions = [
        *(ended(n, "repair+", 40 - n) for n in range(1, 16)),
        *(ended(n, "pin- repair+", 40 - n) for n in range(16, 26)),
        ended(30, "playbook:restart+", 3, signature="latency/latency/-"),
        ended(
            31,
            "playbook:restart?",
            2,
            signature="latency/latency/-",
            outcome=Outcome.SELF_RECOVERED,
        ),
        ended(32, "", 2, signature=""),
    ]
    with closing(connect(folder / "grace.db")) as connection:
        connection.execute("BEGIN")
        for number, each in enumerate(sorted(missions, key=lambda m: m.closed_at), 1):
            memory_rows.remember(
                connection,
                Recorded(
                    log=each.log,
                    seq=number,
                    time=each.closed_at,
                    mission=each.mission,
                    kind=REMEMBERED,
                    actor="grace",
                    payload=payload_of(each),
                ),
            )
        connection.execute("COMMIT")
    return folder


def test_report_says_what_held_what_got_no_credit_and_what_stands_beside_it(
    written: Path,
) -> None:
    said = grace("--data", str(written))
    assert said.exit_code == 0, said.output
    lines = said.stdout.splitlines()
    assert "28 missions ended; in 26 an agent or a playbook was tried" in lines[0]
    assert lines[1] == "the first remedy held in 16 of 26 (62%, 43% to 78%)"
    assert lines[2] == (
        "no credit: 1 undecided trials, 1 missions whose problem went by itself, "
        "1 where nothing was tried"
    )
    assert lines[3].startswith("beside the best known: 24 missions began when something was known")
    assert "the one believed best was tried in 24 of them, and held in 24 of 24 (" in said.stdout
    assert "what is expected was not seen" in said.stdout
    (repair,) = [line for line in lines if "agent:repair" in line]
    assert "25 of 25 (100%, 87% to 100%)" in repair
    assert "the best known" in repair
    (restart,) = [line for line in lines if "playbook:restart" in line]
    assert "1 of 1 (too little to say: 21% to 100%)" in restart
    assert "ahead, not clearly" in restart


def test_report_of_one_signature_and_of_few_weeks(written: Path) -> None:
    said = grace("--data", str(written), "--signature", "latency/latency/-", "--weeks", "2")
    assert "2 missions ended; in 1 an agent" in said.stdout, said.output
    assert "agent:repair" not in said.stdout


def test_report_for_programs_keeps_every_count(written: Path) -> None:
    found = json.loads(grace("--data", str(written), "--json").stdout)
    assert (found["missions"], found["chose"], found["recovered"]) == (28, 26, 1)
    assert len(found["weeks"]) == 12
    (repair,) = [line for line in found["lines"] if line["remedy"] == "agent:repair"]
    assert sum(good for good, _ in repair["weeks"]) == 25
    assert repair["low"] < repair["mean"] < repair["high"]


def test_report_is_drawn_and_says_where(written: Path, tmp_path: Path) -> None:
    plot = tmp_path / "learned.svg"
    said = grace("--data", str(written), "--plot", str(plot))
    assert said.stdout.rstrip().endswith(f"drawn into {plot}"), said.output
    picture = plot.read_text()
    assert "first remedy held" in picture
    assert "best in hindsight, expected" in picture
    other = grace("--data", str(written), "--plot", "learned.txt")
    assert other.exit_code == 2
    assert "learned.txt is none of .svg, .png, .pdf" in other.stderr


def test_patches_that_people_brought_are_counted_and_are_no_choice(tmp_path: Path) -> None:
    asyncio.run(write_past(tmp_path / "grace.db", (rolled_back, resolved)))
    said = grace("--data", str(tmp_path), "--weeks", "520")
    assert said.exit_code == 0, said.output
    assert "2 missions ended; in 0 an agent" in said.stdout
    assert "candidate:patch-1" in said.stdout
    assert "1 of 2 (too little to say" in said.stdout
    assert "first remedy" not in said.stdout


def test_empty_store_and_missing_store_are_said_so(tmp_path: Path) -> None:
    missing = grace("--data", str(tmp_path))
    assert missing.exit_code == 2
    assert "is not there" in missing.stderr
    asyncio.run(write_past(tmp_path / "grace.db", ()))
    said = grace("--data", str(tmp_path))
    assert said.exit_code == 0, said.output
    assert "0 missions ended" in said.stdout
