"""`grace detect backtest`: what recorded metrics would have raised."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grace.cli.main import app
from grace.cli.metrics_csv import CsvError, read_csv

START = datetime(2026, 11, 2, tzinfo=UTC).timestamp()
STEP = 60
POINTS = 2200
OUTAGE = range(2100, 2120)


def backtest(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["detect", "backtest", *map(str, words)])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two metrics that jump together, and one that does not."""
    dice = random.Random(5)
    lines = ["time,p95 (ms),errors,calm"]
    for i in range(POINTS):
        out = i in OUTAGE
        cells = (
            dice.gauss(190 if out else 30, 1),
            dice.gauss(40 if out else 2, 0.2),
            dice.gauss(5, 1),
        )
        lines.append(f"{START + i * STEP:.0f}," + ",".join(f"{c:.3f}" for c in cells))
    path = tmp_path_factory.mktemp("recorded") / "metrics.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def short(recorded: Path) -> Path:
    """Its last points, which a drawing is made of sooner."""
    path = recorded.with_name("short.csv")
    first, *lines = recorded.read_text().splitlines()
    path.write_text("\n".join([first, *lines[-200:]]) + "\n")
    return path


def test_outage_is_found_in_both_metrics_and_is_one_mission(recorded: Path) -> None:
    result = backtest(recorded, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    onset = datetime.fromtimestamp(START + OUTAGE.start * STEP, UTC)
    for name in ("p95 (ms)", "errors"):
        (alarm,) = found["metrics"][name]["alarms"]
        assert datetime.fromisoformat(alarm["since"]) == onset
        assert alarm["detector"] == "unusual"
    assert found["missions"] == 1
    assert found["metrics"]["calm"]["points"] == POINTS


def test_table_lists_metrics_and_alarms(recorded: Path) -> None:
    result = backtest(recorded)
    assert result.exit_code == 0, result.output
    assert "p95 (ms)" in result.stdout
    assert "2,200" in result.stdout
    assert "2026-11-03 11:00:00" in result.stdout
    assert "1 mission in 1.5 days; what moves together is one" in result.stdout


def test_catalog_says_how_a_column_is_watched(recorded: Path, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "subsystems.yaml").write_text(
        "subsystems: {mesh: {host: forge.test, repository: acme/mesh}}\n"
    )
    (config / "metrics_catalog.yaml").write_text(
        'metrics: {calm: {target: 6.5, comparator: "<", unit: ms,'
        " source: {kind: host, figure: load_1m},"
        " watch: {subsystem: mesh, detectors: [threshold], hold_samples: 2}}}\n"
    )
    result = backtest(recorded, "--config", config, "--json")
    alarms = json.loads(result.stdout)["metrics"]["calm"]["alarms"]
    assert {alarm["detector"] for alarm in alarms} == {"threshold"}


def test_larger_budget_stands_more_alarms(recorded: Path) -> None:
    few, many = (
        json.loads(backtest(recorded, "--json", "--budget", budget).stdout)["metrics"]["calm"]
        for budget in ("0.01", "20")
    )
    assert many["threshold"] < few["threshold"]
    assert len(many["alarms"]) > len(few["alarms"])


@pytest.mark.stress
def test_same_samples_are_drawn_the_same(short: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "a.svg", tmp_path / "b.SVG"
    for plot in (one, other):
        result = backtest(short, "--plot", plot)
        assert result.exit_code == 0, result.output
    assert one.read_text() == other.read_text()
    assert "p95 (ms)" in one.read_text()


def test_picture_is_drawn_for_those_who_want_one(recorded: Path, tmp_path: Path) -> None:
    plot = tmp_path / "out.png"
    result = backtest(recorded, "--plot", plot)
    assert result.exit_code == 0, result.output
    assert f"drawn into {plot}" in result.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_plot_of_another_kind_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    result = backtest(tmp_path / "none.csv", "--plot", "out.txt")
    assert result.exit_code == 2
    assert "out.txt is none of .svg, .png, .pdf" in result.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "m.csv: is empty; the first line has to name the columns"),
        ("time,a\n", "m.csv: has no rows below its header; add samples"),
        ("time\n1\n", "m.csv:1: has 1 columns"),
        ("1764000000,3\n", "m.csv:1: has numbers where names should be; add a header line"),
        ("time,a,\n1,2,3\n", "m.csv:1: column 3 has no name; give each its own"),
        ("time,a,a\n1,2,3\n", "m.csv:1: column 3 is given twice; give each its own"),
        ("time,a\n1,2\nsoon,3\n", "m.csv:3: time: 'soon' is no time; write 2026-11-22T12:00:00Z"),
        ("time,a\n1764000000000,2\n", "m.csv:2: time: '1764000000000' are no seconds since 1970"),
        ("time,a\n2,2\n1,2\n", "m.csv:3: time: is earlier than the row before; sort the file"),
        ("time,a\n1,x\n", "m.csv:2: a: 'x' is no number; leave the cell empty for a gap"),
        ("time,a,b\n1,2,nan\n", "m.csv:2: b: nan is no finite number; leave the cell empty"),
        ("time,a\n1\n", "m.csv:2: has 1 columns where the header has 2"),
        ("time,a\n1," + "9" * 200_000, "m.csv is no CSV: field larger than field limit"),
        ("time,a\n1,\xff", "m.csv is not UTF-8 text; save it as UTF-8"),
    ],
)
def test_file_that_cannot_be_read_says_where_and_the_way_out(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(text.encode("latin-1"))
    result = backtest(path)
    assert result.exit_code == 2
    assert told in result.stderr


def test_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CsvError, match="cannot be read: No such file"):
        read_csv(tmp_path / "none.csv")


def test_times_gaps_and_names_are_read(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(
        "\ufefft,Trigger Mesh.P95,trigger_mesh.p95,9 lives,!\n"
        "2026-11-22 12:00:00,1,,3,4\n"
        "\n"
        "2026-11-22T13:00:15+01:00,2,5,,\n"
    )
    columns = read_csv(path)
    assert [c.metric_id for c in columns] == [
        "trigger_mesh.p95",
        "trigger_mesh.p95_",
        "m_9_lives",
        "metric",
    ]
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
    assert columns[0].samples == [(noon, 1.0), (noon + 15, 2.0)]
    assert columns[1].samples == [(noon, None), (noon + 15, 5.0)]
