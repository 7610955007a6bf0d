"""Verify a chain of entries, and the signed heads that show whether its tail was cut."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from grace.domain.base import Frozen
from grace.domain.ledger import (
    Entry,
    Head,
    Hex64,
    Instant,
    KeyId,
    LedgerError,
    LedgerFault,
    LogName,
    Sequence1,
    parse_line,
)
from grace.domain.signing import (
    SIGNATURE_BYTES,
    Context,
    NotCanonicalError,
    Signer,
    Verifier,
    canonical,
    decode64,
    encode64,
    parse_canonical,
    sign,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, with the entry or the commit it is about, and a sentence."""

    kind: StrEnum
    sentence: str
    seq: int | None = None
    commit: str | None = None

    def __str__(self) -> str:
        where = f"entry {self.seq}" if self.seq is not None else f"commit {self.commit}"
        prefix = "" if self.seq is None and self.commit is None else f"{where}: "
        return f"{prefix}{self.sentence} [{self.kind}]"


@dataclass(frozen=True, slots=True)
class Verified:
    """A chain without a fault. `head` is None only when there was no entry and no start."""

    entries: tuple[Entry, ...]
    head: Head | None


@dataclass(frozen=True, slots=True)
class Broken:
    """A chain with faults, at least one. `entries` are those whose signature is good."""

    findings: tuple[Finding, ...]
    entries: tuple[Entry, ...]


def verify_entries(
    lines: Iterable[bytes], verifier: Verifier, start: Head | None = None
) -> Verified | Broken:
    """Verify records that follow `start`, or a whole log from its first entry.

    Each line gives at most one finding, the first of the numbered steps that fails. After a bad
    line the chain is taken up again from the next, so one fault is not reported twice.
    """
    walk = _Walk(verifier, start)
    for line in lines:
        walk.step(line)
    entries = tuple(walk.entries)
    if walk.findings:
        return Broken(tuple(walk.findings), entries)
    return Verified(entries, walk.head)


class _Walk:
    """The state of one pass: `head` is None where the entry before could not be trusted."""

    def __init__(self, verifier: Verifier, start: Head | None) -> None:
        self.verifier = verifier
        self.log = None if start is None else start.log
        self.due = 1 if start is None else start.seq + 1
        self.head = start
        self.time = None if start is None else start.time
        self.entries: list[Entry] = []
        self.findings: list[Finding] = []

    def step(self, line: bytes) -> None:
        # 1. The line is an entry, in its one spelling, of a version known here, with its payload.
        try:
            entry = parse_line(line)
        except LedgerError as error:
            self._found(error.fault, str(error), self.due)
            self._advance(None)
            return
        envelope = entry.envelope
        # 2. The key is one of those trusted, and its signature covers exactly this envelope.
        # 3. It belongs to this log.
        fault = self._unsigned(entry) or self._astray(entry)
        if fault is not None:
            self._found(*fault, self.due)
            self._advance(None)
            return
        # 4. Its number is the next one.
        if envelope.seq < self.due:
            what = f"stands again, or out of place, where entry {self.due} is due"
            self._found(LedgerFault.REPEATED, what, envelope.seq)
            return
        if envelope.seq > self.due:
            what = f"is missing: entry {envelope.seq} stands in its place"
            self._found(LedgerFault.MISSING, what, self.due)
        # 5. It names the hash of the entry before.
        elif self.head is not None and envelope.prev != self.head.hash:
            what = "does not build on the entry before it"
            self._found(LedgerFault.BROKEN_CHAIN, what, envelope.seq)
        # 6. Time does not run backwards.
        elif self.time is not None and envelope.time < self.time:
            what = f"is dated {envelope.time}, before the entry in front of it"
            self._found(LedgerFault.TIME_DECREASED, what, envelope.seq)
        self._advance(entry)

    def _unsigned(self, entry: Entry) -> tuple[LedgerFault, str] | None:
        key = entry.envelope.key
        if not self.verifier.knows(key):
            return LedgerFault.UNKNOWN_KEY, f"is signed by {key}, which is not trusted"
        if not self.verifier(key, entry.signed, entry.signature):
            return LedgerFault.BAD_SIGNATURE, "has a signature that does not match its envelope"
        return None

    def _astray(self, entry: Entry) -> tuple[LedgerFault, str] | None:
        """Compare the log; without a start it is that of the first entry with a good signature."""
        log = entry.envelope.log
        if self.log is None:
            self.log = log
            self.head = Head.empty(log) if self.due == 1 else None
        if log != self.log:
            return LedgerFault.WRONG_LOG, f"belongs to log {log}, not {self.log}"
        return None

    def _advance(self, entry: Entry | None) -> None:
        """Go on behind a proven entry, or behind a line that proves nothing."""
        if entry is None:
            self.head = None
            self.due += 1
            return
        self.entries.append(entry)
        self.head, self.time = entry.head, entry.envelope.time
        self.due = entry.envelope.seq + 1

    def _found(self, fault: LedgerFault, sentence: str, seq: int) -> None:
        self.findings.append(Finding(fault, sentence, seq=seq))


class Checkpoint(Frozen):
    """A signed head. Where it was published, the entries it covers cannot be taken back.

    `table_sha256` is there in a comment's checkpoint alone, and binds the audit table above it.
    """

    v: Literal[1] = 1
    log: LogName
    seq: Sequence1
    hash: Hex64
    time: Instant
    key: KeyId
    table_sha256: Hex64 | None = None
    signature: Annotated[str, Field(min_length=1)]

    @property
    def head(self) -> Head:
        """Return the head that was signed."""
        return Head(self.log, self.seq, self.hash, self.time)

    @property
    def text(self) -> bytes:
        """Return its one spelling: canonical JSON without a newline."""
        return canonical(self.model_dump(exclude_none=True))

    def verifies(self, verifier: Verifier) -> bool:
        """Say whether a trusted key signed exactly this head."""
        body = self.model_dump(exclude_none=True, exclude={"signature"})
        signature = decode64(self.signature, SIGNATURE_BYTES)
        return verifier(self.key, Context.HEAD.value + canonical(body), signature)


def sign_head(head: Head, signer: Signer, *, table_sha256: str | None = None) -> Checkpoint:
    """Sign a head. LedgerError for the head of an empty log, which says nothing."""
    if head.time is None:
        raise LedgerError(f"log {head.log} has no entry yet: there is no head to sign")
    body: dict[str, str | int] = {
        "v": 1,
        "log": head.log,
        "seq": head.seq,
        "hash": head.hash,
        "time": head.time,
        "key": signer.key_id,
    }
    if table_sha256 is not None:
        body["table_sha256"] = table_sha256
    signature = encode64(sign(signer, Context.HEAD, body))
    return Checkpoint.model_validate({**body, "signature": signature})


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Read a signed head in its one spelling; LedgerError says what is wrong with it."""
    try:
        checkpoint = Checkpoint.model_validate(parse_canonical(text))
        decode64(checkpoint.signature, SIGNATURE_BYTES)
    except (NotCanonicalError, ValidationError) as error:
        raise LedgerError(f"the signed head cannot be read: {error}") from error
    if checkpoint.text != text:
        raise LedgerError("the signed head is not in its one spelling")
    return checkpoint


class HeadFault(StrEnum):
    """What can be wrong between a signed head and the entries."""

    HEAD_UNREADABLE = "head_unreadable"
    HEAD_BAD_SIGNATURE = "head_bad_signature"
    HEAD_UNKNOWN_KEY = "head_unknown_key"
    TRUNCATED = "truncated"
    FORKED = "forked"


_UNSIGNED: Final = "the signed head's signature does not match it"


def check_signature(checkpoint: Checkpoint, verifier: Verifier) -> tuple[Finding, ...]:
    """Say what is wrong with the signature of a head, if anything."""
    if not verifier.knows(checkpoint.key):
        what = f"the head is signed by {checkpoint.key}, which is not trusted"
        return (Finding(HeadFault.HEAD_UNKNOWN_KEY, what, seq=checkpoint.seq),)
    if not checkpoint.verifies(verifier):
        return (Finding(HeadFault.HEAD_BAD_SIGNATURE, _UNSIGNED, seq=checkpoint.seq),)
    return ()


def check_head(checkpoint: Checkpoint, entries: Mapping[int, Entry]) -> tuple[Finding, ...]:
    """Compare a signed head with entries of its log by number: cut tail, or another history."""
    seq = checkpoint.seq
    match = entries.get(seq)
    if match is None:
        what = "is covered by the signed head but is not there: the tail was cut"
        return (Finding(HeadFault.TRUNCATED, what, seq=seq),)
    if match.head != checkpoint.head:
        what = "is another entry than the one the signed head names"
        return (Finding(HeadFault.FORKED, what, seq=seq),)
    return ()
