"""Tokens that the forge itself signs, for runs that are not the mission's own, over HTTP."""

import json
import time
from typing import Any

import httpx
import jwt
import pytest

from grace.domain.phase import Outcome, Phase
from grace.localforge.oidc import KEY_ID
from support.flows import Bot, Stage
from web.test_ci_reports_over_http import post, reported
from web.test_hooks_over_http import problem


async def signed(stage: Stage, token: str, **changes: object) -> str:
    """Let the forge sign another token like this one."""
    claims = jwt.decode(token, options={"verify_signature": False})
    now = int(time.time())
    fresh = {"iat": now, "nbf": now - 10, "exp": now + 300}
    key = (stage.folder / "forge" / "oidc_key.pem").read_bytes()
    return jwt.encode(claims | fresh | changes, key, algorithm="RS256", headers={"kid": KEY_ID})


def foreign(report: dict[str, Any]) -> dict[str, object]:
    """Return what a job of somebody's own repository would prove, run id and all."""
    return {
        "repository": "mallory/mesh",
        "repository_id": "999",
        "workflow_ref": f"mallory/mesh/{report['workflow']}@refs/pull/1/merge",
    }


async def test_what_another_repository_reports_about_our_commit_opens_no_gate(
    web: httpx.AsyncClient, stage: Stage, bot: Bot
) -> None:
    stage.ci.silent = True
    async with stage.people():
        issue = await stage.file()
        token, report = await reported(stage)
        await bot.look.phase(issue, Phase.TESTING)
        theirs = await signed(stage, token, **foreign(report))
        answer = await post(web, theirs, report)
        assert answer.status_code == 403
        assert [e["field"] for e in problem(answer)["errors"]] == ["repository"]
        await post(web, theirs, {**report, "repository": "mallory/mesh"})
        await bot.look.settled()
        await bot.look.phase(issue, Phase.TESTING)
        assert (await post(web, token, report)).status_code == 202
        await bot.look.closed(issue, Outcome.FIXED)


@pytest.mark.parametrize("event", ["push", "workflow_dispatch", "pull_request_target"])
async def test_a_run_of_another_event_is_refused_with_the_reason(
    web: httpx.AsyncClient, stage: Stage, bot: Bot, event: str
) -> None:
    await stage.file()
    token, report = await reported(stage)
    answer = await post(web, await signed(stage, token, event_name=event), report)
    assert answer.status_code == 403
    assert problem(answer)["detail"].endswith(f"not of {event}")


async def test_a_merge_group_s_report_is_taken_for_its_own_commit_alone(
    web: httpx.AsyncClient, stage: Stage, bot: Bot
) -> None:
    await stage.file()
    token, report = await reported(stage)
    group = {"event_name": "merge_group", "head_ref": "", "base_ref": "", "sha": "e" * 40}
    theirs = await signed(stage, token, **group)
    answer = await post(web, theirs, report)
    assert answer.status_code == 403
    assert [e["field"] for e in problem(answer)["errors"]] == ["head_sha"]
    answer = await post(web, theirs, {**report, "head_sha": "e" * 40})
    assert answer.status_code == 202, json.dumps(answer.json())
