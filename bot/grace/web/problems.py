"""How a request is refused: RFC 9457 problems that name the field and the way out."""

from http import HTTPStatus
from types import MappingProxyType
from typing import Final, Literal

from aiohttp import web
from pydantic import ValidationError

from grace.domain.base import Frozen

MEDIA_TYPE = "application/problem+json"
_PLAIN: Final = MappingProxyType(
    {
        "missing": "is required",
        "extra_forbidden": "is not known here: remove it or correct its name",
    }
)


class Wrong(Frozen):
    """One thing that is wrong with a request: which field or parameter, and what."""

    field: str
    problem: str


class Problem(Frozen):
    """Why a request is refused (RFC 9457); `detail` names the way out."""

    type: Literal["about:blank"] = "about:blank"
    title: str
    status: int
    detail: str
    instance: str | None = None
    errors: tuple[Wrong, ...] = ()


class Refused(Exception):
    """A request that is not let in: status and a sentence that names the way out."""

    def __init__(self, status: int, sentence: str, errors: tuple[dict[str, str], ...] = ()) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.errors = errors


def problem(
    status: int,
    sentence: str,
    errors: tuple[dict[str, str], ...] = (),
    instance: str | None = None,
) -> web.Response:
    """Answer with an RFC 9457 problem. `instance`: the path that was asked, without its query."""
    found = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=sentence,
        instance=instance,
        errors=tuple(Wrong.model_validate(error) for error in errors),
    )
    body = found.model_dump(mode="json", exclude_none=True)
    if not errors:
        del body["errors"]
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
    return web.json_response(body, status=status, content_type=MEDIA_TYPE, headers=headers)


def fields_of(error: ValidationError) -> tuple[dict[str, str], ...]:
    """Name the fields that are wrong, and what is wrong with each; never what was given."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return tuple(
        {
            "field": ".".join(str(p) for p in e["loc"]) or "body",
            "problem": _PLAIN.get(e["type"], e["msg"].removeprefix("Value error, ")),
        }
        for e in found[:50]
    )
