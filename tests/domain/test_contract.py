"""Reading a contract: every way to write one, every error by its field, and hostile texts."""

import json
import time

import pytest

from grace.domain.contract import MAX_BODY, ContractError, contract_hash, parse
from grace.domain.fences import blanked, fences
from grace.domain.phase import MissionType, Severity
from support.world import METRIC, MUST_PASS, World, issue_body, make_policy

FULL = {
    "subsystem_id": "trigger_mesh",
    "severity": "high",
    "symptoms": [{"description": "slow", "metric_id": METRIC}],
    "acceptance_criteria": {"must_pass_tests": [MUST_PASS], "observation_window_minutes": 0.5},
}


def read(body):
    return parse(body, make_policy(), World().mission.ref)


def errors(body):
    with pytest.raises(ContractError) as caught:
        read(body)
    return {e.field: e.problem for e in caught.value.errors}


def fenced(value, language="json"):
    return f"Hello.\n\n```{language}\n{json.dumps(value)}\n```\nBye."


def form(**sections):
    named = {"Subsystem": "trigger_mesh", "Severity": "High", "Symptoms": "- description: slow"}
    named["Must-pass tests"] = MUST_PASS
    named |= {k.replace("_", " "): v for k, v in sections.items()}
    return "\n\n".join(f"### {title}\n\n{text}" for title, text in named.items())


def test_the_form_is_read():
    request = read(issue_body(candidates=2))
    assert request.subsystem_id == "trigger_mesh"
    assert request.severity is Severity.HIGH
    assert request.acceptance_criteria.must_pass_tests == (MUST_PASS,)
    assert str(request.acceptance_criteria.metric_targets[0]) == f"{METRIC} < 100"
    assert [c.name for c in request.workspace.patch_candidates] == ["patch-1", "patch-2"]


def test_the_whole_form_is_read():
    body = form(
        Mission_type="Healing",
        What_is_wrong="words",
        Required_trust_score="0.5",
        Governance_approval="No",
        Patch_candidates="~~~diff\n--- a/x\n+++ b/x\n~~~",
        Metric_targets=f"- `{METRIC} <= 1.5e2 ms over 5 min`\n- error_rate < 5 %",
    )
    request = read(body)
    assert request.mission_type is MissionType.HEALING
    assert request.trust_requirements.required_trust_score == 0.5
    assert request.trust_requirements.requires_governance_approval is False
    assert request.workspace.patch_candidates[0].name == "candidate-1"
    first, second = request.acceptance_criteria.metric_targets
    assert (first.comparator, first.target, first.rolling_window_minutes) == ("<=", 150, 5)
    assert second.rolling_window_minutes == 10


def test_windows_line_ends_make_no_difference():
    body = issue_body()
    assert read(body.replace("\n", "\r\n")) == read(body)


@pytest.mark.parametrize("language", ["json", "yaml", "yml", "YAML title=x"])
def test_a_fenced_block_is_read(language):
    assert read(fenced(FULL, language)).subsystem_id == "trigger_mesh"


def test_the_hash_of_a_contract_is_of_its_meaning():
    assert contract_hash(read(fenced(FULL))) == contract_hash(read(fenced(FULL, "yaml")))
    assert contract_hash(read(fenced(FULL))) != contract_hash(read(issue_body()))


def test_five_errors_are_told_at_once_each_by_its_field():
    broken = {
        "subsystem_id": "moon",
        "severity": "awful",
        "symptoms": [{"description": ""}],
        "acceptance_criteria": {"observation_window_minutes": -1},
        "colour": "red",
    }
    found = errors(fenced(broken))
    assert set(found) == {
        "subsystem_id",
        "severity",
        "symptoms[0].description",
        "acceptance_criteria.observation_window_minutes",
        "colour",
    }
    assert found["subsystem_id"] == "unknown subsystem 'moon'; this repository has: trigger_mesh"
    assert found["colour"] == "is not a field of a mission; remove it or correct its name"


def test_five_errors_of_the_form_are_told_at_once():
    body = form(
        Severity="awful",
        Symptoms="- description: [",
        Metric_targets="fast please",
        Governance_approval="perhaps",
        Patch_candidates="```python\nx\n```",
        Colour="red",
    )
    assert set(errors(body)) == {
        "severity",
        "symptoms",
        "acceptance_criteria.metric_targets[0]",
        "trust_requirements.requires_governance_approval",
        "workspace.patch_candidates[0]",
        "colour",
    }


def test_a_metric_is_known_and_measured():
    targets = [{"metric_id": m, "comparator": "<", "target": 1} for m in ("moon", "unmeasured")]
    criteria = {"acceptance_criteria": {"metric_targets": targets}}
    found = errors(fenced(FULL | criteria))
    assert (
        "unknown metric moon; the catalog has: error_rate"
        in (found["acceptance_criteria.metric_targets[0].metric_id"])
    )
    assert (
        "has no source in the metrics catalog"
        in (found["acceptance_criteria.metric_targets[1].metric_id"])
    )


def test_a_contract_that_nothing_can_prove_is_refused():
    assert (
        "at least one must-pass test"
        in errors(fenced(FULL | {"acceptance_criteria": {}}))["acceptance_criteria"]
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"workspace": {"patch_candidates": [{"name": "a"}]}}, "workspace.patch_candidates[0]"),
        (
            {"workspace": {"patch_candidates": [{"name": "a", "ref": "x"}] * 2}},
            "workspace",
        ),
        (
            {
                "evidence": [
                    {"kind": "log", "sha256": "0" * 64, "at": "2026-01-01T00:00:00Z", "source": "x"}
                ]
            },
            "evidence[0]",
        ),
    ],
)
def test_rules_between_fields_name_where_they_are_broken(change, field):
    found = errors(fenced(FULL | change))
    assert list(found) == [field]
    assert not found[field].startswith("Value error")


@pytest.mark.parametrize("body", ["", "Please help", "```\nsubsystem_id: x\n```", "### Steps\n\nx"])
def test_a_body_without_a_mission_says_how_to_write_one(body):
    assert "no mission found" in errors(body)["body"]


@pytest.mark.parametrize("text", ["[1, 2]", "7", "null", '"words"'])
def test_a_block_that_is_no_mapping_is_refused(text):
    assert errors(f"```json\n{text}\n```") == {"body": "must be a mapping of field names to values"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [1]\nb: *x", "YAML aliases are not accepted"),
        ("a: !!int ''", "YAML tags are not accepted"),
        ("a: !!python/object:os.system x", "YAML tags are not accepted"),
        ("[" * 31 + "]" * 31, "nested more than 30 deep"),
        ("a: [1", "not valid YAML at line"),
        ("a: b: c", "not valid YAML at line 1"),
        ("a: \x07", "not valid YAML"),
        ("a: 2026-99-99", "not valid YAML"),
        ("9" * 5000, "not valid YAML"),
    ],
)
def test_yaml_that_bites_is_refused(text, words):
    assert words in errors(f"```yaml\n{text}\n```")["body"]


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "9" * 5000])
def test_json_that_bites_is_refused(text):
    assert "not valid JSON" in errors(f"```json\n{text}\n```")["body"]


def test_yaml_nested_and_closed_again_is_read():
    rows = "\n".join("- {description: slow, metric_id: error_rate}" for _ in range(40))
    assert len(read(form(Symptoms=rows)).symptoms) == 40


def test_a_body_over_the_limit_is_refused_unread():
    assert "longer than 256 KiB" in errors("é" * MAX_BODY)["body"]


@pytest.mark.parametrize(
    "body",
    [
        "```a\n" * 50_000,
        "### Subsystem\nx\n### a" + " " * 250_000 + "b",
        "### Subsystem\nx\n### Metric targets\na<" + "1" * 250_000 + "!",
        "```yaml\n" + "[" * 250_000,
        "### Subsystem\n" + "### x\n" * 40_000,
    ],
)
def test_a_hostile_text_costs_little_time(body):
    started = time.process_time()
    errors(body)
    assert time.process_time() - started < 2


def test_a_heading_inside_a_fence_is_no_heading():
    patch = "```diff name=a\n--- a/x.md\n+++ b/x.md\n@@ -1 +1 @@\n-y\n### Severity\n```"
    request = read(form(Patch_candidates=patch))
    assert "### Severity" in request.workspace.patch_candidates[0].diff
    assert request.severity is Severity.HIGH


def test_a_heading_that_comes_twice_is_told():
    assert errors(form() + "\n\n### severity\n\nlow")["severity"] == "this heading appears twice"


def test_sections_left_empty_count_as_not_given():
    body = form(Metric_targets="_No response_", Required_trust_score="None", What_is_wrong="")
    assert read(body).acceptance_criteria.metric_targets == ()


def test_candidates_without_a_block_are_asked_for():
    assert errors(form(Patch_candidates="--- a/x"))["workspace.patch_candidates"] == (
        "put each patch in a fenced diff block"
    )


def test_must_pass_tests_may_stand_in_a_fence():
    tests = "```\na::b\n- `c::d`\n\n```"
    assert read(form(**{"Must-pass tests": tests})).acceptance_criteria.must_pass_tests == (
        "a::b",
        "c::d",
    )


def test_a_subsystem_that_is_no_text_is_told_by_its_type():
    assert errors(fenced(FULL | {"subsystem_id": 7})) == {
        "subsystem_id": "Input should be a valid string"
    }


def test_fences_close_as_commonmark_says():
    text = "~~~ yaml\na\n```\n~~~~\nb\n````x`y\n   ````json\nc\n```\nd"
    assert [(f.language, f.text) for f in fences(text)] == [
        ("yaml", "a\n```\n"),
        ("json", "c\n```\nd\n"),
    ]
    assert [f.language for f in fences("```\n```")] == [""]
    shown = blanked(text)
    assert len(shown) == len(text)
    assert [line for line in shown.split("\n") if line.strip()] == ["b", "````x`y"]


def test_evidence_is_an_excerpt_or_an_address():
    proof = {"kind": "log", "sha256": "0" * 64, "at": "2026-01-01T00:00:00Z", "source": "x"}
    request = read(fenced(FULL | {"evidence": [proof | {"excerpt": "slow"}]}))
    assert request.evidence[0].excerpt == "slow"
