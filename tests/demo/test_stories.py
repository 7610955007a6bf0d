"""The issues of the stories, in the form that the mission template submits."""

import re

import pytest
import yaml

from grace.demo.service import patch_text, template_files
from grace.demo.stories import MUST_PASS, REPAIR, RESOLVE, ROLLBACK, STORIES, YOURS, Story

HEADINGS = [
    "Subsystem",
    "Severity",
    "What is wrong",
    "Symptoms",
    "Must-pass tests",
    "Metric targets",
    "Observation window (minutes)",
    "Patch candidates",
    "Required trust score",
    "Governance approval",
]


def sections(body: str) -> dict[str, str]:
    parts = re.split(r"^### (.+)\n\n", body, flags=re.MULTILINE)
    assert parts[0] == ""
    return {h: text.strip() for h, text in zip(parts[1::2], parts[2::2], strict=True)}


WRITTEN = [story for story in STORIES if isinstance(story, Story) and story is not REPAIR]


@pytest.mark.parametrize("story", WRITTEN, ids=lambda story: story.name)
def test_body_has_every_heading_of_the_form_in_order(story: Story) -> None:
    filled = sections(story.body(subsystem="trigger_mesh", window_minutes=0.2))
    assert list(filled) == HEADINGS
    assert all(filled.values())
    assert filled["Must-pass tests"] == MUST_PASS
    assert filled["Observation window (minutes)"] == "0.2"
    assert filled["Required trust score"] == "_No response_"
    (symptom,) = yaml.safe_load(filled["Symptoms"].removeprefix("```yaml").removesuffix("```"))
    assert set(symptom) == {"description", "metric_id", "observed_value", "threshold"}


def test_a_report_without_a_patch_says_what_is_wrong_and_which_test_shows_it() -> None:
    filled = sections(REPAIR.body(subsystem="trigger_mesh", window_minutes=0.1))
    assert list(filled) == HEADINGS
    empty = {heading for heading, text in filled.items() if text == "_No response_"}
    assert empty == {"Metric targets", "Patch candidates", "Required trust score"}
    assert filled["Must-pass tests"] == REPAIR.test
    (symptom,) = yaml.safe_load(filled["Symptoms"].removeprefix("```yaml").removesuffix("```"))
    assert set(symptom) == {"description"}


def test_what_a_reporter_types_is_what_the_form_asks_for() -> None:
    form = yaml.safe_load(template_files()[".github/ISSUE_TEMPLATE/mission.yml"])
    fields = {each["attributes"]["label"]: each for each in form["body"]}
    typed = YOURS.answers(subsystem="trigger_mesh", window_minutes=0.2)
    assert list(typed) == list(fields)
    for label, field in fields.items():
        options = field["attributes"].get("options")
        assert options is None or typed[label] in options
        assert typed[label] or not field.get("validations", {}).get("required")


def test_targets_are_one_a_line_with_their_rolling_window_if_asked() -> None:
    assert (
        sections(RESOLVE.body(subsystem="trigger_mesh", window_minutes=1))["Metric targets"]
        == "trigger_mesh.latency_p95 < 100"
    )
    rolling = sections(
        ROLLBACK.body(subsystem="trigger_mesh", window_minutes=1, rolling_minutes=0.1)
    )["Metric targets"]
    assert rolling.splitlines() == [
        "trigger_mesh.latency_p95 < 100 over 0.1m",
        "error_rate < 5 over 0.1m",
    ]


def test_candidates_carry_the_patches_byte_for_byte() -> None:
    body = sections(RESOLVE.body(subsystem="trigger_mesh", window_minutes=1))["Patch candidates"]
    blocks = re.findall(r"^```diff name=(\w+)\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
    assert blocks == [("first", patch_text("wrong")), ("second", patch_text("right"))]
