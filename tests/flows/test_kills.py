"""Kill -9 at any moment loses nothing, and doubles nothing at the forge."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from grace.domain.phase import Outcome
from support.flow_look import Look, eventually
from support.flow_mission import GOOD, REGRESSING, WRONG, Wanted
from support.flow_process import BotProcess
from support.flows import Stage, staged

# Minutes; a window that the bot sleeps through twice is inconclusive, as it should be.
LONG = 0.2

# A kill waits for its moment in a running bot.
Kill = Callable[[BotProcess], Awaitable[object]]


@pytest.fixture
async def short_stage(tmp_path: Path, app_key: tuple[str, str]) -> AsyncIterator[Stage]:
    """A stage whose bot soon asks the forge for what it was not told."""
    governance = {"tests": {"timeout_minutes": 3, "ask_after_minutes": 0.02}}
    async with staged(tmp_path, app_key, governance) as made:
        yield made


def at_phase(phase: str) -> Kill:
    """Kill as soon as the log says that a mission is in a phase, or at the next start if it was."""

    async def wait(bot: BotProcess) -> None:
        await bot.until(
            lambda lines: any(f'"after": "{phase}"' in line for line in lines), f"phase {phase}"
        )

    return wait


def at_line(number: int) -> Kill:
    """Kill as soon as so many deliveries were routed since the start."""

    async def wait(bot: BotProcess) -> None:
        await bot.until(
            lambda lines: sum('"event": "routed"' in line for line in lines) >= number,
            f"{number} deliveries",
        )

    return wait


def at_call(stage: Stage, method: str, template: str) -> Kill:
    """Kill as soon as the forge has carried out a call, before the bot can have noted it."""

    async def wait(_bot: BotProcess) -> None:
        async def called() -> bool | None:
            calls = await stage.forge.calls(stage.app.bot)
            return any(c.method == method and c.template.endswith(template) for c in calls) or None

        await eventually(called, f"{method} {template}")

    return wait


def after(seconds: float) -> Kill:
    """Kill a while after the boot."""

    async def wait(bot: BotProcess) -> None:
        await bot.ready()
        await asyncio.sleep(seconds)

    return wait


async def survive(stage: Stage, wanted: Wanted, outcome: Outcome, kills: list[Kill]) -> None:
    """Play a mission whose bot is killed at each of these moments, and look at what is left."""
    settings = {**stage.settings(), "redelivery_seconds": "0.3"}
    bot = await BotProcess.start(settings)
    try:
        await bot.ready()
        look = await Look.at(stage)
        async with stage.people():
            issue = await stage.file(wanted)
            for kill in kills:
                await kill(bot)
                await bot.kill()
                bot = await BotProcess.start(settings)
            mission = await look.closed(issue, outcome)
        await look.nothing_doubled(mission)
        await look.close()
        assert not [line for line in bot.lines if "Traceback" in line]
    finally:
        await bot.kill()


@pytest.mark.stress  # what it adds to the one that rolls back is the resolving alone
async def test_kill_at_every_phase_of_a_mission_that_resolves(short_stage: Stage) -> None:
    phases = ("awaiting_start", "patching", "testing", "observing")
    await survive(short_stage, Wanted(), Outcome.FIXED, [at_phase(p) for p in phases])


async def test_kill_at_every_phase_of_a_mission_that_rolls_back(short_stage: Stage) -> None:
    kills = [at_phase("merging"), at_phase("reverting"), after(0.05), after(0.1)]
    await survive(short_stage, Wanted((REGRESSING,)), Outcome.ROLLED_BACK, kills)


@pytest.mark.stress
async def test_kill_between_deliveries(short_stage: Stage) -> None:
    kills = [at_line(1), at_line(2), after(0.0), after(0.2)]
    await survive(short_stage, Wanted((WRONG, GOOD)), Outcome.FIXED, kills)


@pytest.mark.stress
async def test_kill_right_after_each_write_at_the_forge(short_stage: Stage) -> None:
    writes = (
        ("POST", "/issues/{number}/comments"),
        ("POST", "/pulls"),
        ("PUT", "/pulls/{number}/merge"),
        ("PATCH", "/check-runs/{id}"),
    )
    kills = [at_call(short_stage, *write) for write in writes]
    await survive(short_stage, Wanted(), Outcome.FIXED, kills)


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(20))
async def test_kills_at_random_moments(short_stage: Stage, seed: int) -> None:
    dice = random.Random(seed)
    wanted, outcome = dice.choice(
        [
            (Wanted(window=LONG), Outcome.FIXED),
            (Wanted((WRONG, GOOD), window=LONG), Outcome.FIXED),
            (Wanted((REGRESSING,), window=LONG), Outcome.ROLLED_BACK),
        ]
    )
    kills = [after(dice.uniform(0, 0.8)) for _ in range(8)]
    await survive(short_stage, wanted, outcome, kills)
