"""A workflow that is started by hand: what it takes, and what a run of it is called.

Source: GitHub Docs, "Workflow syntax": `on.workflow_dispatch.inputs`, `run-name`.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

from grace.localforge.runner.document import mapping, strings
from grace.localforge.runner.errors import WorkflowInvalid
from grace.localforge.runs import InputsRefused

EVENT: Final = "workflow_dispatch"
_MAX_TITLE: Final = 400
_EXPRESSION: Final = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_PATH: Final = re.compile(r"(?:inputs|github)(?:\.[A-Za-z_][A-Za-z0-9_-]*)+")


def inputs_of(on: object, given: Mapping[str, object]) -> Mapping[str, str]:
    """Return every declared input as text, its default where it was not given.

    Raises `InputsRefused` in GitHub's words for one that is unknown, missing or of a wrong kind.
    """
    specs = mapping(on, "`on`") if isinstance(on, dict) else {}
    spec = specs.get(EVENT) or {}
    declared = {
        name: mapping(about or {}, f"input `{name}`")
        for name, about in mapping(
            mapping(spec, f"`on.{EVENT}`").get("inputs") or {}, "`inputs`"
        ).items()
    }
    unknown = [name for name in given if name not in declared]
    if unknown:
        raise InputsRefused(f"Unexpected inputs provided: {json.dumps(unknown)}")
    return {name: _value(name, about, given) for name, about in declared.items()}


def title_of(
    name: str, values: Mapping[str, object], event: Mapping[str, object], inputs: Mapping[str, str]
) -> str:
    """Return what `run-name` makes of an event called `name`; empty where there is none.

    Paths into `inputs` and `github` are read and nothing else; one that leads nowhere is empty.
    """
    written = values.get("run-name")
    if not isinstance(written, str):
        return ""
    sender, ref = event.get("sender"), str(event.get("ref") or "")
    github = {
        "event": event,
        "event_name": name,
        "actor": sender.get("login") if isinstance(sender, dict) else "",
        "ref": ref,
        "ref_name": ref.removeprefix("refs/heads/").removeprefix("refs/tags/"),
    }
    contexts = {"inputs": inputs, "github": github}
    title = _EXPRESSION.sub(lambda found: _read(found[1].strip(), contexts), written)
    return " ".join(title.split())[:_MAX_TITLE]


def _value(name: str, about: Mapping[str, object], given: Mapping[str, object]) -> str:
    found = given.get(name)
    if found is None or found == "":
        default = about.get("default")
        if default is None and about.get("required") is True:
            raise InputsRefused(f"Required input '{name}' not provided")
        return _text(default)
    if not isinstance(found, str | int | float):
        raise InputsRefused(f"For 'properties/{name}', {json.dumps(found)} is not a string.")
    text, kind = _text(found), about.get("type", "string")
    allowed = strings(about.get("options"), f"input `{name}`: `options`")
    if kind == "choice" and text not in allowed:
        raise InputsRefused(
            f"Provided value '{text}' for input '{name}' not in the list of allowed values"
        )
    if kind == "boolean" and text not in {"true", "false"}:
        raise InputsRefused(f"Provided value '{text}' for input '{name}' is not a boolean")
    return text


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _read(path: str, contexts: Mapping[str, object]) -> str:
    if not _PATH.fullmatch(path):
        raise WorkflowInvalid(f"`run-name`: only `inputs` and `github` are read here, not `{path}`")
    found: object = contexts
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return "" if isinstance(found, Mapping | list) else _text(found)
