"""What is said where a fix did not hold: on the mission's issue, and in its CAPA."""

from grace.domain.alerting import words
from grace.domain.events import Recurred
from grace.domain.messages import record_lines, title_of
from grace.domain.mission import Mission
from grace.domain.render import marker

SURFACE = "ineffective"


def sentence(mission: Mission, event: Recurred) -> str:
    """Say in Markdown what came back, and after how long."""
    assert mission.closed_at is not None  # what is not closed cannot come back
    return words.ineffective(event.by, event.fingerprint, event.at - mission.closed_at)


def comment(mission: Mission, event: Recurred) -> str:
    """Say on the issue of a mission that its fix did not hold."""
    return f"{marker(mission, SURFACE)}\n**Ineffective.** {sentence(mission, event)}"


def capa_title(mission: Mission) -> str:
    """Name the CAPA of a fix that did not hold."""
    return f"CAPA: {mission.name} came back: {title_of(mission)}"


def capa_body(mission: Mission, event: Recurred) -> str:
    """Write the corrective and preventive action ticket of a fix that did not hold."""
    return "\n".join(
        [
            marker(mission, "capa"),
            f"Refs #{mission.issue}",
            "",
            "### What happened",
            sentence(mission, event),
            "",
            *record_lines(mission),
            "",
            "### Corrective action",
            "Find the cause that the fix did not reach, and remove it in the new mission.",
            "",
            "### Preventive action",
            "Name the target or test that would have told the fix from a pause.",
        ]
    )
