"""`grace mission`, `keys`, `schema` and `kill-switch`, beside a running bot."""

import asyncio
import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import Result
from typer.testing import CliRunner

from grace.cli.main import app
from grace.domain.package import MissionPackage
from grace.domain.phase import Outcome, Phase
from support.flows import OPERATOR_TOKEN, Bot, Stage


async def grace(*args: str, **environment: str) -> Result:
    """Run the command in a thread, as a process beside the bot would."""
    env = {"COLUMNS": "200", **environment}
    return await asyncio.to_thread(CliRunner().invoke, app, args, env=env)


async def gating(stage: Stage, bot: Bot) -> str:
    issue = await stage.file()
    mission = await bot.look.phase(issue, Phase.GATING)
    await bot.look.settled()
    return mission.name


async def test_list_shows_live_missions_and_then_the_closed_one(stage: Stage, bot: Bot) -> None:
    data = str(stage.data)
    assert (await grace("mission", "list", "--data", data)).exit_code == 0
    async with stage.people(reviewing=False):
        name = await gating(stage, bot)
        listed = await grace("mission", "list", "--data", data, "--live")
        assert listed.exit_code == 0
        assert name in listed.stdout
        assert "gating" in listed.stdout
        mission = (await bot.look.missions())[0]
        assert mission.pull is not None
        assert mission.issue is not None
        await stage.post(f"/pulls/{mission.pull.number}/reviews", "rita", event="APPROVE")
        await bot.look.closed(mission.issue, Outcome.FIXED)
    listed = await grace("mission", "list", "--data", data)
    assert "fixed" in listed.stdout
    counted = (await grace("mission", "stats", "--data", data, "--days", "1")).stdout
    assert "low-risk missions that ran without a person: none yet (0 of 0)" in counted
    assert "human actions per mission: 2.0" in counted  # filed and reviewed
    assert name not in (await grace("mission", "list", "--data", data, "--live")).stdout


async def test_why_names_the_one_condition_who_changes_it_and_when(stage: Stage, bot: Bot) -> None:
    name = await gating(stage, bot)
    said = await grace("mission", "why", name, "--data", str(stage.data))
    assert said.exit_code == 0
    first, second, third = said.stdout.splitlines()[:3]
    assert first.startswith(f"{name}: gating")
    assert "approvals" in second
    assert "write permission" in second
    assert third.startswith("last evaluated 20")
    assert "UTC" in third
    assert said.stdout.count("wait") >= 1


async def test_why_of_a_closed_mission_says_how_it_ended(stage: Stage, bot: Bot) -> None:
    issue = await stage.file()
    mission = await bot.look.phase(issue, Phase.GATING)
    await stage.say(issue, "/grace cancel")
    await bot.look.closed(issue, Outcome.CANCELLED)
    said = await grace("mission", "why", mission.name, "--data", str(stage.data))
    assert "closed as cancelled: cancelled by alice" in said.stdout


async def test_show_prints_a_package_that_its_schema_accepts(stage: Stage, bot: Bot) -> None:
    async with stage.people():
        issue = await stage.file()
        mission = await bot.look.closed(issue, Outcome.FIXED)
    shown = await grace("mission", "show", mission.name, "--data", str(stage.data))
    assert shown.exit_code == 0
    package = MissionPackage.model_validate_json(shown.stdout)
    assert package.outcome is Outcome.FIXED
    assert package.remediation_history
    assert package.crypto_signatures
    assert package.context is not None
    jsonschema.Draft202012Validator(await schema("mission")).validate(json.loads(shown.stdout))


async def schema(name: str) -> dict[str, Any]:
    printed = await grace("schema", name)
    assert printed.exit_code == 0
    body: dict[str, Any] = json.loads(printed.stdout)
    return body


@pytest.mark.parametrize("name", ["mission", "request", "report", "policy", "waivers"])
async def test_exported_schemas_are_schemas(name: str) -> None:
    body = await schema(name)
    assert body["$schema"].endswith("2020-12/schema")
    jsonschema.Draft202012Validator.check_schema(body)
    assert body["additionalProperties"] is False


@pytest.mark.parametrize("command", ["show", "why"])
async def test_unknown_mission_is_told_with_the_way_out(
    stage: Stage, bot: Bot, command: str
) -> None:
    said = await grace("mission", command, "mission_20200101_001", "--data", str(stage.data))
    assert said.exit_code == 1
    assert "grace mission list" in said.output


async def test_missing_store_is_told(tmp_path: Path) -> None:
    said = await grace("mission", "list", "--data", str(tmp_path))
    assert said.exit_code == 2
    assert "is not there" in said.output


async def test_keys_are_made_once_and_shown_in_both_formats(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing.key"
    path.parent.mkdir()
    made = await grace("keys", "init", "--path", str(path))
    assert made.exit_code == 0, made.output
    assert path.stat().st_mode & 0o777 == 0o600
    again = await grace("keys", "init", "--path", str(path))
    assert again.exit_code == 2
    raw = await grace("keys", "show", "--path", str(path))
    assert len(base64.b64decode(raw.stdout.split()[-1])) == 32
    signers = await grace("keys", "show", "--path", str(path), "--format", "allowed-signers")
    line = signers.stdout.strip()
    public = tmp_path / "key.pub"
    public.write_text(line[line.index("ssh-ed25519") :] + "\n")
    command = ["ssh-keygen", "-l", "-f", str(public)]
    found = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=True
    )
    assert "ED25519" in found.stdout
    secret = path.read_text()
    for said in (made, raw, signers):
        assert secret.strip().splitlines()[-1] not in said.output


async def test_kill_switch_command_turns_the_switch(bot: Bot) -> None:
    token = {"GRACE_OPERATOR_TOKEN": OPERATOR_TOKEN}
    why = ("--reason", "audit", "--by", "olga")
    assert (await grace("kill-switch", "on", *why, "--url", bot.url, **token)).exit_code == 0
    assert await bot.look.kill_switch() is True
    assert [stop.reason for stop in await bot.look.stops()] == ["audit (olga)"]
    assert (await grace("kill-switch", "off", "--url", bot.url, **token)).exit_code == 0
    assert await bot.look.kill_switch() is False
    wrong = await grace("kill-switch", "on", "--url", bot.url, "--token", "wrong")
    assert wrong.exit_code == 1
    assert "token is wrong" in wrong.output


async def test_kill_switch_of_a_bot_that_is_not_there_is_told() -> None:
    said = await grace("kill-switch", "on", "--url", "http://127.0.0.1:9", "--token", "x")
    assert said.exit_code == 2
    assert "does not answer" in said.output
