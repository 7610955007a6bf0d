"""Serve an operation: let in, read, answer; every refusal is a problem."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import structlog
from aiohttp import web
from pydantic import ValidationError

from grace.domain.access import Principal, Reach
from grace.domain.base import Frozen
from grace.ports.hub import Answered, BadCursor
from grace.web.api.operation import LINES, Answer, Call, Nothing, Operation, not_there
from grace.web.hub import HUB, principal_of, reach_of
from grace.web.problems import Refused, fields_of, problem

JSON: Final = "application/json"
MAX_KEY: Final = 200
NOBODY: Final = Principal(kind="token", id="nobody")
# The Idempotency-Keys that are being answered at this moment.
IN_HAND: web.AppKey[set[tuple[str, str]]] = web.AppKey("idempotency keys in hand", set)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def serve(operation: Operation) -> Handler:
    """Make the aiohttp handler of an operation."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await _answer(operation, request)
        except Refused as refused:
            return problem(refused.status, refused.sentence, refused.errors, request.path)
        except BadCursor:
            wrong = {"field": "after", "problem": "is no cursor that an answer gave"}
            return problem(422, "a parameter is wrong", (wrong,), request.path)

    return handle


@web.middleware
async def api_problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer problems where the API has no such path or method, or breaks; for its paths alone."""
    if not request.path.startswith("/mission-control"):
        return await handler(request)
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        answer = problem(405, f"this path takes: {allowed}", instance=request.path)
        answer.headers["Allow"] = allowed
        return answer
    except web.HTTPNotFound:
        sentence = "there is no such path: /openapi.json lists what there is"
        return problem(404, sentence, instance=request.path)
    except web.HTTPRequestEntityTooLarge:
        return problem(413, "the body is too large", instance=request.path)
    except (web.HTTPException, Refused):
        raise
    except Exception:  # noqa: BLE001 - the boundary: logged, and answered without its reason
        structlog.get_logger("api").exception("failed", path=request.path)
        sentence = "this is a fault of the program: the operator's log tells more"
        return problem(500, sentence, instance=request.path)


async def _answer(operation: Operation, request: web.Request) -> web.StreamResponse:
    principal, reach = NOBODY, Reach()
    if operation.need.scopes:
        principal = principal_of(request)
        operation.need.refuse(principal)
        reach = await reach_of(request)
    given = _given(operation, request)
    raw = await request.read() if operation.method != "GET" else b""
    body = _body(operation, request, raw)
    call = Call(
        request=request,
        hub=request.app[HUB],
        principal=principal,
        reach=reach,
        given=given,
        body=body,
        key=_key(request) or str(uuid4()),
        if_match=request.headers.get("If-Match"),
    )
    if operation.method == "POST" and _key(request):
        return await _once(operation, call, raw)
    return _response(operation, call, await operation.handler(call))


def _given(operation: Operation, request: web.Request) -> Frozen:
    """Read path and query; a path that cannot be is one that is not there."""
    fields = operation.given.model_fields
    found: dict[str, Any] = {}
    for name in request.query:
        values = request.query.getall(name)
        many = name in fields and _is_list(fields[name].annotation)
        found[name] = values if many else values[0]
        if not many and len(values) > 1:
            wrong = {"field": name, "problem": "is given more than once"}
            raise Refused(422, "a parameter is wrong", (wrong,))
    doubled = [name for name in operation.path_names if name in found]
    if doubled:
        wrong = {"field": doubled[0], "problem": "stands in the path, not in the query"}
        raise Refused(422, "a parameter is wrong", (wrong,))
    found.update(request.match_info)
    try:
        return operation.given.model_validate(found)
    except ValidationError as error:
        wrongs = fields_of(error)
        if any(wrong["field"] in operation.path_names for wrong in wrongs):
            raise not_there("thing") from error
        known = ", ".join(n for n in fields if n not in operation.path_names) or "none"
        raise Refused(422, f"a parameter is wrong; there are: {known}", wrongs) from error


def _is_list(annotation: object) -> bool:
    return getattr(annotation, "__origin__", None) is tuple


def _body(operation: Operation, request: web.Request, raw: bytes) -> Frozen:
    model = operation.body
    if model is None:
        if raw:
            raise Refused(422, "this takes no body", ({"field": "body", "problem": "is not read"},))
        return Nothing()
    if not raw and operation.body_optional:
        return model()
    if request.content_type != JSON:
        raise Refused(415, f"send the body as {JSON}")
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise Refused(422, "the body does not fit its schema", fields_of(error)) from error


def _key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
        wrong = {"field": "Idempotency-Key", "problem": f"is not 1 to {MAX_KEY} printable letters"}
        raise Refused(422, "a header is wrong", (wrong,))
    return key


async def _once(operation: Operation, call: Call[Any, Any], raw: bytes) -> web.StreamResponse:
    """Answer a request with an `Idempotency-Key`: the second time as the first."""
    store, place = call.hub.store, (call.caller, call.key)
    asked = f"{operation.method} {call.request.path}\n".encode() + raw
    digest = hashlib.sha256(asked).hexdigest()
    in_hand = call.request.app[IN_HAND]
    if place in in_hand:
        raise Refused(409, "a request with this Idempotency-Key is being answered; ask again")
    in_hand.add(place)
    try:
        known = await store.answered(*place, call.hub.clock.now())
        if known is not None and known.digest != digest:
            wrong = {"field": "Idempotency-Key", "problem": "was used for another request"}
            raise Refused(422, "take a new Idempotency-Key for a new request", (wrong,))
        if known is not None:
            if not _still_seen(call.reach, known.body):
                raise Refused(403, "what was answered is of a repository that you do not see now")
            return _written(operation, known.status, known.body)
        answer = await operation.handler(call)
        # What is only on its way is asked about again; what was refused may be corrected.
        if answer.status != operation.passing:
            body = _text(answer)
            said = Answered(digest=digest, status=answer.status, body=body)
            await store.remember_answer(*place, said, call.hub.clock.now())
        return _response(operation, call, answer)
    finally:
        in_hand.discard(place)


def _still_seen(reach: Reach, body: bytes) -> bool:
    """Tell whether what was answered is of a repository that exists for who asks again."""
    fields = json.loads(body) if body else {}
    ref = fields.get("ref")
    log = f"{ref['host']}/{ref['repository_id']}" if isinstance(ref, dict) else fields.get("log")
    return log is None or reach.sees(log)


def _text(answer: Answer) -> bytes:
    return b"" if answer.body is None else answer.body.model_dump_json().encode()


def _written(operation: Operation, status: int, body: bytes) -> web.Response:
    """Write an answer with the place of what it made."""
    response = web.Response(status=status, body=body or None)
    if body:
        response.content_type = JSON
    if operation.created is not None and body:
        fields: Mapping[str, object] = json.loads(body)
        if all(fields.get(name) is not None for name in _names(operation.created)):
            response.headers["Location"] = _filled(operation.created, fields)
    return response


def _names(template: str) -> list[str]:
    return [part[1:-1] for part in template.split("/") if part.startswith("{")]


def _filled(template: str, fields: Mapping[str, object]) -> str:
    for name in _names(template):
        template = template.replace(f"{{{name}}}", quote(str(fields[name]), safe=""))
    return template


def etag_of(body: bytes) -> str:
    """Name a representation by its content: a strong validator."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def named(header: str | None, etag: str) -> bool:
    """Tell whether a list of entity tags names one; a weak one is compared without its mark."""
    tags = [tag.strip() for tag in (header or "").split(",")]
    return "*" in tags or etag in [tag.removeprefix("W/") for tag in tags]


def _response(operation: Operation, call: Call[Any, Any], answer: Answer) -> web.Response:
    if answer.lines is None:
        response = _written(operation, answer.status, _text(answer))
    else:
        response = web.Response(body=answer.lines, headers={"Content-Type": LINES})
    if answer.following is not None:
        url = call.request.rel_url.update_query(after=str(answer.following))
        response.headers["Link"] = f'<{url}>; rel="next"'
    if operation.lines:
        response.headers["Vary"] = "Accept"
    single = operation.method in {"GET", "PATCH"} and isinstance(response.body, bytes)
    if not single or answer.status != 200:  # noqa: PLR2004 - HTTP
        return response
    etag = etag_of(response.body if isinstance(response.body, bytes) else b"")
    if operation.method == "GET" and named(call.request.headers.get("If-None-Match"), etag):
        response = web.Response(status=304)
    response.headers["ETag"] = etag
    return response


def wants_lines(request: web.Request) -> bool:
    """Tell whether stored lines are asked for in place of JSON."""
    return LINES in request.headers.get("Accept", "")
