"""Make an incident an alert: the mission that it asks for, with its chart as evidence."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, Literal, NamedTuple

from grace.domain.catalog import MetricDefinition, Watching
from grace.domain.detection import wording
from grace.domain.detection.anomaly import Anomaly, DetectorName, Moved
from grace.domain.detection.moving import Incident
from grace.domain.events import AlertSeen
from grace.domain.package import AcceptanceCriteria, Evidence, MissionRequest, Symptom
from grace.domain.phase import Severity

SOURCE: Final = "detector"
_URGENCY: Final = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
_WHAT: Final = {
    DetectorName.THRESHOLD: "misses its target",
    DetectorName.BURN_RATE: "burns its error budget",
    DetectorName.UNUSUAL: "is not as usual",
    DetectorName.GONE: "has vanished",
}
_OWN_TARGET: Final = frozenset({DetectorName.THRESHOLD, DetectorName.BURN_RATE})
MOVED_TARGETS: Final = 10


class Occasion(NamedTuple):
    """Why an alert is told, and when; `again`: nothing is new but that it lasts."""

    status: Literal["firing", "resolved"]
    at: datetime
    again: bool = False


def alert_of(
    incident: Incident,
    anomaly: Anomaly,
    catalog: Mapping[str, MetricDefinition],
    occasion: Occasion,
) -> AlertSeen:
    """Write an incident as an alert; `anomaly` is that of its likely origin."""
    watching = _watching(anomaly.metric_id, catalog)
    labels = {
        "detector": anomaly.detector.value,
        "metric_id": anomaly.metric_id,
        "subsystem": watching.subsystem,
    }
    return AlertSeen(
        source=SOURCE,
        fingerprint=incident.fingerprint,
        status=occasion.status,
        title=_title(anomaly),
        request=request_of(incident, anomaly, catalog),
        at=anomaly.since if occasion.status == "firing" else occasion.at,
        labels=labels,
        anomaly=anomaly,
        again=occasion.again,
    )


def request_of(
    incident: Incident, anomaly: Anomaly, catalog: Mapping[str, MetricDefinition]
) -> MissionRequest:
    """Ask for a mission: it is fixed when the catalog's targets hold."""
    watching = _watching(anomaly.metric_id, catalog)
    own = [anomaly.metric_id, *(m.metric_id for m in anomaly.moved if _measured(m, catalog))]
    return MissionRequest(
        subsystem_id=watching.subsystem,
        severity=min((catalog[m].severity for m in incident.members), key=_URGENCY.index),
        detected_by=SOURCE,
        summary=_summary(incident, anomaly),
        symptoms=tuple(_symptoms(anomaly, catalog)),
        evidence=(_chart(anomaly, catalog[anomaly.metric_id].unit),),
        acceptance_criteria=AcceptanceCriteria(
            metric_targets=tuple(
                catalog[m].as_target(m, watching.rolling_window_minutes)
                for m in own[: MOVED_TARGETS + 1]
            ),
            observation_window_minutes=watching.observation_window_minutes,
        ),
    )


def _watching(metric_id: str, catalog: Mapping[str, MetricDefinition]) -> Watching:
    watching = catalog[metric_id].watch
    assert watching is not None  # only what is watched has anomalies
    return watching


def _measured(moved: Moved, catalog: Mapping[str, MetricDefinition]) -> bool:
    """Tell whether another metric's own target is among what has to hold again."""
    watching = catalog[moved.metric_id].watch
    return watching is not None and bool(_OWN_TARGET & set(watching.detectors))


def _title(anomaly: Anomaly) -> str:
    others = len(anomaly.moved)
    more = f", and {others} more metric{'' if others == 1 else 's'} moved" if others else ""
    return wording.bounded(f"{anomaly.metric_id} {_WHAT[anomaly.detector]}{more}")[:200]


def _summary(incident: Incident, anomaly: Anomaly) -> str:
    lines = [f"{anomaly.sentence}."]
    if anomaly.moved:
        count = len(incident.members) + incident.more - 1
        them = "1 other metric" if count == 1 else f"{count} other metrics"
        lines.append(f"{them} moved with it; it was the first, and so is the likely origin.")
    return " ".join(lines)


def _symptoms(anomaly: Anomaly, catalog: Mapping[str, MetricDefinition]) -> Iterator[Symptom]:
    """Write the origin first, then what moved."""
    yield Symptom(
        description=anomaly.sentence,
        metric_id=anomaly.metric_id,
        observed_value=anomaly.value,
        threshold=catalog[anomaly.metric_id].target,
    )
    for moved in anomaly.moved:
        since = wording.clock(moved.since.timestamp(), anomaly.at.timestamp())
        what = "vanished" if moved.direction == "gone" else f"moved {moved.direction}"
        said = f"{moved.metric_id} {what} too, since {since}"
        yield Symptom(
            description=said,
            metric_id=moved.metric_id,
            threshold=catalog[moved.metric_id].target,
        )


def _chart(anomaly: Anomaly, unit: str) -> Evidence:
    """Keep the samples around the onset as text, with their digest."""
    lines = [f"{anomaly.metric_id}, onset {anomaly.since.isoformat()}"]
    for point in anomaly.chart:
        value = "no value" if point.value is None else f"{point.value!r} {unit}".rstrip()
        mark = " <- onset" if point.at == anomaly.since else ""
        lines.append(f"{point.at.isoformat()} {value[:80]}{mark}")
    excerpt = "\n".join(lines)
    return Evidence(
        kind="metric",
        excerpt=excerpt,
        sha256=hashlib.sha256(excerpt.encode()).hexdigest(),
        at=anomaly.at,
        source=SOURCE,
    )
