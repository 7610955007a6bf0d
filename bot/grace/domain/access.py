"""Who asks the hub, what that one may do there, and which repositories exist for that one."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from grace.domain.base import Frozen

OWN_LOG: Final = "bot"


class Scope(StrEnum):
    """What a token may be used for; each is granted by itself, and admin brings all others.

    But runner, which is for targets and nothing else, and which nothing else brings.
    """

    VIEWER = "viewer"
    OPERATOR = "operator"
    AGENT = "agent"
    ADMIN = "admin"
    RUNNER = "runner"


class Principal(Frozen):
    """One who is known: a token, or a person who signed in.

    `login` and `user_id`: the person at the forge on whose behalf a token acts, or who signed in;
    what the forge does not let that person do, no scope allows. None: a token that is nobody's,
    which reads, claims, or turns the switch, and commands nothing. `logs`: the only repositories
    that a token is good for; None: not bound to any. `targets`: what a runner's token is for.
    """

    kind: Literal["token", "person"]
    id: Annotated[str, Field(min_length=1, max_length=200)]
    name: str = ""
    login: str | None = None
    user_id: int = 0
    scopes: frozenset[Scope] = frozenset()
    logs: frozenset[str] | None = None
    targets: frozenset[str] = frozenset()

    def may(self, scope: Scope) -> bool:
        """Tell whether a scope is held; whoever may do anything may look, but a runner."""
        if scope is Scope.RUNNER:
            return scope in self.scopes
        return bool({scope, Scope.ADMIN} & self.scopes) or (
            scope is Scope.VIEWER and bool(self.scopes - {Scope.RUNNER})
        )

    @property
    def actor(self) -> str:
        """Name it in the ledger: a person's login, or the token."""
        return self.login or f"token {self.name or self.id}"


def spoken_by(principal: Principal) -> str:
    """Name the token that speaks for a person; empty where the person signed in."""
    return f"token {principal.name or principal.id}" if principal.kind == "token" else ""


class Reach(Frozen):
    """What exists for somebody: logs of repositories (`host/id`); None: every one there is.

    `own`: the bot's own log too, which tells of keys, switches and health.
    """

    logs: frozenset[str] | None = frozenset()
    own: bool = False

    def sees(self, log: str) -> bool:
        """Tell whether a log, and all that belongs to its repository, exists for this one."""
        if log == OWN_LOG:
            return self.own
        return self.logs is None or log in self.logs
