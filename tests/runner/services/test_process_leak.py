import random

import pytest

from grace.runner.action import ActionFailed
from grace.runner.actions.process_memory import rss_mb, trend_of
from grace.runner.registry import action_named
from support.service_servers import supervised
from support.service_steps import situated, taken


@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    with supervised(tmp_path_factory.mktemp("leaking"), count=1, leak_kb=200) as made:
        yield made


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    with supervised(tmp_path_factory.mktemp("steady"), count=1) as made:
        yield made


WATCH = {"seconds": 1.0, "samples": 15}


def test_a_leak_is_found_and_the_restart_it_allows_frees_the_memory(leaking, tmp_path):
    watched = situated("process.leak", tmp_path, leaking.target, WATCH, key="run-1/evidence")
    state, found = taken("process.leak", watched)
    assert state == "done"
    assert found.values["mb_per_hour"] > 5000
    assert found.sentence.startswith(f"{leaking.names()[0]} leaks ")
    large = situated("process.memory", tmp_path, leaking.target, {"max_mb": 1})
    assert not action_named("process.memory").look(large).holds
    restart = situated(
        "supervisord.restart",
        tmp_path,
        leaking.target,
        {"evidence": "evidence"},
        found={"evidence": dict(found.values)},
    )
    state, freed = taken("supervisord.restart", restart)
    assert state == "done"
    assert freed.values["rss_mb"] < found.values["rss_mb"]


@pytest.mark.stress
def test_where_nothing_leaks_the_step_fails_and_says_why(steady, tmp_path):
    watched = situated("process.leak", tmp_path, steady.target, WATCH)
    with pytest.raises(ActionFailed, match=r"no leak was found: .* nothing is restarted"):
        taken("process.leak", watched)
    assert not action_named("process.leak").verify(watched).holds


@pytest.mark.stress
def test_memory_within_its_bound_is_well(steady, tmp_path):
    target = {**steady.target, "max_rss_mb": 500}
    found = action_named("process.memory").look(situated("process.memory", tmp_path, target))
    assert found.holds
    assert 1 < found.values["largest_mb"] < 500


@pytest.mark.stress
def test_a_target_without_processes_is_told(steady, tmp_path):
    target = {**steady.target, "group": "nobody", "max_rss_mb": 500}
    with pytest.raises(ActionFailed, match="knows no group"):
        action_named("process.memory").look(situated("process.memory", tmp_path, target))


@pytest.mark.parametrize("pid", [None, 4_000_000])
def test_what_does_not_run_uses_nothing(pid):
    assert rss_mb(pid) == 0


def series(kind, seed):
    noise = random.Random(seed)
    times = [float(n) for n in range(40)]
    shapes = {
        "steady": [100 + noise.gauss(0, 1) for _ in times],
        "jump": [100 + noise.gauss(0, 1) + (50 if n == 20 else 0) for n in times],
        "sawtooth": [100 + n % 7 + noise.gauss(0, 0.5) for n in times],
        "leak": [100 + n * 0.5 + noise.gauss(0, 1) for n in times],
        "leak with collections": [100 + n * 0.5 - (5 if n % 6 == 0 else 0) for n in times],
        "shrinks": [100 - n for n in times],
        "flat": [100.0 for _ in times],
    }
    return times, shapes[kind]


@pytest.mark.parametrize(
    ("kind", "grows"),
    [
        ("steady", 0),
        ("jump", 0),
        ("sawtooth", 0),
        ("leak", 200),
        ("leak with collections", 200),
        ("shrinks", 0),
        ("flat", 0),
    ],
)
def test_only_growth_that_lasts_is_a_trend(kind, grows):
    found = sum(trend_of(*series(kind, seed)).grows for seed in range(200))
    assert abs(found - grows) <= 4


def test_the_slope_is_that_of_the_leak():
    assert trend_of(*series("leak", 1)).slope == pytest.approx(0.5, rel=0.1)
