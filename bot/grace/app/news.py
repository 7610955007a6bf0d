"""What people did to issues and said in comments, read where no webhook told it."""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

import structlog

from grace.app.sweep import Inbox
from grace.domain.events import IssueSeen
from grace.domain.mission import MissionRef
from grace.ports import Forge, ForgeError, ForgeRefused, Routed

LABEL: Final = "mission"
BEFORE_BOOT: Final = timedelta(days=3)
OVERLAP: Final = timedelta(minutes=2)
# The cursor moves in steps: between two of them a quiet listing has the same address, so that
# the forge answers that it did not change, which counts against no limit.
STEP: Final = timedelta(minutes=5)
SHORTEST: Final = timedelta(minutes=1)


class News:
    """Read each repository's news since its last look; `failure` says why one was not read."""

    def __init__(self, forge: Forge, refs: Mapping[str, MissionRef], inbox: Inbox) -> None:
        self._forge = forge
        self._refs = refs
        self._inbox = inbox
        self._booted = inbox.clock.now()
        self._since: dict[int, datetime] = {}
        self._heard: dict[int, dict[str, str]] = {}
        self._owed: dict[int, set[str]] = {}
        self._failures: dict[tuple[str, int], str] = {}
        self._log = structlog.get_logger("news")

    @property
    def failure(self) -> str | None:
        return "; ".join(dict.fromkeys(self._failures.values())) or None

    async def look(self, only: Container[int] | None = None) -> int:
        """Look at every repository, or at some by id; return how many events were new.

        A cursor moves on only when all that was read is stored.
        """
        told = 0
        for number, ref in self._places():
            if only is not None and number not in only:
                continue
            now = self._inbox.clock.now()
            since = self._since.get(number, self._booted - BEFORE_BOOT)
            try:
                told += await self._tell(number, await self._forge.news(ref, LABEL, since))
            except ForgeError as error:
                self._failed("news", ref, error)
                self._since[number] = _later(since, now) if _too_much(error) else since
            else:
                self._failures.pop(("news", number), None)
                self._since[number] = max(since, _stepped(now - OVERLAP))
        if only is None:
            await self.owe()
        return told

    async def owe(self) -> None:
        """Have our check answer on every open pull request that is not ours.

        Those that no webhook told of: opened before the App was installed, or while it was deaf.
        """
        for number, ref in self._places():
            owed = self._owed.get(number, set())
            try:
                heads = await self._forge.open_heads(ref)
            except ForgeError as error:
                self._failed("open pull requests", ref, error)
                continue
            self._failures.pop(("open pull requests", number), None)
            new = [head for head in heads if head.sha not in owed]
            if new:
                await self._inbox.owe(new)
            self._owed[number] = {head.sha for head in heads}

    def _places(self) -> Sequence[tuple[int, MissionRef]]:
        """List the repositories, each once; more may be found while one is asked about."""
        return tuple({ref.repository_id: ref for ref in self._refs.values()}.items())

    def _failed(self, what: str, ref: MissionRef, error: ForgeError) -> None:
        self._log.warning("failed", what=what, repository=ref.repository, reason=error.sentence)
        self._failures[what, ref.repository_id] = f"{ref.repository}: {error.sentence}"

    async def _tell(self, number: int, routed: Sequence[Routed]) -> int:
        """Tell what was not told at the last look; the overlap shows most things again."""
        before, heard, told = self._heard.get(number, {}), dict[str, str](), 0
        for item in routed:
            thing, content = _content(item)
            heard[thing] = content
            if before.get(thing) != content:
                told += await self._inbox.tell("news", (item,))
        self._heard[number] = heard
        return told


def _content(item: Routed) -> tuple[str, str]:
    """Name what a piece of news is about, and what it says bar its time, which a comment moves."""
    event = item.event
    content = event.model_dump_json(exclude={"updated_at"})
    if isinstance(event, IssueSeen):
        return f"issue {event.number} by {event.sender.login}", content
    return content, content


def _too_much(error: ForgeError) -> bool:
    return isinstance(error, ForgeRefused) and error.status == HTTPStatus.UNPROCESSABLE_ENTITY


def _later(since: datetime, now: datetime) -> datetime:
    """Pass over the older half of what is too much to read, so that the rest is read at last."""
    return max(since, min(since + (now - since) / 2, now - SHORTEST))


def _stepped(at: datetime) -> datetime:
    return at - timedelta(seconds=at.timestamp() % STEP.total_seconds())
