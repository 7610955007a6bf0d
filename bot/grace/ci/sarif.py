"""SARIF 2.1.0: reading what any scanner wrote.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, Field, ValidationError

from grace.ci.errors import ResultsInvalid
from grace.ci.findings import About, Level, Raw

MAX_BYTES = 64 * 1024 * 1024
_TEXT = 2000
_CWE = re.compile(r"external/cwe/cwe-0*(\d{1,5})", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,3})?", re.ASCII)


class _Message(BaseModel):
    text: str = ""
    markdown: str = ""


class _Artifact(BaseModel):
    uri: str = ""


class _Region(BaseModel):
    startLine: int = 1  # noqa: N815 - SARIF's name


class _Physical(BaseModel):
    artifactLocation: _Artifact = _Artifact()  # noqa: N815 - SARIF's name
    region: _Region = _Region()


class _Location(BaseModel):
    physicalLocation: _Physical = _Physical()  # noqa: N815 - SARIF's name


class _RuleRef(BaseModel):
    id: str = ""
    index: int = -1


class _Configuration(BaseModel):
    level: Literal["none", "note", "warning", "error"] = "warning"


class _Properties(BaseModel):
    score: object = Field(default=None, alias="security-severity")
    tags: list[str] = Field(default_factory=list)


class _Rule(BaseModel):
    id: str
    properties: _Properties = _Properties()
    shortDescription: _Message = _Message()  # noqa: N815 - SARIF's name
    help: _Message = _Message()
    helpUri: str = ""  # noqa: N815 - SARIF's name
    defaultConfiguration: _Configuration = _Configuration()  # noqa: N815 - SARIF's name


class _Result(BaseModel):
    ruleId: str = ""  # noqa: N815 - SARIF's name
    ruleIndex: int = -1  # noqa: N815 - SARIF's name
    rule: _RuleRef = _RuleRef()
    kind: str = "fail"
    level: Literal["none", "note", "warning", "error"] | None = None
    message: _Message = _Message()
    locations: list[_Location] = Field(default_factory=list)


class _Driver(BaseModel):
    name: str = Field(min_length=1, max_length=100)
    version: str = ""
    rules: list[_Rule] = Field(default_factory=list)


class _Tool(BaseModel):
    driver: _Driver


class _Run(BaseModel):
    tool: _Tool
    results: list[_Result] | None = None


class _Log(BaseModel):
    version: Literal["2.1.0"]
    runs: list[_Run]


def read(data: bytes, root: Path, *, name: str) -> tuple[Raw, ...]:
    """Read a SARIF file about the files below `root`; `name` is what errors call it.

    Results that are no failures, or of level none, are left out, whatever suppresses the others:
    a change cannot silence its own scan.
    """
    if len(data) > MAX_BYTES:
        raise ResultsInvalid(f"{name} has more than {MAX_BYTES} bytes")
    try:
        log = _Log.model_validate_json(data)
    except ValidationError as error:
        raise ResultsInvalid(f"{name} is not SARIF 2.1.0: {error}") from error
    return tuple(raw for run in log.runs for raw in _raws(run, root))


def line_of(root: Path, path: str, line: int) -> str:
    """Return one line of a file below `root`; empty where there is none to read."""
    file = (root / path).resolve()
    if not file.is_relative_to(root.resolve()) or not file.is_file():
        return ""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[line - 1] if 0 < line <= len(lines) else ""


def _raws(run: _Run, root: Path) -> Iterator[Raw]:
    driver = run.tool.driver
    for result in run.results or ():
        index = max(result.ruleIndex, result.rule.index)
        rule = driver.rules[index] if 0 <= index < len(driver.rules) else None
        rule_id = result.ruleId or result.rule.id or (rule.id if rule else "") or "unnamed"
        rule = rule or next((each for each in driver.rules if each.id == rule_id), None)
        level = result.level or (rule.defaultConfiguration.level if rule else "warning")
        if result.kind != "fail" or level == "none":
            continue
        where = result.locations[0].physicalLocation if result.locations else _Physical()
        path, line = _path(where.artifactLocation.uri, root), max(where.region.startLine, 1)
        text = result.message.text or result.message.markdown
        yield Raw(
            tool=driver.name,
            rule=rule_id,
            level=Level(level),
            score=_score(rule.properties.score) if rule else None,
            path=path,
            line=line,
            message=text,
            anchor=line_of(root, path, line) or text,
            about=_about(rule) if rule else About(),
        )


def _about(rule: _Rule) -> About:
    """Return what a rule says of itself; its weakness is a tag, by GitHub's way of writing it."""
    numbers = (_CWE.fullmatch(tag) for tag in rule.properties.tags)
    return About(
        cwe=next((int(found[1]) for found in numbers if found), None),
        title=rule.shortDescription.text[:_TEXT],
        advice=rule.help.text[:_TEXT],
        url=rule.helpUri if rule.helpUri.startswith("https://") else "",
    )


def _score(told: object) -> float | None:
    """Return a rule's `security-severity`: a number as text, by GitHub; None where it is not."""
    return float(told) if isinstance(told, str) and _NUMBER.fullmatch(told) else None


def _path(uri: str, root: Path) -> str:
    """Return the place of a URI below `root`, as scanners write it: relative, absolute, file:."""
    path = unquote(urlsplit(uri).path if uri.startswith("file:") else uri)
    for prefix in (f"{root.resolve()}/", f"{root}/", "./"):
        path = path.removeprefix(prefix)
    return path or "."
