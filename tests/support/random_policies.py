"""Random policies, and random things that may be so about a patch, for hypothesis."""

from datetime import timedelta

from hypothesis import strategies as st

from grace.domain import events as ev
from grace.domain.observed import DeploymentFact
from grace.domain.package import MetricObservation
from grace.domain.phase import Outcome, Severity
from grace.domain.policy import AutoMerge, Solo
from grace.domain.rules.language import RepositoryPolicy, Rule
from grace.domain.surroundings import CapaFact, MergeFact
from grace.domain.weakening import Weakening
from support.cases import HEAD, NOW, Matter, case_of, made_good, make_suite, ready
from support.reports import make_finding, make_scan
from support.world import MUST_PASS, sha

ALWAYS = {"weekly": [{}]}
NEVER = {"dates": [{"first": "2020-01-01", "last": "2020-01-02"}]}

SINGLE = st.sampled_from(
    [
        {},
        {"tests": {}},
        {"tests": {"suites": ["unit", "load"]}},
        {"tests": {"must_pass": [MUST_PASS, "gone"]}},
        {"flake_proof": {}},
        {"stress": {"max_p95_ms": 30, "max_regression": 0}},
        {"metric": {"metric_id": "error_rate", "comparator": "<", "target": 5}},
        {"metric": {"metric_id": "unknown", "comparator": ">", "target": 5}},
        {"approvals": {}},
        {"approvals": {"count": 2, "permission": "admin"}},
        {"approvals": {"team": "acme/core", "role": "release", "code_owners": True}},
        {"separation_of_duties": {}},
        {"trust": {"at_least": 0.5}},
        {"trust": {"at_least": 0.9, "or_approval": False}},
        {"memory_scope": {"at_most": "propose"}},
        {"security": {"severity": "low", "tools": ["bandit"]}},
        {"protected_paths": {"paths": ["**/*.py", "?", "a/"]}},
        {"change_size": {"files": 1, "lines": 2}},
        {"freeze": ALWAYS},
        {"freeze": NEVER},
        {"labels": {"all_of": ["tested"], "none_of": ["stop"]}},
        {"attestations": {"artifacts": ["*"], "identity": "https://x*", "issuer": "x"}},
        {"signed_commits": {}},
        {"history": {"kind": "linear"}},
        {"history": {"kind": "merge"}},
        {"deployment": {"environment": "production", "max_age_minutes": 5}},
        {"open_capas": {}},
        {"daily_cap": {"merges": 1, "scope": "repository"}},
        {"red_on_base": {}},
        {"weakened_tests": {"allow": ["test_removed"]}},
        {"tested_tree": {}},
        {"roles": {"any_of": ["developer"]}},
        {"wait": {"minutes": 60}},
    ]
)
REQUIRE = st.recursive(
    st.builds(lambda a, b: {**a, **b}, SINGLE, SINGLE) | SINGLE,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all_of": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"any_of": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries(
            {
                "at_least": st.fixed_dictionaries(
                    {"count": st.integers(1, 3), "of": st.lists(inner, max_size=3)}
                )
            }
        ),
    ),
    max_leaves=6,
)
WHEN = st.recursive(
    st.sampled_from(
        [
            {"severity": ["high"]},
            {"severity": ["low", "critical"]},
            {"subsystem": ["trigger_mesh"]},
            {"environment": ["production"]},
            {"mission_type": ["healing"]},
            {"agent": ["candidate"]},
            {"paths": ["*.py"]},
            {"only_paths": ["docs/"]},
            {"labels": ["tested", "stop"]},
            {"change_over": {"lines": 3}},
            {"trust_below": 0.5},
            {"during": ALWAYS},
        ]
    ),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"all_of": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any_of": st.lists(inner, min_size=1, max_size=3)}),
    ),
    max_leaves=4,
)
RULES = st.lists(st.tuples(st.none() | WHEN, REQUIRE), max_size=4)


def two_names(matter: Matter) -> Matter:
    return matter.reviewed("zoe", number=4).reviewed("adam", number=4)


def red_jobs(matter: Matter) -> Matter:
    return matter.job("unit", "failure").job("a", "failure", run=3).knows(reports={})


def released_twice(matter: Matter) -> Matter:
    at = NOW - timedelta(minutes=3)
    states = {n: {"production": DeploymentFact(state=n, at=at)} for n in ("success", "failure")}
    return matter.knows(deployments={sha(n): states[n] for n in ("success", "failure")})


def measured(matter: Matter) -> Matter:
    times = (NOW - timedelta(minutes=n) for n in range(4))
    values = (1.0, 1e308, None, 3.5)
    samples = tuple(
        MetricObservation(metric_id="error_rate", value=v, at=at, source="x")
        for v, at in zip(values, times, strict=True)
    )
    return matter.knows(samples=samples)


def weak(matter: Matter) -> Matter:
    if matter.read is None:
        return matter
    finding = Weakening(kind="test_skipped", file="t.py", message="skipped")
    return matter.patch(weakenings=(finding,), weakened=3)


def base_run(matter: Matter) -> Matter:
    if not matter.facts.reports:
        return matter
    base = make_suite("unit", (case_of(MUST_PASS, "failed"),), "base")
    return matter.reported(suites=(*matter.report().suites, base))


def scanned(matter: Matter) -> Matter:
    found = make_scan(make_finding(), make_finding(new=False))
    return matter.reported(scans=(found,)).job("hunter") if matter.facts.reports else matter


def flaky(matter: Matter) -> Matter:
    cases = (case_of(MUST_PASS, "passed", "failed"), case_of("x.y", "failed"))
    return matter.unit(*cases) if matter.facts.reports else matter


CAPA = CapaFact(mission="m", subsystem="trigger_mesh", issue=4)
MERGE = MergeFact(mission="m", subsystem="trigger_mesh", basis="trust", at=NOW)
RECORD = tuple(made_good(n) for n in range(1, 25))
CHANGES = [
    two_names,
    red_jobs,
    released_twice,
    measured,
    weak,
    base_run,
    scanned,
    flaky,
    lambda m: m.unread(),
    lambda m: m.alone(),
    lambda m: m.knows(base=None),
    lambda m: m.knows(reports={}),
    lambda m: m.knows(permissions={}),
    lambda m: m.knows(kill_switch=True),
    lambda m: m.knows(capas=(CAPA,), merges=(MERGE,)),
    lambda m: m.knows(attested={HEAD: (ev.AttestedArtifact(name="a", sha256="d" * 64),)}),
    lambda m: m.record(*RECORD),
    lambda m: m.record(*RECORD, made_good(0.5, outcome=Outcome.ROLLED_BACK)),
    lambda m: m.asks(severity=Severity.CRITICAL),
    lambda m: m.asks(severity=Severity.LOW),
    lambda m: m.asks(subsystem_id="gone"),
    lambda m: m.criteria(must_pass_tests=()),
    lambda m: m.ordered(),
    lambda m: m.label("tested").label("stop", by=None),
    lambda m: m.label("Stop", "tara", ev.Permission.TRIAGE, present=False),
    lambda m: m.on(pull=None),
    lambda m: m.on(held="held", muted="rita", strange_authors=1, proposer_ids=frozenset({8, 0})),
    lambda m: m.on(started_by=None, requester=None),
    lambda m: m.tried(pushed_at=None, tree=None, agent="stranger"),
    lambda m: m.governed(solo=Solo(maintainer="alice", wait_minutes=1), shadow=True),
    lambda m: m.governed(auto_merge=AutoMerge(), roles={"release": ("rita",)}),
    lambda m: m.governed(merge_method="squash"),
    lambda m: m.later(days=40),
]


def rules_of(drawn: list[tuple[object, object]]) -> tuple[Rule, ...]:
    return tuple(
        Rule.model_validate({"name": f"rule {n}", "when": when, "require": require})
        for n, (when, require) in enumerate(drawn)
    )


@st.composite
def matters(draw: st.DrawFn) -> Matter:
    """Draw a matter with a policy of its floor and one of its repository."""
    matter = ready()
    for change in draw(st.lists(st.sampled_from(CHANGES), max_size=6)):
        matter = change(matter)
    matter = matter.governed(rules=rules_of(draw(RULES)))
    own = rules_of(draw(RULES))
    if matter.read is not None and own:
        rules = matter.read.rules.model_copy(
            update={"policy": RepositoryPolicy(version=1, rules=own)}
        )
        matter = matter.patch(rules=rules)
    return matter
