"""Rules that a repository writes for itself, patches that weaken their judges, and emergencies."""

from pathlib import Path

from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase
from support.flow_base import on_main
from support.flow_look import eventually
from support.flow_mission import GOOD, Wanted, diff
from support.flows import OWNER, Bot, Stage

POLICY = ".github/mission-control.yml"
RULES = """\
version: 1
rules:
  - name: product has looked
    require:
      labels: {all_of: [product-ok]}
  - name: owners approve what is theirs
    require:
      approvals: {code_owners: true}
  - name: a large change waits
    when: {change_over: {lines: 500}}
    require:
      wait: {minutes: 600}
"""
TESTS = "def test_works():\n    assert True is not False\n\n\ndef test_more():\n    assert 1 == 1\n"


async def said(stage: Stage, mission: Mission, words: str) -> str:
    """Wait until the check of a mission's head says some words."""
    head = mission.attempts[-1].head

    async def look() -> str | None:
        runs = (await stage.get(f"/commits/{head}/check-runs"))["check_runs"]
        texts = [r["output"]["summary"] for r in runs if r["name"] == "mission/governance"]
        return next((t for t in texts if words in t), None)

    return await eventually(look, f"{words!r} in the check")


async def approve(stage: Stage, mission: Mission, login: str) -> None:
    assert mission.pull is not None
    await stage.post(
        f"/pulls/{mission.pull.number}/reviews",
        login,
        event="APPROVE",
        commit_id=mission.attempts[-1].head,
    )


async def test_rules_of_a_repository_hold_its_merge_and_a_broken_file_holds_all(
    stage: Stage, bot: Bot, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    await on_main(stage, {POLICY: "version: 1\nrulez: []\n", "CODEOWNERS": "*.py @rita\n"}, clone)
    async with stage.people(reviewing=False):
        issue = await stage.file()
        mission = await bot.look.phase(issue, Phase.GATING)
        broken = await said(stage, mission, "cannot be used")
        assert f"{POLICY.replace('_', chr(92) + '_')}:2" in broken
        await on_main(stage, {POLICY: RULES}, clone)
        old = mission.attempts[-1].head
        mission = await bot.look.until(
            issue, lambda m: m.phase is Phase.GATING and m.attempts[-1].head not in {None, old}
        )
        held = await said(stage, mission, "is not on the pull request")
        assert "no owner of it approves" in held
        assert "applies only when change\\_over lines 500" in held
        await stage.say(issue, "/grace why")
        assert "is not on the pull request" in await bot.look.comment(issue, "product-ok")
        assert mission.pull is not None
        await stage.post(f"/issues/{mission.pull.number}/labels", "rita", labels=["product-ok"])
        await approve(stage, mission, "rita")
        mission = await bot.look.closed(issue, Outcome.FIXED)
    assert mission.basis == "approvals"
    await bot.look.nothing_doubled(mission)
    kinds = [e.envelope.kind for e in await bot.look.entries(mission)]
    assert {"mission.evidence", "mission.verdict"} <= set(kinds)


async def test_patch_that_takes_a_test_away_needs_two_people(
    stage: Stage, bot: Bot, tmp_path: Path
) -> None:
    await on_main(stage, {"tests/test_mesh.py": TESTS}, tmp_path / "clone")
    fewer = TESTS.partition("\n\n\n")[0] + "\n"
    patch = GOOD + diff("tests/test_mesh.py", TESTS, fewer)
    async with stage.people(reviewing=False):
        issue = await stage.file(Wanted((patch,)))
        mission = await bot.look.phase(issue, Phase.GATING)
        await approve(stage, mission, "rita")
        held = await said(stage, mission, "1 of 2: rita")
        assert "tests/test\\_mesh.py:" in held
        await approve(stage, mission, OWNER)
        mission = await bot.look.closed(issue, Outcome.FIXED)
    assert mission.landing is not None


async def test_emergency_merges_on_a_named_persons_word_and_is_reviewed_by_another(
    stage: Stage, bot: Bot
) -> None:
    async with stage.people(reviewing=False):
        issue = await stage.file(Wanted(severity="critical"))
        mission = await bot.look.phase(issue, Phase.GATING)
        await stage.say(issue, "/grace emergency production is down")
        await bot.look.comment(issue, "maintain permission")
        await stage.say(issue, "/grace emergency production is down", OWNER)
        mission = await bot.look.closed(issue, Outcome.FIXED)
        assert mission.basis == "emergency"
        [review] = await stage.get("/issues", labels="grace:review")
        assert OWNER in review["body"]
        assert "production is down" in review["body"]
        answer = await stage.client(OWNER).patch(
            f"{stage.path}/issues/{review['number']}", json={"state": "closed"}
        )
        assert answer.status_code == 200
        await bot.look.comment(review["number"], "somebody else")
        for login, state in (("rita", "open"), ("rita", "closed")):
            answer = await stage.client(login).patch(
                f"{stage.path}/issues/{review['number']}", json={"state": state}
            )
            assert answer.status_code == 200
        mission = await bot.look.until(
            issue, lambda m: m.review is not None and m.review.done_by == "rita"
        )
    kinds = [e.envelope.kind for e in await bot.look.entries(mission)]
    assert kinds[-1] == "mission.reviewed_after"
