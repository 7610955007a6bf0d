"""The OpenAPI 3.1 document, made from the table and its models."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from grace.web.api.calling import JSON, MAX_KEY
from grace.web.api.operation import LINES, Operation, Reply
from grace.web.problems import MEDIA_TYPE, Problem

REF: Final = "#/components/schemas/{model}"
COOKIE: Final = "grace_session"
# What every operation that needs somebody may answer, and every one that reads a body.
KNOWN_ONLY: Final = (401, 403, 503)
ANY: Final = (400, 421, 422, 429)
WITH_BODY: Final = (408, 413, 415)
POSTED: Final = (409,)
WORDS: Final = {
    400: "it cannot be read, or carries a token in its address",
    401: "nobody is known by this token or session",
    403: "whoever asks may not",
    404: "it is not there, or not for whoever asks",
    408: "the body took too long",
    409: "it does not fit what is the case now, as `detail` says",
    412: "it was changed since it was read",
    413: "the body is too large",
    415: "the body is not JSON",
    421: "it was sent to a name that is not this bot's",
    422: "something in the request is wrong: `errors` names each field",
    429: "too many requests; `Retry-After` says when to go on",
    503: "the forge cannot be asked now; send it again",
}
ABOUT: Final = (
    "Everything that Grace knows and does. The forge remains the place where people look: what is "
    "commanded here is decided there, by what the forge lets the login behind a token do. What "
    "somebody may not see does not exist for them. Lists are read on with `after`; GETs answer "
    "an `ETag`; a POST with an `Idempotency-Key` is carried out once."
)


def document(table: Sequence[Operation], version: str) -> dict[str, Any]:
    """Describe the whole API."""
    schemas = _Schemas(table)
    paths: dict[str, dict[str, Any]] = {}
    for operation in table:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(
            operation, schemas
        )
    tags = list(dict.fromkeys(operation.tag for operation in table))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Grace Mission Control",
            "version": version,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in tags],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "made by `grace token create`",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "of a person who signed in; writes send `X-CSRF-Token` too",
                },
            },
        },
    }


class _Schemas:
    """The schemas of all models, each named once."""

    def __init__(self, table: Sequence[Operation]) -> None:
        wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}
        for operation in table:
            if operation.body is not None:
                wanted[operation.body, "validation"] = None
            for reply in operation.replies:
                wanted.update(dict.fromkeys((m, "serialization") for m in _models(reply)))
        wanted[Problem, "serialization"] = None
        self._refs, schema = models_json_schema(list(wanted), ref_template=REF)
        self.definitions: dict[str, Any] = schema["$defs"]

    def of(self, model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
        """Return the reference to a model's schema."""
        return self._refs[model, mode]


def _models(reply: Reply) -> tuple[type[BaseModel], ...]:
    if reply.model is None:
        return ()
    return reply.model if isinstance(reply.model, tuple) else (reply.model,)


def _described(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": " ".join([*([operation.words] if operation.words else []), _who(operation)]),
        "tags": [operation.tag],
        "parameters": [*_parameters(operation), *_headers(operation)],
        "responses": _responses(operation, schemas),
        "security": [] if not operation.need.scopes else [{"token": []}, {"session": []}],
    }
    if operation.body is not None:
        content: dict[str, Any] = {"schema": schemas.of(operation.body, "validation")}
        if "body" in operation.examples:
            content["example"] = operation.examples["body"]
        found["requestBody"] = {
            "required": not operation.body_optional,
            "content": {JSON: content},
        }
    return found


def _who(operation: Operation) -> str:
    need = operation.need
    if not need.scopes:
        return "For anybody."
    scopes = " or ".join(f"`{scope.value}`" for scope in need.scopes)
    person = ", or somebody who signed in" if need.person else ""
    login = "; a login at the forge must stand behind it" if need.login else ""
    return f"For the scope {scopes}{person}{login}."


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    """Describe path and query out of their model; definitions are written out in place."""
    schema = operation.given.model_json_schema()
    definitions = schema.get("$defs", {})
    for name, found in schema.get("properties", {}).items():
        plain = _plain(_inlined(found, definitions))
        words, examples = plain.pop("description", None), plain.pop("examples", None)
        in_path = name in operation.path_names
        parameter: dict[str, Any] = {
            "name": name,
            "in": "path" if in_path else "query",
            "required": in_path or name in schema.get("required", []),
            "schema": plain,
        }
        if words:
            parameter["description"] = words
        example = operation.examples.get(name, examples[0] if examples else None)
        if example is not None:
            parameter["example"] = example
        yield parameter


def _inlined(found: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(found, list):
        return [_inlined(each, definitions) for each in found]
    if not isinstance(found, dict):
        return found
    if "$ref" in found:
        return _inlined(definitions[found["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(each, definitions) for name, each in found.items()}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out null: a parameter that is not given is not there."""
    outer = {k: v for k, v in schema.items() if k not in {"anyOf", "title", "default"}}
    options = [o for o in schema.get("anyOf", [schema]) if o.get("type") != "null"]
    inner = {k: v for k, v in options[0].items() if k != "title"} if "anyOf" in schema else {}
    default = schema.get("default")
    return {**inner, **outer, **({} if default is None else {"default": default})}


def _headers(operation: Operation) -> Iterator[dict[str, Any]]:
    if operation.method == "GET":
        yield _header("If-None-Match", "`ETag` of what is known already: 304 where it still is")
    if operation.method == "POST":
        key = {"minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]([ -~]*[!-~])?$"}
        words = "names the request: sent twice it is carried out once"
        yield _header("Idempotency-Key", words, **key)
    if operation.method == "PATCH":
        yield _header("If-Match", "`ETag` of what was read: 412 where it is another by now")


def _header(name: str, words: str, **bounds: object) -> dict[str, Any]:
    schema = {"type": "string", **bounds}
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": words,
        "schema": schema,
    }


def _responses(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for reply in operation.replies:
        response = found.setdefault(str(reply.status), {"description": reply.words})
        if reply.lines:
            content: dict[str, Any] = {LINES: {"schema": {"type": "string"}}}
        elif reply.model is None:
            continue
        else:
            refs = [schemas.of(model, "serialization") for model in _models(reply)]
            content = {JSON: {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}}}
        response.setdefault("content", {}).update(content)
    if operation.method == "GET":
        found["304"] = {"description": "it is as `If-None-Match` knows it"}
    for status in sorted(_problems(operation)):
        found.setdefault(
            str(status),
            {
                "description": WORDS[status],
                "content": {MEDIA_TYPE: {"schema": schemas.of(Problem, "serialization")}},
            },
        )
    return found


def _problems(operation: Operation) -> set[int]:
    found = {*operation.problems, *ANY}
    if operation.need.scopes:
        found.update(KNOWN_ONLY)
    if operation.body is not None:
        found.update(WITH_BODY)
    if operation.method != "GET":
        found.update({408, 413})
    if operation.method == "POST":
        found.update(POSTED)
    return found
