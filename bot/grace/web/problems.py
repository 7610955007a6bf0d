"""How a request is refused: RFC 9457 problems that name the field and the way out."""

from aiohttp import web
from pydantic import ValidationError


class Refused(Exception):
    """A request that is not let in: status and a sentence that names the way out."""

    def __init__(self, status: int, sentence: str, errors: tuple[dict[str, str], ...] = ()) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.errors = errors


def problem(status: int, sentence: str, errors: tuple[dict[str, str], ...] = ()) -> web.Response:
    """Answer with an RFC 9457 problem."""
    body: dict[str, object] = {"type": "about:blank", "status": status, "detail": sentence}
    if errors:
        body["errors"] = list(errors)
    return web.json_response(body, status=status, content_type="application/problem+json")


def fields_of(error: ValidationError) -> tuple[dict[str, str], ...]:
    """Name the fields that are wrong, and what is wrong with each; never what was given."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return tuple(
        {"field": ".".join(str(p) for p in e["loc"]) or "body", "problem": e["msg"]}
        for e in found[:50]
    )
