"""Where the forge requires its merge queue, the queue merges, and every gate is asked again."""

from grace.domain.phase import Outcome
from support.flows import Stage


async def test_where_a_merge_queue_is_required_it_merges(stage: Stage) -> None:
    """Grace only enqueues; on the group's commit every gate is asked again."""
    await stage.forge.require_merge_queue(stage.repository.full_name, "main")
    async with stage.bot() as bot, stage.people():
        issue = await stage.file()
        mission = await bot.look.closed(issue, Outcome.FIXED)
        await bot.look.nothing_doubled(mission)
    assert mission.landing is not None
    assert mission.group is not None
    assert mission.landing.tree == mission.group.tree
    runs = (await stage.get(f"/commits/{mission.group.head}/check-runs"))["check_runs"]
    ours = {r["name"]: r["conclusion"] for r in runs if r["name"].startswith("mission/")}
    assert ours["mission/governance"] == "success"
    calls = await stage.forge.calls(stage.app.bot)
    assert not [c for c in calls if c.method == "PUT" and c.template.endswith("/merge")]
