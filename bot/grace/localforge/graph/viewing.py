"""What resolvers share: who asks, nodes as mappings, connections, GitHub's errors."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphql import GraphQLResolveInfo

from grace.localforge.auth import Actor, require
from grace.localforge.core import Core, node_id
from grace.localforge.db import Row
from grace.localforge.errors import ApiError

Node = Mapping[str, Any]
Arguments = Mapping[str, Any]
Field = Callable[[Arguments], Any]

MAX_PAGE: Final = 100
TYPES: Final = {401: "FORBIDDEN", 403: "FORBIDDEN", 404: "NOT_FOUND", 422: "UNPROCESSABLE"}


class Fault(Exception):
    """A field that cannot be answered; `type` is GitHub's word for why."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks, and what the query costs by its shape."""

    core: Core
    actor: Actor
    cost: int
    nodes: int

    def need(self, repo: Row, permission: str, role: str = "read") -> None:
        """Refuse what the caller may not do in a repository, as the REST API does."""
        require(self.core, self.actor, repo, permission, role)


def resolve_field(source: Node, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    """Return a node's value; one that must be computed is a function of the arguments."""
    value = source[info.field_name]
    return value(arguments) if callable(value) else value


def fault_of(error: BaseException | None) -> Fault | None:
    """Return a refusal of the forge as GraphQL tells it; None when the error is no refusal."""
    if isinstance(error, Fault):
        return error
    if isinstance(error, ApiError):
        return Fault(TYPES.get(error.status, "UNPROCESSABLE"), error.message)
    return None


def missing(kind: str, by: str) -> Fault:
    """Answer for what is missing and for what the caller may not know of."""
    return Fault("NOT_FOUND", f"Could not resolve to {kind} with {by}.")


def decode_id(text: str) -> tuple[str, int]:
    """Return (kind, number) of a global id; NOT_FOUND when it is none."""
    try:
        kind, _, number = base64.b64decode(text, validate=True).decode().rpartition(":")
        return kind, int(number)
    except (binascii.Error, ValueError) as error:
        raise unknown_id(text) from error


def unknown_id(text: str) -> Fault:
    """Answer for a global id that names nothing the caller may see."""
    return missing("a node", f"the global id of '{text}'")


def connection(
    name: str,
    load: Callable[[], Awaitable[Sequence[Any]] | Sequence[Any]],
    shape: Callable[[Any], Any],
) -> Field:
    """Return a paginated field over items, loaded when it is asked for and shaped when shown."""

    async def resolve(arguments: Arguments) -> Node:
        _check_bounds(name, arguments)
        loaded = load()
        items = await loaded if isinstance(loaded, Awaitable) else loaded
        start, end = _slice(arguments, len(items))
        page = {
            "startCursor": _cursor(start) if end > start else None,
            "endCursor": _cursor(end - 1) if end > start else None,
            "hasPreviousPage": start > 0,
            "hasNextPage": end < len(items),
        }
        nodes = [shape(item) for item in items[start:end]]
        return {"totalCount": len(items), "pageInfo": page, "nodes": nodes}

    return resolve


def _check_bounds(name: str, arguments: Arguments) -> None:
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        raise Fault(
            "MISSING_PAGINATION_BOUNDARIES",
            f"You must provide a `first` or `last` value to properly paginate the `{name}`"
            " connection.",
        )
    size = first if first is not None else last
    if not isinstance(size, int) or not 0 <= size <= MAX_PAGE:
        raise Fault(
            "EXCESSIVE_PAGINATION",
            f"Requesting {size} records on the `{name}` connection exceeds the `first` limit of"
            f" {MAX_PAGE} records.",
        )


def _slice(arguments: Arguments, total: int) -> tuple[int, int]:
    start = 0 if arguments.get("after") is None else _position(arguments["after"]) + 1
    end = total if arguments.get("before") is None else min(_position(arguments["before"]), total)
    start = min(start, end)
    if (first := arguments.get("first")) is not None:
        end = min(end, start + first)
    if (last := arguments.get("last")) is not None:
        start = max(start, end - last)
    return start, end


def _cursor(position: int) -> str:
    return base64.b64encode(f"cursor:{position}".encode()).decode()


def _position(cursor: str) -> int:
    kind, number = decode_id(cursor)
    if kind != "cursor":
        raise Fault("INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor.")
    return number


def actor_node(core: Core, user_id: int | None) -> Node | None:
    """Return a person or a bot. GraphQL writes a bot's login without `[bot]`."""
    if user_id is None:
        return None
    user = core.user(user_id)
    bot = user["type"] == "Bot"
    login = str(user["login"]).removesuffix("[bot]")
    page = f"apps/{login}" if bot else login
    return {
        "__typename": "Bot" if bot else "User",
        "id": node_id("User", user["id"]),
        "databaseId": user["id"],
        "login": login,
        "url": f"{core.url}/{page}",
    }
