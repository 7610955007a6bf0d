"""How fast one installation may call GitHub. Pure: times come in as seconds of one steady clock.

Source: GitHub Docs, "Rate limits for the REST API" and "Rate limits and node limits for the GraphQL
API": requests an hour as the answers' headers tell, points a minute (reading 1, writing 5), content
that is created a minute and an hour, and calls at once.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal

Resource = Literal["core", "graphql"]

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
_AGE: Final = 3.0


class Urgency(IntEnum):
    """What goes first; a call that waits gains a level every three seconds."""

    LANDING = 0
    CHECK = 1
    COMMENT = 2
    SWEEP = 3


# The part of the hour's requests that is kept for what is more urgent.
_KEPT: Final = {
    Urgency.LANDING: 0.0,
    Urgency.CHECK: 0.01,
    Urgency.COMMENT: 0.02,
    Urgency.SWEEP: 0.1,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What GitHub allows an installation, besides the requests an hour that its answers tell."""

    points_per_minute: int = 900
    content_per_minute: int = 80
    content_per_hour: int = 500
    at_once: int = 50


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call takes from the limits."""

    points: int = 1
    content: bool = False
    resource: Resource = "core"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call that waits for its turn, or has it."""

    number: int
    urgency: Urgency
    cost: Cost
    since: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What one installation has left; `remaining` None: GitHub has told no quota."""

    installation: int
    waiting: int
    running: int
    points_left: int
    content_left_minute: int
    content_left_hour: int
    remaining: int | None
    paused_s: float


class Window:
    """An amount that may be spent in any `span` seconds."""

    def __init__(self, limit: int, span: float) -> None:
        self._limit = limit
        self._span = span
        self._spent: deque[tuple[float, int]] = deque()
        self._sum = 0

    def left(self, now: float) -> int:
        """Return what may be spent now."""
        while self._spent and self._spent[0][0] + self._span <= now:
            self._sum -= self._spent.popleft()[1]
        return self._limit - self._sum

    def wait(self, amount: int, now: float) -> float:
        """Return the seconds until the amount fits; one above the limit needs an empty window."""
        missing = min(amount, self._limit) - self.left(now)
        for at, spent in self._spent:
            if missing <= 0:
                break
            missing -= spent
            if missing <= 0:
                return at + self._span - now
        return 0.0

    def spend(self, amount: int, now: float) -> None:
        self._spent.append((now, amount))
        self._sum += amount


@dataclass(slots=True)
class _Quota:
    """The requests of this hour: the fewest that an answer has told to remain."""

    limit: int
    remaining: int
    resets_at: float


class Pace:
    """Who waits, who runs, and what the limits leave.

    Order: urgency, then age; a call that waits nine seconds is as urgent as a merge, so none
    starves. A call that lacks points lets nobody pass, one that lacks content or quota only those
    that need none of it. A pause stops all.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._points = Window(limits.points_per_minute, _MINUTE)
        self._minute = Window(limits.content_per_minute, _MINUTE)
        self._hour = Window(limits.content_per_hour, _HOUR)
        self._quotas: dict[Resource, _Quota] = {}
        self._waiting: dict[int, Ticket] = {}
        self._running: dict[int, Ticket] = {}
        self._paused_until = 0.0
        self._asked = 0

    def ask(self, urgency: Urgency, cost: Cost, now: float) -> Ticket:
        """Queue up."""
        self._asked += 1
        ticket = Ticket(self._asked, urgency, cost, now)
        self._waiting[ticket.number] = ticket
        return ticket

    def drop(self, ticket: Ticket) -> None:
        """Leave the queue, or end a call."""
        self._waiting.pop(ticket.number, None)
        self._running.pop(ticket.number, None)

    def next(self, now: float) -> Ticket | float | None:
        """Start the call whose turn it is; else the seconds until one may start.

        None: nobody waits, or only the end of a running call can help.
        """
        if not self._waiting or len(self._running) >= self._limits.at_once:
            return None
        if now < self._paused_until:
            return self._paused_until - now
        soonest: float | None = None
        for ticket in self._in_order(now):
            passable = max(self._quota_wait(ticket, now), self._content_wait(ticket, now))
            wait = passable or self._points.wait(ticket.cost.points, now)
            if not wait:
                self._start(ticket, now)
                return ticket
            soonest = wait if soonest is None else min(soonest, wait)
            if not passable:
                break
        return soonest

    def wait_of(self, ticket: Ticket, now: float) -> float:
        """Return the seconds that the limits alone keep a call waiting."""
        return max(
            self._paused_until - now,
            self._quota_wait(ticket, now),
            self._content_wait(ticket, now),
            self._points.wait(ticket.cost.points, now),
            0.0,
        )

    def pause(self, until: float) -> None:
        """Let nothing start before then."""
        self._paused_until = max(self._paused_until, until)

    def told(self, resource: Resource, limit: int, remaining: int, resets_at: float) -> None:
        """Learn the quota from an answer; answers of one hour can overtake each other."""
        known = self._quotas.get(resource)
        if known is not None and abs(known.resets_at - resets_at) <= _MINUTE:
            remaining = min(remaining, known.remaining)
        elif known is not None and resets_at < known.resets_at:
            return
        self._quotas[resource] = _Quota(limit, remaining, resets_at)

    def figures(self, installation: int, now: float) -> Figures:
        """Tell what is left."""
        core = self._quotas.get("core")
        return Figures(
            installation=installation,
            waiting=len(self._waiting),
            running=len(self._running),
            points_left=self._points.left(now),
            content_left_minute=self._minute.left(now),
            content_left_hour=self._hour.left(now),
            remaining=core.remaining if core is not None and core.resets_at > now else None,
            paused_s=max(self._paused_until - now, 0.0),
        )

    def _in_order(self, now: float) -> Iterator[Ticket]:
        def rank(ticket: Ticket) -> tuple[int, int]:
            return ticket.urgency - int((now - ticket.since) / _AGE), ticket.number

        return iter(sorted(self._waiting.values(), key=rank))

    def _start(self, ticket: Ticket, now: float) -> None:
        self._running[ticket.number] = self._waiting.pop(ticket.number)
        self._points.spend(min(ticket.cost.points, self._limits.points_per_minute), now)
        if ticket.cost.content:
            self._minute.spend(1, now)
            self._hour.spend(1, now)

    def _content_wait(self, ticket: Ticket, now: float) -> float:
        if not ticket.cost.content:
            return 0.0
        return max(self._minute.wait(1, now), self._hour.wait(1, now))

    def _quota_wait(self, ticket: Ticket, now: float) -> float:
        quota = self._quotas.get(ticket.cost.resource)
        if quota is None or quota.resets_at <= now:
            return 0.0
        under_way = sum(t.cost.resource == ticket.cost.resource for t in self._running.values())
        free = quota.remaining - under_way - int(quota.limit * _KEPT[ticket.urgency])
        return 0.0 if free > 0 else quota.resets_at - now
