"""`grace runner`: ask the bot for work, carry it out, ask again."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from grace.domain.playbooks.handing import RunHeld
from grace.domain.playbooks.run import RunReport, RunState
from grace.runner.board import BoardRefused, BotAway
from grace.runner.carry import Bench, Errand, carry_out, now
from grace.runner.errors import JournalDamaged, TargetBusy
from grace.runner.holding import Board, Lease
from grace.runner.targets import Target

_LONGEST_PAUSE_S: Final = 60.0
_PATIENCE: Final = 4  # questions without an answer, of a runner that is to end soon


class Work(Board, Protocol):
    """Where runs are laid out."""

    async def claim(self, targets: Sequence[str]) -> RunHeld | None: ...


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often work is asked for, and how long a lease lasts, in seconds."""

    poll: float = 5
    lease: float = 60


class Runner:
    """Carry out the runs of its targets, those of different targets beside each other."""

    def __init__(
        self, bench: Bench, board: Work, targets: Mapping[str, Target], rhythm: Rhythm
    ) -> None:
        self._bench = bench
        self._board = board
        self._targets = targets
        self._rhythm = rhythm
        self._leaving = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._silent = 0

    def leave(self) -> None:
        """Begin nothing more; what is being done is ended, and written down, first."""
        self._leaving.set()

    async def run(self, *, once: bool = False) -> None:
        """Work until told to leave; with `once`, until there is nothing left to do.

        Raises `BoardRefused` where the bot will not have this runner, and with `once` `BotAway`.
        """
        try:
            while not self._leaving.is_set():
                took = await self._take(once=once)
                if once and not took and not self._busy and not self._silent:
                    return
                if not took:
                    await self._pause()
        finally:
            self._leaving.set()
            if self._busy:
                await asyncio.wait(self._busy.values())

    async def _take(self, *, once: bool) -> bool:
        """Take one run, if there is one for a target that is idle."""
        idle = sorted(set(self._targets) - set(self._busy))
        if not idle:
            return False
        try:
            held = await self._board.claim(idle)
        except BotAway as away:
            if once and self._silent >= _PATIENCE:
                raise
            if not self._silent:
                self._bench.say(f"{away.sentence}; asking again")
            self._silent += 1
            return False
        self._silent = 0
        if held is None:
            return False
        target = held.order.target
        self._busy[target] = asyncio.create_task(self._carry(held))
        self._busy[target].add_done_callback(lambda _: self._busy.pop(target))
        return True

    async def _pause(self) -> None:
        """Wait until it is time to ask again, a run is over, or this process is to end."""
        seconds = min(_LONGEST_PAUSE_S, self._rhythm.poll * 2 ** min(self._silent, 6))
        leaving = asyncio.create_task(self._leaving.wait())
        await asyncio.wait(
            [leaving, *self._busy.values()],
            timeout=seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        leaving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await leaving

    async def _carry(self, held: RunHeld) -> None:
        """Carry one run out; what goes wrong with it ends this run, and never the runner."""
        lease = Lease(self._board, held, self._rhythm.lease, self._leaving.is_set)
        first = 0 if held.reported is None else held.reported.number + 1
        errand = Errand(held.order, lease, lease.tell, first)
        self._bench.say(f"{held.order.target}: {held.order.playbook.name}: run {held.order.id}")
        keeping = asyncio.create_task(lease.keep())
        try:
            await carry_out(self._bench, errand, self._targets.get(held.order.target))
        except TargetBusy as busy:
            self._bench.say(f"{busy.sentence}; the run waits for its lease to end")
        except JournalDamaged as damaged:
            self._bench.say(damaged.sentence)
            await lease.tell(self._failed(held, first, damaged.sentence))
        except BoardRefused as refused:
            self._bench.say(refused.sentence)
        except Exception:  # noqa: BLE001 - the boundary: logged with the run, and the next is taken
            structlog.get_logger("runner").exception("run failed", run=held.order.id)
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])

    def _failed(self, held: RunHeld, number: int, sentence: str) -> RunReport:
        return RunReport(
            id=held.order.id,
            number=number,
            runner=self._bench.name,
            state=RunState.FAILED,
            sentence=sentence[:2000],
            at=now(),
        )


def problems_at_start(
    targets: Mapping[str, Target], load: Callable[[str], str | None]
) -> list[str]:
    """Say what keeps a runner from acting on its targets. `load`: why a kind cannot be acted on."""
    told = {kind: load(kind) for kind in sorted({t.kind.value for t in targets.values()})}
    return [f"{kind}: {why}" for kind, why in told.items() if why is not None]
