"""CI reports: the job's token proves who speaks; anything else is refused with its reason."""

import json
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from grace.domain.phase import Outcome, Phase
from support.flow_look import eventually
from support.flows import Bot, Stage
from web.test_hooks_over_http import problem


async def reported(stage: Stage) -> tuple[str, dict[str, Any]]:
    """Wait for CI's own report, and return its token and body."""

    async def look() -> tuple[str, dict[str, Any]] | None:
        if not stage.ci.tokens:
            return None
        token, report = stage.ci.tokens[-1]
        return token, json.loads(report.model_dump_json())

    return await eventually(look, "a report of CI")


async def post(web: httpx.AsyncClient, token: str | None, body: object) -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await web.post("/ci/results", content=content, headers=headers)


async def test_reports_that_are_not_the_tokens_own_are_refused_and_the_mission_goes_on(
    web: httpx.AsyncClient, stage: Stage, bot: Bot
) -> None:
    async with stage.people():
        issue = await stage.file()
        token, report = await reported(stage)
        other_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        claims = jwt.decode(token, options={"verify_signature": False})
        forged = jwt.encode(claims, other_key, algorithm="RS256", headers={"kid": "localforge-1"})
        unsigned = jwt.encode(claims, "", algorithm="none")
        for bad in ("nonsense", forged, unsigned, None):
            answer = await post(web, bad, report)
            assert answer.status_code == 401, answer.text
            problem(answer)
        for field, value in (
            ("repository", "acme/other"),
            ("run_id", report["run_id"] + 1),
            ("run_attempt", report["run_attempt"] + 1),
        ):
            answer = await post(web, token, {**report, field: value})
            assert answer.status_code == 403, answer.text
            assert [e["field"] for e in problem(answer)["errors"]] == [field]
        await bot.look.closed(issue, Outcome.FIXED)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"head_sha": "main"}, "head_sha"),
        ({"v": 2}, "v"),
        ({"surprise": 1}, "surprise"),
        ({"suites": [{"suite": "unit"}]}, "suites.0.job"),
    ],
)
async def test_report_that_does_not_fit_its_schema_names_the_field(
    web: httpx.AsyncClient, stage: Stage, bot: Bot, change: dict[str, Any], field: str
) -> None:
    issue = await stage.file()
    token, report = await reported(stage)
    answer = await post(web, token, {**report, **change})
    assert answer.status_code == 422
    assert field in [e["field"] for e in problem(answer)["errors"]]
    answer = await post(web, token, b"{")
    assert answer.status_code == 422
    problem(answer)
    await bot.look.phase(issue, Phase.GATING)


@pytest.mark.parametrize("field", ["head_sha", "base_sha"])
async def test_report_about_another_commit_opens_no_gate(
    web: httpx.AsyncClient, stage: Stage, bot: Bot, field: str
) -> None:
    """A job of the same repository may say anything; only what is about this head counts."""
    stage.ci.silent = True
    issue = await stage.file()
    token, report = await reported(stage)
    await bot.look.phase(issue, Phase.TESTING)
    answer = await post(web, token, {**report, field: "f" * 40})
    assert answer.status_code == 202
    await bot.look.settled()
    await bot.look.phase(issue, Phase.TESTING)
    assert (await post(web, token, report)).status_code == 202
    await bot.look.phase(issue, Phase.GATING)
