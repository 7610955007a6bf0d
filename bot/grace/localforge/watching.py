"""What an observer sees: one request to the API and its answer, or one webhook."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Exchange:
    """`template` is the path with the variable parts named, `path` the path as it was asked for."""

    actor: str
    method: str
    template: str
    path: str
    query: str
    request: bytes = field(repr=False)
    status: int
    response: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebhookQueued:
    """`payload` is the body that one hook will be sent."""

    event: str
    action: str | None
    payload: bytes = field(repr=False)


Observer: TypeAlias = Callable[[Exchange | WebhookQueued], None]
