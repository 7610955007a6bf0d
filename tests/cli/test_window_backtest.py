"""`grace window backtest`: what the judge would have decided, on a person's own history."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grace.cli.main import app

START = datetime(2026, 11, 2, tzinfo=UTC).timestamp()
STEP, POINTS = 60, 700
GOOD, BAD = 400, 600


def moment(point: int) -> str:
    return datetime.fromtimestamp(START + point * STEP, UTC).isoformat()


def backtest(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["window", "backtest", *map(str, words)])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A latency that the second release makes worse, and a rate that it halves."""
    dice = random.Random(5)
    lines = ["time,p95 (ms),rate"]
    for i in range(POINTS):
        late, rate = (45, 50) if i >= BAD else (30, 100)
        lines.append(f"{START + i * STEP:.0f},{dice.gauss(late, 1):.3f},{dice.gauss(rate, 2):.3f}")
    path = tmp_path_factory.mktemp("recorded") / "metrics.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_each_release_is_judged_with_its_numbers(recorded: Path) -> None:
    result = backtest(recorded, "--merges", f"{moment(BAD)},{moment(GOOD)}", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    words = {(r["metric"], r["at"]): r for r in found["releases"]}
    bad = words["p95 (ms)", START + BAD * STEP]
    assert (bad["word"], bad["after"]) == ("roll back", 12)
    assert bad["decided_at"] == START + (BAD + 11) * STEP
    assert bad["before"] == pytest.approx(30, abs=1)
    assert bad["errors"] >= bad["needed"]
    assert words["p95 (ms)", START + GOOD * STEP]["word"] == "no worse"
    assert words["rate", START + BAD * STEP]["word"] == "no worse"
    quiet = found["nothing_released"]["p95 (ms)"]
    assert quiet["windows"] == 19
    assert quiet["false_rollbacks"] == 2  # the windows in which the bad release is


def test_less_may_be_worse(recorded: Path) -> None:
    result = backtest(recorded, "--merges", moment(BAD), "--worse", "down")
    assert result.exit_code == 0
    rows = {line.split()[2]: line for line in result.stdout.splitlines() if "2026-" in line}
    assert "no worse" in rows["p95"]
    assert "roll back" in rows["rate"]
    assert "would have been rolled back had nothing been released" in result.stdout


def test_a_release_without_samples_before_or_after_cannot_be_judged(recorded: Path) -> None:
    early, late = moment(10), moment(POINTS - 5)
    result = backtest(recorded, "--merges", f"{early},{late}", "--json")
    assert {r["word"] for r in json.loads(result.stdout)["releases"]} == {"cannot tell"}


def test_releases_are_read_from_a_file(recorded: Path, tmp_path: Path) -> None:
    merges = tmp_path / "merges.csv"
    merges.write_text(f"merged,sha\n{moment(BAD)},abc\n\n{moment(GOOD)},def\n")
    result = backtest(recorded, "--merges", merges, "--json")
    assert len(json.loads(result.stdout)["releases"]) == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("merged\nyesterday\n", "merges.csv:2: column 1: 'yesterday' is no time"),
        ("merged\n", "has no times; write one a line"),
        (None, "cannot be read"),
    ],
)
def test_a_bad_list_of_releases_says_where(
    recorded: Path, tmp_path: Path, content: str | None, words: str
) -> None:
    merges = tmp_path / "merges.csv"
    if content is not None:
        merges.write_text(content)
    result = backtest(recorded, "--merges", merges)
    assert result.exit_code == 2
    assert words in result.stderr


def test_bad_samples_say_where(recorded: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text("time,p95\n1762041600,fast\n")
    result = backtest(broken, "--merges", moment(BAD))
    assert (result.exit_code, "broken.csv:2: p95: 'fast' is no number" in result.stderr) == (
        2,
        True,
    )
    result = backtest(recorded, "--merges", "soon")
    assert "--merges: 'soon' is no time" in result.stderr
    assert backtest(recorded, "--merges", moment(BAD), "--worse", "left").exit_code == 2


def test_a_drawing_shows_merges_and_decisions(recorded: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    drawing = tmp_path / "window.svg"
    result = backtest(recorded, "--merges", moment(BAD), "--plot", drawing)
    assert result.exit_code == 0, result.output
    assert f"drawn into {drawing}" in result.stdout.replace("\n", "")
    text = drawing.read_text()
    assert "roll back" in text
    assert "p95 (ms)" in text
    assert backtest(recorded, "--merges", moment(BAD), "--plot", tmp_path / "x.doc").exit_code == 2
