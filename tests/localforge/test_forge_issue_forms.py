"""Issue forms: read from the default branch, shown, and turned into the text GitHub would make."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grace.domain.catalog import Catalog, MetricDefinition, Subsystem, Subsystems
from grace.domain.contract import parse
from grace.domain.mission import MissionRef
from grace.domain.policy import Policy
from grace.localforge.pages.forms import FormError, issue_text, missing, parse_form
from localforge.forge_world import REPO, World
from localforge.page_visitor import PageVisitor, visitor

OURS = Path(__file__).parents[2] / ".github/ISSUE_TEMPLATE/mission.yml"
EVERY = b"""
name: Every kind
description: All elements
title: "[x] "
labels: bug, triage
body:
  - type: markdown
    attributes: {value: "Thank **you**"}
  - type: input
    id: contact
    attributes: {label: Contact, value: me}
  - type: dropdown
    attributes: {label: Where, multiple: true, options: [here, there]}
  - type: dropdown
    attributes: {label: When, options: [now, later]}
  - type: textarea
    attributes: {label: Log, render: shell}
  - type: checkboxes
    attributes:
      label: Terms
      options:
        - {label: I agree, required: true}
        - {label: I read}
"""
FILLED = {
    "Subsystem": "mesh",
    "Severity": "high",
    "What is wrong": "Delivery is slow.\r\nVery.",
    "Symptoms": "- description: slow\r\n  metric_id: mesh.latency\r\n  observed_value: 412",
    "Metric targets": "mesh.latency < 100 over 5m",
    "Patch candidates": "```diff name=first\r\n--- a/x\r\n+++ b/x\r\n@@ -1 +1 @@\r\n-a\r\n+b\r\n```",
    "Governance approval": "no",
}


@pytest.fixture
async def page(world: World) -> AsyncIterator[PageVisitor]:
    found = visitor(world.forge)
    yield found
    await found.client.aclose()


def test_text_has_a_heading_for_each_field() -> None:
    form = parse_form(EVERY)
    filled = {"field-2": ["there", "nowhere"], "field-4": ["a\nb"], "field-5": ["0"]}
    assert issue_text(form, filled) == (
        "### Contact\n\n_No response_\n\n"
        "### Where\n\nthere\n\n"
        "### When\n\n_No response_\n\n"
        "### Log\n\n```shell\na\nb\n```\n\n"
        "### Terms\n\n- [x] I agree\n- [ ] I read"
    )
    assert "### Where\n\nhere, there\n" in issue_text(form, {"field-2": ["here", "there"]})
    assert "### When\n\nnow\n" in issue_text(form, {"field-3": ["now", "later"]})


def test_required_fields_and_boxes_are_asked_for() -> None:
    assert missing(parse_form(EVERY), {"field-5": ["1"]}) == ["I agree"]
    ours = parse_form(OURS.read_bytes())
    assert missing(ours, {}) == [
        "Subsystem",
        "Severity",
        "What is wrong",
        "Symptoms",
        "Governance approval",
    ]


@pytest.mark.parametrize(
    "source",
    [b"{", b"\xff\xfe\xff", b"- a", b"name: x", b"name: x\nbody:\n- type: oracle", b"#" * 100_001],
)
def test_broken_forms_are_told_from_good_ones(source: bytes) -> None:
    with pytest.raises(FormError):
        parse_form(source)


async def test_our_form_filled_in_a_browser_is_a_mission(world: World, page: PageVisitor) -> None:
    await world.commit("main", ".github/ISSUE_TEMPLATE/mission.yml", OURS.read_text())
    await world.commit("main", ".github/ISSUE_TEMPLATE/config.yml", "blank_issues_enabled: true")
    await world.commit("main", ".github/ISSUE_TEMPLATE/bad.yaml", "name: broken")
    await world.commit("main", ".github/ISSUE_TEMPLATE/old.md", "old")
    assert "Who are you?" in await page.words("/ann/app/issues/new")
    # A reader may not label; what the form's author chose counts all the same.
    await page.be("eve")
    choice = await page.words("/ann/app/issues/new")
    assert "Something is wrong, and you know how to tell" in choice
    assert "bad.yaml This form cannot be shown: body: Field required" in choice
    assert ("config" in choice, "old.md" in choice) == (False, False)
    source = await page.read("/ann/app/issues/new?template=mission.yml")
    assert '<option value="medium" selected>' in source
    labels = re.findall(r'<label for="(field-\d+)">([^<]+?) ?<', source)
    fields = {name: FILLED[label] for name, label in labels if label in FILLED}
    assert len(fields) == len(FILLED)
    await page.send("/ann/app/issues/new", template="mission.yml", title="Slow", **fields)
    await world.forge.idle()
    assert world.receiver.names()[-2:] == ["issues.opened", "issues.labeled"]
    issue = world.receiver.last("issues.labeled")["issue"]
    assert ([label["name"] for label in issue["labels"]], issue["user"]["login"]) == (
        ["mission"],
        "eve",
    )
    metric = MetricDefinition(target=100, comparator="<", unit="ms", stress="p95_ms")
    policy = Policy(
        catalog=Catalog(metrics={"mesh.latency": metric}),
        subsystems=Subsystems(
            subsystems={"mesh": Subsystem(host="localforge", repository="ann/app")}
        ),
    )
    ref = MissionRef(host="localforge", repository_id=1, repository="ann/app")
    request = parse(issue["body"], policy, ref)
    assert (request.subsystem_id, request.severity) == ("mesh", "high")
    assert request.symptoms[0].observed_value == 412
    assert [each.name for each in request.workspace.patch_candidates] == ["first"]
    assert request.trust_requirements.requires_governance_approval is False


async def test_form_not_filled_in_comes_back_with_what_was(world: World, page: PageVisitor) -> None:
    await world.commit("main", ".github/ISSUE_TEMPLATE/every.yml", EVERY.decode())
    await page.be("bob")
    shown = await page.read("/ann/app/issues/new?template=every.yml")
    assert 'value="[x] "' in shown
    assert "Thank <strong>you</strong>" in shown
    fields = {"field-1": "x<y", "field-2": "there", "field-4": "\nlog"}
    again = await page.send("/ann/app/issues/new", 422, template="every.yml", title="", **fields)
    assert "Still to fill in: Title, I agree" in again.text
    for kept in ('value="x&lt;y"', '<option value="there" selected>', ">\n\nlog</textarea>"):
        assert kept in again.text
    await page.send("/ann/app/issues/new", 404, template="../every.yml", title="t")
    await page.read("/ann/app/issues/new?template=none.yml", 404)
    assert (await world.person("ann").get(f"{REPO}/issues")).json() == []


async def test_repository_without_forms_takes_plain_issues(world: World, page: PageVisitor) -> None:
    await page.be("bob")
    assert "in your own words" not in (await page.words("/ann/app/issues/new")).lower()
    await page.send("/ann/app/issues/new", title="Plain", body="text", template="blank")
    issue = (await world.person("ann").get(f"{REPO}/issues/1")).json()
    assert (issue["title"], issue["body"], issue["labels"]) == ("Plain", "text", [])
    await page.send("/logout")
    await page.send("/ann/app/issues/new", 401, title="Nobody", template="blank")
