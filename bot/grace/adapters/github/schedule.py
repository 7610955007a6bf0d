"""Turns for calls: one queue per installation, so that one's limit stops no other."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from grace.adapters.github.limits import quota
from grace.adapters.github.pace import Cost, Figures, Limits, Pace, Resource, Ticket, Urgency
from grace.ports import ForgeUnavailable

PATIENCE_S: Final = 10.0
_SOON_S: Final = 1.0

# By `Request.purpose`. Authorisation is read for what lands, so it goes with the checks.
URGENCY: Final[Mapping[str, Urgency]] = {
    **dict.fromkeys(
        (
            "merge",
            "enqueue",
            "dequeue",
            "find queue entry",
            "find draft",
            "mark ready",
            "find merge queue",
            "describe pull request",
            "open pull request",
            "find pull request",
            "write blob",
            "write tree",
            "write commit",
            "create ref",
            "move ref",
            "read ref",
            "read commit",
            "read tree",
            "read blob",
            "read file",
            "read history",
            "compare",
            "run workflow",
        ),
        Urgency.LANDING,
    ),
    **dict.fromkeys(
        (
            "app",
            "user",
            "installation",
            "installation token",
            "resolve",
            "is it gone",
            "permission",
            "stop issues",
            "team",
            "create check",
            "update check",
            "find check",
            "create status",
            "find status",
            "read pull request",
            "read reviews",
            "read checks",
            "close pull request",
            "find runs",
            "find artifact",
            "pulls of our branch",
            "download artifact",
            "find agent runs",
        ),
        Urgency.CHECK,
    ),
    **dict.fromkeys(
        (
            "post comment",
            "edit comment",
            "find comment",
            "react",
            "request review",
            "add labels",
            "remove label",
            "file issue",
            "find issue",
            "close issue",
        ),
        Urgency.COMMENT,
    ),
    **dict.fromkeys(
        (
            "sweep",
            "news of issues",
            "news of comments",
            "news of tickets",
            "open pull requests",
            "who closed",
            "who edited",
            "list deliveries",
            "list workflow runs",
            "redeliver",
        ),
        Urgency.SWEEP,
    ),
}


class Timer(Protocol):
    """Something set that can be called off."""

    def cancel(self) -> None: ...


def _after(delay: float, then: Callable[[], None]) -> Timer:
    return asyncio.get_running_loop().call_later(delay, then)


@dataclass(frozen=True, slots=True)
class Pulse:
    """A steady clock and its alarm."""

    now: Callable[[], float] = time.monotonic
    after: Callable[[float, Callable[[], None]], Timer] = _after


class Schedule:
    """Give each call of one installation its turn."""

    def __init__(self, installation: int, limits: Limits, pulse: Pulse) -> None:
        self._installation = installation
        self._pulse = pulse
        self._pace = Pace(limits)
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._alarm: Timer | None = None

    @asynccontextmanager
    async def turn(self, purpose: str, cost: Cost) -> AsyncIterator[None]:
        """Wait for a turn and hold it.

        Raises `ForgeUnavailable` where the limits keep it waiting for more than ten seconds.
        """
        ticket = self._pace.ask(URGENCY[purpose], cost, self._pulse.now())
        try:
            await self._granted(ticket, purpose)
            yield
        finally:
            self._waiting.pop(ticket.number, None)
            self._pace.drop(ticket)
            self._advance()

    def pause(self, seconds: float) -> None:
        """Start nothing for a while: GitHub said so."""
        self._pace.pause(self._pulse.now() + seconds)

    def told(self, headers: Mapping[str, str], resource: Resource, now: datetime) -> None:
        """Learn from an answer's headers."""
        found = quota(headers, now)
        if found is not None:
            resets_at = self._pulse.now() + found.resets_in
            self._pace.told(resource, found.limit, found.remaining, resets_at)

    def figures(self) -> Figures:
        """Tell what is left."""
        return self._pace.figures(self._installation, self._pulse.now())

    async def _granted(self, ticket: Ticket, purpose: str) -> None:
        granted = asyncio.get_running_loop().create_future()
        self._waiting[ticket.number] = granted
        self._advance()
        if granted.done():
            return

        def lose_patience() -> None:
            if not granted.done():
                granted.set_exception(self._too_long(ticket, purpose))

        if self._pace.wait_of(ticket, self._pulse.now()) > PATIENCE_S:
            raise self._too_long(ticket, purpose)
        patience = self._pulse.after(PATIENCE_S, lose_patience)
        try:
            await granted
        finally:
            patience.cancel()

    def _too_long(self, ticket: Ticket, purpose: str) -> ForgeUnavailable:
        wait = max(self._pace.wait_of(ticket, self._pulse.now()), _SOON_S)
        return ForgeUnavailable(
            f"GitHub's limits leave no room for {purpose} now; it goes on in {wait:.0f} s",
            retry_after=wait,
        )

    def _advance(self) -> None:
        """Start whatever may start, and set the alarm for what may later."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while isinstance(found := self._pace.next(self._pulse.now()), Ticket):
            granted = self._waiting.pop(found.number)
            if granted.done():
                self._pace.drop(found)
            else:
                granted.set_result(None)
        if found is not None:
            self._alarm = self._pulse.after(found, self._advance)


class Schedules:
    """A schedule for each installation; 0 is the app itself, or a personal token."""

    def __init__(self, limits: Limits, pulse: Pulse | None = None) -> None:
        self._limits = limits
        self._pulse = pulse or Pulse()
        self._schedules: dict[int, Schedule] = {}

    def of(self, installation: int) -> Schedule:
        """Return an installation's schedule."""
        if installation not in self._schedules:
            self._schedules[installation] = Schedule(installation, self._limits, self._pulse)
        return self._schedules[installation]

    def figures(self) -> tuple[Figures, ...]:
        """Tell what each installation has left."""
        return tuple(schedule.figures() for schedule in self._schedules.values())
