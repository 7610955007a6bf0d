"""Read files of settings into one flat shape: dotted keys, each with the values that it has.

YAML and the configuration modules of JavaScript cannot be parsed here; they are read by their
lines, which suffices to compare two versions of a file.
"""

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from grace.domain.weakened.comments import split
from grace.domain.weakened.places import name_of

Entries = dict[str, tuple[str, ...]]

MAX_SETTINGS: Final = 300_000
_MAX_DEPTH: Final = 40
_TRAILING_COMMA: Final = re.compile(r",(\s*[}\]])")
_YAML_LINE: Final = re.compile(
    r"(?P<dash>(?:-\s+)*)(?:(?P<key>[^\s:#][^:#]*?)\s*:(?:\s+|$))?(?P<value>.*)"
)
_SCRIPT_ENTRY: Final = re.compile(
    r"(?<![@\w./-])(?P<key>[@\w./-]++)['\"]?\s*+[:=]\s*"
    r"(?P<value>\[[^\]\n]*\]|-?\d[\w.]*|true|false|'[^'\n]*'|\"[^\"\n]*\")"
)
_FLOW_PAIR: Final = re.compile(
    r"[{,]\s*['\"]?(?P<key>[\w./-]+)['\"]?\s*:\s*(?P<value>\[[^\]]*\]|[^,{}\[\]]+)"
)
_ITEM: Final = re.compile(r"'[^']*'|\"[^\"]*\"|[^\s,'\"]+")
_INI_LIST: Final = re.compile(r"\s*[,\n]\s*")
_PLAIN_LISTS: Final = frozenset({".eslintignore", ".semgrepignore"})


class UnreadableSettings(Exception):
    """The file is none of its kind."""


def read_settings(path: str, text: str | None) -> Entries:
    """Read a file; None is one without settings. Raises UnreadableSettings."""
    if text is None:
        return {}
    if len(text) > MAX_SETTINGS:
        raise UnreadableSettings("too long")
    try:
        return _collected(_reader(name_of(path))(text.removeprefix("\ufeff")))
    except (ValueError, RecursionError, configparser.Error) as error:
        raise UnreadableSettings(str(error)) from error


def _collected(pairs: Iterator[tuple[str, str | None]]) -> Entries:
    entries: dict[str, list[str]] = {}
    for key, value in pairs:
        values = entries.setdefault(key, [])
        if value is not None:
            values.append(value)
    return {key: tuple(values) for key, values in entries.items()}


def _reader(name: str) -> Callable[[str], Iterator[tuple[str, str | None]]]:
    suffix = name.rpartition(".")[2].lower()
    if name in _PLAIN_LISTS:
        return _ignored
    if suffix == "toml":
        return _toml
    if suffix in {"json", "jsonc"} or name in {".eslintrc", ".secrets.baseline", ".nycrc"}:
        return _json
    if suffix in {"yml", "yaml", "neon", "dist"} or name == ".yamllint":
        return _yaml
    if suffix == "properties":
        return _properties
    if suffix in {"js", "cjs", "mjs", "ts", "cts", "mts", "xml"}:
        return _script
    return _ini


@dataclass(frozen=True, slots=True)
class _Node:
    key: str
    value: Any
    depth: int


def _flat(document: Any) -> Iterator[tuple[str, str | None]]:
    """Yield the leaves of a document; a list gives its key once for every item."""
    waiting = [_Node("", document, 0)]
    while waiting:
        node = waiting.pop()
        match node.value:
            case _ if node.depth > _MAX_DEPTH:
                raise UnreadableSettings("nested too deeply")
            case dict() as table:
                inner = [
                    _Node(f"{node.key}.{k}" if node.key else str(k), v, node.depth + 1)
                    for k, v in table.items()
                ]
                waiting += reversed(inner)
            case list() as items:
                yield node.key, None
                waiting += [_Node(node.key, item, node.depth + 1) for item in reversed(items)]
            case bool() as flag:
                yield node.key, str(flag).lower()
            case value:
                yield node.key, str(value)


def _toml(text: str) -> Iterator[tuple[str, str | None]]:
    return _flat(tomllib.loads(text))


def _json(text: str) -> Iterator[tuple[str, str | None]]:
    try:
        return _flat(json.loads(text))
    except ValueError:
        code = "\n".join(split(text, "json").code)
        return _flat(json.loads(_TRAILING_COMMA.sub(r"\1", code)))


def _ini(text: str) -> Iterator[tuple[str, str | None]]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, default_section="\0")
    try:
        parser.read_string(text)
    except configparser.MissingSectionHeaderError:
        parser.read_string(f"[main]\n{text}")
    for section in parser.sections():
        for key, value in parser.items(section):
            name = f"{section}.{key}"
            yield name, None
            for item in _ini_items(key, value or ""):
                yield name, item


def _ini_items(key: str, value: str) -> Iterator[str]:
    lines = (line.strip() for line in value.split("\n"))
    kept = [line for line in lines if line and not line.startswith(("#", ";"))]
    if key in {"addopts", "commands", "filterwarnings", "command", "args"}:
        yield from kept
    else:
        yield from (item for line in kept for item in _INI_LIST.split(line) if item)


def _properties(text: str) -> Iterator[tuple[str, str | None]]:
    for line in text.split("\n"):
        key, equals, value = line.partition("=")
        if equals and not key.lstrip().startswith(("#", "!")):
            yield key.strip(), None
            for item in _INI_LIST.split(value.strip()):
                yield key.strip(), item


def _ignored(text: str) -> Iterator[tuple[str, str | None]]:
    lines = (line.strip() for line in text.split("\n"))
    return (("ignore", line) for line in lines if line and not line.startswith("#"))


def _yaml(text: str) -> Iterator[tuple[str, str | None]]:
    """Read block YAML by its indentation; flow lists and flow mappings within one line."""
    above: list[tuple[int, str]] = []
    for line in split(text, "yaml").code:
        stripped = line.strip()
        if not stripped or stripped in {"---", "..."}:
            continue
        match = _YAML_LINE.match(stripped)
        dash, key, value = match.group("dash", "key", "value") if match else ("", None, stripped)
        indent = len(line) - len(line.lstrip())
        # An item may stand as far left as the key of its list.
        above = [
            (at, name)
            for at, name in above
            if at < indent or (dash and at == indent and key is None)
        ]
        if key is None:
            yield _dotted(above), _bare(value)
            continue
        above = [
            (at, name) for at, name in above if at < indent + len(dash) and (at < indent or dash)
        ]
        path = _dotted([*above, (0, _bare(key))])
        above.append((indent + len(dash), _bare(key)))
        yield from _yaml_value(path, value)


def _yaml_value(path: str, value: str) -> Iterator[tuple[str, str | None]]:
    if value.startswith("["):
        yield path, None
        yield from ((path, _bare(item)) for item in _ITEM.findall(value.strip("[]")))
    elif value.startswith("{"):
        for pair in _FLOW_PAIR.finditer(value):
            yield from _yaml_value(f"{path}.{_bare(pair['key'])}", pair["value"].strip())
    else:
        yield path, _bare(value) if value and value not in {"|", ">", "|-", ">-"} else None


def _dotted(above: list[tuple[int, str]]) -> str:
    return ".".join(name for _, name in above)


def _bare(value: str) -> str:
    return value.strip().strip("'\"")


def _script(text: str) -> Iterator[tuple[str, str | None]]:
    """Read `key: value` wherever it stands in a line of JavaScript, and `key="value"` in XML."""
    for line in split(text, "js").code:
        for pair in _SCRIPT_ENTRY.finditer(line):
            yield from _yaml_value(pair["key"], pair["value"])
