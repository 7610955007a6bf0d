"""The scorer of the benchmark follows its published rules."""

import json
from pathlib import Path

import pytest

from support.nab import PROFILES, STANDARD, NabFile, is_odd, outcome, read_nab, sigmoid_score, total

FILE = NabFile("a.csv", tuple(range(1000)), (0.0,) * 1000, ((400, 499), (700, 799)))


def score(*detections: int) -> float:
    return total([outcome(FILE, detections)])


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_silence_scores_0_and_perfection_100(profile):
    assert total([outcome(FILE, (), profile)], profile) == 0
    assert total([outcome(FILE, (400, 700), profile)], profile) == pytest.approx(100)


def test_earlier_is_better_and_only_the_earliest_counts():
    assert score(410) > score(450) > score(499) > score()
    assert score(410, 411, 480) == score(410)


def test_probation_counts_for_nothing():
    assert FILE.probation == 150
    assert score(10, 149) == 0
    assert score(150) < 0
    early = NabFile("b.csv", FILE.times, FILE.values, ((50, 100), (140, 160)))
    assert early.counted == ((140, 160),)
    assert outcome(early, [145]).hit == 0
    assert outcome(early, [155]).hit == 1
    long = NabFile("c.csv", tuple(range(20_000)), (0.0,) * 20_000, ())
    assert long.probation == 750


def test_false_detection_costs_less_just_behind_a_window():
    far, near = outcome(FILE, [300]), outcome(FILE, [502])
    assert (far.false, near.false) == (1, 1)
    assert far.raw == pytest.approx(-2 - STANDARD.false)
    assert -2 - STANDARD.false < near.raw < -2
    assert sigmoid_score(-1) == pytest.approx(0.98661, abs=1e-5)
    assert sigmoid_score(0) == 0
    assert sigmoid_score(3.1) == -1


def test_half_of_the_files_is_told_by_their_path(tmp_path: Path):
    labels = {
        "x/a.csv": [["1970-01-01 00:01:00.000000", "1970-01-01 00:02:00.000000"]],
        "b.csv": [],
    }
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps(labels))
    rows = "timestamp,value\n" + "".join(f"1970-01-01 00:0{i}:00,{i}.5\n" for i in range(4))
    for path in labels:
        (tmp_path / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / path).write_text(rows)
    halves = {odd: read_nab(tmp_path, odd=odd) for odd in (True, False)}
    assert {odd: [file.path for file in files] for odd, files in halves.items()} == {
        odd: [path for path in sorted(labels) if is_odd(path) is odd] for odd in (True, False)
    }
    [marked] = [file for files in halves.values() for file in files if file.path == "x/a.csv"]
    assert marked == NabFile("x/a.csv", (0, 60, 120, 180), (0.5, 1.5, 2.5, 3.5), ((1, 2),))
    assert is_odd("realTweets/Twitter_volume_AAPL.csv")
