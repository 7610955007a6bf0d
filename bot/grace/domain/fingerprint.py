"""What makes two missions the same problem."""

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
        return f"alert:{mission.alert}"
    if request is None:
        return ""
    metrics = sorted({s.metric_id for s in request.symptoms if s.metric_id is not None})
    words = sorted(" ".join(s.description.casefold().split()) for s in request.symptoms)
    return f"sha256:{sha256(canonical([request.subsystem_id, metrics or words])).hexdigest()}"
