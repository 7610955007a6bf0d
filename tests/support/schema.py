"""GitHub's published REST schema, as githubkit carries it, held against what goes to and fro.

check = SchemaCheck(GitHubSchema(), requests_of=forge_app.bot)
forge.watch(check)
...
check.assert_clean()
"""

import importlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from types import ModuleType
from typing import Any, Final, Union

from githubkit.typing import Missing
from pydantic import BaseModel, RootModel, TypeAdapter, ValidationError

from grace.localforge.forge import Exchange

VERSION: Final = "githubkit_schemas.v2026_03_10"
AREAS: Final = (
    "actions",
    "apps",
    "checks",
    "git",
    "issues",
    "meta",
    "pulls",
    "rate_limit",
    "reactions",
    "repos",
    "users",
)
# Answers that are files, not JSON.
FILES: Final = ("/logs", "/zip")
# What is served and is no part of GitHub's REST schema.
OUTSIDE: Final = {"(unknown)", "/graphql"}

# Paths that GitHub serves too, by the operation that documents them.
SAME_AS: Final = {
    "/repos/{}/{}/contents": "/repos/{}/{}/contents/{}",
    "/repos/{}/{}/git/refs/{}": "/repos/{}/{}/git/matching-refs/{}",
    "/repos/{}/{}/actions/artifacts/{}/zip": "/repos/{}/{}/actions/artifacts/{}/{}",
}

URL: Final = re.compile(r'^        url = \(?\s*f?"(?P<path>[^"]+)"', re.MULTILINE)
NEXT: Final = re.compile(r"\n    (?:@overload|def )")
METHOD: Final = re.compile(r'arequest\(\s+"(?P<method>[A-Z]+)",')
RESPONSE: Final = re.compile(
    r"^            response_model=(?P<model>.+?),\n(?:            error_models|        \))",
    re.MULTILINE | re.DOTALL,
)
ERRORS: Final = re.compile(r'^                "(?P<status>\w+)": (?P<model>\w+),$', re.MULTILINE)
REQUEST: Final = re.compile(r"type_validate_python\(\s*(?P<model>.+?),\s*json\s*\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its models as githubkit writes them, None where there is no body."""

    request: str | None
    response: str | None
    errors: Mapping[str, str]


class _Names(dict[str, Any]):
    """Resolves the names in a model's expression."""

    def __init__(self, models: ModuleType) -> None:
        super().__init__({"list": list, "Union": Union, "Any": Any, "None": None, "str": str})
        self["Missing"] = Missing
        self._models = models

    def __missing__(self, name: str) -> Any:
        return getattr(self._models, name)


class GitHubSchema:
    """Operations by method and path, read once from githubkit's sources; models as needed."""

    def __init__(self) -> None:
        self.operations: dict[tuple[str, str], Operation] = {}
        for area in AREAS:
            source = files(f"{VERSION}.rest").joinpath(f"{area}.py").read_text()
            self.operations.update(_operations(source))
        self._names: _Names | None = None
        self._adapters: dict[str, TypeAdapter[Any]] = {}

    def find(self, method: str, template: str) -> Operation | None:
        """Return an operation whatever its path calls its variables."""
        path = anonymous(template)
        if method == "GET" and path == "/repos/{}/{}/git/refs":
            path = "/repos/{}/{}/git/matching-refs/{}"
        found = self.operations.get((method, path))
        return found or self.operations.get((method, SAME_AS.get(path, path)))

    def adapter(self, model: str) -> TypeAdapter[Any]:
        """Return what validates a model."""
        if model not in self._adapters:
            if self._names is None:
                self._names = _Names(importlib.import_module(f"{VERSION}.models"))
            kind = eval(model, {"__builtins__": {}}, self._names)
            self._adapters[model] = TypeAdapter(kind)
        return self._adapters[model]


def anonymous(template: str) -> str:
    """Return a path without the names of its variables."""
    return re.sub(r"\{[^}]+\}", "{}", template)


def _operations(source: str) -> Iterator[tuple[tuple[str, str], Operation]]:
    for text in source.split("\n    async def ")[1:]:
        # What follows up to the next one is another method, the same in blocking form.
        block = NEXT.split(text, maxsplit=1)[0]
        url, method = URL.search(block), METHOD.search(block)
        if url is None or method is None:
            continue  # an overload, which has no body
        request, response = REQUEST.search(block), RESPONSE.search(block)
        operation = Operation(
            None if request is None else request["model"],
            None if response is None else response["model"],
            {found["status"]: found["model"] for found in ERRORS.finditer(block)},
        )
        yield (method["method"], anonymous(url["path"])), operation


@dataclass(slots=True)
class SchemaCheck:
    """Watches a forge: every answer must fit, and every body that `requests_of` sends."""

    schema: GitHubSchema
    requests_of: str | None = None
    violations: list[str] = field(default_factory=list)
    answered: set[tuple[str, str]] = field(default_factory=set)

    def __call__(self, seen: Exchange) -> None:
        if seen.template in OUTSIDE or seen.status >= 500:
            return
        operation = self.schema.find(seen.method, seen.template)
        where = f"{seen.method} {seen.template}"
        if operation is None:
            self.violations.append(f"{where}: GitHub has no such operation")
            return
        self.answered.add((seen.method, seen.template))
        if seen.actor == self.requests_of:
            self._request(where, operation, seen.request)
        self._response(where, operation, seen)

    def assert_clean(self) -> None:
        """Fail with every violation so far."""
        assert not self.violations, "\n".join(self.violations)

    def _request(self, where: str, operation: Operation, body: bytes) -> None:
        if operation.request is None or not body:
            if body:
                self.violations.append(f"{where}: sent a body where GitHub takes none")
            return
        adapter = self.schema.adapter(operation.request)
        try:
            parsed = adapter.validate_json(body, strict=True)
        except ValidationError as error:
            self.violations.append(f"{where}: sent {_brief(error)}")
            return
        if unknown := _unknown(parsed, json.loads(body)):
            self.violations.append(f"{where}: sent fields GitHub does not know: {unknown}")

    def _response(self, where: str, operation: Operation, seen: Exchange) -> None:
        model = operation.response
        if seen.status >= 400:
            # Errors that an operation does not list have GitHub's common form.
            model = operation.errors.get(str(seen.status), "BasicError")
        if model is None or not seen.response:
            return
        if seen.status < 400 and seen.template.endswith(FILES):
            return
        try:
            self.schema.adapter(model).validate_json(seen.response, strict=True)
        except ValidationError as error:
            self.violations.append(f"{where}: answered {seen.status} with {_brief(error)}")


def _unknown(parsed: Any, body: Any) -> list[str]:
    """Return the top-level fields of a body that its model does not have."""
    if isinstance(parsed, RootModel):
        parsed = parsed.root
    if not isinstance(parsed, BaseModel) or not isinstance(body, dict):
        return []
    known = {info.alias or name for name, info in type(parsed).model_fields.items()}
    return sorted(set(body) - known)


def _brief(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[:4]
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in found)
