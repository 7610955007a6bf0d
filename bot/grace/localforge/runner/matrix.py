"""The legs of a job's matrix, as far as they can be known before the run."""

import itertools
import re
from collections.abc import Mapping, Sequence

from grace.localforge.runner.document import mapping
from grace.localforge.runner.errors import WorkflowInvalid

Leg = Mapping[str, object]
MAX_LEGS = 256
_EXPRESSION = re.compile(r"\$\{\{\s*matrix\.([\w-]+)\s*\}\}")


def expand(strategy: object) -> tuple[Leg, ...]:
    """Return the legs of a `strategy`; one empty leg where there is none or it is an expression.

    `include` extends the legs it does not contradict and otherwise adds one; `exclude` takes
    away every leg that has all of its values.
    """
    if not isinstance(strategy, dict) or not isinstance(strategy.get("matrix"), dict):
        return ({},)
    matrix = dict(mapping(strategy["matrix"], "`strategy.matrix`"))
    include, exclude = matrix.pop("include", []), matrix.pop("exclude", [])
    lists = [*matrix.values(), include, exclude]
    if any(isinstance(item, str) and "${{" in item for item in lists):
        return ({},)
    if not all(isinstance(item, list) for item in lists):
        raise WorkflowInvalid("every value of `strategy.matrix` must be a list")
    legs = [dict(zip(matrix, values, strict=True)) for values in _product(matrix)]
    legs = [leg for leg in legs if not any(_has(leg, rule) for rule in _entries(exclude))]
    legs = _included(legs, set(matrix), _entries(include))
    if len(legs) > MAX_LEGS:
        raise WorkflowInvalid(f"a matrix has {len(legs)} legs; at most {MAX_LEGS} are allowed")
    return tuple(legs) or ({},)


def label(leg: Leg) -> str:
    """Render a leg's values as GitHub shows them behind a job's name."""
    return ", ".join(_shown(value) for value in leg.values())


def job_name(name: object, job: str, leg: Leg) -> str:
    """Return the name of a job's check run; other expressions than `matrix.x` are left out."""
    if not isinstance(name, str) or not name:
        return f"{job} ({label(leg)})" if leg else job
    shown = _EXPRESSION.sub(lambda match: _shown(leg.get(match[1], "")), name)
    return job if "${{" in shown else shown


def _product(matrix: Mapping[str, object]) -> list[tuple[object, ...]]:
    if not matrix:
        return []
    axes = [axis for axis in matrix.values() if isinstance(axis, list)]
    return list(itertools.islice(itertools.product(*axes), MAX_LEGS + 1))


def _entries(value: object) -> Sequence[Leg]:
    items = value if isinstance(value, list) else []
    return [mapping(item, "an entry of `include` or `exclude`") for item in items]


def _has(leg: Leg, rule: Leg) -> bool:
    return all(key in leg and leg[key] == value for key, value in rule.items())


def _included(
    legs: list[dict[str, object]], axes: set[str], include: Sequence[Leg]
) -> list[dict[str, object]]:
    original = list(legs)
    result = list(legs)
    for entry in include:
        fixed = {key: value for key, value in entry.items() if key in axes}
        extended = [leg for leg in original if _has(leg, fixed)]
        for leg in extended:
            leg.update(entry)
        if not extended:
            result.append(dict(entry))
    return result


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
