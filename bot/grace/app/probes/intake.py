"""Probes of what comes in: webhooks, news that is read, alerts."""

import asyncio
from collections import deque
from typing import Final

from grace.app.probes.findings import Finding, counted, degraded, unhealthy, well, worst_of
from grace.app.probes.world import DoorSide, WorkSide

HOOKS: Final = "/hooks/github"
ALERTS: Final = "/alerts/"
_FORGE: Final = "github"
_ALERTS: Final = "alerts"
_LOOKS: Final = 20  # five minutes
_ANY_HOST: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked for, not bound


class Answers:
    """What was answered within the last looks: how many were taken, and how many refused.

    `path`: how the routes begin that are looked at.
    """

    def __init__(self, origin: str, path: str) -> None:
        self._origin = origin
        self._path = path
        self._seen: deque[tuple[int, int]] = deque(maxlen=_LOOKS)

    def within(self, door: DoorSide) -> tuple[int, int, int]:
        """Take a look; return taken and refused within the last looks, and taken in all."""
        counted = door.counted()
        taken = sum(n for (where, _), n in counted.items() if where == self._origin)
        refused = sum(n for (where, _), n in counted.items() if where.startswith(self._path))
        first = self._seen[0] if self._seen else (0, 0)
        self._seen.append((taken, refused))
        return taken - first[0], refused - first[1], taken


class WebhookIntake:
    """Open a connection to our own door, and look at what was answered there."""

    def __init__(self, door: DoorSide, work: WorkSide) -> None:
        self._door = door
        self._work = work
        self._answers = Answers(_FORGE, HOOKS)

    async def __call__(self) -> Finding:
        shut = await _knock(self._door)
        if shut is not None:
            return unhealthy(shut)
        taken, refused, ever = self._answers.within(self._door)
        failures = self._work.failures()
        found = []
        if refused and not taken:
            found.append(
                degraded(
                    f"{refused} webhooks were refused lately and none was taken: compare the "
                    "App's webhook secret with GRACE_WEBHOOK_SECRET, or somebody else sends them."
                )
            )
        if "redelivery" in failures:
            found.append(
                degraded(
                    "the forge could not be asked to send again what it failed to deliver: it is "
                    "tried again, and the sweep makes up for it. See the log."
                )
            )
        if not self._door.hears:
            return worst_of(found, well("no webhook is awaited: the forge is polled"))
        return worst_of(found, well(f"{counted(ever, 'webhook')} taken since the start"))


class Reconciliation:
    """Look at the last sweep of live missions and the last reading of news."""

    def __init__(self, work: WorkSide) -> None:
        self._work = work

    async def __call__(self) -> Finding:
        failures = self._work.failures()
        broken = [name for name in ("sweep", "news", "reconciliation") if name in failures]
        if not broken:
            return well("live missions were compared with the forge")
        return degraded(
            f"reading the forge does not fully succeed ({', '.join(broken)}): what webhooks did "
            "not tell comes late. It is tried again; the log says what is refused."
        )


class AlertSources:
    """Look at what alert sources were answered."""

    def __init__(self, door: DoorSide) -> None:
        self._door = door
        self._answers = Answers(_ALERTS, ALERTS)

    async def __call__(self) -> Finding:
        taken, refused, ever = self._answers.within(self._door)
        if refused and not taken:
            return degraded(
                f"{refused} alert webhooks were refused lately and none was taken: compare the "
                "sender's secret with Grace's (GRACE_ALERT_TOKEN and the others), and its labels "
                "with subsystems.yaml and alert_sources.yaml."
            )
        if not self._door.alerts:
            return well("no alert source is set up: docs/alerts.md says how each is connected")
        return well(f"{counted(ever, 'alert webhook')} taken since the start")


async def _knock(door: DoorSide) -> str | None:
    """Connect to our own door; say why it is shut, None: it is open."""
    address = door.address()
    if address is None:
        return "the HTTP server does not listen yet: nothing can come in."
    host, port = address
    try:
        _, writer = await asyncio.open_connection(_ANY_HOST.get(host, host), port)
    except OSError as error:
        return (
            f"the HTTP server does not take connections ({type(error).__name__}): nothing comes "
            "in. Look for the limit of open files, and restart the process."
        )
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return None  # it was open, and the other side was quicker to close
    return None
