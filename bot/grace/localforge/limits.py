"""GitHub's limits: requests an hour, and the secondary ones by the minute and by content.

Source: "Rate limits for the REST API" and "Rate limits and query limits for the GraphQL API" in
GitHub's documentation. Which requests create content is not published: here all that write do.
"""

import json
import math
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from grace.localforge.errors import ApiError

HOUR: Final = 3600
MINUTE: Final = 60
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
GRAPHQL: Final = "/graphql"
SECONDARY: Final = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
SECONDARY_DOCS: Final = (
    "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
)
MUTATION: Final = re.compile(r"^\s*mutation\b", re.MULTILINE)

Resource = Literal["core", "graphql"]


class HourExhausted(ApiError):
    """The hour's requests are used up; REST answers it by 403, GraphQL by an error in a 200."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The secondary limits of one caller; the defaults are GitHub's.

    Points a minute: a read costs 1, a write 5. `refusal` is the status of a refusal: GitHub
    answers 403 or 429.
    """

    points_per_minute: int = 900
    graphql_points_per_minute: int = 2000
    content_per_minute: int = 80
    content_per_hour: int = 500
    concurrent: int = 100
    refusal: Literal[403, 429] = 403

    @classmethod
    def off(cls) -> "Limits":
        """Return limits that nobody reaches."""
        return cls(10**9, 10**9, 10**9, 10**9, 10**9)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request takes from the limits; `content` tells whether it writes."""

    resource: Resource
    points: int
    content: bool


def cost_of(method: str, template: str, payload: bytes) -> Cost:
    """Return what a request costs by GitHub's table."""
    if template == GRAPHQL:
        mutates = MUTATION.search(_query(payload)) is not None
        return Cost("graphql", 5 if mutates else 1, mutates)
    if method in READS:
        return Cost("core", 1, content=False)
    # Tokens are written outside repositories, and create no content.
    return Cost("core", 5, content=method != "DELETE" and template.startswith("/repos/"))


def _query(payload: bytes) -> str:
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        return ""  # the operation itself refuses it with the right words
    query = data.get("query") if isinstance(data, dict) else None
    return query if isinstance(query, str) else ""


@dataclass(slots=True)
class _Window:
    """Amounts over the last `seconds`."""

    seconds: int
    events: deque[tuple[float, int]] = field(default_factory=deque)
    total: int = 0

    def wait(self, now: float, amount: int, limit: int) -> int:
        """Return the seconds until `amount` more fits; 0 when it fits now."""
        while self.events and self.events[0][0] <= now - self.seconds:
            self.total -= self.events.popleft()[1]
        over = self.total + amount - limit
        for at, size in self.events:
            if over <= 0:
                break
            over -= size
            if over <= 0:
                return max(math.ceil(at + self.seconds - now), 1)
        return 0 if over <= 0 else self.seconds

    def add(self, now: float, amount: int) -> None:
        self.events.append((now, amount))
        self.total += amount


@dataclass(slots=True)
class _Usage:
    """What one caller has used."""

    points: dict[Resource, _Window] = field(
        default_factory=lambda: {"core": _Window(MINUTE), "graphql": _Window(MINUTE)}
    )
    content_minute: _Window = field(default_factory=lambda: _Window(MINUTE))
    content_hour: _Window = field(default_factory=lambda: _Window(HOUR))
    hours: dict[tuple[Resource, int], int] = field(default_factory=dict)
    running: int = 0


class RateLimits:
    """Counts the requests of each caller; an installation and a person are callers."""

    def __init__(self, hourly: int, limits: Limits) -> None:
        self._hourly = hourly
        self._limits = limits
        self._callers: dict[str, _Usage] = {}

    def begin(self, caller: str, cost: Cost, now: float) -> None:
        """Count a request that begins; ApiError when a limit refuses it. `end` must follow."""
        usage = self._callers.setdefault(caller, _Usage())
        self._secondary(usage, cost, now)
        key = (cost.resource, int(now // HOUR))
        if usage.hours.get(key, 0) >= self._hourly:
            raise HourExhausted(403, f"API rate limit exceeded for {caller}.")
        usage.hours = {old: n for old, n in usage.hours.items() if old[1] >= key[1]}
        usage.hours[key] = usage.hours.get(key, 0) + 1
        usage.points[cost.resource].add(now, cost.points)
        if cost.content:
            usage.content_minute.add(now, 1)
            usage.content_hour.add(now, 1)
        usage.running += 1

    def end(self, caller: str) -> None:
        """Count a request that is over."""
        self._callers[caller].running -= 1

    def charge(self, caller: str, resource: Resource, amount: int, now: float) -> None:
        """Take more of the hour, or give some back: a 304 costs nothing, a big query more."""
        usage = self._callers.setdefault(caller, _Usage())
        key = (resource, int(now // HOUR))
        usage.hours[key] = max(usage.hours.get(key, 0) + amount, 0)

    def status(self, caller: str, resource: Resource, now: float) -> dict[str, int]:
        """Return limit, used, remaining and reset of the current hour."""
        hour = int(now // HOUR)
        usage = self._callers.get(caller)
        used = usage.hours.get((resource, hour), 0) if usage else 0
        return {
            "limit": self._hourly,
            "used": used,
            "remaining": max(self._hourly - used, 0),
            "reset": (hour + 1) * HOUR,
        }

    def headers(self, caller: str, resource: Resource, now: float) -> dict[str, str]:
        """Return GitHub's rate limit headers."""
        found = self.status(caller, resource, now)
        return {
            **{f"X-RateLimit-{name.capitalize()}": str(value) for name, value in found.items()},
            "X-RateLimit-Resource": resource,
        }

    def _secondary(self, usage: _Usage, cost: Cost, now: float) -> None:
        limits = self._limits
        points = limits.points_per_minute
        if cost.resource == "graphql":
            points = limits.graphql_points_per_minute
        waits = [usage.points[cost.resource].wait(now, cost.points, points)]
        if cost.content:
            waits.append(usage.content_minute.wait(now, 1, limits.content_per_minute))
            waits.append(usage.content_hour.wait(now, 1, limits.content_per_hour))
        if usage.running >= limits.concurrent:
            waits.append(1)
        _refuse(waits, limits.refusal)


def _refuse(waits: Iterable[int], status: int) -> None:
    wait = max(waits)
    if wait:
        raise ApiError(status, SECONDARY, docs=SECONDARY_DOCS, headers={"Retry-After": str(wait)})


def resources_json(limits: RateLimits, caller: str, now: float) -> dict[str, Any]:
    """Return the answer of GET /rate_limit; searching is counted with the rest."""
    core = limits.status(caller, "core", now)
    graphql = limits.status(caller, "graphql", now)
    return {"resources": {"core": core, "search": core, "graphql": graphql}, "rate": core}
