"""What goes to and fro, held against GitHub's published schemas.

check = SchemaCheck(published(), requests_of="grace[bot]")
forge.watch(check)
...
check.assert_clean()
"""

import functools
import json
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from graphql import GraphQLError, GraphQLSchema, build_schema, get_operation_ast, parse, validate
from graphql.execution.values import get_variable_values
from pydantic import BaseModel, RootModel, ValidationError

from grace.localforge.graph.sdl import SDL
from grace.localforge.watching import Exchange, WebhookQueued
from support.schema import GitHubSchema, Operation

# Answers that are files, not JSON.
FILES: Final = ("/logs", "/zip")
GRAPHQL: Final = "/graphql"


@dataclass(slots=True)
class SchemaCheck:
    """Watches a forge: every answer and webhook must fit, and all that `requests_of` sends."""

    schema: GitHubSchema
    requests_of: str | None = None
    violations: list[str] = field(default_factory=list)
    answered: set[tuple[str, str]] = field(default_factory=set)
    announced: set[tuple[str, str | None]] = field(default_factory=set)

    def __call__(self, seen: Exchange | WebhookQueued) -> None:
        match seen:
            case WebhookQueued():
                self._webhook(seen)
            case Exchange(template="(unknown)"):
                if seen.actor == self.requests_of:
                    self._wrong(seen, "asked for what the forge does not serve")
            case Exchange(template=template) if template == GRAPHQL:
                self.answered.add((seen.method, template))
                self._graph(seen)
            case Exchange():
                self._rest(seen)

    def assert_clean(self) -> None:
        """Fail with every violation so far."""
        assert not self.violations, "\n".join(self.violations)

    def request(self, seen: Exchange) -> None:
        """Check a request alone, whoever sent it."""
        operation = self.schema.find(seen.method, seen.template)
        if operation is None:
            self._wrong(seen, "GitHub has no such operation")
            return
        for words in (*self._query(operation, seen.query), *self._body(operation, seen.request)):
            self._wrong(seen, f"sent {words}")

    def question(self, seen: Exchange) -> None:
        """Check a GraphQL request alone, whoever sent it."""
        for words in _question(seen.request):
            self._wrong(seen, f"sent {words}")

    def _rest(self, seen: Exchange) -> None:
        self.answered.add((seen.method, seen.template))
        if seen.actor == self.requests_of:
            self.request(seen)
        operation = self.schema.find(seen.method, seen.template)
        if operation is not None:
            self._response(operation, seen)
        elif seen.actor != self.requests_of:
            self._wrong(seen, "GitHub has no such operation")

    def _query(self, operation: Operation, query: str) -> list[str]:
        wrong: list[str] = []
        for name, values in parse_qs(query, keep_blank_values=True).items():
            if name not in operation.params:
                wrong.append(f"a parameter GitHub does not know: {name}")
                continue
            try:
                self.schema.adapter(operation.params[name]).validate_strings(values[-1])
            except ValidationError as error:
                wrong.append(f"{name}={values[-1]}: {_brief(error)}")
        return wrong

    def _body(self, operation: Operation, body: bytes) -> list[str]:
        if operation.request is None:
            return ["a body where GitHub takes none"] if body else []
        adapter = self.schema.adapter(operation.request)
        try:
            parsed = adapter.validate_json(body or b"{}", strict=True)
        except ValidationError as error:
            return [_brief(error)] if body else ["no body where GitHub wants one"]
        unknown = _unknown(parsed, json.loads(body)) if body else []
        return [f"fields GitHub does not know: {unknown}"] if unknown else []

    def _response(self, operation: Operation, seen: Exchange) -> None:
        model = operation.response
        if seen.status >= 500 or not seen.response:
            return
        if seen.status >= 400:
            # Errors that an operation does not list have GitHub's common form.
            model = operation.errors.get(str(seen.status), "BasicError")
        elif seen.template.endswith(FILES):
            return
        if model is None:
            self._wrong(seen, f"answered {seen.status} with a body where GitHub sends none")
            return
        try:
            self.schema.adapter(model).validate_json(seen.response, strict=True)
        except ValidationError as error:
            self._wrong(seen, f"answered {seen.status} with {_brief(error)}")

    def _webhook(self, sent: WebhookQueued) -> None:
        key = (sent.event, sent.action)
        self.announced.add(key)
        adapter = self.schema.webhook(*key)
        if adapter is None:
            self._add(f"webhook {_name(sent)}: GitHub has no such event")
            return
        try:
            adapter.validate_json(sent.payload, strict=True)
        except ValidationError as error:
            self._add(f"webhook {_name(sent)}: {_brief(error)}")

    def _graph(self, seen: Exchange) -> None:
        if seen.actor == self.requests_of:
            self.question(seen)
        if seen.status == 200:
            answer = json.loads(seen.response)
            if not answer.keys() <= {"data", "errors"} or not answer:
                self._wrong(seen, f"answered with {sorted(answer)}")
            elif not all(isinstance(e.get("message"), str) for e in answer.get("errors", ())):
                self._wrong(seen, "answered with an error that has no message")

    def _wrong(self, seen: Exchange, words: str) -> None:
        line = f"{seen.path}?{seen.query}" if seen.query else seen.path
        self._add(f"{seen.method} {line}: {words}")

    def _add(self, words: str) -> None:
        if words not in self.violations:
            self.violations.append(words)


@functools.cache
def _graph_schema() -> GraphQLSchema:
    # A part of GitHub's own: the octokit test compares the two.
    return build_schema(SDL)


def _question(body: bytes) -> list[str]:
    """Return what GitHub would refuse of a GraphQL request before it looks for any data."""
    asked = json.loads(body)
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        return ["no query"]
    wrong: list[str] = []
    if unknown := asked.keys() - {"query", "variables", "operationName"}:
        wrong.append(f"fields GitHub does not know: {sorted(unknown)}")
    try:
        document = parse(asked["query"])
    except GraphQLError as error:
        return [*wrong, error.message]
    wrong += [error.message for error in validate(_graph_schema(), document)]
    operation = get_operation_ast(document, asked.get("operationName"))
    if operation is None:
        return [*wrong, "more than one operation, or none"]
    given = asked.get("variables") or {}
    declared = operation.variable_definitions or ()
    if extra := given.keys() - {d.variable.name.value for d in declared}:
        wrong.append(f"variables that it does not declare: {sorted(extra)}")
    values = get_variable_values(_graph_schema(), declared, given)
    if isinstance(values, list):
        wrong += [error.message for error in values]
    return wrong


def _unknown(parsed: Any, body: Any, at: str = "") -> list[str]:
    """Return where a body has fields that its model has not."""
    if isinstance(parsed, RootModel):
        parsed = parsed.root
    if isinstance(parsed, list) and isinstance(body, list):
        pairs = enumerate(zip(parsed, body, strict=True))
        return [w for i, (ours, theirs) in pairs for w in _unknown(ours, theirs, f"{at}{i}.")]
    if not isinstance(parsed, BaseModel) or not isinstance(body, dict):
        return []
    names = {info.alias or name: name for name, info in type(parsed).model_fields.items()}
    found = [f"{at}{name}" for name in sorted(body.keys() - names)]
    if not names:
        found = []  # a map whose names are the caller's
    for alias in body.keys() & names.keys():
        found += _unknown(getattr(parsed, names[alias]), body[alias], f"{at}{alias}.")
    return found


def _name(sent: WebhookQueued) -> str:
    return sent.event if sent.action is None else f"{sent.event}.{sent.action}"


def _brief(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[:4]
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in found)
