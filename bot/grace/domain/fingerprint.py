"""What makes two missions the same problem."""

from collections.abc import Collection
from hashlib import sha256

from grace.domain.mission import Mission
from grace.domain.signing import canonical


def fingerprint_of(mission: Mission) -> str:
    """Name the problem: the alert's own fingerprint, else subsystem and metrics out of bounds.

    Where no symptom names a metric, their descriptions stand for it. Empty while no contract has
    parsed.
    """
    request = mission.request
    if mission.alert is not None:
        return alert_fingerprint(mission.alert)
    if request is None:
        return ""
    metrics = {s.metric_id for s in request.symptoms if s.metric_id is not None}
    words = [" ".join(s.description.casefold().split()) for s in request.symptoms]
    return metrics_fingerprint(request.subsystem_id, metrics or words)


def alert_fingerprint(fingerprint: str) -> str:
    """Name the problem that an alert is about, by the alert's own fingerprint."""
    return f"alert:{fingerprint}"


def metrics_fingerprint(subsystem: str, metrics: Collection[str]) -> str:
    """Name the problem of a subsystem whose metrics are out of bounds."""
    return f"sha256:{sha256(canonical([subsystem, sorted(metrics)])).hexdigest()}"
