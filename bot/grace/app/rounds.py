"""Work that is done again and again: when woken, after a while, and at once while there is more."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog


@dataclass(frozen=True, slots=True)
class Round:
    """A piece of work; it returns whether there is more to do at once.

    `ear` wakes it; without that it is done every `look_s` seconds.
    """

    name: str
    work: Callable[[], Awaitable[bool]]
    look_s: float
    ear: asyncio.Event = field(default_factory=asyncio.Event)


class Rounds:
    """Do several pieces of work side by side; what one fails in is logged, counted and told."""

    def __init__(self, part: str, fault: Callable[[str], None]) -> None:
        self._part = part
        self._fault = fault
        self._failures: dict[str, str] = {}
        self._log = structlog.get_logger(part)

    @property
    def failure(self) -> str | None:
        """Say what fails now; None: nothing does."""
        return "; ".join(f"{name}: {why}" for name, why in self._failures.items()) or None

    async def run(self, begin: Round, rounds: Sequence[Round]) -> None:
        """Do `begin` until it succeeded once, then the others, until cancelled."""
        while await self._once(begin) is None:
            await _woken(begin.ear, begin.look_s)
        async with asyncio.TaskGroup() as group:
            for each in rounds:
                group.create_task(self._keep(each), name=f"{self._part} {each.name}")
        await asyncio.Event().wait()  # with nothing to do it goes on all the same

    async def _keep(self, each: Round) -> None:
        while True:
            each.ear.clear()
            if not await self._once(each):
                await _woken(each.ear, each.look_s)

    async def _once(self, each: Round) -> bool | None:
        """Do it once; return whether there is more, or None: it failed."""
        try:
            more = await each.work()
        except Exception as error:  # noqa: BLE001 - the boundary: logged, counted, told
            self._log.exception("failed", round=each.name)
            self._fault(self._part)
            self._failures[each.name] = f"{type(error).__name__}: {error}"
            return None
        self._failures.pop(each.name, None)
        return more


async def _woken(ear: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await ear.wait()
    except TimeoutError:
        return
