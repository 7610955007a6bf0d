"""GitHub's published REST schema, as githubkit carries it: operations, webhooks, their models."""

import ast
import builtins
import functools
import importlib
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from types import ModuleType
from typing import Any, Final

from pydantic import TypeAdapter

# The version that the bot asks for by its header.
VERSION: Final = "githubkit_schemas.v2022_11_28"
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
    "teams",
    "users",
)

# Paths that GitHub serves too, by the operation that documents them.
SAME_AS: Final = {
    "/repos/{}/{}/contents": "/repos/{}/{}/contents/{}",
    "/repos/{}/{}/git/refs": "/repos/{}/{}/git/matching-refs/{}",
    "/repos/{}/{}/git/refs/{}": "/repos/{}/{}/git/matching-refs/{}",
    "/repos/{}/{}/actions/artifacts/{}/zip": "/repos/{}/{}/actions/artifacts/{}/{}",
}
# Variables that hold slashes.
LONG: Final = ("/contents/{}", "/git/ref/{}", "/git/refs/{}", "/git/matching-refs/{}")

URL: Final = re.compile(r'^        url = \(?\s*f?"(?P<path>[^"]+)"', re.MULTILINE)
NEXT: Final = re.compile(r"\n    (?:@overload|def )")
METHOD: Final = re.compile(r'arequest\(\s+"(?P<method>[A-Z]+)",')


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its models as githubkit writes them, None where there is no body.

    `params` are what a query may have, each with its type.
    """

    request: str | None
    response: str | None
    errors: Mapping[str, str]
    params: Mapping[str, str]


class _Names(dict[str, Any]):
    """Resolves the names in a model's expression."""

    def __init__(self, models: ModuleType) -> None:
        super().__init__({"_dt": importlib.import_module("datetime")})
        self._places = (models, importlib.import_module("githubkit.typing"), typing, builtins)

    def __missing__(self, name: str) -> Any:
        for place in self._places:
            if hasattr(place, name):
                return getattr(place, name)
        raise KeyError(name)


class GitHubSchema:
    """Operations by method and path, from githubkit's sources; what is not used is not read."""

    def __init__(self) -> None:
        self._sources: dict[tuple[str, str], str] = {}
        for area in AREAS:
            source = files(f"{VERSION}.rest").joinpath(f"{area}.py").read_text()
            self._sources.update(_sources(source))
        self._operations: dict[tuple[str, str], Operation] = {}
        self._names: _Names | None = None
        self._adapters: dict[str, TypeAdapter[Any]] = {}
        self._webhooks: dict[tuple[str, str | None], TypeAdapter[Any] | None] = {}

    def find(self, method: str, template: str) -> Operation | None:
        """Return an operation, whatever its path calls its variables."""
        path = anonymous(template)
        key = (method, path)
        if key not in self._sources:
            key = (method, SAME_AS.get(path, path))
        if key not in self._operations and key in self._sources:
            self._operations[key] = _operation(self._sources[key])
        return self._operations.get(key)

    def template_of(self, method: str, path: str) -> str:
        """Return the template that a path is an instance of; the path itself when there is none."""
        for long in LONG:
            start, found, _ = path.partition(long.removesuffix("{}"))
            if found and start.count("/") == 3:
                return f"/repos/{{}}/{{}}{long}"
        pieces = path.split("/")
        fitting = [
            template
            for known, template in self._sources
            if known == method and _fits(template.split("/"), pieces)
        ]
        return min(fitting, key=lambda template: template.count("{}"), default=path)

    def adapter(self, model: str) -> TypeAdapter[Any]:
        """Return what validates a model."""
        if model not in self._adapters:
            if self._names is None:
                self._names = _Names(importlib.import_module(f"{VERSION}.models"))
            kind = eval(model, {"__builtins__": {}}, self._names)
            self._adapters[model] = TypeAdapter(kind)
        return self._adapters[model]

    def webhook(self, event: str, action: str | None) -> TypeAdapter[Any] | None:
        """Return what validates the payload of an event, None where GitHub has no such event."""
        key = (event, action)
        if key not in self._webhooks:
            self._webhooks[key] = self._webhook(event, action)
        return self._webhooks[key]

    def _webhook(self, event: str, action: str | None) -> TypeAdapter[Any] | None:
        # From the source, one model at a time: to import those of all actions takes seconds.
        place = files(f"{VERSION}.webhooks").joinpath(f"{event}.py")
        if not place.is_file():
            return None
        for node in ast.parse(place.read_text()).body:
            match node:
                case ast.AnnAssign(ast.Name("action_types"), value=ast.Dict() as kinds):
                    model = _models(kinds).get(action or "")
                    return None if model is None else self.adapter(model)
                case ast.Assign([ast.Name("action_types")], ast.expr() as kind):
                    return self.adapter(ast.unparse(kind))  # it says itself which action
        return None


@functools.cache
def published() -> GitHubSchema:
    """Return the schema that all tests of a process share."""
    return GitHubSchema()


def anonymous(template: str) -> str:
    """Return a path without the names of its variables."""
    return re.sub(r"\{[^}]+\}", "{}", template)


def _fits(template: Sequence[str], pieces: Sequence[str]) -> bool:
    return len(template) == len(pieces) and all(
        ours in {"{}", theirs} for ours, theirs in zip(template, pieces, strict=True)
    )


def _sources(source: str) -> dict[tuple[str, str], str]:
    """Return the source of each operation's method."""
    found: dict[tuple[str, str], str] = {}
    for text in source.split("\n    async def ")[1:]:
        # What follows up to the next one is another method, the same in blocking form.
        block = NEXT.split(text, maxsplit=1)[0]
        url, method = URL.search(block), METHOD.search(block)
        if url is not None and method is not None:  # else an overload, which has no body
            found[method["method"], anonymous(url["path"])] = f"async def {block}"
    return found


def _operation(source: str) -> Operation:
    """Read an operation off the method that asks for it."""
    (method,) = ast.parse(source).body
    assert isinstance(method, ast.AsyncFunctionDef)
    arguments = [*method.args.args, *method.args.kwonlyargs]
    kinds = {a.arg: ast.unparse(a.annotation) for a in arguments if a.annotation is not None}
    request, asked, params = None, {}, {}
    for node in ast.walk(method):
        match node:
            case ast.Call(func=ast.Attribute(attr="arequest"), keywords=keywords):
                asked = {keyword.arg: keyword.value for keyword in keywords}
            case ast.Call(func=ast.Name(id="type_validate_python"), args=[model, *_]):
                request = ast.unparse(model)
            case ast.Assign(targets=[ast.Name(id="params")], value=ast.Dict() as given):
                params = {
                    ast.literal_eval(name): kinds[ast.unparse(value)]
                    for name, value in zip(given.keys, given.values, strict=True)
                    if name is not None
                }
    errors = asked.get("error_models")
    response = asked.get("response_model")
    return Operation(
        request,
        None if response is None else ast.unparse(response),
        _models(errors) if isinstance(errors, ast.Dict) else {},
        params,
    )


def _models(named: ast.Dict) -> dict[str, str]:
    return {
        ast.literal_eval(name): ast.unparse(model)
        for name, model in zip(named.keys, named.values, strict=True)
        if name is not None
    }
