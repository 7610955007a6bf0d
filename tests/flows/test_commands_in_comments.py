"""People command Grace in comments and by buttons; everybody else is left alone."""

from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase
from support.flow_ci import git
from support.flow_look import eventually
from support.flow_mission import GOOD, WRONG, Wanted
from support.flows import OWNER, Bot, Stage


async def reactions(stage: Stage, comment: int, *wanted: str) -> list[str]:
    """Wait until a comment has these reactions of the bot's; return all."""

    async def look() -> list[str] | None:
        found = await stage.get(f"/issues/comments/{comment}/reactions")
        kinds = [r["content"] for r in found if r["user"]["login"] == stage.app.bot]
        return kinds if set(wanted) <= set(kinds) else None

    return await eventually(look, f"reactions {wanted} to {comment}")


async def told(stage: Stage, number: int, words: str) -> str:
    """Wait until the bot says some words in a comment."""

    async def look() -> str | None:
        return next((said for said in await stage.words(number) if words in said), None)

    return await eventually(look, f"{words!r} in a comment on #{number}")


async def command(stage: Stage, number: int, words: str, login: str = "alice") -> int:
    made = await stage.post(f"/issues/{number}/comments", login, body=words)
    return int(made["id"])


async def gated(stage: Stage, bot: Bot, issue: int) -> Mission:
    """Wait until a mission waits for its approval alone."""
    mission = await bot.look.phase(issue, Phase.GATING)
    await bot.look.settled()
    assert mission.pull is not None
    return await bot.look.phase(issue, Phase.GATING)


async def test_commands_are_reacted_to_and_answered(stage: Stage, bot: Bot) -> None:
    async with stage.people(reviewing=False):
        issue = await stage.file()
        await gated(stage, bot, issue)
        held = await command(stage, issue, "/grace hold")
        assert await reactions(stage, held, "eyes", "+1") == ["eyes", "+1"]
        asked = await command(stage, issue, "please\n\n/grace why")
        assert "/grace resume" in await told(stage, issue, "held by alice")
        assert await reactions(stage, asked, "eyes") == ["eyes"]
        await command(stage, issue, "/grace dance")
        await told(stage, issue, "`dance` is no command")
        await command(stage, issue, "/grace help")
        await told(stage, issue, "/grace extend MINUTES")
        await reactions(stage, await command(stage, issue, "/grace resume"), "+1")
        assert (await bot.look.phase(issue, Phase.GATING)).held is None
        own = await command(stage, issue, "/grace approve")
        await told(stage, issue, "who proposes does not approve")
        assert await reactions(stage, own, "eyes") == ["eyes"]
        await command(stage, issue, "/grace approve", "rita")
        mission = await bot.look.closed(issue, Outcome.FIXED)
    assert [a.login for a in mission.approvals] == ["rita"]
    await bot.look.nothing_doubled(mission)
    await command(stage, issue, "/grace rollback")
    await told(stage, issue, "there is nothing to rollback")


async def test_a_stranger_gets_one_polite_line_and_nothing_else(stage: Stage, bot: Bot) -> None:
    async with stage.people(reviewing=False):
        issue = await stage.file()
        before = await gated(stage, bot, issue)
        await command(stage, issue, "/grace cancel", "mallory")
        line = await told(stage, issue, "`mallory`")
        assert "need write permission" in line
        second = await command(stage, issue, "/grace why", "mallory")
        mark = await command(stage, issue, "/grace status")
        await told(stage, issue, "is **gating**")
        await bot.look.settled()
    assert await reactions(stage, mark, "eyes") == ["eyes"]
    assert await reactions(stage, second) == []
    words = await stage.words(issue)
    assert [w for w in words if "mallory" in w] == [line]
    after = await bot.look.phase(issue, Phase.GATING)
    assert (after.held, after.attempts) == (None, before.attempts)


async def test_edited_and_quoted_comments_command_nothing(stage: Stage, bot: Bot) -> None:
    async with stage.people(reviewing=False):
        issue = await stage.file()
        await gated(stage, bot, issue)
        comment = await command(stage, issue, "hello\n\n> /grace cancel\n\n```\n/grace cancel\n```")
        path = f"{stage.path}/issues/comments/{comment}"
        answer = await stage.client("alice").patch(path, json={"body": "/grace cancel"})
        assert answer.status_code == 200
        await reactions(stage, await command(stage, issue, "/grace status"), "eyes")
        await bot.look.settled()
    assert await reactions(stage, comment) == []
    assert (await bot.look.phase(issue, Phase.GATING)).live


async def test_buttons_obey_whom_comments_obey(stage: Stage, bot: Bot) -> None:
    async with stage.people(reviewing=False):
        issue = await stage.file(Wanted((GOOD, WRONG)))
        mission = await gated(stage, bot, issue)
        assert mission.attempt is not None
        runs = await stage.get(f"/commits/{mission.attempt.head}/check-runs")
        run = next(r["id"] for r in runs["check_runs"] if r["name"] == "mission/governance")
        assert mission.pull is not None
        await stage.forge.request_action(run, "approve", "mallory")
        await told(stage, mission.pull.number, "`mallory`")
        assert (await bot.look.phase(issue, Phase.GATING)).approvals == ()
        await stage.forge.request_action(run, "approve", "rita")
        mission = await bot.look.phase(issue, Phase.OBSERVING)
        assert mission.landing is not None
        mission = await bot.look.until(
            issue, lambda m: any(name.startswith("observation:") for name in m.surface_ids)
        )
        window = next(n for s, n in mission.surface_ids.items() if s.startswith("observation:"))
        await stage.forge.request_action(int(window), "rollback", "rita")
        mission = await bot.look.closed(issue, Outcome.ROLLED_BACK)
    assert "rita asked for it" in mission.reason
    await bot.look.nothing_doubled(mission)


async def test_others_pull_requests_are_told_that_they_are_no_mission(
    stage: Stage, bot: Bot
) -> None:
    """A required check of ours would block them; our own commit is never answered so."""
    await git(stage.repository.bare, "branch", "feature", "main~0")
    tip = await git(stage.repository.bare, "rev-parse", "main")
    made = await stage.client(OWNER).put(
        f"{stage.path}/contents/notes.txt",
        json={"message": "Add notes", "content": "aGVsbG8K", "branch": "feature"},
    )
    assert made.status_code == 201, made.text
    await stage.post("/pulls", "alice", head="feature", base="main", title="Notes", body="")
    sha = await git(stage.repository.bare, "rev-parse", "feature")
    assert sha != tip

    async def answered() -> dict[str, object] | None:
        found = (await stage.get(f"/commits/{sha}/check-runs"))["check_runs"]
        return next((r for r in found if r["name"] == "mission/governance"), None)

    run = await eventually(answered, "the check on somebody else's pull request")
    assert run["conclusion"] == "success"
    async with stage.people(reviewing=False):
        issue = await stage.file()
        mission = await gated(stage, bot, issue)
        assert mission.attempt is not None
        head = mission.attempt.head
        await git(stage.repository.bare, "branch", "copy", str(head))
        await stage.post("/pulls", "alice", head="copy", base="main", title="Copy", body="")
        await reactions(stage, await command(stage, issue, "/grace status"), "eyes")
        await bot.look.settled()
    runs = (await stage.get(f"/commits/{head}/check-runs"))["check_runs"]
    ours = [r["conclusion"] for r in runs if r["name"] == "mission/governance"]
    assert ours == [None]
