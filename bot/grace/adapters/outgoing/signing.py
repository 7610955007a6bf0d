"""The signatures of Standard Webhooks 1.0.0, symmetric: HMAC-SHA256 over id, time and body."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self

PREFIX: Final = "whsec_"
LEAST: Final = 24
MOST: Final = 64


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """The bytes of one signing secret; no repr shows them."""

    key: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `whsec_` and base64 of 24 to 64 bytes; ValueError says what is wrong with it."""
        if not text.startswith(PREFIX):
            raise ValueError(f"does not begin with {PREFIX}")
        try:
            key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"is not base64 behind {PREFIX}") from None
        if not LEAST <= len(key) <= MOST:
            raise ValueError(f"holds {len(key)} bytes, where {LEAST} to {MOST} are needed")
        return cls(key)


def sign(
    secrets: Sequence[WebhookSecret], message_id: str, body: bytes, at: datetime
) -> dict[str, str]:
    """Make the three headers; each secret signs, so that one can be exchanged for another."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode("ascii"), timestamp.encode("ascii"), body))
    signatures = (hmac.new(secret.key, signed, hashlib.sha256).digest() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(
            f"v1,{base64.b64encode(signature).decode('ascii')}" for signature in signatures
        ),
    }
