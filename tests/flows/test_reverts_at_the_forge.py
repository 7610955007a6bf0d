"""Reverts on a real forge with real git: how each ends, and what stands on the base then."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grace.domain import reverts
from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase
from support.flow_base import on_main
from support.flow_ci import git
from support.flow_look import eventually
from support.flow_mission import SERVICE, Wanted, diff
from support.flow_people import Deployer
from support.flows import OWNER, Bot, Stage, staged

FAST = SERVICE.replace("480", "20")
WORSE = diff("app.py", FAST, FAST.replace("LIVE_MS = 20", "LIVE_MS = 500"))
SOON = {"deployment_timeout_minutes": 0.05}
OBSERVED = {"sample_interval_seconds": 0.2, "min_samples": 2, "early_samples": 2}


@dataclass
class Case:
    """A mission that landed and waits for its release, with who releases what."""

    stage: Stage
    bot: Bot
    issue: int
    before: str
    landed: Mission
    deployer: Deployer
    clone: Path

    async def main(self, path: str = "app.py") -> str:
        return await git(self.stage.repository.bare, "show", f"main:{path}")

    async def tree(self, at: str = "main") -> str:
        return await git(self.stage.repository.bare, "rev-parse", f"{at}^{{tree}}")

    async def push(self, **files: str) -> str:
        names = {name.replace("_", "."): text for name, text in files.items()}
        return await on_main(self.stage, names, self.clone)

    async def release(self, commit: str | None = None) -> None:
        """Release a commit, the tip of main if none is named."""
        assert await self.deployer._release(commit or await self.deployer.tip())

    async def regress(self) -> None:
        """Release what landed, and let it be slow whatever it is."""
        await self.release()
        self.stage.page.latency = 500.0

    async def ends(self, outcome: Outcome) -> Mission:
        """Wait for the end; it is told alike in comment, check, API and ledger."""
        mission = await self.bot.look.closed(self.issue, outcome)
        assert mission.pull is not None
        assert mission.landing is not None
        words = mission.reason.partition(";")[0][:40]
        plain = {ord("\\"): None, 0x200B: None}
        (comment,) = await self.stage.words(mission.pull.number)
        assert words in comment.translate(plain)
        path = f"/commits/{mission.landing.sha}/check-runs"
        runs = (await self.stage.get(path))["check_runs"]
        (check,) = [r for r in runs if r["name"] == "mission/observation"]
        assert check["conclusion"] == "failure"
        assert words in check["output"]["summary"].translate(plain)
        await self.bot.look.ledger_verifies(mission)
        return mission


@asynccontextmanager
async def landed(
    folder: Path, app_key: tuple[str, str], **rules: Mapping[str, Any]
) -> AsyncIterator[Case]:
    """Land a patch that is slow in production only, on a base whose tests pass."""
    async with staged(folder, app_key, rules) as stage, stage.bot() as bot:
        clone = folder / "clone"
        before = await on_main(stage, {"app.py": FAST}, clone)
        page, repository = stage.page, stage.repository
        deployer = Deployer(stage.client(OWNER), repository.full_name, repository.bare, page)
        async with stage.people(deploying=False):
            issue = await stage.file(Wanted((WORSE,)))
            mission = await bot.look.phase(issue, Phase.OBSERVING)
            yield Case(stage, bot, issue, before, mission, deployer, clone)


async def capa(stage: Stage) -> str:
    (found,) = await stage.get("/issues", labels="capa")
    return str(found["body"]).replace("\\", "")


@pytest.mark.stress
async def test_revert_that_nobody_deploys_is_merged_and_a_persons(
    tmp_path: Path, app_key: tuple[str, str]
) -> None:
    rules = {"observation": {**OBSERVED, **SOON}}
    async with landed(tmp_path, app_key, **rules) as case:
        await case.regress()
        mission = await case.ends(Outcome.FAILED)
        assert mission.reason == reverts.not_deployed("production", 0.05)
        assert await case.tree() == await case.tree(case.before)
        assert "was not deployed to production" in await capa(case.stage)


@pytest.mark.stress
async def test_later_work_elsewhere_is_kept_once_ci_passes_the_new_tree(
    tmp_path: Path, app_key: tuple[str, str]
) -> None:
    async with landed(tmp_path, app_key) as case:
        await case.push(notes_txt="kept\n")
        await case.regress()
        mission = await case.bot.look.until(
            case.issue, lambda m: m.revert is not None and m.revert.landed is not None
        )
        assert mission.live
        await case.release()
        mission = await case.ends(Outcome.ROLLED_BACK)
        assert "every path that was merged is as before" in mission.reason
        assert mission.reason.endswith("deployed to production")
        assert (await case.main("notes.txt"), await case.main()) == ("kept", FAST.strip())
        assert len(case.stage.ci.answers) == 2  # the patch, and the revert


@pytest.mark.stress
async def test_revert_whose_ci_fails_is_a_persons(tmp_path: Path, app_key: tuple[str, str]) -> None:
    async with landed(tmp_path, app_key) as case:
        await case.push(notes_txt="kept\n")
        case.stage.ci.red = True
        await case.regress()
        mission = await case.ends(Outcome.FAILED)
        assert mission.reason.endswith(reverts.ci_failed("unit", "failure"))
        await is_left(case, mission)


@pytest.mark.stress
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FAST.replace("LIVE_MS = 20", "LIVE_MS = 90"), "conflicts with later changes in app.py"),
        (FAST.replace("LIVE_MS = 20", "LIVE_MS = 500") + "MORE = 1\n", "app.py"),
    ],
)
async def test_later_merges_over_the_same_file_are_a_persons(
    tmp_path: Path, app_key: tuple[str, str], text: str, words: str
) -> None:
    async with landed(tmp_path, app_key) as case:
        await case.push(app_py=text)
        await case.regress()
        mission = await case.ends(Outcome.FAILED)
        assert words in mission.reason
        assert await case.main() == text.strip()
        await is_left(case, mission)


async def is_left(case: Case, mission: Mission) -> None:
    """Hold that nothing of the revert is on the base, and that the CAPA says why."""
    assert mission.revert is not None
    assert mission.revert.landed is None
    assert mission.revert.blocked is not None
    assert f"A person must act: {mission.revert.blocked}" in await capa(case.stage)


@pytest.mark.stress
@pytest.mark.parametrize("deployed", [True, False])
async def test_what_a_person_undid_already_is_rolled_back_by_hand(
    tmp_path: Path, app_key: tuple[str, str], deployed: bool
) -> None:
    rules = {"observation": {**OBSERVED, **SOON}}
    async with landed(tmp_path, app_key, **rules) as case:
        assert case.landed.landing is not None
        await case.push(app_py=FAST)
        await case.release(case.landed.landing.sha)
        await case.bot.look.phase(case.issue, Phase.REVERTING)
        if deployed:
            await case.release()
        mission = await case.ends(Outcome.ROLLED_BACK if deployed else Outcome.FAILED)
        assert mission.revert is not None
        assert mission.revert.by_hand
        assert mission.revert.pull is None
        assert ("undone it by hand already: the tree is the one" in mission.reason) is deployed
        assert await case.tree() == await case.tree(case.before)


@pytest.mark.stress
@pytest.mark.parametrize("lands", [True, False])
async def test_cap_and_kill_switch_leave_the_prepared_revert_to_a_person(
    tmp_path: Path, app_key: tuple[str, str], lands: bool
) -> None:
    cap = {} if lands else {"rollback": {"max_per_day": 0}}
    async with landed(tmp_path, app_key, **cap) as case:
        if lands:
            await case.stage.post("/issues", "alice", title="Wait", labels=["grace:stop"])
            await eventually(lambda: stopped(case), "the stop is heard")
        await case.regress()
        if not lands:
            mission = await case.ends(Outcome.FAILED)
            assert "which is the cap" in mission.reason
            return
        mission = await case.bot.look.until(
            case.issue, lambda m: m.revert is not None and m.revert.pull is not None
        )
        assert mission.revert is not None
        assert mission.revert.pull is not None
        await case.stage.say(case.issue, "I land it")
        path = f"{case.stage.path}/pulls/{mission.revert.pull.number}/merge"

        async def merged() -> bool | None:
            answer = await case.stage.client(OWNER).put(path, json={"merge_method": "merge"})
            return answer.status_code == 200 or None

        await eventually(merged, "the required check lets a person land it")
        await case.release()
        mission = await case.ends(Outcome.ROLLED_BACK)
        assert await case.tree() == await case.tree(case.before)


async def stopped(case: Case) -> bool | None:
    return bool(await case.bot.look.stops()) or None


@pytest.mark.stress
@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
async def test_commits_of_a_person_are_undone_with_ours_however_he_merged_them(
    tmp_path: Path, app_key: tuple[str, str], method: str
) -> None:
    async with staged(tmp_path, app_key) as stage, stage.bot() as bot:
        clone = tmp_path / "clone"
        before = await on_main(stage, {"app.py": FAST}, clone)
        bare = stage.repository.bare
        async with stage.people(reviewing=False):
            issue = await stage.file(Wanted((WORSE,)))
            mission = await bot.look.phase(issue, Phase.GATING)
            assert mission.pull is not None
            await git(clone, "fetch", "-q", "origin", mission.branch)
            await git(clone, "checkout", "-q", "-b", "mine", "FETCH_HEAD")
            (clone / "more.txt").write_text("more\n")
            await git(clone, "add", "-A")
            who = ("-c", "user.name=alice", "-c", "user.email=alice@example.org")
            await git(clone, *who, "commit", "-qm", "More of it")
            await git(clone, "push", "-q", "origin", f"HEAD:{mission.branch}")
            await bot.look.until(issue, lambda m: m.held is not None)
            await git(clone, "checkout", "-q", "main")
            await unprotect(stage)
            path = f"{stage.path}/pulls/{mission.pull.number}/merge"
            answer = await stage.client(OWNER).put(path, json={"merge_method": method})
            assert answer.status_code == 200, answer.text
            mission = await bot.look.closed(issue, Outcome.ROLLED_BACK)
        assert mission.revert is not None
        assert mission.revert.before == before
        assert "is not the tested tree" in mission.reason
        tree = ("rev-parse", "main^{tree}")
        assert await git(bare, *tree) == await git(bare, "rev-parse", f"{before}^{{tree}}")


async def unprotect(stage: Stage) -> None:
    answer = await stage.client(OWNER).delete(f"{stage.path}/branches/main/protection")
    assert answer.status_code == 204
