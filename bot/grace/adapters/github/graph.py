"""GitHub's GraphQL API: one document, its data, and what it could not answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from grace.adapters.github.payloads import Lenient, fit
from grace.adapters.github.problems import GONE
from grace.adapters.github.session import Session
from grace.adapters.github.wire import GRAPHQL, Refusal, Request
from grace.domain.mission import MissionRef
from grace.ports import ForgeRefused, ForgeUnavailable

_LIMITED: Final = frozenset({"RATE_LIMIT", "RATE_LIMITED"})  # GitHub has said both
_WAIT_S: Final = 60.0


class Node(Lenient):
    """An object of a graph's answer: its names are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel)


class GraphError(Lenient):
    """One thing that was not answered; `path` leads to where its data would be."""

    type: str = ""
    path: tuple[str | int, ...] = ()
    message: str = ""


class _Answer(Lenient):
    data: dict[str, Any] | None = None
    errors: tuple[GraphError, ...] = Field(default=())


@dataclass(frozen=True, slots=True)
class Found:
    """What a document found; what is missing from `data` is explained by `errors`."""

    data: Mapping[str, Any]
    errors: Sequence[GraphError]

    def kinds(self, *path: str) -> set[str]:
        """Return the types of the errors at exactly this path."""
        return {error.type for error in self.errors if error.path == path}


async def ask(session: Session, ref: MissionRef, purpose: str, document: str) -> Found:
    """Send a document: one call. Raises `ForgeUnavailable` where nothing at all was answered."""
    request = Request(purpose, "POST", GRAPHQL, body={"query": document})
    try:
        raw = await session.call(ref, request, GONE)
    except Refusal as refusal:
        # It says that there is no GraphQL here, and nothing about the repository.
        raise ForgeRefused(f"GitHub has no GraphQL API for {purpose}", refusal.status) from refusal
    answer = fit(_Answer, raw.data, purpose)
    said = "; ".join(error.message for error in answer.errors)[:600]
    if any(error.type in _LIMITED for error in answer.errors):
        raise ForgeUnavailable(f"GitHub's rate limit stopped {purpose}: {said}", _WAIT_S)
    if answer.data is None:
        raise ForgeUnavailable(f"GitHub did not answer {purpose}: {said or 'no data'}")
    return Found(answer.data, answer.errors)


async def change(session: Session, ref: MissionRef, purpose: str, document: str) -> Found:
    """Send a mutation; an error of it is a refusal."""
    found = await ask(session, ref, purpose, document)
    if found.errors:
        said = "; ".join(error.message for error in found.errors)[:600]
        raise ForgeRefused(f"GitHub refused {purpose}: {said}", 422)
    return found


def quoted(text: str) -> str:
    """Write a string literal; GraphQL's are JSON's."""
    return json.dumps(text)
