"""Read a mission from an issue: the form's headings, or a fenced `yaml` or `json` block.

Every error is reported, each with its field. The text is a stranger's: whatever it says is data.
"""

import hashlib
import json
import re
from collections.abc import Callable

import rfc8785
import yaml
from pydantic import ValidationError

from grace.domain.fences import blanked, fences
from grace.domain.mission import FieldError, MissionRef
from grace.domain.package import MissionRequest
from grace.domain.policy import Policy

MAX_BODY = 256 * 1024
MAX_FILED = 60_000  # bytes of a contract in an issue that Grace files; GitHub takes 65,536
EMPTY = {"", "_no response_", "none"}

MAX_LINE = 300
MAX_DEPTH = 30

_HEADING = re.compile(r"^### (.*)$", re.MULTILINE)
_TARGET = re.compile(
    r"^(?P<metric_id>[\w.]+)\s*(?P<comparator><=|>=|==|<|>)\s*(?P<target>[-+]?[\d.]+(?:e[-+]?\d+)?)"
    r"\s*[%\w/]*?(?:\s+over\s+(?P<over>[\d.]+)\s*m(?:in(?:utes?)?)?)?$",
    re.IGNORECASE,
)

Fields = dict[str, object]
Problem = tuple[str, str]


class ContractError(Exception):
    """A contract that does not parse; `errors` lists everything that is wrong with it."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(f"{e.field}: {e.problem}" for e in errors))
        self.errors = errors


def contract_hash(request: MissionRequest) -> str:
    """Hash what is asked for; starting a mission freezes exactly this."""
    canonical = rfc8785.dumps(request.model_dump(mode="json"))
    return "sha256:" + hashlib.sha256(canonical).hexdigest()


def parse(body: str, policy: Policy, ref: MissionRef) -> MissionRequest:
    """Parse an issue body and check it against the catalog and its repository's subsystems.

    Raises `ContractError` with every error by field.
    """
    text = body.replace("\r\n", "\n")
    if len(text.encode()) > MAX_BODY:
        raise _error("body", f"longer than {MAX_BODY // 1024} KiB; attach long logs as links")
    fields, problems = _read(text)
    try:
        request = MissionRequest.model_validate(fields)
    except ValidationError as error:
        problems += _from_pydantic(error, {field for field, _ in problems})
        request = None
    if request is not None:
        problems += check(request, policy, ref)
    else:
        problems += _check_subsystem(fields.get("subsystem_id"), policy, ref)
    if problems or request is None:
        raise ContractError(tuple(FieldError(field=f, problem=p) for f, p in problems))
    return request


def dump(request: MissionRequest) -> str:
    """Write a contract as YAML that `parse` reads again; no text in it can end a code block."""
    fields = request.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=100)
    return text.replace("`" * 3, "'" * 3).replace("~" * 3, "---")


def too_long(request: MissionRequest) -> bool:
    """Tell whether a contract is longer than an issue can hold."""
    return len(dump(request).encode()) > MAX_FILED


def unfit(request: MissionRequest) -> list[Problem]:
    """Find why an issue could not show a contract as it is, which `parse` then reads again."""
    fields = request.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=100)
    problems = []
    if too_long(request):
        limit = f"longer than {MAX_FILED // 1000} kB, which an issue cannot hold"
        problems.append(("body", f"{limit}: put the patch on a branch and name it by ref"))
    if text != dump(request):
        fence = "``` or ~~~ stands in a text, which an issue cannot show unchanged"
        problems.append(("body", f"{fence}: put the patch on a branch and name it by ref"))
    return problems


def check(request: MissionRequest, policy: Policy, ref: MissionRef) -> list[Problem]:
    """Find what is wrong with a well-formed request: unknown names, metrics nobody measures."""
    problems = _check_subsystem(request.subsystem_id, policy, ref)
    for i, target in enumerate(request.acceptance_criteria.metric_targets):
        where = f"acceptance_criteria.metric_targets[{i}].metric_id"
        definition = policy.catalog.metrics.get(target.metric_id)
        if definition is None:
            known = ", ".join(sorted(policy.catalog.metrics)) or "none"
            problems.append((where, f"unknown metric {target.metric_id}; the catalog has: {known}"))
        elif not definition.measurable:
            problems.append(
                (where, f"{target.metric_id} has no source in the metrics catalog: add one there")
            )
    criteria = request.acceptance_criteria
    if not criteria.must_pass_tests and not criteria.metric_targets:
        problems.append(
            (
                "acceptance_criteria",
                "give at least one must-pass test or metric target, or nobody can tell a fix",
            )
        )
    return problems


def _check_subsystem(name: object, policy: Policy, ref: MissionRef) -> list[Problem]:
    known = policy.names_in(ref.host, ref.repository)
    if not isinstance(name, str) or name in known:
        return []
    listed = ", ".join(known) or "none"
    return [("subsystem_id", f"unknown subsystem {name[:80]!r}; this repository has: {listed}")]


def _error(field: str, problem: str) -> ContractError:
    return ContractError((FieldError(field=field, problem=problem),))


def _from_pydantic(error: ValidationError, known: set[str]) -> list[Problem]:
    found: list[Problem] = []
    items = error.errors(include_url=False, include_context=False, include_input=False)
    outer = {item["loc"][:n] for item in items for n in range(len(item["loc"]))}
    for item in items:
        if item["loc"] and item["loc"] in outer:
            continue  # what is wrong inside says it: a list whose items are wrong counts as short
        where = ""
        for part in item["loc"]:
            where += f"[{part}]" if isinstance(part, int) else f".{part}" if where else str(part)
        if not any(where == k or where.startswith((f"{k}.", f"{k}[")) for k in known):
            found.append((where or "body", _plain(item["type"], item["msg"])))
    return found


def _plain(kind: str, message: str) -> str:
    match kind:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a field of a mission; remove it or correct its name"
        case _:
            return message.removeprefix("Value error, ")


def _read(text: str) -> tuple[Fields, list[Problem]]:
    headings = [m for m in _HEADING.finditer(blanked(text)) if m[1].strip()]
    names = {m[1].strip().lower() for m in headings}
    if "subsystem" in names or "severity" in names:
        return _read_form(text, headings)
    for fence in fences(text):
        if fence.language in {"yaml", "yml", "json"}:
            return _load(fence.text, "json" if fence.language == "json" else "yaml", "body")
    raise _error(
        "body",
        "no mission found: fill in the mission form, or put the contract in a fenced "
        "yaml or json block",
    )


def _load(text: str, language: str, field: str) -> tuple[Fields, list[Problem]]:
    value, problems = _load_any(text, language, field)
    if problems:
        raise ContractError(tuple(FieldError(field=f, problem=p) for f, p in problems))
    if not isinstance(value, dict):
        raise _error(field, "must be a mapping of field names to values")
    return {str(k): v for k, v in value.items()}, []


def _load_any(text: str, language: str, field: str) -> tuple[object, list[Problem]]:
    try:
        if language == "json":
            return json.loads(text), []
        unwanted = _unwanted_yaml(text)
        return (None, [(field, unwanted)]) if unwanted else (yaml.safe_load(text), [])
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, [(field, f"not valid YAML at line {line}: {error.problem}")]
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        return None, [(field, f"not valid {language.upper()}: {str(error)[:200]}")]


def _unwanted_yaml(text: str) -> str | None:
    """Say what of YAML a contract may not use: what grows, runs deep, or names a type."""
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        match token:
            case yaml.AliasToken():
                return "YAML aliases are not accepted; write the value out"
            case yaml.TagToken():
                return "YAML tags are not accepted; write the plain value"
            case (
                yaml.BlockSequenceStartToken()
                | yaml.BlockMappingStartToken()
                | yaml.FlowSequenceStartToken()
                | yaml.FlowMappingStartToken()
            ):
                depth += 1
            case yaml.BlockEndToken() | yaml.FlowSequenceEndToken() | yaml.FlowMappingEndToken():
                depth -= 1
        if depth > MAX_DEPTH:
            return f"nested more than {MAX_DEPTH} deep"
    return None


def _read_form(text: str, headings: list[re.Match[str]]) -> tuple[Fields, list[Problem]]:
    sections: dict[str, str] = {}
    problems: list[Problem] = []
    for i, match in enumerate(headings):
        end = headings[i + 1].start() if i + 1 < len(headings) else len(text)
        title = match.group(1).strip().lower()
        if title in sections:
            problems.append((title, "this heading appears twice"))
        sections[title] = text[match.end() : end].strip()
    fields: Fields = {}
    for title, value in sections.items():
        read = _SECTIONS.get(title)
        if read is None:
            problems.append((title, "is not a heading of the mission form"))
        elif value.lower() not in EMPTY:
            problems += read(value, fields)
    fields.setdefault("acceptance_criteria", {})
    return fields, problems


def _nested(fields: Fields, outer: str) -> Fields:
    inner = fields.setdefault(outer, {})
    assert isinstance(inner, dict)  # we made it
    return inner


def _plain_field(name: str) -> Callable[[str, Fields], list[Problem]]:
    def read(value: str, fields: Fields) -> list[Problem]:
        fields[name] = value
        return []

    return read


def _lowered_field(name: str) -> Callable[[str, Fields], list[Problem]]:
    def read(value: str, fields: Fields) -> list[Problem]:
        fields[name] = value.lower()
        return []

    return read


def _symptoms(value: str, fields: Fields) -> list[Problem]:
    found = fences(value)
    loaded, problems = _load_any(found[0].text if found else value, "yaml", "symptoms")
    if not problems:
        fields["symptoms"] = loaded
    return problems


def _lines(value: str) -> list[str]:
    found = fences(value)
    lines = (found[0].text if found else value).splitlines()
    return [s for s in (line.strip().removeprefix("- ").strip("`").strip() for line in lines) if s]


def _must_pass(value: str, fields: Fields) -> list[Problem]:
    _nested(fields, "acceptance_criteria")["must_pass_tests"] = _lines(value)
    return []


def _targets(value: str, fields: Fields) -> list[Problem]:
    targets: list[Fields] = []
    problems: list[Problem] = []
    for i, line in enumerate(_lines(value)):
        match = _TARGET.match(line) if len(line) <= MAX_LINE else None
        if match is None:
            where = f"acceptance_criteria.metric_targets[{i}]"
            problems.append((where, f"{line[:80]!r} is not of the form `metric < 100 over 10m`"))
            continue
        target: Fields = {k: match[k] for k in ("metric_id", "comparator", "target")}
        if match["over"]:
            target["rolling_window_minutes"] = match["over"]
        targets.append(target)
    _nested(fields, "acceptance_criteria")["metric_targets"] = targets
    return problems


def _window(value: str, fields: Fields) -> list[Problem]:
    _nested(fields, "acceptance_criteria")["observation_window_minutes"] = value
    return []


def _candidates(value: str, fields: Fields) -> list[Problem]:
    found: list[Fields] = []
    problems: list[Problem] = []
    for i, fence in enumerate(fences(value)):
        name = re.search(r"name=([^\s]+)", fence.info)
        if not fence.info.startswith("diff"):
            where = f"workspace.patch_candidates[{i}]"
            problems.append((where, "a candidate is a fenced block that opens with ```diff name=…"))
            continue
        found.append({"name": name[1] if name else f"candidate-{i + 1}", "diff": fence.text})
    if not found and not problems:
        problems.append(("workspace.patch_candidates", "put each patch in a fenced diff block"))
    _nested(fields, "workspace")["patch_candidates"] = found
    return problems


def _trust(value: str, fields: Fields) -> list[Problem]:
    _nested(fields, "trust_requirements")["required_trust_score"] = value
    return []


def _approval(value: str, fields: Fields) -> list[Problem]:
    answer = {"yes": True, "no": False}.get(value.lower())
    if answer is None:
        return [("trust_requirements.requires_governance_approval", "must be yes or no")]
    _nested(fields, "trust_requirements")["requires_governance_approval"] = answer
    return []


_SECTIONS: dict[str, Callable[[str, Fields], list[Problem]]] = {
    "subsystem": _plain_field("subsystem_id"),
    "severity": _lowered_field("severity"),
    "mission type": _lowered_field("mission_type"),
    "what is wrong": _plain_field("summary"),
    "symptoms": _symptoms,
    "must-pass tests": _must_pass,
    "metric targets": _targets,
    "observation window (minutes)": _window,
    "patch candidates": _candidates,
    "required trust score": _trust,
    "governance approval": _approval,
}
