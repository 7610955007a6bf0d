"""Rules that name what is nowhere, or ask for what can never hold, are told with their place."""

import pytest

from grace.domain.catalog import Catalog, Subsystems
from grace.domain.policy import Governance
from grace.domain.rules.language import RepositoryPolicy
from grace.domain.rules.references import problems

GOVERNANCE = Governance.model_validate(
    {
        "roles": {"release": ["ada", "Ada", "rex"], "nobody": []},
        "agent_roles": {"candidate": "developer", "codex": "junior"},
    }
)
CATALOG = Catalog.model_validate(
    {
        "metrics": {
            "up": {
                "target": 1,
                "comparator": ">=",
                "unit": "",
                "source": {"kind": "prometheus", "url": "http://p", "query": "up"},
            },
            "stressed": {"target": 1, "comparator": "<", "unit": "ms", "stress": "p95_ms"},
        }
    }
)
SUBSYSTEMS = Subsystems.model_validate(
    {"subsystems": {"mesh": {"host": "github.com", "repository": "a/b"}}}
)


def found(rule: object, subsystems: Subsystems | None = SUBSYSTEMS) -> dict[str, str]:
    """List problems of one rule by place, as people write it."""
    policy = RepositoryPolicy.model_validate({"version": 1, "rules": [{"name": "r"} | rule]})
    listed = problems(policy.rules, GOVERNANCE, CATALOG, subsystems)
    return {".".join(str(part) for part in loc): told for loc, told in listed}


def requiring(require: object) -> dict[str, str]:
    return {
        place.removeprefix("rules.0.require").removeprefix("."): told
        for place, told in found({"require": require}).items()
    }


def metric(metric_id: str) -> object:
    return {"metric": {"metric_id": metric_id, "comparator": "<", "target": 1}}


def test_what_the_configuration_knows_is_no_problem():
    require = {
        "all_of": [{"tests": {"suites": ["unit"]}}, metric("up")],
        "any_of": [{"approvals": {"role": "release", "count": 2}}, {"approvals": {"count": 9}}],
        "at_least": {"count": 1, "of": [{"roles": {"any_of": ["junior", "developer"]}}]},
        "labels": {"all_of": ["a"], "none_of": ["b"]},
    }
    when = {"not": {"subsystem": ["mesh"]}, "any_of": [{"agent": ["a"]}]}
    assert found({"require": require, "when": when}) == {}


@pytest.mark.parametrize(
    ("require", "expected"),
    [
        (metric("upp"), {"metric.metric_id": "upp is not in the metrics catalog; add it there"}),
        (
            metric("stressed"),
            {
                "metric.metric_id": "stressed has no source for live samples in the catalog; "
                "add one there"
            },
        ),
        (
            {"tests": {"suites": ["unit", "units"]}},
            {
                "tests.suites.1": "units is no suite of tests.suites in governance.yaml; "
                "did you mean unit?"
            },
        ),
        (
            {"roles": {"any_of": ["wizard"]}},
            {
                "roles.any_of.0": "wizard is no role of agent_roles in governance.yaml; "
                "there is developer, junior"
            },
        ),
        (
            {"approvals": {"role": "releases"}},
            {
                "approvals.role": "releases is no role of roles in governance.yaml; "
                "did you mean release?"
            },
        ),
        (
            {"approvals": {"role": "release", "count": 3}},
            {"approvals.count": "asks for 3 of the 2 people in release, and so never holds"},
        ),
        (
            {"approvals": {"role": "nobody"}},
            {"approvals.role": "asks for 1 of the 0 people in nobody, and so never holds"},
        ),
        ({}, {"": "asks for nothing, and so never holds; name what must hold"}),
        ({"tests": None}, {"": "asks for nothing, and so never holds; name what must hold"}),
        ({"all_of": []}, {"all_of": "is empty, and so never holds; name what must hold"}),
        ({"any_of": []}, {"any_of": "is empty, and so never holds; name what must hold"}),
        (
            {"at_least": {"count": 2, "of": [{"wait": {"minutes": 1}}]}},
            {"at_least.count": "asks for 2 of 1, and so never holds; lower count or add to of"},
        ),
        (
            {"labels": {"all_of": ["a", "b"], "none_of": ["c", "b"]}},
            {"labels.none_of.1": "b is in all_of too, and so it never holds; take it out of one"},
        ),
    ],
)
def test_each_problem_is_told_at_its_place(require, expected):
    assert requiring(require) == expected
    nested = requiring({"any_of": [{"at_least": {"count": 1, "of": [{"all_of": [require]}]}}]})
    assert list(nested) == [
        f"any_of.0.at_least.of.0.all_of.0.{place}".rstrip(".") for place in expected
    ]
    assert list(nested.values()) == list(expected.values())


def test_a_subsystem_that_is_none_is_told_wherever_it_is_named():
    wrong = {"subsystem": ["mesh", "mash"]}
    when = {"all_of": [wrong], "any_of": [wrong], "not": {"not": wrong}}
    require = {"wait": {"minutes": 1}}
    told = "mash is no subsystem of subsystems.yaml; did you mean mesh?"
    assert found({"when": when, "require": require}) == {
        "rules.0.when.all_of.0.subsystem.1": told,
        "rules.0.when.any_of.0.subsystem.1": told,
        "rules.0.when.not.not.subsystem.1": told,
    }
    assert found({"when": when, "require": require}, None) == {}
    nothing = Subsystems()
    (said,) = found({"when": {"subsystem": ["x"]}, "require": require}, nothing).values()
    assert said == "x is no subsystem of subsystems.yaml; there is none"
