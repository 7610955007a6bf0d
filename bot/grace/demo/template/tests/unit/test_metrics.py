"""The Prometheus page."""

import pytest

from trigger_mesh.metrics import WINDOW_S, Metrics, quantile


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def samples(metrics: Metrics) -> dict[str, float]:
    lines = [line for line in metrics.render().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


@pytest.mark.parametrize(("percent", "expected"), [(50, 3), (95, 5), (99, 5), (1, 1)])
def test_quantile_is_the_nearest_rank(percent: int, expected: float) -> None:
    assert quantile([1, 2, 3, 4, 5], percent) == expected


def test_page_without_deliveries_has_counters_but_no_quantiles() -> None:
    page = samples(Metrics())
    assert page['trigger_mesh_requests_total{route="events"}'] == 0
    assert not [name for name in page if "latency" in name or "error_rate" in name]


def test_deliveries_fill_histogram_window_and_counters() -> None:
    metrics = Metrics()
    metrics.observe("events", 0.02, error=False)
    metrics.observe("events", 0.3, error=True)
    metrics.observe("healthz", 9.0, error=False)
    page = samples(metrics)
    assert page['trigger_mesh_delivery_seconds_bucket{le="0.01"}'] == 0
    assert page['trigger_mesh_delivery_seconds_bucket{le="0.1"}'] == 1
    assert page['trigger_mesh_delivery_seconds_bucket{le="+Inf"}'] == 2
    assert page["trigger_mesh_delivery_seconds_sum"] == pytest.approx(0.32)
    assert page["trigger_mesh_latency_p95_ms"] == 300
    assert page["trigger_mesh_error_rate_percent"] == 50
    assert page['trigger_mesh_errors_total{route="events"}'] == 1
    assert page['trigger_mesh_requests_total{route="healthz"}'] == 1


def test_deliveries_that_are_not_answered_yet_are_counted() -> None:
    metrics = Metrics()
    with metrics.in_flight(), metrics.in_flight():
        assert samples(metrics)["trigger_mesh_in_flight"] == 2
    with pytest.raises(KeyError), metrics.in_flight():
        raise KeyError
    assert samples(metrics)["trigger_mesh_in_flight"] == 0


def test_window_forgets_what_is_older_than_five_seconds() -> None:
    clock = Clock()
    metrics = Metrics(clock)
    metrics.observe("events", 1.0, error=True)
    clock.now += WINDOW_S - 1
    metrics.observe("events", 0.01, error=False)
    clock.now += 2
    page = samples(metrics)
    assert page["trigger_mesh_latency_p95_ms"] == 10
    assert page["trigger_mesh_error_rate_percent"] == 0
    clock.now += WINDOW_S
    assert "trigger_mesh_latency_p95_ms" not in samples(metrics)
