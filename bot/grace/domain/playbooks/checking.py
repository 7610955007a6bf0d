"""What is wrong with a playbook beyond its form: each problem with its field and the way out."""

import difflib
import math
from collections.abc import Iterator, Mapping
from typing import assert_never

from grace.domain.base import Frozen
from grace.domain.playbooks.action import ActionSpec, Param, Risk, Scalar
from grace.domain.playbooks.planning import radius_of, risk_of
from grace.domain.playbooks.playbook import Playbook, Step
from grace.domain.playbooks.specs import ACTIONS

Part = str | int
Place = tuple[Part, ...]
_TYPES = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "flag": "true or false",
}
# Parameters of whatever action that say how long it waits.
_WAITS = ("seconds", "busy_seconds", "wait_seconds")


class PlaybookProblem(Frozen):
    """One thing that is wrong: where in the file, and what, with the way out."""

    place: Place
    problem: str


def problems_of(
    playbook: Playbook, actions: Mapping[str, ActionSpec] = ACTIONS
) -> tuple[PlaybookProblem, ...]:
    """Find all that keeps a playbook from being run."""
    steps: list[tuple[Place, Step]] = [(("healed",), playbook.healed)]
    steps += [(("steps", i), step) for i, step in enumerate(playbook.steps)]
    found: list[PlaybookProblem] = []
    for place, step in steps:
        spec = actions.get(step.action)
        if spec is None:
            found.append(_at(place, "action", _unknown(step.action, actions)))
        else:
            found += _step_problems(playbook, place, step, spec)
    found += _healed_problems(playbook.healed, actions)
    found += _order_problems(playbook, actions)
    return tuple(found)


def given_to(step: Step, spec: ActionSpec) -> dict[str, Scalar]:
    """Return the parameters of a checked step, with the defaults of what it leaves out."""
    defaults = {p.name: p.default for p in spec.params if p.default is not None}
    return defaults | step.with_


def _step_problems(
    playbook: Playbook, place: Place, step: Step, spec: ActionSpec
) -> Iterator[PlaybookProblem]:
    if playbook.target not in spec.kinds:
        kinds = ", ".join(kind.value for kind in spec.kinds)
        told = f"{spec.name} is for {kinds}, and the target is {playbook.target.value}"
        yield _at(place, "action", f"{told}; take an action for {playbook.target.value}")
    yield from _param_problems(place, step, spec)
    yield from _wait_problems(place, step, spec)
    if risk_of(step, spec) is not (step.risk or spec.risk):
        told = f"{spec.name} is {spec.risk.value}, and a step cannot say that it is milder"
        yield _at(place, "risk", f"{told}; remove it, or write a graver one")
    if radius_of(step, spec) is not (step.radius or spec.radius):
        told = f"{spec.name} touches {spec.radius.value}, and a step cannot say that it is less"
        yield _at(place, "radius", f"{told}; remove it, or write more")
    if spec.person and step.person is False:
        told = f"{spec.name} always needs a named person, whatever a playbook says; remove it"
        yield _at(place, "person", told)


def _wait_problems(place: Place, step: Step, spec: ActionSpec) -> Iterator[PlaybookProblem]:
    """Find a step that is ended before it has waited as long as it is to."""
    given = given_to(step, spec)
    for name in _WAITS:
        param, wait = spec.param(name), given.get(name)
        if param is None or wait is None or _misfit(param, wait) is not None:
            continue
        if isinstance(wait, int | float) and wait >= step.timeout_seconds:
            told = f"is ended after {step.timeout_seconds:g} s, and {name} is {wait:g}; write more"
            yield _at(place, "timeout_seconds", told)


def _param_problems(place: Place, step: Step, spec: ActionSpec) -> Iterator[PlaybookProblem]:
    for name, value in step.with_.items():
        param = spec.param(name)
        if param is None:
            known = [p.name for p in spec.params]
            close = difflib.get_close_matches(name, known, n=1)
            listed = ", ".join(known) or "none"
            way = f"did you mean {close[0]}?" if close else f"it takes: {listed}"
            yield _at((*place, "with"), name, f"{spec.name} takes no such parameter; {way}")
        elif (told := _misfit(param, value)) is not None:
            yield _at((*place, "with"), name, told)
    for param in spec.params:
        if param.default is None and param.name not in step.with_:
            told = f"{spec.name} needs {param.name} ({param.words}); add it under `with`"
            yield _at(place, "with", told)


def _misfit(param: Param, value: Scalar) -> str | None:
    """Say why a value does not fit a parameter."""
    if not _is(param, value):
        return f"must be {_TYPES[param.type]}: {param.words}"
    if param.choices and value not in param.choices:
        return f"must be one of {', '.join(param.choices)}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if param.least is not None and value < param.least:
            return f"must be at least {param.least:g}"
        if param.most is not None and value > param.most:
            return f"must be at most {param.most:g}"
    return None


def _is(param: Param, value: Scalar) -> bool:
    match param.type:
        case "text":
            return isinstance(value, str)
        case "flag":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and math.isfinite(value)
            )
        case _ as never:
            assert_never(never)


def _healed_problems(healed: Step, actions: Mapping[str, ActionSpec]) -> Iterator[PlaybookProblem]:
    spec = actions.get(healed.action)
    if spec is not None and (risk_of(healed, spec) is not Risk.READ or spec.proposes):
        told = f"{spec.name} changes something; what tells whether it is healed must only look"
        yield _at(("healed",), "action", told)
    if healed.person or (spec is not None and spec.person):
        yield _at(("healed",), "person", "nobody is asked before it is looked; remove it")
    if healed.when != "always":
        yield _at(("healed",), "when", "it is looked whenever it is needed; remove it")


def _order_problems(
    playbook: Playbook, actions: Mapping[str, ActionSpec]
) -> Iterator[PlaybookProblem]:
    """Find steps that are never reached, and ways out that there are not."""
    by_id = {step.id: (i, step) for i, step in enumerate(playbook.steps)}
    undoes = False
    for i, step in enumerate(playbook.steps):
        place: Place = ("steps", i)
        spec = actions.get(step.action)
        undoes = undoes or (spec is not None and spec.undo)
        if step.on_failure == "undo" and not undoes and spec is not None:
            told = "nothing up to here can be taken back; write `stop`, or leave it out"
            yield _at(place, "on_failure", told)
        if step.after is not None:
            at, before = by_id[step.after]
            if before.then != "continue":
                told = f"never comes: a run ends where {step.after} fails; give that step"
                yield _at(place, "after", f"{told} `on_failure: continue` (steps.{at})")
        if spec is not None and spec.proposes and i < len(playbook.steps) - 1:
            told = f"{spec.name} ends in a pull request, and so must be the last step"
            yield _at(place, "action", told)


def _unknown(name: str, actions: Mapping[str, ActionSpec]) -> str:
    close = difflib.get_close_matches(name, list(actions), n=1)
    way = f"did you mean {close[0]}?" if close else "`grace playbook actions` lists them"
    return f"there is no action {name}; {way}"


def _at(place: Place, field: str, told: str) -> PlaybookProblem:
    return PlaybookProblem(place=(*place, field), problem=told)
