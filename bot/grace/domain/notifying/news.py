"""An entry of the ledger as news: with what is known of its mission."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from grace.domain.narration import Tone
from grace.domain.phase import Severity


@dataclass(frozen=True, slots=True)
class News:
    """One entry of the feed, and what its mission was when it was read.

    `severity`, `subsystem` and `repository` are the mission's, or what the payload itself says;
    None: neither does. `payload` None: it was redacted.
    """

    position: int
    log: str
    seq: int
    time: str
    kind: str
    actor: str
    mission: str | None = None
    title: str = ""
    severity: Severity | None = None
    subsystem: str | None = None
    repository: str | None = None
    issue: int | None = None
    payload: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What one route has to say of one entry in one channel, from `due_at` on.

    `subject`: what it is about; what is said of one subject is said together.
    """

    route: str
    channel: str
    position: int
    subject: str
    tone: Tone
    title: str
    detail: str
    link: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Pile:
    """What waits to be said by one route in one channel: how much, of how many, and the newest.

    `last` names the newest notice of the pile to the store.
    """

    channel: str
    route: str
    count: int
    subjects: int
    last: int
    newest: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """The words of one message."""

    title: str
    body: str
    tone: Tone
