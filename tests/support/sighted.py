"""An anomaly with a chart, as tests draw it."""

from datetime import UTC, datetime, timedelta

from grace.domain.detection.anomaly import Anomaly, ChartPoint, DetectorName

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def seen(values: list[float | None], onset: int = 0, **given: object) -> Anomaly:
    chart = tuple(
        ChartPoint(at=START + timedelta(seconds=15 * i), value=v) for i, v in enumerate(values)
    )
    return Anomaly(
        **{
            "metric_id": "mesh.latency",
            "detector": DetectorName.UNUSUAL,
            "since": START + timedelta(seconds=15 * onset),
            "at": START + timedelta(minutes=2),
            "value": 184.0,
            "unit": "ms",
            "direction": "up",
            "sentence": "mesh.latency is 184 ms where 31 ms is usual",
            "chart": chart,
            **given,
        }
    )
