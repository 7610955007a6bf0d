"""What rules ask of CI, and whether a workflow makes it."""

import pytest

from grace.domain.rules.language import Rule
from grace.setup.findings import Level
from grace.setup.repository import Found
from grace.setup.rule_checks import check_rules
from grace.setup.workflow_text import workflow

MISSION = "jobs: {mission: {uses: o/g/.github/workflows/mission.yml@v1, with: {%s}}}"
TESTS = "jobs: {unit: {steps: [{uses: o/g/actions/tests@v1, with: {%s}}]}}"
RED = Rule.model_validate(
    {"name": "proof", "require": {"any_of": [{"red_on_base": {}}, {"approvals": {}}]}}
)
FLAKES = Rule.model_validate({"name": "steady", "require": {"flake_proof": {}}})


def levels(*texts: str) -> dict[str, Level]:
    files = {f"{number}.yml": text for number, text in enumerate(texts)}
    found = check_rules((RED, FLAKES), files, "o/n")
    return {each.check.removeprefix("o/n: "): each.level for each in found}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (MISSION % "unit-command: x", {"red_on_base", "flake_proof"}),
        (MISSION % "red-on-base: false", {"flake_proof"}),
        (MISSION % "rerun-failed: 0", {"red_on_base"}),
        (TESTS % "suite: unit", {"flake_proof"}),
        (TESTS % "rerun: '0'", set()),
        (TESTS % "subject: base", {"red_on_base"}),
        (
            "jobs: {mission: {uses: ./.github/workflows/mission.yml}}",
            {"red_on_base", "flake_proof"},
        ),
        ("jobs: {a: {steps: [{uses: actions/checkout@v4}, 3]}, b: 4}", set()),
        ("jobs: [", set()),
        ("- a list", set()),
        ("x: " + "a" * 300_000, set()),
    ],
)
def test_what_a_workflow_makes_is_read_from_what_it_gives_our_actions(text, made):
    wanted = {n: Level.PASS if n in made else Level.WARN for n in ("flake_proof", "red_on_base")}
    assert levels(text) == wanted


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (MISSION % "unit-command: x", {"security"}),
        (MISSION % "stress-start: serve", {"security", "stress"}),
        (MISSION % "hunter: false", set()),
        ("jobs: {a: {steps: [{uses: o/g/actions/hunter@v1}]}}", {"security"}),
        ("jobs: {a: {steps: [{uses: o/g/actions/stress@v1}]}}", {"stress"}),
        ("jobs: {a: {steps: [{uses: o/g/actions/artifacts@v1}]}}", {"attestations"}),
        ("jobs: {a: {steps: [{uses: o/g/actions/report@v1}]}}", set()),
    ],
)
def test_scans_load_and_artifacts_are_looked_for_too(text, made):
    attested = {"artifacts": ["*"], "identity": "https://x/", "issuer": "y"}
    asked = {"security": {}, "stress": {}, "attestations": attested}
    rules = [Rule.model_validate({"name": k, "require": {k: v}}) for k, v in asked.items()]
    found = check_rules(rules, {"ci.yml": text}, "o/n")
    assert {f.check.removeprefix("o/n: ") for f in found if f.level is Level.PASS} == made
    assert len(found) == 3


def test_one_workflow_of_several_is_enough():
    assert levels(TESTS % "suite: unit", TESTS % "subject: base", "") == {
        "flake_proof": Level.PASS,
        "red_on_base": Level.PASS,
    }


def test_a_warning_names_the_rule_and_what_to_do():
    (found,) = check_rules((RED,), {}, "o/n")
    assert "'proof'" in found.found
    assert "red-on-base" in found.mend


def test_where_no_rule_asks_nothing_is_said():
    other = Rule.model_validate({"name": "two", "require": {"approvals": {"count": 2}}})
    assert check_rules((other,), {}, "o/n") == []


def test_the_workflow_that_init_writes_makes_both():
    suites = {"unit": "tests/unit", "integration": None}
    found = Found("mesh", None, "main", True, "true", suites, None, None)
    assert set(levels(workflow(found, "o/g@v1")).values()) == {Level.PASS}
