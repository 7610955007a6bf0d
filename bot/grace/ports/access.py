"""Who is let in: tokens and sessions, kept apart from missions; and who vouches for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from grace.domain.access import Scope
from grace.domain.people import Actor
from grace.ports.hub import Token


@dataclass(frozen=True, slots=True)
class TokenDraft:
    """A token that is asked for; `logs` None: good for every repository.

    `targets`: what a runner's is for.
    """

    name: str
    scopes: frozenset[Scope]
    expires_at: datetime
    created_by: str
    login: str | None = None
    user_id: int = 0
    logs: frozenset[str] | None = None
    targets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class TokenChange:
    """Something that happened to a token and that the ledger has not been told of."""

    token: Token
    kind: Literal["created", "revoked"]
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A person who signed in; its id is known to that browser alone."""

    login: str
    user_id: int
    created_at: datetime
    expires_at: datetime


class AccessStore(Protocol):
    """Tokens and sessions, by the SHA-256 of what only their owner knows.

    Two processes may have it open. Each method is one transaction.
    """

    async def create_token(self, draft: TokenDraft, now: datetime) -> tuple[Token, str]:
        """Make a token; return it with its text, which nobody can read again."""
        ...

    async def token_of(self, text: str, now: datetime) -> Token | None:
        """Return the token with this text; None: there is none in force.

        Its last use is noted, at most once a minute.
        """
        ...

    async def tokens(self) -> Sequence[Token]:
        """Return all tokens, the newest first; also those that are over."""
        ...

    async def revoke_token(self, token_id: str, actor: str, now: datetime) -> Token | None:
        """End a token, once; None: there is none with this id."""
        ...

    async def unannounced(self) -> Sequence[TokenChange]:
        """Return the changes that nobody has marked as announced, oldest first."""
        ...

    async def mark_announced(self, change: TokenChange) -> None: ...

    async def begin_session(self, person: Actor, now: datetime, expires_at: datetime) -> str:
        """Begin a session; return its id, which nobody can read again."""
        ...

    async def session_of(self, session_id: str, now: datetime, idle: timedelta) -> Session | None:
        """Return a session that is in force, and note that it is used.

        None: there is none, it has expired, or nobody used it for `idle`.
        """
        ...

    async def end_session(self, session_id: str) -> None: ...

    async def spend(self, nonce: str, until: datetime, now: datetime) -> bool:
        """Use up a nonce that is good until then; False: it was used before."""
        ...

    async def close(self) -> None: ...


class SignInFailed(Exception):
    """Nobody could be signed in; `sentence` is for the person at the browser."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class SignInForge(Protocol):
    """The forge as the one who says who somebody is (OAuth's web flow)."""

    def address(self, state: str, challenge: str, redirect_uri: str) -> str:
        """Return where a browser is sent to; `challenge` is PKCE's S256."""
        ...

    async def person(self, code: str, verifier: str, redirect_uri: str) -> Actor:
        """Exchange the code, ask who it is, and keep nothing; `SignInFailed`."""
        ...
