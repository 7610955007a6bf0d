"""One metric's watch: what opens an episode, what ends it, and what is said of it."""

from datetime import UTC, datetime

import pytest

from grace.domain.catalog import Objective
from grace.domain.detection.anomaly import MAX_CHART, DetectorName, Moved
from grace.domain.detection.watch import SETTLE_S, Turn, Watch
from support.watched import EVERY_S, START, calm, definition, feed

NAME = "trigger_mesh.latency_p95"
BEGAN, ENDED, SETTLED, NOTHING = Turn.BEGAN, Turn.ENDED, Turn.SETTLED, Turn.NOTHING


def watch(*detectors: str, **more: object) -> Watch:
    return Watch(NAME, definition(detectors=detectors, **more))  # type: ignore[arg-type]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2025-11-24T{text}+00:00")


def test_threshold_is_missed_so_many_times_in_a_row() -> None:
    watched = watch("threshold")
    assert feed(watched, [30, 184, 30, 184]) == [NOTHING] * 4
    assert feed(watched, [190]) == [BEGAN]
    found = watched.anomaly()
    assert found.detector is DetectorName.THRESHOLD
    assert (found.since, found.at) == (at("16:00:45"), at("16:01:00"))
    assert (found.value, found.unit, found.direction, found.surprise) == (190, "ms", "up", 0)
    assert found.sentence == (
        "trigger_mesh.latency_p95 is 190 ms and should be < 100 ms; since 16:00:45 UTC"
    )
    assert [p.value for p in found.chart] == [30, 184, 30, 184, 190]


def test_episode_ends_after_a_minute_that_is_as_it_should_be() -> None:
    watched = watch("threshold")
    feed(watched, [184, 184])
    assert feed(watched, [30, 30, 30, 184, 30, 30, 30]) == [NOTHING] * 7
    assert feed(watched, [30]) == [ENDED]
    assert watched.episode is None


def test_gap_is_neither_good_nor_bad() -> None:
    watched = watch("threshold")
    assert feed(watched, [30, 184, None, 184])[-1] is BEGAN
    assert feed(watched, [30, None, 30, None, 30, 30])[-1] is ENDED


def test_sample_that_is_not_newer_is_left_out_and_counted() -> None:
    watched = watch("threshold")
    feed(watched, [184])
    assert watched.observe(START, 184) is NOTHING
    assert watched.observe(START - 60, 184) is NOTHING
    assert watched.behind == 2
    assert feed(watched, [184]) == [BEGAN]
    assert watched.behind == 0


def test_metric_below_its_target_went_down() -> None:
    watched = Watch("plan_success_rate", definition(">", 95, detectors=("threshold",)))
    feed(watched, [99, 60, 61])
    assert watched.anomaly().direction == "down"


def test_step_is_unusual_without_any_configuration() -> None:
    watched = watch("unusual")
    assert set(feed(watched, calm(2000))) == {NOTHING}
    turns = feed(watched, calm(4, level=90))
    assert turns.index(BEGAN) * EVERY_S < 60
    found = watched.anomaly()
    assert found.detector is DetectorName.UNUSUAL
    assert found.expected == pytest.approx(30, abs=3)
    assert found.surprise >= watched.detectors.alarms.threshold
    assert "ms is usual at this time; none of 2,00" in found.sentence
    onset = START + 2000 * EVERY_S
    assert abs(found.since.timestamp() - onset) <= EVERY_S


def test_spike_is_over_when_the_metric_is_back() -> None:
    watched = watch("unusual")
    feed(watched, calm(2000))
    assert BEGAN in feed(watched, calm(4, level=90))
    turns = feed(watched, calm(200, seed=2))
    assert turns.count(ENDED) == 1
    assert BEGAN not in turns


def test_level_that_stays_is_not_recovered_and_settles() -> None:
    watched = watch("unusual")
    feed(watched, calm(2000))
    turns = feed(watched, calm(int(2 * SETTLE_S / EVERY_S), level=60, seed=3))
    assert ENDED not in turns
    assert turns.count(SETTLED) == 1
    assert watched.episode is None


def test_threshold_says_what_would_be_usual() -> None:
    watched = watch("threshold", "unusual")
    feed(watched, calm(2000))
    feed(watched, calm(2, level=190))
    found = watched.anomaly()
    assert found.detector in {DetectorName.THRESHOLD, DetectorName.UNUSUAL}
    assert found.expected == pytest.approx(30, abs=3)
    again = watch("threshold", "unusual", hold_samples=1)
    feed(again, calm(2000))
    feed(again, [190])
    assert " and should be < 100 ms; about " in again.anomaly().sentence


def test_budget_that_burns_is_an_anomaly() -> None:
    watched = watch("burn_rate", objective=Objective(share=0.99))
    feed(watched, [30] * 300)
    turns = feed(watched, [184] * 60)
    assert turns.count(BEGAN) == 1
    found = watched.anomaly()
    assert found.detector is DetectorName.BURN_RATE
    assert found.sentence.startswith(
        "trigger_mesh.latency_p95 should be < 100 ms and was not in 14.6 % of the samples of "
        "the last hour: its error budget is used up 14.6 times as fast as it may be; since "
    )
    assert found.since == datetime.fromtimestamp(START + 300 * EVERY_S, UTC)


def test_burn_rate_without_an_objective_watches_nothing() -> None:
    watched = watch("burn_rate")
    assert set(feed(watched, [184] * 400)) == {NOTHING}


def test_metric_that_vanishes_is_gone_and_comes_back() -> None:
    watched = watch("gone")
    assert feed(watched, [30, None, None]) == [NOTHING] * 3
    assert feed(watched, [None, None]) == [BEGAN, NOTHING]
    found = watched.anomaly()
    assert (found.detector, found.direction, found.value) == (DetectorName.GONE, "gone", None)
    assert found.sentence == "trigger_mesh.latency_p95 has had no value; since 16:00:00 UTC"
    assert feed(watched, [30, 30, 30, 30]) == [NOTHING] * 3 + [ENDED]


def test_source_with_nothing_to_measure_is_there() -> None:
    watched = watch("gone", "threshold")
    feed(watched, [30])
    idle = [watched.observe(watched.last + EVERY_S, None, idle=True) for _ in range(20)]
    assert set(idle) == {NOTHING}
    assert BEGAN in feed(watched, [None] * 4)
    back = [watched.observe(watched.last + EVERY_S, None, idle=True) for _ in range(4)]
    assert back == [NOTHING] * 3 + [ENDED]


def test_metric_that_vanishes_while_something_is_amiss_begins_nothing_new() -> None:
    watched = watch("threshold", "gone")
    feed(watched, [184, 184])
    assert set(feed(watched, [None] * 10)) == {NOTHING}
    assert watched.anomaly().detector is DetectorName.THRESHOLD


def test_gone_metric_that_answers_badly_is_another_anomaly() -> None:
    watched = watch("threshold", "gone")
    feed(watched, [30, None, None, None])
    assert feed(watched, [184] * 5) == [NOTHING, BEGAN, NOTHING, NOTHING, NOTHING]
    assert watched.anomaly().detector is DetectorName.THRESHOLD


def test_chart_is_bounded_and_holds_the_newest() -> None:
    watched = watch("threshold")
    feed(watched, [30.0 + i for i in range(50)] * 4)
    feed(watched, [None, 184, 185])
    chart = watched.anomaly().chart
    assert len(chart) == MAX_CHART
    assert [p.value for p in chart[-3:]] == [None, 184, 185]
    assert [p.at for p in chart] == sorted(p.at for p in chart)


def test_sentence_names_the_day_where_it_is_another() -> None:
    watched = watch("burn_rate", objective=Objective(share=0.99))
    feed(watched, [30] * 1500)
    feed(watched, ([184] + [30] * 11) * 300)
    assert "since 2025-11-2" in watched.anomaly().sentence


def test_another_sentence_and_what_moved_can_be_given() -> None:
    watched = watch("threshold")
    feed(watched, [184, 184])
    moved = Moved(metric_id="b", since=at("16:00:00"), surprise=1.0, direction="up")
    found = watched.anomaly((moved,), "x" * 600)
    assert found.moved == (moved,)
    assert len(found.sentence) == 500
