"""Who is signed in at the pages, and the proof that a form came from one of them.

A visitor's cookie is a random secret; forms carry a MAC of it. Signing in changes the secret, so
nobody can be handed a cookie that later turns into somebody's session.
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MAX_SESSIONS: Final = 1000
SECRET_LENGTH: Final = 43


@dataclass(frozen=True, slots=True)
class Visitor:
    """One browser: its cookie's secret, the token for its forms, and who is signed in there."""

    secret: str
    csrf: str
    login: str | None


class Sessions:
    """Keeps sessions in memory: a restarted forge has forgotten them, which costs one click."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._logins: OrderedDict[str, str] = OrderedDict()

    def visitor(self, secret: str | None) -> Visitor:
        """Return whose cookie this is; without a usable one it is a new visitor."""
        if secret is None or len(secret) != SECRET_LENGTH or not secret.isascii():
            secret = secrets.token_urlsafe(32)
        csrf = hmac.new(self._key, secret.encode(), hashlib.sha256).hexdigest()
        return Visitor(secret, csrf, self._logins.get(_digest(secret)))

    def sign_in(self, before: Visitor, login: str) -> Visitor:
        """End a visitor's session and return a new one by this login."""
        self.sign_out(before)
        after = self.visitor(None)
        self._logins[_digest(after.secret)] = login
        while len(self._logins) > MAX_SESSIONS:
            self._logins.popitem(last=False)
        return self.visitor(after.secret)

    def sign_out(self, visitor: Visitor) -> None:
        """Forget who was signed in."""
        self._logins.pop(_digest(visitor.secret), None)

    def proves(self, visitor: Visitor, csrf: str) -> bool:
        """Tell whether a form's token was made for this visitor."""
        return hmac.compare_digest(visitor.csrf.encode(), csrf.encode())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
