"""Deliveries lost, doubled and out of order; a forge that fails; a slow disk; a jumping clock."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grace.app.bootstrap import Machine
from grace.domain.phase import Outcome, Phase
from grace.localforge.faults import DeliveryFault
from support.flow_look import eventually
from support.flow_mission import GOOD, REGRESSING, WRONG, Wanted
from support.flows import Bot, Stage, staged

FOREVER = 10_000
LONG = 0.15  # minutes: longer than the first retries, so that the window is not slept through


JUMPS = [timedelta(hours=-3), pytest.param(timedelta(seconds=40), marks=pytest.mark.stress)]


@pytest.fixture
async def short_stage(tmp_path: Path, app_key: tuple[str, str]) -> AsyncIterator[Stage]:
    """A stage whose bot soon asks the forge for what it was not told."""
    governance = {"tests": {"timeout_minutes": 3, "ask_after_minutes": 0.01}}
    async with staged(tmp_path, app_key, governance) as made:
        yield made


async def test_doubled_deliveries_change_nothing(stage: Stage, bot: Bot) -> None:
    stage.forge.faults.deliveries(DeliveryFault.DUPLICATE, times=FOREVER)
    async with stage.people():
        issue = await stage.file(Wanted((WRONG, GOOD)))
        mission = await bot.look.closed(issue, Outcome.FIXED)
    await bot.look.nothing_doubled(mission)


@pytest.mark.parametrize("patch", [GOOD, pytest.param(REGRESSING, marks=pytest.mark.stress)])
async def test_reordered_deliveries_change_no_outcome(stage: Stage, bot: Bot, patch: str) -> None:
    stage.forge.faults.deliveries(DeliveryFault.REORDER, times=FOREVER)
    outcome = Outcome.FIXED if patch == GOOD else Outcome.ROLLED_BACK
    async with stage.people():
        issue = await stage.file(Wanted((patch,)))
        mission = await bot.look.closed(issue, outcome)
    await bot.look.nothing_doubled(mission)


@pytest.mark.stress
async def test_lost_checks_and_reviews_are_read_from_the_forge(short_stage: Stage) -> None:
    """Nothing is sent again here: what was not told is found by the reconciling read."""
    faults = short_stage.forge.faults
    faults.deliveries(DeliveryFault.DROP, "check_run.completed", times=FOREVER)
    async with short_stage.bot() as bot, short_stage.people():
        issue = await short_stage.file()
        mission = await bot.look.closed(issue, Outcome.FIXED)
        await bot.look.nothing_doubled(mission)


@pytest.mark.parametrize(
    "events",
    [
        ("issues", "pull_request_review", "deployment_status"),
        pytest.param(("",), marks=pytest.mark.stress),
    ],
    ids=["of each kind", "the first"],
)
async def test_dropped_deliveries_are_asked_for_again(
    stage: Stage, events: tuple[str, ...]
) -> None:
    for event in events:
        stage.forge.faults.deliveries(DeliveryFault.DROP, event, times=2)
    async with stage.bot(redelivery_seconds="0.3") as bot, stage.people():
        issue = await stage.file()
        mission = await bot.look.closed(issue, Outcome.FIXED)
        await bot.look.nothing_doubled(mission)


WRITES = (
    r"/issues/\d+/comments$",
    r"/issues/comments/\d+$",
    r"/pulls$",
    r"/check-runs$",
    r"/check-runs/\d+$",
    r"/merge$",
    r"/issues$",
    r"/issues/\d+$",
)


async def test_write_that_happened_behind_an_error_is_not_repeated(stage: Stage, bot: Bot) -> None:
    """Each kind of write takes effect once and is answered with 502: the bot must look first."""
    async with stage.people():
        issue = await stage.file(Wanted((REGRESSING,)))
        for path in WRITES:
            for method in ("POST", "PUT", "PATCH"):
                stage.forge.faults.fail(path, 502, method=method, after=True)
        mission = await bot.look.closed(issue, Outcome.ROLLED_BACK)
    await bot.look.nothing_doubled(mission)


@pytest.mark.parametrize(
    "phase",
    [
        Phase.MERGING,
        *(
            pytest.param(phase, marks=pytest.mark.stress)
            for phase in (Phase.FILED, Phase.PATCHING, Phase.TESTING, Phase.OBSERVING)
        ),
    ],
)
async def test_forge_that_fails_for_a_while_in_a_phase_delays_and_loses_nothing(
    stage: Stage, bot: Bot, phase: Phase
) -> None:
    bots = r"/(collaborators|comments|check-runs|access_tokens|pulls/\d+/merge|app)"
    if phase is Phase.FILED:
        stage.forge.faults.fail(bots, 500, times=2)
    async with stage.people():
        issue = await stage.file(Wanted(window=LONG))
        if phase is not Phase.FILED:
            await bot.look.until(
                issue, lambda m: list(Phase).index(m.phase) >= list(Phase).index(phase)
            )
            stage.forge.faults.fail(bots, 500, times=2)
        mission = await bot.look.closed(issue, Outcome.FIXED)
    await bot.look.nothing_doubled(mission)


async def test_forge_that_goes_down_and_comes_back_finds_the_mission_going_on(
    stage: Stage, bot: Bot
) -> None:
    async with stage.people(reviewing=False):
        issue = await stage.file(Wanted(window=LONG))
        mission = await bot.look.phase(issue, Phase.GATING)
        await stage.forge.close()
        await stage.forge_again()
        assert mission.pull is not None
        await stage.post(f"/pulls/{mission.pull.number}/reviews", "rita", event="APPROVE")
        await bot.look.until(issue, lambda m: m.window is not None and m.window.anchor is not None)
        await stage.forge.close()

        async def noticed() -> bool | None:
            retries = bot.system.measures.retries.collect()
            return any(s.value > 0 for m in retries for s in m.samples) or None

        await eventually(noticed, "an effect that waits for the forge")
        await stage.forge_again()
        mission = await bot.look.closed(issue, Outcome.FIXED)
    await bot.look.nothing_doubled(mission)


@pytest.mark.stress
async def test_slow_disk_delays_and_loses_nothing(stage: Stage) -> None:
    machine = Machine(before_commit=lambda: time.sleep(0.03))
    async with stage.bot(machine) as bot, stage.people():
        issue = await stage.file()
        mission = await bot.look.closed(issue, Outcome.FIXED)
        await bot.look.nothing_doubled(mission)


@dataclass
class JumpingClock:
    """The machine's clock, put forward or back by a test."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.mark.parametrize("jump", JUMPS)
async def test_clock_that_jumps_while_gates_wait_does_not_hold_the_merge(
    stage: Stage, jump: timedelta
) -> None:
    clock = JumpingClock()
    async with stage.bot(Machine(clock=clock)) as bot, stage.people(reviewing=False):
        issue = await stage.file()
        mission = await bot.look.phase(issue, Phase.GATING)
        clock.ahead = jump
        assert mission.pull is not None
        await stage.post(f"/pulls/{mission.pull.number}/reviews", "rita", event="APPROVE")
        await bot.look.phase(issue, Phase.OBSERVING)
        clock.ahead = max(jump, timedelta(0))
        mission = await bot.look.closed(issue, Outcome.FIXED)
        await bot.look.nothing_doubled(mission)


@pytest.mark.parametrize("jump", JUMPS)
async def test_clock_that_jumps_in_the_window_resolves_only_on_evidence(
    stage: Stage, jump: timedelta
) -> None:
    clock = JumpingClock()
    async with stage.bot(Machine(clock=clock)) as bot, stage.people():
        issue = await stage.file()
        await bot.look.until(issue, lambda m: m.window is not None and m.window.anchor is not None)
        clock.ahead = jump
        bot.system.wake()
        asked = stage.page.asked
        if jump < timedelta(0):
            still = await bot.look.phase(issue, Phase.OBSERVING)
            assert still.outcome is None
            clock.ahead = timedelta(0)
            bot.system.wake()
        mission = await bot.look.closed(issue, Outcome.FIXED)
        assert stage.page.asked >= asked + 2
        await bot.look.nothing_doubled(mission)
