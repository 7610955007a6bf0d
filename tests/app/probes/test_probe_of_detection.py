"""What the probe of detection says."""

from dataclasses import replace
from datetime import timedelta

import pytest

from grace.app.probes.detecting import Detection
from grace.app.watching.desk import WatchState
from grace.domain.health import HealthState
from support.probed import NOW, Probed

WELL = WatchState(
    watched=4,
    preparing=0,
    sampled=5,
    silent=(),
    incidents=0,
    blind=False,
    last=NOW - timedelta(seconds=3),
    took=0.1,
)
GOOD, SLOW, BAD = HealthState.HEALTHY, HealthState.DEGRADED, HealthState.UNHEALTHY


@pytest.mark.parametrize(
    ("state", "health", "told"),
    [
        (None, GOOD, "the first round has not ended yet"),
        (replace(WELL, last=None), GOOD, "the first round has not ended yet"),
        (replace(WELL, sampled=0), GOOD, "no metric is watched"),
        (WELL, GOOD, "watching 4 metrics, last round 3 s ago"),
        (
            replace(WELL, preparing=2, incidents=1),
            GOOD,
            "watching 4 metrics, last round 3 s ago, 2 more once their past was read, 1 anomaly now",
        ),
        (replace(WELL, silent=("p95",)), SLOW, "1 of 5 gave no sample"),
        (replace(WELL, blind=True), SLOW, "taken for our own network"),
        (replace(WELL, last=NOW - timedelta(seconds=90)), BAD, "the last round began 90 s ago"),
    ],
)
async def test_state_of_watching_is_told(
    probed: Probed, state: WatchState | None, health: HealthState, told: str
) -> None:
    found = await Detection(lambda: state, probed, probed.world().work)()
    assert found.state is health
    assert told in found.sentence


async def test_round_that_failed_is_unhealthy(probed: Probed) -> None:
    probed.failures["watching"] = "OSError: the disk is full"
    found = await Detection(lambda: WELL, probed, probed.world().work)()
    assert found.state is BAD


async def test_silent_metrics_are_listed(probed: Probed) -> None:
    state = replace(WELL, silent=("p95", "errors"))
    found = await Detection(lambda: state, probed, probed.world().work)()
    assert [part.name for part in found.parts] == ["p95", "errors"]
