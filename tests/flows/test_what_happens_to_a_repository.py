"""What people do to branches, repositories and installations has a defined end."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase
from support.flow_look import eventually
from support.flow_mission import REGRESSING, Wanted
from support.flows import OWNER, Bot, Stage, staged


async def gated(stage: Stage, bot: Bot, issue: int) -> Mission:
    await bot.look.phase(issue, Phase.GATING)
    await bot.look.settled()
    return await bot.look.phase(issue, Phase.GATING)


async def approve(stage: Stage, mission: Mission) -> None:
    assert mission.pull is not None
    await stage.post(f"/pulls/{mission.pull.number}/reviews", "rita", event="APPROVE")


async def test_app_that_is_uninstalled_ends_its_missions(stage: Stage, bot: Bot) -> None:
    async with stage.people(reviewing=False):
        issue = await stage.file()
        mission = await gated(stage, bot, issue)
        assert mission.ref.installation_id is not None
        await stage.forge.uninstall_app(mission.ref.installation_id)
        mission = await bot.look.until(issue, lambda m: not m.live)
    assert mission.outcome is Outcome.CANCELLED
    assert "uninstalled" in mission.reason


async def test_renamed_repository_goes_on_under_its_new_name(stage: Stage, bot: Bot) -> None:
    async with stage.people(reviewing=False, deploying=False):
        issue = await stage.file()
        mission = await gated(stage, bot, issue)
        answer = await stage.client(OWNER).patch(stage.path, json={"name": "renamed"})
        assert answer.status_code == 200, answer.text
        mission = await bot.look.until(issue, lambda m: m.ref.repository == "acme/renamed")
        assert mission.live
        assert mission.pull is not None
        path = f"/repos/acme/renamed/pulls/{mission.pull.number}/reviews"
        answer = await stage.client("rita").post(path, json={"event": "APPROVE"})
        assert answer.status_code == 200, answer.text
        mission = await bot.look.phase(issue, Phase.OBSERVING)
    assert mission.landing is not None


async def test_deleted_work_branch_holds_and_a_reopened_pull_request_goes_on(
    stage: Stage, bot: Bot
) -> None:
    async with stage.people(reviewing=False):
        issue = await stage.file()
        mission = await gated(stage, bot, issue)
        assert mission.attempt is not None
        assert mission.pull is not None
        ref = f"/git/refs/heads/{mission.branch}"
        answer = await stage.client("alice").delete(f"{stage.path}{ref}")
        assert answer.status_code == 204, answer.text
        held = await bot.look.until(issue, lambda m: m.held is not None)
        assert "closed" in (held.held or "")
        body = {"ref": f"refs/heads/{mission.branch}", "sha": mission.attempt.head}
        await stage.post("/git/refs", "alice", **body)
        pull = f"{stage.path}/pulls/{mission.pull.number}"
        answer = await stage.client("alice").patch(pull, json={"state": "open"})
        assert answer.status_code == 200, answer.text
        await bot.look.until(issue, lambda m: m.held is None)
        await approve(stage, mission)
        mission = await bot.look.closed(issue, Outcome.FIXED)
    await bot.look.nothing_doubled(mission)


async def test_force_push_over_the_patch_holds_it(stage: Stage, bot: Bot) -> None:
    async with stage.people(reviewing=False):
        issue = await stage.file()
        mission = await gated(stage, bot, issue)
        assert mission.base is None or mission.attempt is not None
        assert mission.attempt is not None
        ref = f"{stage.path}/git/refs/heads/{mission.branch}"
        body = {"sha": mission.attempt.base, "force": True}
        answer = await stage.client("alice").patch(ref, json=body)
        assert answer.status_code == 200, answer.text
        held = await bot.look.until(issue, lambda m: m.held is not None)
    assert held.landing is None


async def test_base_that_is_rewritten_in_the_window_is_a_persons(stage: Stage, bot: Bot) -> None:
    wanted = Wanted((REGRESSING,), window=5)
    before = (await stage.get("/branches/main"))["commit"]["sha"]
    async with stage.people(deploying=False):
        issue = await stage.file(wanted)
        mission = await bot.look.phase(issue, Phase.OBSERVING)
        assert mission.landing is not None
        answer = await stage.client(OWNER).delete(f"{stage.path}/branches/main/protection")
        assert answer.status_code == 204, answer.text
        ref = f"{stage.path}/git/refs/heads/main"
        answer = await stage.client(OWNER).patch(ref, json={"sha": before, "force": True})
        assert answer.status_code == 200, answer.text
        mission = await bot.look.closed(issue, Outcome.FAILED)
    assert "rewritten" in mission.reason


async def test_reviewer_who_lost_the_permission_does_not_count(
    tmp_path: Path, app_key: tuple[str, str]
) -> None:
    """Asked anew before the merge: what was true at the review is not true any more."""
    async with (
        staged(tmp_path, app_key, {"base_fresh_seconds": 0.5}) as stage,
        stage.bot() as bot,
        stage.people(reviewing=False),
    ):
        issue = await stage.file()
        mission = await gated(stage, bot, issue)
        await stage.say(issue, "/grace hold")
        await bot.look.until(issue, lambda m: m.held is not None)
        await approve(stage, mission)
        await bot.look.settled()
        await stage.forge.add_collaborator(stage.repository.full_name, "rita", "read")
        reviewed = datetime.now(UTC)

        async def stale() -> bool | None:
            return datetime.now(UTC) - reviewed > timedelta(seconds=1) or None

        await eventually(stale, "a permission that is older than governance lets it be")
        await stage.say(issue, "/grace resume")

        async def asked_again() -> bool | None:
            calls = await stage.forge.calls(stage.app.bot)
            rita = [c for c in calls if c.path.endswith("/rita/permission")]
            return len(rita) > 1 or None

        await eventually(asked_again, "rita's permission asked anew")
        await bot.look.settled()
        mission = await bot.look.phase(issue, Phase.GATING)
    assert mission.landing is None
