"""What the bot says, and what strangers cannot make it say."""

import re

import pytest

from grace.domain import messages, render
from grace.domain.issue_body import mission_body
from grace.domain.package import TrustRequirements
from grace.domain.phase import Outcome, Phase
from grace.domain.policy import Stress
from grace.domain.verdict import Result, all_of, leaf
from support.phases import world_in
from support.world import World, issue_body, make_policy

EVIL = "@everyone\n# Big\n--> <!-- x --> [a](b) closes #7 https://forge.test/a/b/issues/7 GH-9 `c`"


@pytest.mark.parametrize("text", [EVIL, "\x1b[31m\u202e@a\n\n## b", "#1#2@a@b"])
def test_a_strangers_line_is_one_harmless_line(text):
    line = render.inline(text, 500)
    assert "\n" not in line
    assert not re.search(r"@\w|(?<!\\)[#<>`\[\]*|]|://|GH-\d", line)
    assert all(c.isprintable() or c == render.ZERO_WIDTH_SPACE for c in line)


def test_a_code_span_and_a_block_cannot_be_left():
    assert render.code("a`b``c\nd") == "`a'b''c d`"
    block = render.quoted("x\n````\n@all\n```")
    assert block.startswith("`````text\n")
    assert block.endswith("\n`````")
    assert render.quoted("x") == "```text\nx\n```"


def test_a_title_closes_no_issue_in_a_commit():
    mission = World().file().mission.with_(title="#7 @rita closes GH-9")
    assert messages.commit_subject(mission) == "Fix: # 7 @ rita closes GH -9"
    assert messages.pull_title(mission.with_(title="\x00 ")).endswith(mission.name)


def test_a_strangers_contract_says_nothing_by_itself():
    hostile = issue_body().replace(
        "- description: slow", f"- description: {EVIL.split(chr(10), maxsplit=1)[0]!r}"
    )
    world = World().file(hostile)
    for text in (
        messages.issue_comment(world.mission, world.policy),
        messages.pull_body(world.mission, world.policy),
    ):
        assert "@everyone" not in text
        assert text.count("<!-- grace:") == 1


def test_the_tree_and_its_one_reason():
    tree = all_of("merge", (leaf("a", Result.PASS, "fine"), leaf("b", Result.FAIL, "bad", "rita")))
    assert render.tree(tree) == (
        "- **FAIL** merge: failed: b\n  - **pass** a: fine\n  - **FAIL** b: bad — rita"
    )
    assert render.why(tree) == "FAIL: b: bad. It is changed by rita."
    assert render.why(leaf("a", Result.FAIL, "bad")) == "FAIL: a: bad."
    assert render.why(leaf("a", Result.PASS, "fine")) == "Nothing holds it back."
    assert render.leaves(tree) == "a: fine; b: bad"


def test_the_comment_of_a_waiting_mission():
    mission = world_in(Phase.AWAITING_START).mission
    assert messages.issue_comment(mission, World().policy).split("### Plan")[0] == (
        "<!-- grace:00000000-0000-0000-0000-000000000001:issue -->\n"
        "## mission_20261122_001\n"
        "Understood. It waits for `/grace start` by somebody with write permission.\n\n"
        "### Contract\n"
        "- subsystem `trigger_mesh`, severity high\n"
        "- symptom: slow\n"
        "- must pass: `tests.unit.test_delivery.test_cost`\n"
        "- target: `trigger_mesh.latency_p95 < 100` over 10 min\n"
        "- observation window: 1 min after the release\n"
        "- patch candidates: `patch-1`\n\n"
    )


def test_the_record_of_a_resolved_mission():
    mission = world_in(Phase.CLOSED).mission
    head = mission.attempts[0].head[:10]
    assert messages.record_lines(mission)[:3] == [
        "### Record",
        f"- attempt 1, `patch-1` (`{head}`): passed every gate",
        "- pull request #2",
    ]
    assert "Mission closed: **failed**" in messages.issue_comment(
        mission.with_(outcome=Outcome.FAILED, reason="lost"), World().policy
    )


def test_the_comment_of_a_fixed_mission_is_the_one_of_its_start():
    mission = world_in(Phase.CLOSED).mission
    assert mission.outcome is Outcome.FIXED
    started = messages.issue_comment(world_in(Phase.TESTING).mission, World().policy)
    assert messages.issue_comment(mission, World().policy) == started


def test_the_gates_are_listed_with_what_each_demands():
    mission = world_in(Phase.TESTING).mission
    policy = World().policy
    assert messages.gate_lines(mission, policy) == [
        "",
        "### Gates",
        "- **wait** tests: suites unit, integration; 1 named",
        (
            "- **wait** stress: 50 requests or more, at most 1 % failed, p95 at most 25% above the "
            "base's"
        ),
        "- **wait** metrics: 1 targets on the stress run",
        "- **wait** approvals: 1 by people who did not propose it",
        "- **wait** floor: a change that weakens its own tests or checks takes two people",
        (
            "- **wait** repository: the rules of `.github/mission-control.yml` at the base, if there "
            "is one"
        ),
        "- **wait** roles: every role may",
        "",
        (
            "Where they stand now: the check `mission/governance` of the pull request, or "
            "`/grace why`."
        ),
    ]
    trust = TrustRequirements(allowed_roles=("developer", "surgeon"))
    narrow = mission.request.model_copy(update={"trust_requirements": trust})
    relaxed = make_policy(stress=Stress(required=False))
    lines = messages.gate_lines(mission.with_(request=narrow), relaxed)
    assert "- **wait** stress: not required" in lines
    assert "- **wait** roles: the agent is one of developer, surgeon" in lines
    assert messages.gate_lines(World().mission, policy) == []


def test_messages_without_their_occasion_still_read():
    mission = World().mission
    assert messages.contract_lines(mission, World().policy) == []
    assert "#0" in messages.merge_body(mission)
    assert messages.revert_body(mission)
    assert messages.revert_pull_body(mission)
    assert "alert" in mission_body(mission)


@pytest.mark.parametrize(
    ("basis", "words"),
    [
        ("trust", "Nobody approved it: the record of candidate did."),
        ("solo", "Nobody approved it: the maintainer is alone"),
        ("approvals", "Lands the tested tree of pull request #0."),
    ],
)
def test_the_merge_message_says_what_stood_in_for_an_approval(basis: str, words: str) -> None:
    body = messages.merge_body(World().mission.with_(basis=basis))
    assert words in body
    assert ("Nobody approved" in body) is (basis != "approvals")
