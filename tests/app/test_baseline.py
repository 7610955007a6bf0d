"""Reading what metrics were like before a release, and calibrating the judge on it."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from grace.adapters.samples import Keeping, SqliteSamples
from grace.app.baseline import before_release
from grace.domain.catalog import Catalog
from grace.domain.effects import ReadBaseline
from grace.domain.package import MetricTarget
from grace.domain.samples import Sample
from support.noise import white
from support.world import METRIC, START, make_policy

EVERY = 10


def effect(*metric_ids: str) -> ReadBaseline:
    targets = tuple(MetricTarget(metric_id=m, comparator="<", target=100) for m in metric_ids)
    return ReadBaseline(key="baseline", targets=targets, before=START, minutes=5)


class Noon:
    """A clock that stands still."""

    def now(self) -> datetime:
        return START


@pytest.fixture
async def samples(tmp_path: Path) -> AsyncIterator[SqliteSamples]:
    store = await SqliteSamples.open(tmp_path / "samples.db", Noon(), Keeping())
    yield store
    await store.close()


async def keep(samples: SqliteSamples, **values: list[float]) -> None:
    end = START.timestamp()
    for name, each in values.items():
        series = [Sample(end - EVERY * (len(each) - i), v) for i, v in enumerate(each)]
        await samples.backfill(name.replace("__", "."), series)


async def test_kept_samples_calibrate_each_target_by_its_share_of_the_budget(
    samples: SqliteSamples,
) -> None:
    policy = make_policy()
    own = policy.catalog.metrics[METRIC].model_copy(update={"min_effect": 0.3})
    catalog = Catalog(metrics={**policy.catalog.metrics, METRIC: own})
    policy = policy.model_copy(update={"catalog": catalog})
    await keep(samples, trigger_mesh__latency_p95=white(600), error_rate=white(20))
    found = await before_release(
        samples, policy, effect(METRIC, "error_rate", "gone", "unmeasured")
    )
    assert set(found.calibrations) == {METRIC}
    past = found.calibrations[METRIC].past
    assert past is not None
    assert past.samples == 600
    assert past.matters / past.level - 0.3 < 1e-9
    assert past.spread[-1][0] == 30
    shown = [s for s in found.samples if s.metric_id == METRIC]
    assert len(shown) == 120
    assert all(START - timedelta(days=1) <= s.at < START for s in shown)
    assert len(found.samples) == 140
    assert found.note == ""


async def test_a_control_is_read_and_named(samples: SqliteSamples) -> None:
    policy = make_policy()
    own = policy.catalog.metrics["error_rate"].model_copy(update={"control": METRIC})
    catalog = Catalog(metrics={**policy.catalog.metrics, "error_rate": own})
    policy = policy.model_copy(update={"catalog": catalog})
    await keep(samples, trigger_mesh__latency_p95=white(600), error_rate=white(600))
    found = await before_release(samples, policy, effect("error_rate"))
    known = found.calibrations["error_rate"]
    assert known.control == METRIC
    assert known.beside is not None


async def test_without_kept_samples_there_is_nothing_to_compare_with(
    samples: SqliteSamples,
) -> None:
    found = await before_release(samples, make_policy(), effect(METRIC))
    assert (found.samples, found.calibrations) == ((), {})
