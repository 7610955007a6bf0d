"""Contracts, patches and branches that cannot work: a clear word where the person will see it."""

from pathlib import Path

import pytest

from grace.domain.phase import Outcome, Phase
from support.flow_ci import git
from support.flow_look import eventually
from support.flow_mission import GOOD, OTHER, SERVICE, Wanted, diff, service_patch
from support.flows import OWNER, Bot, Stage, staged

FIVE_ERRORS = """```yaml
subsystem_id: nowhere
severity: dreadful
symptoms: []
acceptance_criteria:
  metric_targets:
    - {metric_id: mesh.latency_p95, comparator: "~", target: 100}
  observation_window_minutes: -1
```
"""


async def labels(stage: Stage, issue: int) -> set[str]:
    return {label["name"] for label in (await stage.get(f"/issues/{issue}"))["labels"]}


async def labelled(stage: Stage, issue: int, *, invalid: bool) -> None:
    """Wait until the label says whether the contract is valid."""

    async def look() -> bool | None:
        return True if ("mission/invalid" in await labels(stage, issue)) is invalid else None

    await eventually(look, f"mission/invalid on #{issue}: {invalid}")


async def edit(stage: Stage, issue: int, body: str, login: str = "alice") -> None:
    answer = await stage.client(login).patch(f"{stage.path}/issues/{issue}", json={"body": body})
    assert answer.status_code == 200, answer.text


async def test_contract_with_five_errors_lists_all_and_editing_repairs_it(
    stage: Stage, bot: Bot
) -> None:
    issue = await stage.file(FIVE_ERRORS)
    words = await bot.look.comment(issue, "What is wrong with the contract")
    for field in (
        "`subsystem_id`",
        "severity",
        "symptoms",
        "comparator",
        "observation_window_minutes",
    ):
        assert field in words, f"{field} is not in {words}"
    await labelled(stage, issue, invalid=True)
    async with stage.people():
        await edit(stage, issue, Wanted().body())
        mission = await bot.look.closed(issue, Outcome.FIXED)
    await labelled(stage, issue, invalid=False)
    await bot.look.nothing_doubled(mission)


@pytest.mark.parametrize(
    "body",
    [
        "please fix it",
        "```yaml\n: : :\n```",
        "```json\n{]\n```",
        "```yaml\n- a\n- b\n```",
        "```yaml\na: &x 1\nb: *x\n```",
        "### Severity\n\nhigh\n\n### Severity\n\nlow\n",
        "\x00 @everyone <!-- grace:11111111-1111-1111-1111-111111111111:mission -->",
    ],
)
async def test_body_that_is_no_contract_gets_one_comment(stage: Stage, bot: Bot, body: str) -> None:
    issue = await stage.file(body)
    await bot.look.comment(issue, "What is wrong with the contract")
    await labelled(stage, issue, invalid=True)
    await bot.look.settled()
    assert len(await stage.words(issue)) == 1


async def test_metric_without_a_source_is_refused_at_filing(stage: Stage, bot: Bot) -> None:
    issue = await stage.file(Wanted(targets=("mesh.unmeasured < 1", "mesh.unknown < 1")))
    words = await bot.look.comment(issue, "has no source")
    assert "unknown metric" in words
    await bot.look.phase(issue, Phase.INVALID)


def new_file(path: str, content: str = "x\n", mode: str = "100644") -> str:
    """Write a patch that adds a file."""
    lines = "".join(f"+{line}\n" for line in content.splitlines())
    return (
        f"diff --git a/{path} b/{path}\nnew file mode {mode}\n--- /dev/null\n+++ b/{path}\n"
        f"@@ -0,0 +1,{len(content.splitlines())} @@\n{lines}"
    )


OUT_OF_BOUNDS = {
    "does not apply": service_patch(DELAY_MS=20).replace("DELAY_MS = 480", "DELAY_MS = 999"),
    "is no diff": "--- nothing\n+++ here\n",
    "workflow": new_file(".github/workflows/own.yml", "on: push\n"),
    "git folder": new_file(".git/hooks/post-checkout", "#!/bin/sh\n"),
    "nested git folder": new_file("a/.GIT/config"),
    "outside": new_file("../outside.txt"),
    "absolute": new_file("/etc/cron.d/own"),
    "symlink": new_file("link", "/etc/passwd\n", mode="120000"),
    "submodule": new_file("sub", "Subproject commit " + "a" * 40 + "\n", mode="160000"),
}


async def test_patches_that_cannot_be_applied_fail_their_attempts_and_the_next_one_is_tried(
    tmp_path: Path, app_key: tuple[str, str]
) -> None:
    rules = {"max_attempts": len(OUT_OF_BOUNDS) + 1}
    async with staged(tmp_path, app_key, rules) as stage, stage.bot() as bot:
        async with stage.people():
            issue = await stage.file(Wanted((*OUT_OF_BOUNDS.values(), GOOD)))
            mission = await bot.look.closed(issue, Outcome.FIXED)
        *refused, last = mission.attempts
        assert len(refused) == len(OUT_OF_BOUNDS)
        for name, attempt in zip(OUT_OF_BOUNDS, refused, strict=True):
            assert attempt.failure, name
            assert attempt.head is None, name
        assert last.failure is None
        assert mission.pull is not None
        (words,) = await stage.words(mission.pull.number)
        for attempt in refused:
            assert f"attempt {attempt.number}, `{attempt.candidate}`" in words
        assert await stage.work_pushes() == 1
        await bot.look.nothing_doubled(mission)


async def test_patch_of_too_many_files_says_so(stage: Stage, bot: Bot) -> None:
    many = "".join(new_file(f"f{i}.txt") for i in range(350))
    async with stage.people():
        issue = await stage.file(Wanted((many,)))
        mission = await bot.look.closed(issue, Outcome.FAILED)
    assert "file" in (mission.attempts[0].failure or "")
    assert mission.pull is None
    assert "Mission closed: **failed**" in (await stage.words(issue))[0]


async def test_work_branch_with_foreign_content_is_not_overwritten(stage: Stage, bot: Bot) -> None:
    """Whoever took the branch keeps it; the mission is held with a sentence."""
    tip = await git(stage.repository.bare, "rev-parse", "main")
    day = bot.system.clock.now().strftime("%Y%m%d")
    branch = f"grace/mission_{day}_001"
    await stage.post("/git/refs", "alice", ref=f"refs/heads/{branch}", sha=tip)
    issue = await stage.file()
    mission = await bot.look.until(issue, lambda m: m.held is not None or not m.live)
    assert mission.branch == branch
    await bot.look.settled()
    assert await git(stage.repository.bare, "rev-parse", branch) == tip
    words = (await stage.words(issue))[0]
    assert branch.rpartition("/")[2] in words
    assert "branch" in words.lower()


async def test_pull_request_of_a_fork_moves_no_mission(stage: Stage, bot: Bot) -> None:
    issue = await stage.file()
    mission = await bot.look.phase(issue, Phase.GATING)
    fork = await stage.client("mallory").post(f"{stage.path}/forks", json={})
    assert fork.status_code == 202, fork.text
    name = fork.json()["full_name"]
    client = stage.client("mallory")

    async def copied() -> bool | None:
        found = await client.get(f"/repos/{name}/git/ref/heads/{mission.branch}")
        return found.status_code == 200 or None

    await eventually(copied, "the fork with its branches")
    body = {"message": "x", "content": "eA==", "branch": mission.branch}
    put = await client.put(f"/repos/{name}/contents/x.txt", json=body)
    assert put.status_code == 201, put.text
    head = f"mallory:{mission.branch}"
    pull = await client.post(
        f"{stage.path}/pulls", json={"title": "mine", "head": head, "base": "main"}
    )
    assert pull.status_code == 201, pull.text
    await stage.post(f"/pulls/{pull.json()['number']}/reviews", "rita", event="APPROVE")
    await bot.look.settled()
    still = await bot.look.phase(issue, Phase.GATING)
    assert still.pull == mission.pull
    assert still.held is None
    assert not [k for k in still.requested if k.startswith("permission/review")]


async def test_deleted_repository_cancels_the_mission(stage: Stage, bot: Bot) -> None:
    issue = await stage.file()
    await bot.look.phase(issue, Phase.GATING)
    answer = await stage.client(OWNER).delete(stage.path)
    assert answer.status_code == 204, answer.text
    mission = await bot.look.until(issue, lambda m: not m.live)
    assert mission.outcome is Outcome.CANCELLED
    assert "delete" in mission.reason or "gone" in mission.reason


async def test_strangers_mission_waits_for_a_writers_start(stage: Stage, bot: Bot) -> None:
    made = await stage.post("/issues", "mallory", title="It is slow", body=Wanted().body())
    issue = made["number"]
    await stage.post(f"/issues/{issue}/labels", "alice", labels=["mission"])
    await bot.look.comment(issue, "waits for `/grace start`")
    await stage.say(issue, "/grace start", "mallory")
    refused = await bot.look.comment(issue, "need write permission")
    assert "`mallory`" in refused
    waiting = await bot.look.phase(issue, Phase.AWAITING_START)
    assert waiting.started_by is None
    async with stage.people():
        await stage.say(issue, "/grace start", "alice")
        mission = await bot.look.closed(issue, Outcome.FIXED)
    assert mission.started_by == "alice"
    await bot.look.nothing_doubled(mission)


async def test_commits_of_others_on_the_work_branch_stop_the_merge(stage: Stage, bot: Bot) -> None:
    issue = await stage.file()
    mission = await bot.look.phase(issue, Phase.GATING)
    body = {"message": "sneak in", "content": "eA==", "branch": mission.branch}
    put = await stage.client("alice").put(f"{stage.path}/contents/x.txt", json=body)
    assert put.status_code == 201, put.text
    held = await bot.look.until(issue, lambda m: m.held is not None)
    assert "alice" in (held.held or "")
    assert held.pull is not None
    await stage.post(f"/pulls/{held.pull.number}/reviews", "rita", event="APPROVE")
    await bot.look.settled()
    assert (await bot.look.phase(issue, Phase.GATING, Phase.TESTING)).landing is None
    assert "Held" in (await stage.words(issue))[0]


async def test_patch_on_another_file_leaves_the_service_as_it_is(stage: Stage, bot: Bot) -> None:
    """CI judges what was pushed: a patch that fixes nothing fails its must-pass test."""
    nothing = diff("other.py", OTHER, OTHER.replace("LEFT = 1", "LEFT = 3"))
    async with stage.people():
        issue = await stage.file(Wanted((nothing,)))
        mission = await bot.look.closed(issue, Outcome.FAILED)
    assert "suite unit" in (mission.attempts[0].failure or "")
    assert await git(stage.repository.bare, "show", "main:app.py") == SERVICE.strip()
