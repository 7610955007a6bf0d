"""Missions that alerts filed, in the pure world."""

from datetime import timedelta

from grace.domain import events as ev
from grace.domain.alerting.alarm import Placed, Recurrence
from grace.domain.alerting.rules import Alerting
from grace.domain.package import PatchCandidate, WorkspaceInfo
from grace.domain.phase import Outcome, Severity
from support.phases import alert, alert_request
from support.world import DIFF, World, make_policy

OLD = "mission_20261101_001"
CANDIDATE = WorkspaceInfo(patch_candidates=(PatchCandidate(name="patch-1", diff=DIFF),))


def made(**rules: object) -> World:
    """Make a world in which alerts settle after two minutes."""
    return World(policy=make_policy(alerting=Alerting(**rules)))


def seen(world: World, status: str = "firing", number: int = 1, **placed: object) -> ev.AlertSeen:
    """Make a word about an alert, as the router gives it."""
    asked = alert_request()
    minute = asked.acceptance_criteria.model_copy(update={"observation_window_minutes": 1})
    request = asked.model_copy(
        update={
            "severity": Severity.MEDIUM,
            "workspace": CANDIDATE,
            "acceptance_criteria": minute,
        }
    )
    return alert(world, status).model_copy(
        update={
            "fingerprint": f"f{number}",
            "title": f"Latency {number}",
            "request": request,
            "placed": Placed(**placed),
        }
    )


def hear(world: World, *args: object, **placed: object) -> World:
    world.deliver(seen(world, *args, **placed))
    return world.settle()


def join(world: World, number: int, **placed: object) -> World:
    counts = {"known": number, "firing": number, "why": "the same metric"}
    return hear(world, "firing", number, **{**counts, **placed})


def kinds(world: World) -> list[str]:
    return [n.kind.removeprefix("mission.") for n in world.notes]


def returned(world: World, outcome: Outcome = Outcome.FIXED, **fields: object) -> Recurrence:
    closed = {"mission": OLD, "closed_at": world.now - timedelta(days=3), "landed": "a" * 40}
    return Recurrence(outcome=outcome, **{**closed, **fields})
