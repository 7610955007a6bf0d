from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from grace.adapters.metrics import ForgeSide, Sources
from grace.adapters.metrics.ci_figures import read_figure
from grace.domain.catalog import ForgeFigure
from grace.domain.mission import MissionRef
from grace.domain.phase import Outcome, Severity
from grace.domain.surroundings import OutcomeFact
from grace.ports import ForgeUnavailable, WorkflowRun

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MESH = MissionRef(host="forge.test", repository_id=7, repository="acme/mesh")
SHOP = MissionRef(host="forge.test", repository_id=8, repository="acme/shop")


def run(conclusion="success", *, attempt=1, sha="a", workflow="ci.yml", waited=5, took=60):
    created = NOON - timedelta(hours=1)
    began = created + timedelta(seconds=waited)
    ended = began + timedelta(seconds=took)
    return WorkflowRun(1, workflow, sha, attempt, conclusion, created, began, ended)


def read(figure, *runs):
    reading = read_figure(figure, runs, 24)
    return reading.value, reading.samples


def test_success_is_the_share_of_runs_that_ended_well():
    runs = [
        run("success"),
        run("success"),
        run("failure"),
        run("timed_out"),
        run("startup_failure"),
    ]
    assert read("ci_success_rate", *runs) == (40, 5)


def test_runs_that_say_nothing_of_the_code_are_left_out():
    silent = [run(c) for c in ("cancelled", "skipped", "neutral", "action_required", "stale", None)]
    assert read("ci_success_rate", run("success"), *silent) == (100, 1)
    for figure in ("ci_success_rate", "ci_duration", "ci_flakiness"):
        reading = read_figure(figure, silent, 6)
        assert (reading.value, reading.note) == (None, "no run of CI ended in the last 6 hours")
        assert reading.idle
    assert read_figure("ci_queue", [], 6).idle


def test_duration_is_the_median_of_newest_attempts():
    assert read("ci_duration", run(took=10), run(took=20), run(took=900)) == (20, 3)


def test_the_queue_is_what_first_attempts_waited():
    late = run(attempt=3, waited=5000)
    assert read("ci_queue", run(waited=1), run(waited=4), late, run(None, waited=4)) == (4, 3)
    assert read_figure("ci_queue", [late], 24).value is None


@pytest.mark.parametrize(
    ("runs", "share"),
    [
        ([run(), run(sha="b")], 0),
        ([run("failure"), run("failure")], 0),
        ([run("failure"), run(sha="b")], 0),
        ([run("failure"), run(workflow="other.yml")], 0),
        ([run("failure", attempt=2)], 0),
        ([run("failure"), run()], 100),
        ([run(attempt=2), run(sha="b")], 50),
    ],
)
def test_flaky_is_what_passed_only_when_run_again(runs, share):
    assert read("ci_flakiness", *runs)[0] == share


@dataclass
class Forge:
    runs: dict[int, Sequence[WorkflowRun]] = field(default_factory=dict)
    asked: list[tuple[str, datetime]] = field(default_factory=list)
    error: Exception | None = None

    async def workflow_runs(self, ref, since):
        self.asked.append((ref.repository, since))
        if self.error is not None:
            raise self.error
        return self.runs.get(ref.repository_id, ())


@dataclass
class Store:
    known: list[tuple[str, Outcome, float]] = field(default_factory=list)

    async def outcomes(self, subsystem=None, agent=None, log=None, newest=None):
        return [
            OutcomeFact(
                mission="m",
                agent="x",
                severity=Severity.LOW,
                outcome=outcome,
                basis="approvals",
                at=NOON - timedelta(hours=hours),
            )
            for name, outcome, hours in self.known
            if subsystem in {None, name}
        ]


@pytest.fixture
def side():
    return ForgeSide(Forge(), Store(), {"mesh": MESH, "mesh-docs": MESH, "shop": SHOP})


@pytest.fixture
async def sources(side, clock):
    async with httpx.AsyncClient() as client:
        yield Sources(client, clock, {}, side)


def figure(name, subsystem=None, hours=24):
    return ForgeFigure(figure=name, subsystem=subsystem, hours=hours)


async def test_ci_is_told_of_a_subsystem_or_of_each_repository_once(sources, side):
    side.forge.runs = {7: [run()], 8: [run("failure"), run("failure"), run()]}
    one = await sources.sample("m", figure("ci_success_rate", "mesh"), "%")
    assert (one.value, one.source, one.window_s) == (100, "forge mesh", 86_400)
    every = await sources.sample("m", figure("ci_success_rate"), "%")
    assert (every.value, every.samples, every.source) == (50, 4, "forge all")


async def test_figures_of_one_repository_ask_the_forge_once_in_two_minutes(sources, side, clock):
    side.forge.runs = {7: [run()]}
    for name in ("ci_success_rate", "ci_duration", "ci_queue", "ci_flakiness"):
        await sources.sample(name, figure(name, "mesh", hours=6), "")
    assert side.forge.asked == [("acme/mesh", NOON - timedelta(hours=6))]
    clock.pass_(120)
    await sources.sample("m", figure("ci_duration", "mesh", hours=6), "")
    assert len(side.forge.asked) == 2
    clock.pass_(-600)  # a clock that was set back keeps no answer for ever
    await sources.sample("m", figure("ci_duration", "mesh", hours=6), "")
    assert len(side.forge.asked) == 3


async def test_a_forge_that_fails_is_a_sample_with_its_sentence(sources, side):
    side.forge.error = ForgeUnavailable("GitHub does not answer")
    seen = await sources.sample("m", figure("ci_queue", "mesh"), "s")
    assert (seen.value, seen.note, seen.idle) == (None, "GitHub does not answer", False)
    lost = await sources.sample("m", figure("ci_queue", "none-such"), "s")
    assert lost.note == "the forge has not told yet where the subsystem's code lives"


async def test_plans_that_succeed_are_merges_that_held(sources, side):
    side.store.known = [
        ("mesh", Outcome.FIXED, 1),
        ("mesh", Outcome.FIXED, 2),
        ("mesh", Outcome.ROLLED_BACK, 3),
        ("shop", Outcome.FAILED, 3),
        ("mesh", Outcome.CANCELLED, 1),
        ("mesh", Outcome.SELF_RECOVERED, 1),
        ("mesh", Outcome.FAILED, 25),
    ]
    one = await sources.sample("m", figure("plan_success_rate", "mesh"), "%")
    assert (one.value, one.samples) == (pytest.approx(200 / 3), 3)
    assert (await sources.sample("m", figure("plan_success_rate"), "%")).value == 50
    none = await sources.sample("m", figure("plan_success_rate", hours=0.5), "%")
    assert (none.value, none.note) == (None, "no mission ended in the last 0.5 hours")
    assert none.idle


async def test_outside_of_the_bot_nobody_asks_the_forge(metrics):
    seen = await metrics.sample("m", figure("ci_queue"), "s")
    assert seen.note == "what the forge tells can be asked by the running bot alone"
