"""Whole missions under a policy: rules, labels, orders, tickets."""

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.phase import Severity
from support.cases import make_rule
from support.phases import say
from support.world import World, issue_body, make_policy


def ruled(*requires: dict[str, object], **governance: object) -> World:
    """Make a world whose floor requires these things."""
    rules = tuple(make_rule(f"rule {n}", None, each) for n, each in enumerate(requires))
    return World(policy=make_policy(**{"rules": rules, **governance}))


def grave(severity: Severity = Severity.CRITICAL, candidates: int = 1) -> str:
    """Write a contract of another severity, that asks for no governance approval itself."""
    words = issue_body(candidates, extra="### Governance approval\n\nno\n\n")
    return words.replace("### Severity\n\nhigh", f"### Severity\n\n{severity.value}")


def order(world: World, login: str = "max", reason: str = "all is down", **given: object) -> World:
    """Order an emergency in a comment."""
    return say(world, "emergency", login, argument=reason, **given)


def label(world: World, name: str, by: str | None = "rita", *, present: bool = True) -> World:
    actor = None if by is None else ev.Actor(login=by)
    seen = ev.LabelSeen(number=2, label=name, present=present, actor=actor, at=world.now)
    world.deliver(seen)
    return world.settle()


def ticket(world: World, purpose: str, by: str, number: int, *, open_again: bool = False) -> World:
    """Let somebody close a ticket of Grace's, or open it again."""
    told = {"purpose": purpose, "number": number, "open": open_again, "at": world.now}
    event = ev.TicketClosed.model_validate({**told, "actor": ev.Actor(login=by)})
    world.deliver(event)
    return world.settle()


def merges(world: World) -> list[fx.MergePull]:
    return [e for e in world.asked(fx.MergePull) if e.purpose == "work"]


def noted(world: World, kind: str) -> list[dict[str, object]]:
    """List the payloads of what was noted of a kind."""
    return [n.payload for n in world.notes if n.kind == f"mission.{kind}"]


def keys(world: World, prefix: str) -> list[str]:
    """List the keys of what was asked for, of those that begin so."""
    return [e.key for e in (*world.done, *world.pending) if e.key.startswith(prefix)]
