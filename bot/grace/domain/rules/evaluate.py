"""Evaluate a policy: all rules of the floor and the repository, into one tree. Pure, total."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from grace.domain.rules import code, people, standing, testing
from grace.domain.rules.case import Case
from grace.domain.rules.controls import controls_of
from grace.domain.rules.language import Requirement, Rule
from grace.domain.rules.predicates import applies, told
from grace.domain.verdict import Condition, Result, all_of, any_of, at_least, evidence_of, leaf

FLOOR = "floor"
REPOSITORY = "repository"
A_DAY = timedelta(days=1)
LOOK_AGAIN = timedelta(minutes=5)  # at rules that apply at some times only

Judge = Callable[[Any, Case], Condition]


def _alone(judge: Callable[[Case], Condition]) -> Judge:
    """Make a judge of a condition that has nothing to be set."""
    return lambda _wanted, case: judge(case)


# One row for each kind of condition, by its key in the language.
JUDGES: dict[str, Judge] = {
    "tests": testing.tests,
    "flake_proof": testing.flake_proof,
    "stress": testing.stress,
    "red_on_base": _alone(testing.red_on_base),
    "tested_tree": _alone(testing.tested_tree),
    "approvals": people.approvals,
    "separation_of_duties": people.separation_of_duties,
    "labels": people.labels,
    "protected_paths": code.protected_paths,
    "change_size": code.change_size,
    "weakened_tests": code.weakened_tests,
    "security": code.security,
    "signed_commits": _alone(code.signed_commits),
    "history": code.history,
    "attestations": code.attestations,
    "freeze": standing.freeze,
    "wait": standing.wait,
    "metric": standing.metric,
    "deployment": standing.deployment,
    "open_capas": standing.open_capas,
    "daily_cap": standing.daily_cap,
    "trust": standing.trust,
    "roles": standing.roles,
    "memory_scope": standing.memory_scope,
}


def policy_gates(case: Case) -> tuple[Condition, ...]:
    """Judge the rules in force: those of the floor, and those that the repository adds."""
    return (*_floor(case), *_repository(case))


def _floor(case: Case) -> Iterator[Condition]:
    rules = case.governance.rules
    if rules:
        yield all_of(FLOOR, tuple(judge_rule(rule, case) for rule in rules))


def _repository(case: Case) -> Iterator[Condition]:
    """Judge the repository's own file as it is at the base: missing, broken, or rules."""
    read = case.inspection
    if read is None:
        reason = "the repository's policy at the base is being read"
        yield leaf(REPOSITORY, Result.PENDING, reason, "Grace")
        return
    if read.rules.problems:
        told = "; ".join(read.rules.problems[:3])
        more = len(read.rules.problems) - 3
        words = f"the policy at the base cannot be used: {told}"
        words += f"; and {more} more" if more > 0 else ""
        yield leaf(REPOSITORY, Result.FAIL, words, "a maintainer, on the base branch")
    elif read.rules.policy is not None and read.rules.policy.rules:
        rules = read.rules.policy.rules
        yield all_of(REPOSITORY, tuple(judge_rule(rule, case) for rule in rules))


def judge_rule(rule: Rule, case: Case) -> Condition:
    """Judge one rule: skipped where its `when:` is certainly false, else what it requires."""
    if rule.when is not None and applies(rule.when, case) is False:
        return leaf(rule.name, Result.SKIPPED, f"applies only when {told(rule.when)}")
    return judge(rule.require, case, rule.name)


def judge(wanted: Requirement, case: Case, name: str) -> Condition:
    """Judge a requirement; several keys must all hold, and none at all fails."""
    children = tuple(_children(wanted, case))
    if len(children) == 1 and children[0].mode != "leaf":
        return children[0].model_copy(update={"name": name})
    return all_of(name, children)


def _children(wanted: Requirement, case: Case) -> Iterator[Condition]:
    if wanted.all_of is not None:
        yield all_of("all of", tuple(_each(wanted.all_of, case)))
    if wanted.any_of is not None:
        yield any_of("any of", tuple(_each(wanted.any_of, case)))
    if wanted.at_least is not None:
        need = wanted.at_least.count
        yield at_least(f"at least {need}", need, tuple(_each(wanted.at_least.of, case)))
    for kind, decide in JUDGES.items():
        condition = getattr(wanted, kind)
        if condition is not None:
            yield evidence_of(decide(condition, case), controls_of(kind))


def _each(wanted: tuple[Requirement, ...], case: Case) -> Iterator[Condition]:
    """Judge alternatives; one with a single condition is that condition."""
    for each in wanted:
        children = tuple(_children(each, case))
        yield children[0] if len(children) == 1 else all_of("all of", children)


def in_force(case: Case) -> tuple[Rule, ...]:
    """List the rules that apply, or may apply, to a case."""
    rules = case.rules
    return tuple(r for r in rules if r.when is None or applies(r.when, case) is not False)


def wanted_of(case: Case) -> Iterator[Requirement]:
    """Go through all requirements of the rules that apply."""
    for rule in in_force(case):
        yield from rule.require.walk()


def ruled_by_clock(case: Case) -> bool:
    """Tell whether a time that comes, and nothing else, may change what the rules say."""
    return any(
        (rule.when is not None and any(w.during is not None for w in rule.when.walk()))
        or any(wanted.freeze is not None for wanted in rule.require.walk())
        for rule in case.rules
    )


def wakes(case: Case) -> Iterator[datetime]:
    """Say when time alone may change the verdict: freezes, waits and caps end."""
    for wanted in wanted_of(case):
        if wanted.freeze is not None and wanted.freeze.holds(case.now):
            ends = wanted.freeze.ends(case.now)
            yield ends if ends is not None else case.now + A_DAY
        if wanted.wait is not None:
            ready = standing.ready_at(wanted.wait, case)
            if ready is not None and ready > case.now:
                yield ready
        if wanted.daily_cap is not None:
            counted = standing.merges_counted(wanted.daily_cap, case)
            if len(counted) >= wanted.daily_cap.merges:
                yield min(m.at for m in counted) + A_DAY
    if any(w.during is not None for rule in case.rules if rule.when for w in rule.when.walk()):
        yield case.now + LOOK_AGAIN
