"""A run that a runner holds under a lease: renewed, reported of, lost, withdrawn."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

from grace.domain.playbooks.handing import RunHeld
from grace.domain.playbooks.run import ENDED, RunReport
from grace.runner.board import BoardRefused, BotAway, LeaseLost

RENEWALS: Final = 3  # within the time of one lease
_AGAIN_S: Final = 1.0


class Board(Protocol):
    """What a runner asks of where runs are laid out (`grace.runner.board.HttpBoard`)."""

    async def renew(self, held: RunHeld) -> RunHeld: ...

    async def report(self, held: RunHeld, report: RunReport) -> None: ...


class Lease:
    """The lease of one run, by this machine's own clock: it is over sooner here than at the bot.

    `seconds`: how long it lasts from each renewal; `asked_at`: when it was asked for, by `clock`,
    which counts seconds and never goes back. `leaving`: this process is to end.
    """

    def __init__(
        self,
        board: Board,
        held: RunHeld,
        seconds: float,
        leaving: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._board = board
        self._held = held
        self._seconds = seconds
        self._leaving = leaving
        self._clock = clock
        self._until = clock() + seconds
        self._lost = False

    @property
    def lost(self) -> bool:
        """Tell whether nothing more may be done: another may have the run, or this process ends."""
        return self._lost or self._clock() >= self._until or self._leaving()

    @property
    def withdrawn(self) -> str | None:
        """Say why the run is to stop."""
        return self._held.withdrawn

    async def keep(self) -> None:
        """Renew it until it is lost or this is cancelled; a bot that is away is asked again."""
        while not self._lost:
            await asyncio.sleep(self._seconds / RENEWALS)
            asked = self._clock()
            try:
                self._held = await self._board.renew(self._held)
            except (LeaseLost, BoardRefused):
                self._lost = True
            except BotAway:
                continue
            else:
                self._until = asked + self._seconds

    async def tell(self, report: RunReport) -> None:
        """Report; how a run ended is told until it is heard, or until the lease is lost."""
        while True:
            try:
                await self._board.report(self._held, report)
            except LeaseLost:
                self._lost = True
                return
            except BotAway:
                if report.state not in ENDED or self.lost:
                    return
                await asyncio.sleep(_AGAIN_S)
            else:
                return
