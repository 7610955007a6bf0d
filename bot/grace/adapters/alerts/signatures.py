"""Prove who sends alerts: HMAC-SHA256 over the raw bytes, or a token; compared in constant time."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

WINDOW_S: Final = 300
_HEX: Final = re.compile(r"[0-9A-Fa-f]{64}")
_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


class Unproven(Exception):
    """Nobody we know sends this; the sentence names the way out, and never a secret."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets that may prove a sender; several while one is exchanged for another."""

    values: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "Secrets":
        """Read secrets that are separated by commas; `ValueError` where there is none."""
        found = tuple(word.strip().encode() for word in text.split(",") if word.strip())
        if not found:
            raise ValueError("is empty: without it anybody could file missions")
        return cls(found)

    def know(self, given: bytes) -> bool:
        """Tell whether this is one of the secrets."""
        return _any(hmac.compare_digest(given, secret) for secret in self.values)

    def signed(self, message: bytes, digests: Iterable[bytes]) -> bool:
        """Tell whether one of the digests is that of a secret of ours over the message."""
        ours = [hmac.new(secret, message, hashlib.sha256).digest() for secret in self.values]
        return _any(hmac.compare_digest(own, given) for given in digests for own in ours)


def check_token(headers: Mapping[str, str], secrets: Secrets) -> None:
    """Check `Authorization: Bearer TOKEN`, or the password of `Basic`; raises `Unproven`."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    given = rest.strip().encode("utf-8", "surrogateescape")
    match scheme.lower():
        case "bearer":
            known = secrets.know(given)
        case "basic":
            known = secrets.know(_password(given))
        case _:
            raise Unproven("send the header Authorization: Bearer TOKEN")
    if not known:
        raise Unproven("the token is wrong")


def digests_of(
    given: Iterable[str], encoding: Literal["hex", "base64"] = "hex"
) -> tuple[bytes, ...]:
    """Read digests out of a header's words; what is none is left out."""
    found = (_digest(word.strip(), encoding) for word in given)
    return tuple(digest for digest in found if digest is not None)


def check_fresh(timestamp: str, now: datetime) -> None:
    """Check that a signed time, in seconds since the epoch, is of these minutes."""
    if _SECONDS.fullmatch(timestamp) is None:
        raise Unproven("the header of the timestamp holds no Unix time in seconds")
    if abs(now.timestamp() - int(timestamp)) > WINDOW_S:
        raise Unproven(
            f"the timestamp is more than {WINDOW_S // 60} minutes from now: set the clocks right, "
            "or somebody sends again what he heard"
        )


def _any(found: Iterable[bool]) -> bool:
    """Look at all of them, so that the time taken does not tell which one fitted."""
    return sum(found) > 0


def _digest(word: str, encoding: Literal["hex", "base64"]) -> bytes | None:
    if encoding == "hex":
        return bytes.fromhex(word) if _HEX.fullmatch(word) else None
    try:
        return base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError):
        return None


def _password(given: bytes) -> bytes:
    try:
        return base64.b64decode(given, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
