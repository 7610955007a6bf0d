"""An issue labelled `grace:stop` stops a repository; who may write alone stops it, or lets it go."""

from collections import Counter

from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase
from support.flow_look import eventually
from support.flows import OWNER, Bot, Stage

LABEL = "grace:stop"


async def stops(bot: Bot, *words: str) -> None:
    """Wait until so many things stop Grace, each told with its words."""

    async def as_said() -> bool | None:
        found = [stop.reason for stop in await bot.look.stops()]
        told = len(found) == len(words)
        return (told and all(w in f for w, f in zip(words, found, strict=True))) or None

    await eventually(as_said, f"stops: {words}")


async def on_ledger(bot: Bot, mission: Mission) -> list[tuple[str, str]]:
    """List the brakes in the log of the repository, and who used them."""
    entries = await bot.system.store.entries(mission.ref.log)
    envelopes = [entry.envelope for entry in entries]
    return [(e.kind, e.actor) for e in envelopes if e.kind.startswith("brake.")]


async def open_issue(stage: Stage, login: str, *labels: str) -> int:
    made = await stage.post("/issues", login, title="Wait", labels=list(labels))
    return int(made["number"])


async def test_stop_holds_a_merge_until_somebody_lifts_it_who_may(stage: Stage) -> None:
    await stage.forge.add_collaborator(stage.repository.full_name, "mallory", "triage")
    async with stage.bot() as bot, stage.people(reviewing=False):
        issue = await stage.file()
        gated = await bot.look.phase(issue, Phase.GATING)
        await bot.look.settled()
        # Who may only triage stops nothing for long.
        feigned = await open_issue(stage, "mallory", LABEL)
        await eventually(
            lambda: refused(bot, gated, "mallory"), "mallory's stop is refused, and lifted"
        )
        await stops(bot)
        # Who may write does, until he lifts it himself.
        real = await open_issue(stage, "alice", LABEL)
        await stops(bot, f"#{real}")
        assert gated.pull is not None
        await stage.post(f"/pulls/{gated.pull.number}/reviews", "rita", event="APPROVE")
        away = f"{stage.path}/issues/{real}/labels/{LABEL}"
        assert (await stage.client("mallory").delete(away)).status_code == 200
        await stops(bot, "mallory took it back")
        await bot.look.settled()
        held = await bot.look.mission(issue)
        assert held is not None
        assert (held.phase, held.landing) == (Phase.GATING, None)
        await stage.post(f"/issues/{real}/labels", "mallory", labels=[LABEL])
        shut = await stage.client("alice").patch(
            f"{stage.path}/issues/{real}", json={"state": "closed"}
        )
        assert shut.status_code == 200
        mission = await bot.look.closed(issue, Outcome.FIXED)
        await stops(bot)
        brakes = await on_ledger(bot, mission)
        await bot.look.ledger_verifies(mission)
    assert feigned != real
    assert brakes[:3] == [
        ("brake.on", "mallory"),
        ("brake.refused", "grace"),
        ("brake.off", "grace"),
    ]
    assert brakes[3] == ("brake.on", "alice")
    kinds = Counter(kind for kind, _ in brakes)
    assert (kinds["brake.on"], kinds["brake.off"]) == (2, 2)


async def refused(bot: Bot, mission: Mission, login: str) -> bool | None:
    entries = await bot.system.store.entries(mission.ref.log)
    kinds = [entry.envelope.kind for entry in entries]
    return ("brake.refused" in kinds and not await bot.look.stops()) or None


async def test_stop_that_is_there_before_the_bot_is_found_at_its_boot(stage: Stage) -> None:
    await open_issue(stage, OWNER, LABEL)
    async with stage.bot() as bot:
        assert [stop.kind for stop in await bot.look.stops()] == ["issue"]
