"""The issue of a mission that did not begin as one."""

from typing import Final

from grace.domain.alerting.words import alert_lines
from grace.domain.contract import dump
from grace.domain.mission import Mission
from grace.domain.phase import MissionType
from grace.domain.render import code, marker, quoted
from grace.domain.sighting import told

ADD_A_CANDIDATE: Final = (
    "Add a patch candidate below (`workspace: {patch_candidates: [{name, diff}]}`), "
    "then comment `/grace start`."
)


def mission_body(mission: Mission) -> str:
    """Write the issue of a mission that an alert or the API began; strangers' texts stay quoted."""
    request = mission.request
    symptoms = request.symptoms if request else ()
    asked = code(mission.requester.login if mission.requester else "")
    source = (
        f"{asked}, who asked for it by the API"
        if mission.by_api
        else (f"the alert {code(mission.alert or '')}")
    )
    healing = request is not None and request.mission_type is MissionType.HEALING
    offered = (request is not None and bool(request.workspace.patch_candidates)) or healing
    return "\n".join(
        [
            marker(mission, "mission"),
            f"Filed by Grace for {source}.",
            "",
            *(quoted(s.description) for s in symptoms),
            "",
            *(alert_lines(mission.alarm) if mission.alarm is not None else []),
            *_seen(mission),
            *([] if offered else [ADD_A_CANDIDATE]),
            "",
            f"```yaml\n{dump(request)}```" if request else "",
        ]
    )


def _seen(mission: Mission) -> list[str]:
    """Tell what a detector of ours saw, if it was one."""
    return [] if mission.anomaly is None else [*told(mission.anomaly), ""]
