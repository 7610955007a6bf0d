"""What a signature is here: canonical bytes, a context in front of them, Ed25519 behind a protocol.

Canonical bytes are RFC 8785 (JSON Canonicalization Scheme). Every kind of statement has a context,
`grace.<kind>.v1` and a NUL byte, in front of its canonical bytes, so that a signature made for one
kind can never be shown as another. What is signed is `context + canonical`.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, Protocol, TypeAlias

import rfc8785

JsonValue: TypeAlias = (
    bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"] | None
)

SAFE_INTEGER: Final = 2**53 - 1
SIGNATURE_BYTES: Final = 64
PUBLIC_KEY_BYTES: Final = 32


class Context(Enum):
    """The bytes in front of what is signed, one a kind of statement."""

    ENTRY = b"grace.ledger.entry.v1\x00"
    HEAD = b"grace.ledger.head.v1\x00"
    COMMIT = b"grace.commit.v1\x00"


class Signer(Protocol):
    """One Ed25519 private key, held elsewhere."""

    @property
    def key_id(self) -> str: ...

    @property
    def public(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes: ...


class Verifier(Protocol):
    """The public keys that are trusted, by key id. An unknown key never verifies."""

    def knows(self, key_id: str) -> bool: ...

    def __call__(self, key_id: str, message: bytes, signature: bytes) -> bool: ...


class NotCanonicalError(ValueError):
    """Bytes that are not JSON, or a value that has no RFC 8785 form."""


def canonical(value: JsonValue) -> bytes:
    """Encode a JSON value by RFC 8785. Integers stay within 2^53 - 1 and floats are finite."""
    try:
        return rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:
        raise NotCanonicalError(f"the value has no canonical JSON form: {error}") from error


def parse_json(text: bytes) -> Any:
    """Decode JSON so that a canonical text encodes again to itself.

    RFC 8785 writes a large whole float without exponent; such a number is read as a float again.
    """
    try:
        return json.loads(text.decode("utf-8"), parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise NotCanonicalError(f"the text is not JSON: {error}") from error


def parse_canonical(text: bytes) -> Any:
    """Decode JSON that must be byte for byte its own RFC 8785 form."""
    value = parse_json(text)
    if canonical(value) != text:
        raise NotCanonicalError("the text is JSON but not in its canonical (RFC 8785) form")
    return value


def _integer(literal: str) -> int | float:
    number = float(literal)
    return int(literal) if abs(number) <= SAFE_INTEGER else number


def encode64(data: bytes) -> str:
    """Encode as base64 with padding, on one line."""
    return base64.b64encode(data).decode("ascii")


def decode64(text: str, size: int) -> bytes:
    """Decode base64 of exactly `size` bytes; only the one canonical spelling is accepted."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise NotCanonicalError(f"the value is not base64: {error}") from error
    if len(data) != size or encode64(data) != text:
        raise NotCanonicalError(f"the value is not canonical base64 of {size} bytes")
    return data


def key_id_of(public: bytes) -> str:
    """Name a raw public key of 32 bytes: `ed25519:` and 16 hex digits of its SHA-256."""
    return f"ed25519:{hashlib.sha256(public).hexdigest()[:16]}"


def sign(signer: Signer, context: Context, body: JsonValue) -> bytes:
    """Sign `context` and the canonical form of `body`."""
    return signer.sign(context.value + canonical(body))
