"""What an operation of the API is: everything that serves it and everything that describes it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from aiohttp import web

from grace.domain.access import Principal, Reach, Scope
from grace.domain.base import Frozen
from grace.web.hub import Hub
from grace.web.problems import Refused

P_co = TypeVar("P_co", covariant=True)
B_co = TypeVar("B_co", covariant=True)

LINES = "application/x-ndjson"


class Nothing(Frozen):
    """No parameter and no field."""


@dataclass(frozen=True, slots=True)
class Call(Generic[P_co, B_co]):
    """One request that was let in. `given`: path and query parameters; `body`: what was sent.

    `key`: what a doubled request has in common with its first; `etag`: what `If-Match` asks for.
    """

    request: web.Request
    hub: Hub
    principal: Principal
    reach: Reach
    given: P_co
    body: B_co
    key: str
    if_match: str | None = None

    @property
    def caller(self) -> str:
        """Name the principal, for claims and remembered answers."""
        return f"{self.principal.kind}:{self.principal.id}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: a model, or lines as they are stored. `following`: cursor to the rest."""

    body: Frozen | None = None
    status: int = 200
    following: str | int | None = None
    lines: bytes | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """Who may call: whoever holds one of the scopes, or a person who signed in where `person`.

    `login`: somebody at the forge must stand behind it. No scope at all: anybody may.
    """

    scopes: tuple[Scope, ...] = ()
    person: bool = False
    login: bool = False

    def refuse(self, principal: Principal) -> None:
        """Refuse whom the operation is not for."""
        held = ", ".join(sorted(principal.scopes)) or "none"
        if not any(map(principal.may, self.scopes)) and not (
            self.person and principal.kind == "person"
        ):
            wanted = " or ".join(scope.value for scope in self.scopes)
            raise Refused(403, f"this needs the scope {wanted}; you hold: {held}")
        if self.login and principal.login is None:
            raise Refused(
                403,
                "this is done in the name of somebody at the forge, and this token is nobody's: "
                "let the operator make one by `grace token create --login LOGIN`, or sign in",
            )


ANYBODY = Need()
LOOK = Need((Scope.VIEWER,))
COMMAND = Need((Scope.OPERATOR,), person=True, login=True)
WORK = Need((Scope.OPERATOR, Scope.AGENT), person=True, login=True)
CLAIM = Need((Scope.AGENT,))
RUN = Need((Scope.RUNNER,))
SWITCH = Need((Scope.OPERATOR,))

Handler = Callable[[Call[Any, Any]], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer that an operation gives besides problems. `model` None: an empty body."""

    model: type[Frozen] | tuple[type[Frozen], ...] | None
    words: str
    status: int = 200
    lines: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table.

    `given`: the model of path and query parameters. `created`: where what was made is found, with
    the answer's fields in braces. `passing`: the status of an answer that says "not yet", which
    is not remembered. `problems`: statuses of refusals besides those of all.
    """

    method: Literal["GET", "POST", "PUT", "PATCH"]
    path: str
    name: str
    summary: str
    tag: str
    handler: Handler
    replies: tuple[Reply, ...]
    need: Need = LOOK
    given: type[Frozen] = Nothing
    body: type[Frozen] | None = None
    body_optional: bool = False
    created: str | None = None
    passing: int | None = None
    problems: tuple[int, ...] = ()
    examples: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""

    @property
    def path_names(self) -> tuple[str, ...]:
        """List the parameters that stand in the path."""
        parts = self.path.split("/")
        return tuple(p[1:-1] for p in parts if p.startswith("{"))

    @property
    def lines(self) -> bool:
        """Tell whether it can answer stored lines, too."""
        return any(reply.lines for reply in self.replies)


def not_there(what: str) -> Refused:
    """Refuse what does not exist, or not for whoever is asking: nobody can tell which."""
    return Refused(404, f"there is no such {what}, or it is not yours to see")
