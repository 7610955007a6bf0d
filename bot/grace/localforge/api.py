"""One API call as handlers see it, and the answers they give."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from grace.localforge.auth import Actor, require
from grace.localforge.core import Core, Json
from grace.localforge.db import Row
from grace.localforge.errors import ApiError, invalid, not_found

MAX_PAGE: Final = 100
REPOSITORY: Final = "/repos/{owner}/{repo}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: JSON by default, `raw` bytes with their type where it is not."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None


NO_CONTENT: Final = Reply(status=204)


class Body:
    """A JSON object from a stranger; a field of the wrong type is a 422 that names it."""

    def __init__(self, resource: str, data: Json) -> None:
        self.resource = resource
        self.data = data

    def __contains__(self, name: str) -> bool:
        return name in self.data

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string; missing without a default is an error."""
        value = self.data.get(name)
        if value is None:
            if default is None:
                raise invalid(self.resource, name, "missing_field")
            return default
        if not isinstance(value, str):
            raise invalid(self.resource, name)
        return value

    def optional(self, name: str) -> str | None:
        """Return a string, or None when it is missing or null."""
        return None if self.data.get(name) is None else self.text(name)

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.data.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise invalid(self.resource, name)
        return value

    def object(self, name: str) -> Json:
        """Return an object; missing is empty."""
        value = self.data.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise invalid(self.resource, name)
        return value

    def strings(self, name: str) -> list[str]:
        """Return a list of strings (objects with a `name` count); missing is empty."""
        value = self.data.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise invalid(self.resource, name)
        names = [item.get("name") if isinstance(item, dict) else item for item in value]
        strings = [item for item in names if isinstance(item, str)]
        if len(strings) < len(names):
            raise invalid(self.resource, name)
        return strings

    def objects(self, name: str) -> list[Json]:
        """Return a list of objects; missing is empty."""
        value = self.data.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise invalid(self.resource, name)
        return value

    def choice(self, name: str, allowed: Sequence[str], default: str | None = None) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise invalid(self.resource, name)
        return value


class Asked(Protocol):
    """What handlers read of a request besides its body; an HTTP request is one."""

    @property
    def match_info(self) -> Mapping[str, str]: ...

    @property
    def query(self) -> Mapping[str, str]: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def path(self) -> str: ...


@dataclass(slots=True)
class Call:
    """A routed and authorised request; `found` is the row of {owner}/{repo} in its path."""

    core: Core
    actor: Actor
    request: Asked
    payload: bytes
    found: Row | None = None

    @property
    def repo(self) -> Row:
        if self.found is None:
            raise not_found()
        return self.found

    @property
    def user(self) -> Row:
        return self.actor.person

    def param(self, name: str) -> str:
        return self.request.match_info[name]

    def number(self, name: str) -> int:
        """Return a numeric part of the path; 404 when it is no number."""
        value = self.param(name)
        if not value.isascii() or not value.isdigit() or len(value) > 18:  # noqa: PLR2004 - SQLite's integers
            raise not_found()
        return int(value)

    def query(self, name: str, default: str = "") -> str:
        return self.request.query.get(name, default)

    def body(self, resource: str) -> Body:
        """Return the JSON object sent; 400 when it is not one."""
        if not self.payload:
            return Body(resource, {})
        try:
            data = json.loads(self.payload)
        except (ValueError, RecursionError) as error:
            raise ApiError(400, "Problems parsing JSON") from error
        if not isinstance(data, dict):
            raise ApiError(400, "Body should be a JSON object")
        return Body(resource, data)

    def json(self) -> Any:
        """Return the JSON value sent, of whatever type."""
        try:
            return json.loads(self.payload) if self.payload else None
        except (ValueError, RecursionError) as error:
            raise ApiError(400, "Problems parsing JSON") from error

    @property
    def size(self) -> int:
        """Return how many items a page of a list has."""
        return min(max(_positive(self.query("per_page"), 30), 1), MAX_PAGE)

    def window(self, total: int) -> tuple[int, int, dict[str, str]]:
        """Return (start, end, headers) of the asked page of `total` items."""
        size = self.size
        page = max(_positive(self.query("page"), 1), 1)
        last = max((total + size - 1) // size, 1)
        links = []
        if page < last:
            links += [(page + 1, "next"), (last, "last")]
        if page > 1:
            links += [(1, "first"), (page - 1, "prev")]
        base = f"{self.core.url}{self.request.path}"
        kept = {k: v for k, v in self.request.query.items() if k != "page"}
        header = ", ".join(
            f'<{base}?{urlencode({**kept, "page": number})}>; rel="{rel}"' for number, rel in links
        )
        return (page - 1) * size, page * size, {"Link": header} if header else {}

    def page(
        self, items: Sequence[Any], shape: Callable[[Any], Any], key: str | None = None
    ) -> Reply:
        """Answer one page of a list; with a key as `{total_count, key: [...]}`."""
        start, end, headers = self.window(len(items))
        shaped = [shape(item) for item in items[start:end]]
        body = shaped if key is None else {"total_count": len(items), key: shaped}
        return Reply(body, headers=headers)


Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Need:
    """What an operation asks for in a repository.

    `app` is the permission an App needs (`name:level`, alternatives by `|`), `role` a person's.
    """

    app: str = "metadata:read"
    role: str = "read"


METADATA: Final = Need()


@dataclass(frozen=True, slots=True)
class Route:
    """One API operation.

    `need` counts for paths below /repos/{owner}/{repo}; `jwt` marks operations of the App itself.
    """

    method: str
    path: str
    handler: Handler
    need: Need = METADATA
    jwt: bool = False
    signed_in: bool = False


async def carry_out(route: Route, call: Call) -> Reply:
    """Check that the caller may, find the repository of the path, and do it; ApiError if not."""
    if route.jwt and call.actor.kind != "app":
        raise ApiError(401, "A JSON web token could not be decoded")
    if route.signed_in and call.actor.kind not in {"user", "installation"}:
        raise ApiError(401, "Requires authentication")
    if route.path.startswith(REPOSITORY):
        repo = call.core.repository(call.param("owner"), call.param("repo"))
        if not route.jwt:
            require(call.core, call.actor, repo, route.need.app, route.need.role)
            if route.method != "GET" and call.actor.user is None:
                raise ApiError(401, "Requires authentication")
        call.found = repo
    return await route.handler(call)


def _positive(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else default  # noqa: PLR2004
