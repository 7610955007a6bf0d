"""What a reader asks for: by the address, and over a socket by a message too."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import Field, ValidationError

from grace.domain.base import Frozen
from grace.domain.package import MissionId
from grace.domain.topics import EVERYTHING, Pattern, any_matches
from grace.web.problems import Refused, fields_of

MAX_PATTERNS: Final = 20
Patterns = Annotated[tuple[Pattern, ...], Field(min_length=1, max_length=MAX_PATTERNS)]
Position = Annotated[int, Field(ge=0, le=2**53 - 1)]


class Wishes(Frozen):
    """Which entries are wanted, from behind which position on; `after` None: from now on."""

    patterns: Patterns = (EVERYTHING,)
    mission: MissionId | None = None
    after: Position | None = None

    def want(self, mission: str | None, kind: str) -> bool:
        """Tell whether an entry of a mission, or of none, is wanted."""
        if self.mission is not None and mission != self.mission:
            return False
        return self.patterns == (EVERYTHING,) or any_matches(self.patterns, kind)


class Message(Frozen):
    """What a client may say over its socket: what it wants from now on.

    `mission` None: of every mission. `after` None: go on where the stream is.
    """

    subscribe: Patterns
    mission: MissionId | None = None
    after: Annotated[int, Field(ge=0, le=2**53 - 1, strict=True)] | None = None

    def wishes(self) -> Wishes:
        """Return what is wanted."""
        return Wishes(patterns=self.subscribe, mission=self.mission, after=self.after)


def wishes_of(request: web.Request) -> Wishes:
    """Read `patterns` (repeated, or parted by commas), `mission` and `after` of an address.

    `Last-Event-ID`, which a browser sends when it comes back, is newer than the address. `Refused`
    400 names the parameter.
    """
    query = request.query
    given: dict[str, object] = {
        name: query[name] for name in ("mission", "after") if query.get(name)
    }
    patterns = [p.strip() for text in query.getall("patterns", []) for p in text.split(",")]
    if any(patterns):
        given["patterns"] = [pattern for pattern in patterns if pattern]
    last = request.headers.get("Last-Event-ID", "")
    if last:
        given["after"] = last
    try:
        return Wishes.model_validate(given)
    except ValidationError as error:
        raise Refused(400, "these events cannot be asked for", fields_of(error)) from error
