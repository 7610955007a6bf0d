"""Severity against gate: what is needed, skipped, or depends on more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.domain.evidence import evidence_of
from grace.domain.phase import Severity
from grace.domain.policy import AutoMerge, Governance, Solo, Stress
from grace.domain.rules.case import Case
from grace.domain.rules.evaluate import judge_rule
from grace.domain.rules.language import (
    Approvals,
    AtLeast,
    ChangeSize,
    RepositoryPolicy,
    Requirement,
    Rule,
    SeparationOfDuties,
    When,
)
from grace.domain.rules.matrix import Cell, applies_at, approvals_of, matrix
from grace.domain.rules.predicates import applies
from grace.domain.verdict import Result
from support.world import World, issue_body

CRITICAL, HIGH, MEDIUM, LOW = Severity
SIZE = Requirement(change_size=ChangeSize(files=1))


def people(count: int) -> Requirement:
    return Requirement(approvals=Approvals(count=count))


def when(**fields: object) -> When:
    return When.model_validate(fields)


@pytest.mark.parametrize(
    ("predicate", "high", "low"),
    [
        (when(severity=["high"]), True, False),
        (when(severity=["high"], paths=["a"]), None, False),
        (when(paths=["a"]), None, None),
        (when(trust_below=0.5), None, None),
        (when(**{"not": {"severity": ["high"]}}), False, True),
        (when(**{"not": {"labels": ["a"]}}), None, None),
        (when(any_of=[{"severity": ["high"]}, {"labels": ["a"]}]), True, None),
        (when(all_of=[{"severity": ["high"]}, {"labels": ["a"]}]), None, False),
        (when(any_of=[{"severity": ["high"]}], severity=["low"]), False, False),
    ],
)
def test_a_predicate_of_which_only_the_severity_is_known(predicate, high, low):
    assert (applies_at(predicate, HIGH), applies_at(predicate, LOW)) == (high, low)


def test_every_other_key_of_a_predicate_leaves_it_unknown():
    given = {
        "subsystem": ["a"],
        "environment": ["a"],
        "mission_type": ["coding"],
        "agent": ["a"],
        "paths": ["a"],
        "only_paths": ["a"],
        "labels": ["a"],
        "change_over": {"files": 1},
        "trust_below": 0.5,
        "during": {"weekly": [{}]},
    }
    assert set(given) == set(When.model_fields) - {"all_of", "any_of", "not_", "severity"}
    assert all(applies_at(when(**{k: v}), HIGH) is None for k, v in given.items())


@pytest.mark.parametrize(
    ("wanted", "critical", "low"),
    [
        (SIZE, 0, 0),
        (people(2), 2, 2),
        (Requirement(separation_of_duties=SeparationOfDuties(critical_approvers=3)), 3, 0),
        (Requirement(all_of=(people(2), people(1), SIZE)), 2, 2),
        (Requirement(any_of=(people(2), people(3))), 2, 2),
        (Requirement(any_of=(people(2), SIZE)), 0, 0),
        (Requirement(any_of=()), 0, 0),
        (Requirement(at_least=AtLeast(count=2, of=(SIZE, people(1), people(4)))), 1, 1),
        (Requirement(at_least=AtLeast(count=2, of=(people(1),))), 0, 0),
    ],
)
def test_the_approvals_without_which_a_requirement_cannot_hold(wanted, critical, low):
    assert (approvals_of(wanted, CRITICAL), approvals_of(wanted, LOW)) == (critical, low)


def test_gates_rules_of_the_floor_and_of_the_repository_stand_in_their_order():
    floor = Rule(name="f", when=when(severity=["critical", "high"]), require=people(2))
    own = Rule(name="r", when=when(paths=["a"]), require=people(1))
    rows = matrix(Governance(rules=(floor,)), RepositoryPolicy(version=1, rules=(own,)))
    core = ["tests", "stress", "metrics", "approvals", "roles", "merge readiness"]
    assert [r.name for r in rows] == [*core, "f", "r"]
    assert [r.origin for r in rows] == ["gate"] * 6 + ["floor", "repository"]
    told = {r.name: [r.cells[s].told() for s in Severity] for r in rows}
    assert told["f"] == ["2 approvals", "2 approvals", "skipped", "skipped"]
    assert told["r"] == ["maybe 1 approval"] * 4
    assert told["tests"] == told["stress"] == ["needed"] * 4
    assert told["metrics"] == ["maybe"] * 4
    assert rows[6].when == "severity critical or high"
    assert len(matrix(Governance(rules=()))) == len(core)


def test_what_may_stand_in_for_approvals_is_told_where_it_may():
    rules = Governance.model_validate(
        {
            "approvals": {"critical": 2, "high": 1, "medium": 1, "low": 1},
            "auto_merge": AutoMerge(severities=(LOW,), min_trust=0.8),
            "solo": Solo(maintainer="ada", wait_minutes=45, severities=(LOW, HIGH)),
        }
    )
    row = next(r for r in matrix(rules) if r.name == "approvals")
    assert [row.cells[s].told() for s in Severity] == [
        "2 approvals or an emergency's order",
        "1 approval or 45 min for ada",
        "1 approval",
        "1 approval or trust of 0.8 or 45 min for ada",
    ]


@pytest.mark.parametrize("lane", [{"enabled": False}, {"waives": ["time"]}])
def test_a_lane_that_waives_no_approval_stands_in_for_none(lane):
    row = next(
        r for r in matrix(Governance.model_validate({"emergency": lane})) if r.name == "approvals"
    )
    assert row.cells[CRITICAL].told() == "2 approvals"


def test_no_approval_is_a_maybe_since_a_mission_may_ask_for_one():
    rules = Governance.model_validate({"approvals": {"low": 0}, "stress": Stress(required=False)})
    rows = {r.name: r for r in matrix(rules)}
    assert rows["approvals"].cells[LOW] == Cell(need="maybe", approvals=1)
    assert rows["stress"].cells[LOW].told() == "skipped"


LEAVES = st.one_of(
    st.builds(lambda s: {"severity": s}, st.lists(st.sampled_from([*Severity]), min_size=1)),
    st.sampled_from(
        [
            {"paths": ["**"]},
            {"only_paths": ["docs/**"]},
            {"labels": ["urgent"]},
            {"agent": ["candidate"]},
            {"subsystem": ["elsewhere"]},
            {"trust_below": 0.5},
            {"change_over": {"files": 0}},
            {"during": {"dates": [{"first": "2026-11-22", "last": "2026-11-22"}]}},
        ]
    ),
)
PREDICATES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda w: {"not": w}, inner),
        st.builds(lambda w: {"all_of": w}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda w: {"any_of": w}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda a, b: {**a, **b}, inner, inner),
    ),
    max_leaves=8,
).map(When.model_validate)


def cases() -> dict[Severity, Case]:
    """Make a mission of each severity whose patch is read and tested."""
    found = {}
    for severity in Severity:
        world = World().file(issue_body().replace("high", severity.value)).ci()
        evidence = evidence_of(world.mission, world.facts, world.policy, world.now)
        found[severity] = evidence.case(world.policy)
    return found


@pytest.fixture(scope="module")
def known() -> dict[Severity, Case]:
    return cases()


@given(predicate=PREDICATES, severity=st.sampled_from(Severity))
def test_what_is_certain_of_a_severity_is_so_in_each_of_its_missions(known, predicate, severity):
    certain = applies_at(predicate, severity)
    if certain is not None:
        assert applies(predicate, known[severity]) is certain
    skipped = judge_rule(Rule(name="r", when=predicate, require=SIZE), known[severity])
    row = matrix(Governance(rules=(Rule(name="r", when=predicate, require=SIZE),)))[-1]
    if row.cells[severity].need == "skipped":
        assert skipped.result is Result.SKIPPED
    if row.cells[severity].need == "needed":
        assert skipped.result is not Result.SKIPPED
