"""The part of the store that is `grace.ports.playbooks.RunBoard`."""

import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from grace.adapters.sqlite import run_rows
from grace.domain.mission import MissionRef
from grace.domain.playbooks.run import RunOrder, RunReport
from grace.ports import RunClaimant, RunHolder, RunLease

Write = Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]]
LEASE_BYTES: Final = 24


class SqliteRunBoard:
    """Runs in the store's file; a report and the event that it is to its mission are one commit.

    `write` runs a closure in a transaction of the store.
    """

    def __init__(self, write: Write) -> None:
        self._write = write

    async def offer(self, ref: MissionRef, order: RunOrder, now: datetime) -> None:
        """Lay out a run; one with its id that is there already stays as it is."""
        await self._write(lambda c: run_rows.offer(c, ref, order, now))

    async def withdraw(self, run: str, reason: str, now: datetime) -> None:
        """Take a run back: if none has begun it, it ends as withdrawn; else its runner is told."""
        await self._write(lambda c: run_rows.withdraw(c, run, reason, now))

    async def claim(self, claimant: RunClaimant, now: datetime) -> RunLease | None:
        """Take the oldest run for one of these targets that nobody carries out, or None."""
        lease = secrets.token_urlsafe(LEASE_BYTES)
        found: RunLease | None = await self._write(
            lambda c: run_rows.claim(c, claimant, lease, now)
        )
        return found

    async def renew(self, holder: RunHolder, seconds: float, now: datetime) -> RunLease | None:
        """Hold a lease for longer; None: it was lost."""
        until = now + timedelta(seconds=seconds)
        held: RunLease | None = await self._write(lambda c: run_rows.renew(c, holder, until, now))
        return held

    async def report(self, holder: RunHolder, report: RunReport, now: datetime) -> bool:
        """Keep a report and hand it to the mission, at once; False: the lease was lost."""
        kept: bool = await self._write(lambda c: run_rows.report(c, holder, report, now))
        return kept
