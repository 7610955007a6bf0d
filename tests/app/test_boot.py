"""The process: nine steps, refusals with a reason, a clean end."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from grace.domain.phase import Outcome
from support.flow_look import Look, eventually
from support.flow_process import serving
from support.flows import Bot, Stage

STEPS = (
    "hub loads",
    "git state detected",
    "config hash calculated",
    "metrics catalog loaded",
    "subsystem health initialised",
    "trust scores loaded",
    "coding pipeline starts",
    "healing workflow starts",
    "all systems operational",
)


def steps(lines: list[str]) -> list[str]:
    """Read the names of the steps in the order in which they were printed."""
    found = [re.fullmatch(r"\[(\d)/9\] ([^:]+): .+", line) for line in lines]
    numbers = [int(m[1]) for m in found if m]
    assert numbers == list(range(1, len(numbers) + 1))
    return [m[2] for m in found if m]


async def get(url: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient(verify=False, timeout=10) as client:
        return await client.get(url + path)


async def test_nine_steps_are_printed_in_order_and_sigterm_ends_with_zero(stage: Stage) -> None:
    async with serving(stage.settings()) as bot:
        await bot.ready()
        assert steps(bot.lines) == list(STEPS)
        assert (await get(stage.bot_url, "/readyz")).status_code == 200
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await bot.terminate() == 0
        assert loop.time() - began < 8
        assert bot.lines[-1] == "stopped"
        assert not [line for line in bot.lines if "Traceback" in line]


async def test_sigterm_in_the_middle_of_a_mission_ends_cleanly_and_the_next_start_goes_on(
    stage: Stage,
) -> None:
    async with serving(stage.settings()) as bot:
        await bot.ready()
        issue = await stage.file()
        await bot.said('"after": "testing"')
        assert await bot.terminate() == 0
    async with serving({**stage.settings(), "redelivery_seconds": "0.3"}) as bot:
        await bot.ready()
        look = await Look.at(stage)
        async with stage.people():
            mission = await look.closed(issue, Outcome.FIXED)
        await look.nothing_doubled(mission)
        await look.close()


async def test_refuses_to_start_without_a_webhook_secret(stage: Stage) -> None:
    settings = stage.settings()
    del settings["webhook_secret"]
    async with serving(settings) as bot:
        assert await bot.ended() == 2
        assert any("GRACE_WEBHOOK_SECRET" in line for line in bot.lines), bot.lines
        assert steps(bot.lines) == []


async def test_refuses_to_start_with_an_empty_webhook_secret(stage: Stage) -> None:
    async with serving({**stage.settings(), "webhook_secret": " "}) as bot:
        assert await bot.ended() == 2
        assert any("webhook_secret: is empty" in line for line in bot.lines), bot.lines


async def test_bad_configuration_names_file_line_and_field(stage: Stage) -> None:
    file = stage.folder / "config" / "governance.yaml"
    file.write_text("approvals:\n  high: 1\nobservations:\n  min_samples: 3\n")
    async with serving(stage.settings()) as bot:
        assert await bot.ended() == 2
        told = "\n".join(bot.lines)
        assert "governance.yaml:3" in told, told
        assert "observations" in told
        assert "Traceback" not in told


async def test_second_process_on_the_same_data_is_refused_with_a_sentence(
    stage: Stage, bot: Bot
) -> None:
    async with serving(stage.settings()) as second:
        assert await second.ended() == 2
        told = "\n".join(second.lines)
        assert "is in use by process" in told
        assert "Traceback" not in told
    assert (await get(bot.url, "/healthz")).status_code == 200


async def test_wrong_app_key_is_told_and_the_bot_waits(stage: Stage) -> None:
    async with serving({**stage.settings(), "app_id": str(stage.app.id + 7)}) as bot:
        await bot.said("the forge does not answer as it should")
        ready = await get(stage.bot_url, "/readyz")
        assert ready.status_code == 503
        assert await bot.terminate() == 0


async def test_forge_that_is_down_at_boot_is_awaited_and_deliveries_are_kept(
    stage: Stage,
) -> None:
    issue = await stage.file()
    await stage.forge.idle()
    await stage.forge.close()
    async with serving({**stage.settings(), "redelivery_seconds": "0.3"}) as bot:
        await bot.said("the forge does not answer as it should")
        assert (await get(stage.bot_url, "/healthz")).status_code == 200
        ready = await get(stage.bot_url, "/readyz")
        assert ready.status_code == 503
        assert "did not answer" in ready.json()["problems"]["boot"]
        assert len(steps(bot.lines)) == 6
        await stage.forge_again()
        await bot.ready()
        assert (await get(stage.bot_url, "/readyz")).status_code == 200
        look = await Look.at(stage)
        async with stage.people():
            mission = await look.closed(issue, Outcome.FIXED)
        await look.nothing_doubled(mission)
        await look.close()


async def test_sigterm_while_the_forge_is_awaited_ends_at_once(stage: Stage) -> None:
    await stage.forge.close()
    async with serving(stage.settings()) as bot:
        await bot.said("the forge does not answer as it should")
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await bot.terminate() == 0
        assert loop.time() - began < 5
    await stage.forge_again()


async def test_measures_parse_and_count_what_happened(stage: Stage, bot: Bot) -> None:
    async with stage.people():
        issue = await stage.file()
        await bot.look.closed(issue, Outcome.FIXED)
    families = {
        f.name: f for f in text_string_to_metric_families((await get(bot.url, "/metrics")).text)
    }
    pushes = {
        s.labels["branch"]: s.value
        for s in families["grace_pushes"].samples
        if s.name.endswith("_total")
    }
    assert pushes["work"] == 1
    assert pushes["ledger"] >= 1
    calls = sum(s.value for s in families["grace_forge_calls"].samples if s.name.endswith("_total"))

    async def counted() -> bool | None:
        return len(await stage.forge.calls(stage.app.bot)) >= calls or None

    await eventually(counted, f"{calls} calls")
    faults = [s for s in families["grace_faults"].samples if s.name.endswith("_total")]
    assert sum(s.value for s in faults) == 0


@pytest.mark.parametrize("path", ["/nothing", "/missions", "/kill-switch"])
async def test_paths_that_are_not_there_do_not_answer_200(bot: Bot, path: str) -> None:
    assert (await get(bot.url, path)).status_code in {404, 405}


async def test_private_key_and_secrets_stay_out_of_log_and_store(
    stage: Stage, tmp_path: Path
) -> None:
    settings = stage.settings()
    async with serving({**settings, "log_level": "DEBUG"}) as bot:
        await bot.ready()
        look = await Look.at(stage)
        async with stage.people():
            issue = await stage.file()
            await look.closed(issue, Outcome.FIXED)
        await look.close()
        await bot.terminate()
        told = "\n".join(bot.lines)
    key = (stage.data / "signing.key").read_text().strip().splitlines()[-1]
    assert (stage.data / "signing.key").stat().st_mode & 0o077 == 0
    secrets = [settings["webhook_secret"], settings["operator_token"], settings["alert_token"]]
    secrets += [settings["app_key"].splitlines()[1], key]
    for secret in secrets:
        assert secret not in told
        for file in stage.data.glob("grace.db*"):
            assert secret.encode() not in file.read_bytes()
