"""The ledger: an append-only chain of signed entries, and how one is verified.

An entry is an envelope, which is signed, with its payload beside it. The envelope holds only the
salted hash of the payload, so a payload can be redacted and the chain still verifies. The stored
record keeps the exact envelope text that was signed, and a line is the canonical (RFC 8785) form
of the record, so there is one spelling of an entry and every changed byte shows.

    payload_hash = "sha256:" + sha256(salt + canonical(payload))
    signature    = Ed25519(context ENTRY + envelope text)
    entry hash   = sha256(envelope text + signature)
    prev         = entry hash of the entry before, or 64 zeros
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationError

from grace.domain.base import Frozen
from grace.domain.signing import (
    SAFE_INTEGER,
    SIGNATURE_BYTES,
    Context,
    JsonValue,
    NotCanonicalError,
    Signer,
    canonical,
    decode64,
    encode64,
    parse_canonical,
)

GENESIS_HASH: Final = "0" * 64
SALT_BYTES: Final = 16
LOG_OPENED: Final = "crypto.log_opened"


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain control or separator characters")
    return text


def _instant(text: str) -> str:
    if timestamp(datetime.fromisoformat(text)) != text:
        raise ValueError("must be UTC in the form 2026-11-22T09:30:00.000000Z")
    return text


Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
LogName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._:-]{0,253}(/[0-9]{1,20})?$")]
Sequence1 = Annotated[int, Field(ge=1, le=SAFE_INTEGER, strict=True)]
Kind = Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z_]+)+$", max_length=100)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
Instant = Annotated[str, Field(pattern=r"^[0-9T:.-]{26}Z$"), AfterValidator(_instant)]
KeyId = Annotated[str, Field(pattern=r"^ed25519:[0-9a-f]{16}$")]


class LedgerFault(StrEnum):
    """What can be wrong with an entry or a chain."""

    MALFORMED = "malformed"
    UNKNOWN_VERSION = "unknown_version"
    WRONG_LOG = "wrong_log"
    MISSING = "missing"
    REPEATED = "repeated"
    BROKEN_CHAIN = "broken_chain"
    TIME_DECREASED = "time_decreased"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    PAYLOAD_CHANGED = "payload_changed"


class LedgerError(ValueError):
    """An entry that cannot be made or read; `fault` says in which way."""

    def __init__(self, sentence: str, fault: LedgerFault = LedgerFault.MALFORMED) -> None:
        super().__init__(sentence)
        self.fault = fault


class Envelope(Frozen):
    """What is signed of an entry. Version 1."""

    v: Literal[1] = 1
    log: LogName
    seq: Sequence1
    prev: Hex64
    time: Instant
    mission: Name | None
    kind: Kind
    actor: Name
    payload_hash: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    key: KeyId


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """An entry before it has a place in a log. `payload` is in canonical form."""

    kind: str
    actor: str
    payload: bytes
    mission: str | None


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log ends: what the next entry builds on. `time` is the last entry's."""

    log: str
    seq: int
    hash: str
    time: str | None

    @classmethod
    def empty(cls, log: str) -> Self:
        """Return the head of a log that has no entry yet."""
        return cls(log=log, seq=0, hash=GENESIS_HASH, time=None)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a log. `payload` and `salt` are both None when it was redacted."""

    envelope: Envelope
    text: bytes
    payload: Mapping[str, Any] | None
    salt: str | None
    signature: bytes
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.text + self.signature).hexdigest()
        object.__setattr__(self, "hash", digest)

    @property
    def head(self) -> Head:
        """Return the head of the log after this entry."""
        envelope = self.envelope
        return Head(envelope.log, envelope.seq, self.hash, envelope.time)

    @property
    def signed(self) -> bytes:
        """Return the bytes that the signature covers."""
        return Context.ENTRY.value + self.text

    @property
    def line(self) -> bytes:
        """Return the stored record on one line, without a newline."""
        return canonical(
            {
                "envelope": self.text.decode("utf-8"),
                "payload": self.payload,
                "salt": self.salt,
                "signature": encode64(self.signature),
            }
        )

    def redacted(self) -> "Entry":
        """Return this entry without its payload; hash and signature stay what they are."""
        return Entry(self.envelope, self.text, None, None, self.signature)


def timestamp(at: datetime) -> str:
    """Write an aware time as UTC, ISO 8601 with microseconds and `Z`: it sorts as text."""
    if at.tzinfo is None:
        raise LedgerError("a time in the ledger needs a time zone")
    utc = at.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds')}Z"


def draft(
    kind: str, actor: str, payload: Mapping[str, JsonValue], *, mission: str | None = None
) -> EntryDraft:
    """Make a draft; LedgerError when the payload is not JSON that RFC 8785 can write."""
    try:
        return EntryDraft(kind, actor, canonical(dict(payload)), mission)
    except NotCanonicalError as error:
        raise LedgerError(f"payload of {kind}: {error}") from error


def genesis(repository: str, host: str, repository_id: int, public: bytes) -> EntryDraft:
    """Draft the first entry of a log: it names the repository and the raw public key."""
    payload: dict[str, JsonValue] = {
        "repository": repository,
        "host": host,
        "repository_id": repository_id,
        "key": encode64(public),
    }
    return draft(LOG_OPENED, "grace", payload)


def append(head: Head, entry: EntryDraft, salt: bytes, now: datetime, signer: Signer) -> Entry:
    """Place a draft after `head` and sign it. `salt` is 16 random bytes; time never decreases."""
    if len(salt) != SALT_BYTES:
        raise LedgerError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    time = timestamp(now)
    try:
        envelope = Envelope(
            log=head.log,
            seq=head.seq + 1,
            prev=head.hash,
            time=time if head.time is None else max(head.time, time),
            mission=entry.mission,
            kind=entry.kind,
            actor=entry.actor,
            payload_hash=payload_hash(salt, entry.payload),
            key=signer.key_id,
        )
    except ValidationError as error:
        raise LedgerError(f"entry of kind {entry.kind!r}: {error}") from error
    text = canonical(envelope.model_dump())
    signature = signer.sign(Context.ENTRY.value + text)
    return Entry(envelope, text, parse_canonical(entry.payload), salt.hex(), signature)


def payload_hash(salt: bytes, payload: bytes) -> str:
    """Hash the canonical form of a payload behind its salt."""
    return f"sha256:{hashlib.sha256(salt + payload).hexdigest()}"


def parse_line(line: bytes) -> Entry:
    """Read one stored record; LedgerError when it is not an entry in its one spelling.

    The payload's hash is compared here, because an entry whose payload is another's is not that
    entry. The signature is not: that needs keys, and is `verify_entries`'s.
    """
    try:
        record = parse_canonical(line)
        if not isinstance(record, dict) or set(record) != _RECORD_FIELDS:
            raise LedgerError("the record does not have exactly the fields of an entry")
        text = _text(record["envelope"], "envelope").encode("utf-8")
        envelope = _envelope(text)
        signature = decode64(_text(record["signature"], "signature"), SIGNATURE_BYTES)
    except NotCanonicalError as error:
        raise LedgerError(str(error)) from error
    payload, salt = record["payload"], record["salt"]
    if payload is not None or salt is not None:
        _check_payload(envelope, payload, salt)
    return Entry(envelope, text, payload, salt, signature)


_RECORD_FIELDS: Final = frozenset({"envelope", "payload", "salt", "signature"})


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise LedgerError(f"{name} is not a string")
    return value


def _check_payload(envelope: Envelope, payload: object, salt: object) -> None:
    if not isinstance(payload, dict) or not isinstance(salt, str):
        raise LedgerError("payload and salt must both be there, or both be null")
    try:
        raw = bytes.fromhex(salt)
    except ValueError as error:
        raise LedgerError("the salt is not hexadecimal") from error
    if raw.hex() != salt or len(raw) != SALT_BYTES:
        raise LedgerError(f"the salt is not {SALT_BYTES} bytes in lower-case hexadecimal")
    if payload_hash(raw, canonical(payload)) != envelope.payload_hash:
        raise LedgerError(
            "payload or salt is not what the envelope's payload_hash says",
            LedgerFault.PAYLOAD_CHANGED,
        )


def _envelope(text: bytes) -> Envelope:
    fields = parse_canonical(text)
    if not isinstance(fields, dict):
        raise LedgerError("the envelope is not an object")
    version = fields.get("v")
    reader = _READERS.get(version) if type(version) is int else None
    if reader is None:
        raise LedgerError(
            f"envelope version {version!r} is not known here: use a newer grace to read it",
            LedgerFault.UNKNOWN_VERSION,
        )
    return reader(fields)


def _read_v1(fields: Mapping[str, Any]) -> Envelope:
    try:
        return Envelope.model_validate(fields)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise LedgerError(f"envelope: {wrong}") from error


# One reader a version ever written; each returns today's Envelope. Stored text is never rewritten.
_READERS: Final[Mapping[int, Callable[[Mapping[str, Any]], Envelope]]] = MappingProxyType(
    {1: _read_v1}
)
