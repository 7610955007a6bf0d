"""What an observer of the API sees: one request and its answer."""

from dataclasses import dataclass, field


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
