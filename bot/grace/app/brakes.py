"""What stops Grace: the operator's switch, a file, and issues labelled `grace:stop`.

It fails closed: what cannot be read stops. An issue stops at once when it is heard of; whether
who labelled it may write is read then, and so is whether who lifts it may.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from grace.domain.mission import MissionRef
from grace.domain.people import Actor
from grace.domain.surroundings import Stop
from grace.ports import Clock, Forge, ForgeError, ForgeUnavailable, Store

AT_ONCE: Final = 20
TICK_S: Final = 2.0
FIRST_RETRY_S: Final = 5.0
LAST_RETRY_S: Final = 60.0
FILE: Final = "the stop file"


@dataclass(frozen=True, slots=True)
class Cab:
    """What the brakes work with: `file` stops while it is there, `every` is between two looks.

    `wake` tells the worker that something changed, `fault` counts an unexpected error.
    """

    store: Store
    forge: Forge
    clock: Clock
    refs: Mapping[str, MissionRef]
    file: Path
    every: timedelta
    wake: Callable[[], None]
    fault: Callable[[str], None]


class Brakes:
    """Keep what stops Grace up to date, and say whether anything does."""

    def __init__(self, cab: Cab) -> None:
        self._cab = cab
        self._more: dict[int, MissionRef] = {}
        self._due: dict[int, datetime] = {}
        self._unread: dict[int, str] = {}
        self._tries: dict[int, int] = {}
        self._resting: datetime | None = None
        self._fault: str | None = None
        self._log = structlog.get_logger("brakes")

    @property
    def failure(self) -> str | None:
        """Say what cannot be read, for operators; None: all of it can."""
        problems = [*self._unread.values(), *([self._fault] if self._fault else [])]
        return "; ".join(dict.fromkeys(problems)) or None

    async def stopped(self, ref: MissionRef) -> Stop | None:
        """Return what stops Grace in a repository now; None: nothing does."""
        held = self.file_stop()
        if held is not None:
            return held
        try:
            stops = await self._cab.store.stops(ref)
        except Exception as error:  # noqa: BLE001 - logged, counted; what cannot be read stops
            self._log.exception("store failed")
            self._cab.fault("brakes")
            return Stop(
                kind="operator",
                reason=f"what stops Grace cannot be read from the store: {type(error).__name__}",
            )
        if stops:
            return stops[0]
        if ref.repository_id in self._unread:
            return Stop(kind="issue", reason=self._unread[ref.repository_id])
        if ref.repository_id not in self._due:
            self._more[ref.repository_id] = ref
            return Stop(kind="issue", reason="the repository's stop issues were not read yet")
        return None

    def file_stop(self) -> Stop | None:
        """Look for the stop file; one that cannot be looked for stops too."""
        try:
            self._cab.file.lstat()
        except FileNotFoundError:
            return None
        except OSError as error:
            why = f"{FILE} cannot be looked for ({error.strerror or type(error).__name__})"
            return Stop(kind="file", reason=why)
        return Stop(kind="file", reason=f"{FILE} is there")

    async def run(self) -> None:
        """Heed the brakes until cancelled; this is the one boundary of its loop."""
        while True:
            try:
                await self.round()
            except Exception as error:  # noqa: BLE001 - the boundary: logged, counted, in /readyz
                self._log.exception("failed")
                self._cab.fault("brakes")
                self._fault = f"{type(error).__name__}: {error}"
            else:
                self._fault = None
            await asyncio.sleep(TICK_S)

    async def round(self) -> None:
        """Look at the file, at repositories whose turn it is, and at who spoke."""
        await self.heed_file()
        await self.look()
        await self.verify()

    async def heed_file(self) -> None:
        """Have verdicts and the ledger say whether the file stops."""
        stop, store = self.file_stop(), self._cab.store
        changed = await store.set_kill_switch(
            on=stop is not None,
            actor="operator",
            reason="" if stop is None else stop.reason,
            kind="file",
            now=self._cab.clock.now(),
        )
        if changed:
            self._log.warning("stop file", on=stop is not None)
            self._cab.wake()

    async def look(self) -> None:
        """Read the stop issues of each repository whose turn it is; the first look is at once.

        Those are the subsystems' repositories, and what was asked about besides.
        """
        places = self._more | {ref.repository_id: ref for ref in self._cab.refs.values()}
        for number, ref in places.items():
            now = self._cab.clock.now()
            if self._due.get(number, now) > now:
                continue
            try:
                await self._read(ref)
            except ForgeError as error:
                self._missed(ref, error)
            else:
                self._unread.pop(number, None)
                self._tries.pop(number, None)
                self._due[number] = now + self._cab.every

    async def verify(self) -> None:
        """Read whether those who stopped, or lifted a stop, may write; a name is asked for once."""
        now = self._cab.clock.now()
        if self._resting is not None and self._resting > now:
            return
        words = await self._cab.store.stops_to_verify(AT_ONCE)
        asked: dict[tuple[int, str, int], bool | None] = {}
        for word in words:
            assert word.actor is not None  # nobody's words are not verified
            who = (word.ref.repository_id, word.actor.login.lower(), word.actor.id)
            if who not in asked:
                asked[who] = await self._may_write(word.ref, word.actor)
            allowed = asked[who]
            self._log.warning(
                "stop issue",
                repository=word.ref.repository,
                number=word.number,
                stops=word.open,
                actor=word.actor.login,
                allowed=allowed,
            )
            await self._cab.store.verify_stop(word, allowed=allowed, now=self._cab.clock.now())
        if words:
            self._cab.wake()

    async def _read(self, ref: MissionRef) -> None:
        """Hear what GitHub shows; a lifting without a person takes write permission there."""
        store, clock = self._cab.store, self._cab.clock
        standing = await store.standing_stops(ref)
        words = await self._cab.forge.stop_issues(ref, [stop.number for stop in standing])
        if not words:
            return
        await store.hear_stops(words, clock.now())
        for word in words:
            if word.actor is None and not word.open:
                await store.verify_stop(word, allowed=True, now=clock.now())
        self._cab.wake()

    def _missed(self, ref: MissionRef, error: ForgeError) -> None:
        number, tries = ref.repository_id, self._tries.get(ref.repository_id, 0)
        delay = min(FIRST_RETRY_S * 2.0 ** min(tries, 10), LAST_RETRY_S)
        if isinstance(error, ForgeUnavailable):
            delay = max(delay, error.retry_after or 0.0)
        self._log.warning("failed", repository=ref.repository, reason=error.sentence)
        self._tries[number] = tries + 1
        self._unread[number] = (
            f"the stop issues of {ref.repository} cannot be read: {error.sentence}"
        )
        self._due[number] = self._cab.clock.now() + timedelta(seconds=delay)

    async def _may_write(self, ref: MissionRef, who: Actor) -> bool | None:
        """Read a permission; None: not now."""
        try:
            return (await self._cab.forge.permission(ref, who.login, who.id)).may_write
        except ForgeError as error:
            rest = FIRST_RETRY_S
            if isinstance(error, ForgeUnavailable):
                rest = max(rest, error.retry_after or 0.0)
            self._resting = self._cab.clock.now() + timedelta(seconds=rest)
            self._log.warning("not verified", actor=who.login, reason=error.sentence)
            return None
