"""What rules name that is nowhere else, and what they ask for that can never hold."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from grace.domain.catalog import Catalog, Subsystems
from grace.domain.policy import Governance
from grace.domain.rules.language import Requirement, Rule, When

# Where in the file, as pydantic names places: keys, and numbers of a list's entries from 0.
Loc: TypeAlias = tuple[str | int, ...]
Problem: TypeAlias = tuple[Loc, str]


def problems(
    rules: Sequence[Rule],
    governance: Governance,
    catalog: Catalog,
    subsystems: Subsystems | None = None,
) -> Sequence[Problem]:
    """List what is wrong with the rules of one file, in its order.

    A place begins with `rules`. Subsystems are looked up where they are given.
    """
    known = None if subsystems is None else frozenset(subsystems.subsystems)
    found: list[Problem] = []
    for i, rule in enumerate(rules):
        place: Loc = ("rules", i)
        if rule.when is not None and known is not None:
            for loc, when in _predicates(rule.when, (*place, "when")):
                found += _unknown_subsystems(when, loc, known)
        for loc, require in _requirements(rule.require, (*place, "require")):
            found += _never(require, loc)
            found += _unknown(require, loc, governance, catalog)
    return found


def _predicates(when: When, loc: Loc) -> Iterator[tuple[Loc, When]]:
    yield loc, when
    for key, inside in (("all_of", when.all_of), ("any_of", when.any_of)):
        for i, each in enumerate(inside or ()):
            yield from _predicates(each, (*loc, key, i))
    if when.not_ is not None:
        yield from _predicates(when.not_, (*loc, "not"))


def _requirements(require: Requirement, loc: Loc) -> Iterator[tuple[Loc, Requirement]]:
    yield loc, require
    parts = [("all_of",), ("any_of",), ("at_least", "of")]
    at_least = require.at_least.of if require.at_least is not None else ()
    for keys, inside in zip(parts, (require.all_of, require.any_of, at_least), strict=True):
        for i, each in enumerate(inside or ()):
            yield from _requirements(each, (*loc, *keys, i))


def _unknown_subsystems(when: When, loc: Loc, known: frozenset[str]) -> Iterator[Problem]:
    for i, name in enumerate(when.subsystem or ()):
        if name not in known:
            yield (*loc, "subsystem", i), _no(name, "subsystem of subsystems.yaml", known)


def _never(require: Requirement, loc: Loc) -> Iterator[Problem]:
    """Find what no change can ever satisfy."""
    if all(value is None for _, value in require):
        yield loc, "asks for nothing, and so never holds; name what must hold"
    for key, inside in (("all_of", require.all_of), ("any_of", require.any_of)):
        if inside == ():
            yield (*loc, key), "is empty, and so never holds; name what must hold"
    if require.at_least is not None:
        count, listed = require.at_least.count, len(require.at_least.of)
        if count > listed:
            told = f"asks for {count} of {listed}, and so never holds; lower count or add to of"
            yield (*loc, "at_least", "count"), told
    if require.labels is not None:
        for i, label in enumerate(require.labels.none_of):
            if label in require.labels.all_of:
                told = f"{label} is in all_of too, and so it never holds; take it out of one"
                yield (*loc, "labels", "none_of", i), told


def _unknown(
    require: Requirement, loc: Loc, governance: Governance, catalog: Catalog
) -> Iterator[Problem]:
    """Find names that stand for nothing in the bot's configuration."""
    if require.metric is not None:
        told = _unmeasured(require.metric.metric_id, catalog)
        if told is not None:
            yield (*loc, "metric", "metric_id"), told
    if require.tests is not None:
        suites = governance.tests.suites
        for i, suite in enumerate(require.tests.suites):
            if suite not in suites:
                told = _no(suite, "suite of tests.suites in governance.yaml", suites)
                yield (*loc, "tests", "suites", i), told
    if require.roles is not None:
        roles = frozenset(governance.agent_roles.values())
        for i, role in enumerate(require.roles.any_of):
            if role not in roles:
                told = _no(role, "role of agent_roles in governance.yaml", roles)
                yield (*loc, "roles", "any_of", i), told
    if require.approvals is not None and require.approvals.role is not None:
        role, count = require.approvals.role, require.approvals.count
        people = governance.roles.get(role)
        if people is None:
            told = _no(role, "role of roles in governance.yaml", governance.roles)
            yield (*loc, "approvals", "role"), told
        elif (listed := len({login.lower() for login in people})) < count:
            told = f"asks for {count} of the {listed} people in {role}, and so never holds"
            yield (*loc, "approvals", "count" if count > 1 else "role"), told


def _unmeasured(metric_id: str, catalog: Catalog) -> str | None:
    definition = catalog.metrics.get(metric_id)
    if definition is None:
        return f"{metric_id} is not in the metrics catalog; add it there"
    if definition.source is None:
        return f"{metric_id} has no source for live samples in the catalog; add one there"
    return None


def _no(name: str, what: str, known: Iterable[str]) -> str:
    """Say that a name is none of those, and which one may have been meant."""
    listed = sorted(known)
    close = difflib.get_close_matches(name, listed, n=1)
    if close:
        return f"{name} is no {what}; did you mean {close[0]}?"
    return f"{name} is no {what}; there is {', '.join(listed[:10]) or 'none'}"
