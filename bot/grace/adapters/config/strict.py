"""YAML read strictly: every error of a file at once, each with its line, field and way out."""

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from grace.domain.base import Frozen

# Integers beyond this are not the same number in every JSON reader (RFC 8785, section 3.2.2.3).
_MAX_INTEGER_DIGITS = 15
MAX_PROBLEMS = 100
_MAX_DEPTH = 64
_MERGE_TAG = "tag:yaml.org,2002:merge"
_INTEGER_TAG = "tag:yaml.org,2002:int"
_FLOAT_TAG = "tag:yaml.org,2002:float"
_STRING_TAG = "tag:yaml.org,2002:str"

Part = str | int
FrozenT = TypeVar("FrozenT", bound=Frozen)


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing that is wrong with a configuration file, and the way out. `line` begins at 1."""

    file: str
    line: int
    field: str
    problem: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return (
            f"{where}: {self.field}: {self.problem}" if self.field else f"{where}: {self.problem}"
        )


class ConfigError(Exception):
    """The configuration does not load; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Source:
    """A file's name, as people are told it, and its text."""

    file: str
    text: str

    def problem(self, node: yaml.Node | None, path: Sequence[Part], told: str) -> ConfigProblem:
        line = node.start_mark.line + 1 if node is not None else 1
        return ConfigProblem(self.file, line, dotted(path), told)


def load(model: type[FrozenT], text: str, file: str) -> FrozenT:
    """Load one file's text; raises `ConfigError` with all of its problems."""
    problems: list[ConfigProblem] = []
    loaded = gather(model, Source(file, text), problems)
    if loaded is None:
        raise ConfigError(problems)
    return loaded


def gather(model: type[FrozenT], source: Source, problems: list[ConfigProblem]) -> FrozenT | None:
    """Load one file, or add everything that is wrong with it to `problems`."""
    found = len(problems)
    try:
        problems += _unread(source)
        if len(problems) > found:
            return None
        loader = yaml.SafeLoader(source.text)
        node = loader.get_single_node()
        _keep_times(node)
        problems += _refused(source, node, ())
        value = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        told = f"is not valid YAML: {error.problem or error.context}"
        problems.append(ConfigProblem(source.file, line, "", told))
        return None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        told = f"is not valid YAML: {str(error)[:200]}"
        problems.append(ConfigProblem(source.file, 1, "", told))
        return None
    try:
        # As JSON, since there a list is a tuple and a word an enum, and all else is strict.
        text = json.dumps({} if value is None else value, default=str)
        loaded = model.model_validate_json(text, strict=True)
    except ValidationError as error:
        known = _known_fields(model)
        errors = error.errors(include_url=False, include_context=False)
        problems += [_problem(source, node, each, known) for each in errors[:MAX_PROBLEMS]]
        if len(errors) > MAX_PROBLEMS:
            problems.append(more_problems(source, len(errors)))
        return None
    return loaded if len(problems) == found else None


def more_problems(source: Source, count: int) -> ConfigProblem:
    """Say that a file has more problems than are told one by one."""
    told = f"has {count - MAX_PROBLEMS} more problems; correct these first"
    return ConfigProblem(source.file, 1, "", told)


def compose(source: Source) -> yaml.Node | None:
    """Return the nodes of a file that was loaded, for places within it."""
    return yaml.compose(source.text, Loader=yaml.SafeLoader)


def _keep_times(node: yaml.Node | None) -> None:
    """Read `22:00` as it is written: YAML 1.1 has it for a number to the base of sixty."""
    match node:
        case yaml.MappingNode():
            for key, value in node.value:
                _keep_times(key)
                _keep_times(value)
        case yaml.SequenceNode():
            for value in node.value:
                _keep_times(value)
        case yaml.ScalarNode(tag=tag, value=text) if ":" in text:
            if tag in {_INTEGER_TAG, _FLOAT_TAG}:
                node.tag = _STRING_TAG


def _unread(source: Source) -> Iterator[ConfigProblem]:
    """Find what could take more time or memory to read than a file is worth."""
    depth = 0
    for token in yaml.scan(source.text, Loader=yaml.SafeLoader):
        line = token.start_mark.line + 1
        match token:
            case yaml.AliasToken():
                told = "YAML aliases (*name) are not read; write the value out"
                yield ConfigProblem(source.file, line, "", told)
            case (
                yaml.FlowSequenceStartToken()
                | yaml.FlowMappingStartToken()
                | yaml.BlockSequenceStartToken()
                | yaml.BlockMappingStartToken()
            ):
                depth += 1
                if depth > _MAX_DEPTH:
                    told = f"is not valid YAML here: it nests more than {_MAX_DEPTH} levels deep"
                    yield ConfigProblem(source.file, line, "", told)
                    return
            case yaml.FlowSequenceEndToken() | yaml.FlowMappingEndToken() | yaml.BlockEndToken():
                depth -= 1


def _refused(
    source: Source, node: yaml.Node | None, path: tuple[Part, ...]
) -> Iterator[ConfigProblem]:
    """Find what YAML allows and a configuration that people answer for should not have."""
    match node:
        case yaml.MappingNode():
            seen: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                here = (*path, name)
                if key.tag == _MERGE_TAG:
                    yield source.problem(key, path, "merge keys (<<) are not read; write it out")
                elif key.tag != _STRING_TAG:
                    yield source.problem(key, here, "is no text as a name; put it in quotes")
                elif name in seen:
                    yield source.problem(key, here, "is given twice; keep one of the two")
                seen.add(name)
                yield from _refused(source, value, here)
        case yaml.SequenceNode():
            for i, value in enumerate(node.value):
                yield from _refused(source, value, (*path, i))
        case yaml.ScalarNode(tag=tag, value=text) if tag == _INTEGER_TAG:
            if len(text.strip("+-").replace("_", "")) > _MAX_INTEGER_DIGITS:
                yield source.problem(node, path, "is too large a number")


def _problem(
    source: Source, root: yaml.Node | None, error: ErrorDetails, known: frozenset[str]
) -> ConfigProblem:
    loc, message = error["loc"], error["msg"]
    node, path = locate(root, loc)
    match error["type"]:
        case "missing":
            told = "is required; add it"
        case "extra_forbidden":
            close = difflib.get_close_matches(str(loc[-1]), known - {str(loc[-1])}, n=1)
            hint = f"did you mean {close[0]}?" if close else "remove it or correct its name"
            told = f"is not known here; {hint}"
        case _:
            told = message.removeprefix("Value error, ")
    return source.problem(node, path, told)


def locate(
    root: yaml.Node | None, loc: tuple[Part, ...]
) -> tuple[yaml.Node | None, tuple[Part, ...]]:
    """Follow an error's path through the file: the nearest node, and the path as written there.

    Parts that are no key of the file are pydantic's own words (a union's tag, `[key]`); they are
    left out, but for a last one, which is a field that is missing.
    """
    mark, node, path = root, root, list[Part]()
    for i, part in enumerate(loc):
        found = _child(node, part)
        if found is not None:
            mark, node = found
            path.append(part)
        elif i == len(loc) - 1 and part != "[key]":
            path.append(part)
    return mark, tuple(path)


def _child(node: yaml.Node | None, part: Part) -> tuple[yaml.Node, yaml.Node] | None:
    """Return where a child is marked (its key, if it has one) and the child."""
    match node:
        case yaml.MappingNode():
            return next(((k, v) for k, v in node.value if k.value == part), None)
        case yaml.SequenceNode() if isinstance(part, int) and part < len(node.value):
            return node.value[part], node.value[part]
        case _:
            return None


@cache
def _known_fields(model: type[Frozen]) -> frozenset[str]:
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for part in parts for name in part.get("properties", {}))


def dotted(path: Sequence[Part]) -> str:
    """Write a path as people do: `metrics.a.source.labels[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
