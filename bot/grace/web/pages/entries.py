"""Ledger entries as a page lists them: words beside the hash by which a browser verifies them."""

import hashlib
import json
from base64 import b64decode
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime

from grace.domain.base import Frozen
from grace.domain.narration import Tone, sentence, tone
from grace.ports.hub import FeedEntry
from grace.web.pages.words import Mark

_MARKS: Final = {
    Tone.GOOD: Mark.GOOD,
    Tone.BAD: Mark.BAD,
    Tone.WAIT: Mark.WAIT,
    Tone.PLAIN: Mark.PLAIN,
}


class Told(Frozen):
    """One entry in words. `hash`: the entry's own, which the next one of its log names."""

    position: int
    log: str
    seq: int
    at: AwareDatetime
    kind: str
    actor: str
    mission: str | None
    words: str
    mark: Mark
    hash: str


def tell(entry: FeedEntry) -> Told:
    """Read a stored record and say it in words; nothing is verified here."""
    record = json.loads(entry.line)
    envelope, payload = json.loads(record["envelope"]), record["payload"]
    kind, actor, mission = envelope["kind"], envelope["actor"], envelope["mission"]
    signed = str(record["envelope"]).encode() + b64decode(record["signature"])
    # All of it from what was signed: columns beside the record are not verified by anybody.
    return Told(
        position=entry.position,
        log=envelope["log"],
        seq=envelope["seq"],
        at=datetime.fromisoformat(envelope["time"]),
        kind=kind,
        actor=actor,
        mission=mission,
        words=sentence(kind, actor, payload, mission),
        mark=_MARKS[tone(kind, payload)],
        hash=hashlib.sha256(signed).hexdigest(),
    )


def tell_all(entries: Sequence[FeedEntry]) -> tuple[Told, ...]:
    """Say several entries in words."""
    return tuple(tell(entry) for entry in entries)
