"""What leaves in cookies is sealed with our key, and what comes back is believed only so."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from itsdangerous import BadData, Signer, URLSafeSerializer

_SESSION: Final = "grace.session"
_CSRF: Final = "grace.csrf"
_SIGN_IN: Final = "grace.sign-in"
_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that began in this browser: its nonce, where to go after it, its end."""

    nonce: str
    onward: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Seal:
    """Sign with HMAC-SHA-256; each use has a key of its own, derived from one."""

    key: bytes = field(repr=False)

    def session(self, session_id: str) -> str:
        """Write the value of a session's cookie."""
        return self._signer(_SESSION).sign(session_id.encode()).decode()

    def session_id(self, cookie: str) -> str | None:
        """Read a session's cookie; None: we did not write it."""
        if len(cookie) > _LONGEST:
            return None
        try:
            return self._signer(_SESSION).unsign(cookie.encode("utf-8", "surrogateescape")).decode()
        except (BadData, UnicodeDecodeError):
            return None

    def csrf(self, session_id: str) -> str:
        """Make the token that proves a request to come from a page of this session."""
        return self._signer(_CSRF).get_signature(session_id.encode()).decode()

    def begun(self, begun: Begun) -> str:
        """Write the value of the cookie that ties a sign-in to a browser."""
        values = {"n": begun.nonce, "to": begun.onward, "until": begun.until.isoformat()}
        return str(self._serializer().dumps(values))

    def read_begun(self, cookie: str) -> Begun | None:
        """Read that cookie; None: we did not write it."""
        if not cookie or len(cookie) > _LONGEST:
            return None
        try:
            found = self._serializer().loads(cookie.encode("utf-8", "surrogateescape"))
        except (BadData, ValueError):
            return None
        until = datetime.fromisoformat(found["until"]).astimezone(UTC)
        return Begun(found["n"], found["to"], until)

    def verifier(self, nonce: str) -> str:
        """Derive PKCE's code verifier (RFC 7636), which no browser ever holds: 43 characters."""
        mac = hmac.digest(self.key, b"grace.pkce\0" + nonce.encode(), "sha256")
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    def challenge(self, nonce: str) -> str:
        """Return the S256 challenge of that verifier."""
        hashed = hashlib.sha256(self.verifier(nonce).encode()).digest()
        return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()

    def _signer(self, salt: str) -> Signer:
        return Signer(self.key, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)

    def _serializer(self) -> URLSafeSerializer:
        return URLSafeSerializer(
            self.key,
            salt=_SIGN_IN,
            serializer=json,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )
