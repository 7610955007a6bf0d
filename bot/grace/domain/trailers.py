"""Commit messages of a mission: text from strangers made harmless, trailers, and their signature.

`Mission-Signature` is the last line. It covers canonical JSON (context COMMIT) of

    {"repository", "tree", "mission", "ledger": {"log", "seq", "hash"}, "message"}

where `message` is everything in front of that line with line feeds as line ends. Parents are not
covered: what lands is made by the forge, and is proven by what it contains. Trailers are read as
`git interpret-trailers --parse` reads them: the last paragraph, never the first.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, ValidationError

from grace.domain.base import Frozen
from grace.domain.ledger import Hex64, Sequence1
from grace.domain.signing import (
    SIGNATURE_BYTES,
    Context,
    JsonValue,
    NotCanonicalError,
    Signer,
    Verifier,
    canonical,
    decode64,
    encode64,
    sign,
)

SUBJECT_LENGTH: Final = 200
_SIGNATURE: Final = "Mission-Signature"
_TRAILER: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)[ \t]*:[ \t]*(\S.*)")
_MISSION: Final = re.compile(r"^mission[ \t]*:", re.IGNORECASE | re.MULTILINE)
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_APPROVED: Final = re.compile(r"(\S+) \(([^()]+)\)")
_LEDGER: Final = re.compile(r"([1-9][0-9]{0,15}) ([0-9a-f]{64})")


class TrailerError(ValueError):
    """A message that cannot be built, or whose mission trailers are not ours; says why."""


def clean(text: str, limit: int = SUBJECT_LENGTH) -> str:
    """Put a stranger's text on one line without control, format or surrogate characters.

    A `#`, `-` or space in front goes too: git would take such a line for a comment, a scissors
    line or the end of the message.
    """
    visible = "".join(
        " " if c.isspace() else c
        for c in text
        if c.isspace() or unicodedata.category(c) not in _HIDDEN
    )
    return " ".join(visible.split()).lstrip("#- ")[:limit].rstrip()


def token(text: str) -> str:
    """Turn a stranger's name for an agent or a candidate into one that a trailer can hold."""
    return re.sub(r"[^A-Za-z0-9._/-]+", "-", text).strip("-./_")[:100] or "unnamed"


class Approval(Frozen):
    """Who approved, and which gate."""

    login: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(\[bot\])?$")]
    gate: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _./-]{0,98}[A-Za-z0-9]$")]


class LedgerRef(Frozen):
    """The entry that a commit follows from."""

    seq: Sequence1
    hash: Hex64


def _one_line(text: str) -> str:
    if not text or clean(text) != text:
        raise ValueError("must be one clean line: pass it through clean() first")
    return text


class MissionTrailers(Frozen):
    """The trailers of a mission's commit, in the order in which they are written."""

    mission: Annotated[str, Field(pattern=r"^mission_[0-9]{8}_[0-9]{3,}$")]
    issue: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+#[1-9][0-9]*$")]
    agent: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*(\[bot\])?$")]
    entry: LedgerRef
    approved_by: tuple[Approval, ...] = ()

    def lines(self) -> list[str]:
        """Write the trailers, without the signature."""
        return [
            f"Mission: {self.mission}",
            f"Mission-Issue: {self.issue}",
            f"Mission-Agent: {self.agent}",
            f"Ledger-Entry: {self.entry.seq} {self.entry.hash}",
            *(f"Approved-by: {a.login} ({a.gate})" for a in self.approved_by),
        ]


class MissionMessage(Frozen):
    """A commit message before it is signed.

    `subject` and the lines of `body` may come from strangers; `refs` is the issue's number.
    """

    subject: Annotated[str, AfterValidator(_one_line)]
    body: tuple[Annotated[str, AfterValidator(_one_line)], ...] = ()
    refs: Annotated[int, Field(ge=1)] | None = None
    trailers: MissionTrailers

    @classmethod
    def of(
        cls,
        subject: str,
        trailers: MissionTrailers,
        *,
        body: Sequence[str] = (),
        refs: int | None = None,
    ) -> Self:
        """Clean a stranger's words and build; a subject of nothing becomes the mission's name."""
        lines = tuple(filter(None, (clean(line) for line in body)))
        first = clean(subject) or trailers.mission
        return cls(subject=first, body=lines, refs=refs, trailers=trailers)

    def text(self) -> str:
        """Write the message without its signature; it ends with a newline."""
        paragraphs = [self.subject]
        if self.body:
            paragraphs.append("\n".join(self.body))
        if self.refs is not None:
            paragraphs.append(f"Refs #{self.refs}")
        paragraphs.append("\n".join(self.trailers.lines()))
        return "\n\n".join(paragraphs) + "\n"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message is good: repository (its name when the log was opened), log and tree."""

    repository: str
    log: str
    tree: str


@dataclass(frozen=True, slots=True)
class SealedMessage:
    """A parsed message: what was signed, the trailers, and the signature over both."""

    text: str
    trailers: MissionTrailers
    key_id: str
    signature: bytes


def seal(message: MissionMessage, place: Place, signer: Signer) -> str:
    """Write the message with its `Mission-Signature`; it ends with a newline."""
    text = message.text()
    signature = sign(signer, Context.COMMIT, _statement(text, message.trailers, place))
    return f"{text}{_SIGNATURE}: {signer.key_id} {encode64(signature)}\n"


def mentions_mission(message: str) -> bool:
    """Say whether the last paragraph has a line that git would take for a `Mission:` trailer."""
    return _MISSION.search(_split(message)[1]) is not None


def parse(message: str) -> SealedMessage | None:
    """Read a commit message: None when it has no `Mission:` trailer.

    TrailerError when it has one and its last paragraph is not, line for line, what `seal` writes.
    """
    if not mentions_mission(message):
        return None
    front, block = _split(message)
    if not front:
        raise TrailerError("the trailers have no subject in front of them")
    pairs = [_pair(line) for line in block.split("\n")]
    last, sealed = pairs[-1]
    if last != _SIGNATURE:
        raise TrailerError(f"the last line is not a {_SIGNATURE}")
    key_id, _, encoded = sealed.partition(" ")
    try:
        signature = decode64(encoded, SIGNATURE_BYTES)
        trailers = _trailers(pairs[:-1])
    except (NotCanonicalError, ValidationError) as error:
        raise TrailerError(f"the mission trailers cannot be read: {error}") from error
    written = block.split("\n")[:-1]
    if trailers.lines() != written:
        raise TrailerError("the mission trailers are not written as they should be")
    text = "\n".join((front, "", *written, ""))
    return SealedMessage(text, trailers, key_id, signature)


def verify(message: SealedMessage, place: Place, verifier: Verifier) -> bool:
    """Say whether a trusted key signed this message for this place."""
    try:
        body = canonical(_statement(message.text, message.trailers, place))
    except NotCanonicalError:
        return False
    return verifier(message.key_id, Context.COMMIT.value + body, message.signature)


def _statement(text: str, trailers: MissionTrailers, place: Place) -> dict[str, JsonValue]:
    return {
        "repository": place.repository,
        "tree": place.tree,
        "mission": trailers.mission,
        "ledger": {"log": place.log, "seq": trailers.entry.seq, "hash": trailers.entry.hash},
        "message": text,
    }


def _split(message: str) -> tuple[str, str]:
    """Split into what is in front and the last paragraph. Line ends are the forge's to choose."""
    text = message.replace("\r\n", "\n").rstrip(" \t\r\n")
    blank = re.split(r"\n[ \t]*(?=\n)", text)
    block = blank[-1].lstrip("\n")
    return text[: len(text) - len(block)].rstrip("\n"), block


def _pair(line: str) -> tuple[str, str]:
    match = _TRAILER.fullmatch(line)
    if match is None:
        raise TrailerError(f"{line[:80]!r} stands among the trailers and is none")
    return match[1], match[2]


def _trailers(pairs: Sequence[tuple[str, str]]) -> MissionTrailers:
    fields: dict[str, str] = {}
    approvals = []
    for name, value in pairs:
        if name == "Approved-by":
            approved = _APPROVED.fullmatch(value)
            if approved is None:
                raise TrailerError(f"{value[:80]!r} does not say who approved which gate")
            approvals.append(Approval(login=approved[1], gate=approved[2]))
        elif name in fields or name not in _SINGLE:
            raise TrailerError(f"the trailer {name} is repeated or unknown")
        else:
            fields[name] = value
    entry = _LEDGER.fullmatch(fields.get("Ledger-Entry", ""))
    if entry is None or set(fields) != _SINGLE:
        raise TrailerError(f"one of the trailers {', '.join(sorted(_SINGLE))} is missing or odd")
    return MissionTrailers(
        mission=fields["Mission"],
        issue=fields["Mission-Issue"],
        agent=fields["Mission-Agent"],
        entry=LedgerRef(seq=int(entry[1]), hash=entry[2]),
        approved_by=tuple(approvals),
    )


_SINGLE: Final = frozenset({"Mission", "Mission-Issue", "Mission-Agent", "Ledger-Entry"})
