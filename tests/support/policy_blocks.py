"""The blocks about the policy language, written from its models."""

import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from grace.domain import trust
from grace.domain.policy import AutoMerge, Emergency, Governance, Rollback, Solo
from grace.domain.rules.calendar import Calendar, Dates, Weekly
from grace.domain.rules.controls import CONTROLS
from grace.domain.rules.evaluate import JUDGES
from grace.domain.rules.language import Requirement, When
from grace.domain.trust import Weight
from grace.domain.weakening import WeakeningKind

# What a predicate is about, and when it is not known.
PREDICATES = {
    "all_of": ("all of these predicates are true", "one is unknown and none false"),
    "any_of": ("one of these predicates is true", "one is unknown and none true"),
    "not": ("this predicate is false", "it is unknown"),
    "severity": ("the contract's severity is one of these", "never"),
    "subsystem": ("the contract's subsystem is one of these", "never"),
    "environment": (
        "the subsystem's `environment` in subsystems.yaml is one of these",
        "the subsystem is no longer configured",
    ),
    "mission_type": ("the contract's type is one of these", "never"),
    "agent": ("the patch is by one of these agents; `candidate` came with the issue", "never"),
    "paths": ("some changed path matches one of these globs", "the patch was not read yet"),
    "only_paths": ("every changed path matches one of these", "the patch was not read yet"),
    "labels": (
        "the pull request has one of these labels",
        "the last to put it on or off may not write, or there is no pull request yet",
    ),
    "change_over": (
        "the change is larger than `files`, or than `lines` added and removed",
        "the patch was not read yet",
    ),
    "trust_below": ("the agent's score in this subsystem is lower", "never"),
    "during": ("now is in this calendar", "never"),
}
FREEZE = "No time of this calendar holds now."
GATES = {
    "tests": "the suites of governance.yaml passed, and each must-pass test was found and passed",
    "stress": "the load test is within its bounds, and not worse than the base's",
    "metrics": "the mission's targets hold in the load test",
    "approvals": "enough people approve this very patch, or what may stand in for them",
    "roles": "the patch's agent has a role that the mission allows",
    "merge readiness": "the forge can merge exactly this head, and no brake is on",
}
MEANINGS = {
    WeakeningKind.TEST_REMOVED: "a test is gone, or is not collected any more",
    WeakeningKind.TEST_SKIPPED: "a test is skipped where it was not",
    WeakeningKind.EXPECTED_FAILURE: "a test is expected to fail",
    WeakeningKind.ASSERTION_REMOVED: "a test asserts less, or swallows what it asserts",
    WeakeningKind.THRESHOLD_LOWERED: "a number that a check holds to is easier to reach",
    WeakeningKind.CHECK_RELAXED: "a linter, type checker, coverage or command demands less",
    WeakeningKind.WORKFLOW_EDITED: "a file of CI is edited",
    WeakeningKind.POLICY_EDITED: "rules, waivers, owners or Grace's configuration are edited",
    WeakeningKind.UNREADABLE: "a test or settings file cannot be read",
}


def _table(*rows: tuple[str, ...]) -> str:
    head, *body = rows
    lines = [head, tuple("---" for _ in head), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _inside(annotation: Any) -> Any:
    """Return the model, or other type, of an optional or annotated one."""
    if get_origin(annotation) in {Union, types.UnionType}:
        (inner,) = [a for a in get_args(annotation) if a is not type(None)]
        return _inside(inner)
    return annotation


def _first(model: type[BaseModel]) -> str:
    """Return the first line of a docstring."""
    return (model.__doc__ or "").strip().partition("\n")[0]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return f"`{_written(value)}`"


def _written(value: object) -> str:
    """Write a default as YAML has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(_written(v) for v in value)}]"
    if isinstance(value, float):
        return f"{value:g}"
    return "{}" if value == {} else str(value)


def _settings(model: type[BaseModel]) -> str:
    fields = [(f.alias or name, _default(f)) for name, f in model.model_fields.items()]
    return ", ".join(f"`{name}` ({default})" for name, default in fields) or "none"


def predicates() -> str:
    rows = [(f"`{key}`", true, unknown) for key, (true, unknown) in PREDICATES.items()]
    return _table(("key", "true where", "unknown where"), *rows)


def conditions() -> str:
    rows = []
    for key in sorted(JUDGES):
        model = _inside(Requirement.model_fields[key].annotation)
        told = FREEZE if model is Calendar else _first(model)
        settings = "a [calendar](#calendars)" if model is Calendar else _settings(model)
        rows.append((f"`{key}`", told, settings, ", ".join(CONTROLS[key])))
    return _table(("condition", "holds where", "keys (default)", "controls"), *rows)


def gates() -> str:
    rows = [(name, told, ", ".join(CONTROLS[name])) for name, told in GATES.items()]
    return _table(("gate", "passes where", "controls"), *rows)


def calendars() -> str:
    rows = [
        (name, _first(model), _settings(model))
        for name, model in (
            ("a calendar", Calendar),
            ("of `weekly`", Weekly),
            ("of `dates`", Dates),
        )
    ]
    return _table(("part", "what it is", "keys (default)"), *rows)


def governance() -> str:
    """List the keys of governance.yaml that are of rules and brakes."""
    parts = {"auto_merge": AutoMerge, "solo": Solo, "emergency": Emergency, "rollback": Rollback}
    rows = []
    for key, field in Governance.model_fields.items():
        if key in parts:
            rows.append((f"`{key}`", _first(parts[key]), _settings(parts[key])))
        elif key in {"rules", "roles", "agent_operators", "shadow"}:
            rows.append((f"`{key}`", KEYS[key], "" if key == "rules" else _default(field)))
    return _table(("key", "what it is", "keys (default)"), *rows)


KEYS = {
    "rules": "the floor: rules that hold in every repository",
    "roles": "logins by role, for `approvals: {role: ...}`",
    "agent_operators": "logins by agent: who runs it, and so may not approve its work",
    "shadow": "everything is decided and shown, and nothing is merged",
}


def weakenings() -> str:
    rows = [(f"`{kind.value}`", MEANINGS[kind]) for kind in WeakeningKind]
    return _table(("kind", "what it is"), *rows)


def weights() -> str:
    return "\n".join(f"- {line}" for line in _weights())


def _weights() -> Iterator[str]:
    rest, half = trust.REST.days, trust.HALF_LIFE.days
    yield f"z = {trust.Z:g}: the lower end of an interval of 95 %"
    yield f"the newest outcome weighs {trust.ALPHA:g} of the average"
    yield f"at most {trust.MAX_A_DAY} missions a day raise a score"
    yield f"after {rest} days without news the score halves every {half} days"
    yield "what one mission does: " + "; ".join(w.value for w in Weight if w is not Weight.NONE)


POLICY_BLOCKS = {
    "policy-when": predicates,
    "policy-conditions": conditions,
    "policy-gates": gates,
    "policy-calendars": calendars,
    "policy-governance": governance,
    "policy-weakenings": weakenings,
    "trust-figures": weights,
}


def when_keys() -> list[str]:
    """List the keys of a predicate as a file writes them."""
    return [field.alias or name for name, field in When.model_fields.items()]
