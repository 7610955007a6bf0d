"""Issues that Grace filed about a mission, and that others close: CAPA tickets and reviews. Pure.

Such an issue begins with a marker that names its mission. Anybody can write a marker, so it counts
on what our own app wrote alone.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, cast
from uuid import UUID

from grace.adapters.github.ours import Ours
from grace.adapters.github.payloads import Issue
from grace.domain.events import Actor, TicketClosed
from grace.domain.mission import MissionRef
from grace.ports import Routed, Target

Purpose = Literal["capa", "review"]
LABELS: Final[dict[Purpose, str]] = {"capa": "capa", "review": "grace:review"}
_UID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_MARKER: Final = re.compile(rf"<!-- grace:({_UID}):(capa|review) -->")
_STATE: Final = {"closed": False, "deleted": False, "transferred": False, "reopened": True}


def ticket_of(body: str | None) -> tuple[UUID, Purpose] | None:
    """Read which mission's ticket a body of ours begins as."""
    found = _MARKER.match(body or "")
    return None if found is None else (UUID(found[1]), cast(Purpose, found[2]))


@dataclass(frozen=True, slots=True)
class Turned:
    """An issue was closed or, with `reopened`, opened again."""

    number: int
    reopened: bool
    actor: Actor
    at: datetime


def about_ticket(
    ref: MissionRef, found: Issue, action: str, actor: Actor, ours: Ours
) -> Routed | None:
    """Tell that a ticket of ours was closed or opened again; None for all else."""
    if action not in _STATE or not ours.wrote(found.user, found.performed_via_github_app):
        return None
    at = found.closed_at if action == "closed" else None
    turned = Turned(found.number, _STATE[action], actor, at or found.updated_at)
    return ticket_event(ref, found.body, turned)


def ticket_event(ref: MissionRef, body: str | None, turned: Turned) -> Routed | None:
    """Tell a ticket's mission what became of it; `body` is of an issue that our app wrote."""
    ticket = ticket_of(body)
    if ticket is None:
        return None
    uid, purpose = ticket
    event = TicketClosed(
        purpose=purpose,
        number=turned.number,
        open=turned.reopened,
        actor=turned.actor,
        at=turned.at,
    )
    return Routed(target=Target(ref=ref, uid=uid), event=event)
