"""What is measured and who raises the alarm: alerts, samples, and what was usual before."""

from typing import Literal

from pydantic import AwareDatetime

from grace.domain.alerting.alarm import Placed
from grace.domain.base import Frozen
from grace.domain.detection.anomaly import Anomaly
from grace.domain.observing.calibration import Calibration
from grace.domain.package import MetricId, MetricObservation, MissionId, MissionRequest


class AlertSeen(Frozen):
    """An alert fired or was resolved; `request` is the mission that it asks for.

    `labels`: a stranger's, bounded; what belongs together is told by them. `anomaly`: what Grace's
    own detectors saw, where the alert is hers. `placed`: what the router adds when it gives the
    alert to a mission. `again`: it lasts, and is told once more in case it had no mission.
    """

    kind: Literal["alert_seen"] = "alert_seen"
    source: str
    fingerprint: str
    status: Literal["firing", "resolved"]
    title: str
    request: MissionRequest
    at: AwareDatetime
    labels: dict[str, str] = {}
    anomaly: Anomaly | None = None
    placed: Placed | None = None
    again: bool = False


class Recurred(Frozen):
    """An alert of a mission that was closed as fixed fires again, in the mission `by`."""

    kind: Literal["recurred"] = "recurred"
    fingerprint: str
    by: MissionId
    at: AwareDatetime


class BaselineRead(Frozen):
    """What a mission's metrics were like before its change was released, for the judge.

    `calibrations`: by metric, what replays of its own past say of the judge's errors. `samples`:
    thinned, to look at. `note`: why there is nothing.
    """

    kind: Literal["baseline_read"] = "baseline_read"
    samples: tuple[MetricObservation, ...]
    calibrations: dict[MetricId, Calibration] = {}
    note: str = ""


class MetricsSampled(Frozen):
    """One round of live samples."""

    kind: Literal["metrics_sampled"] = "metrics_sampled"
    samples: tuple[MetricObservation, ...]
