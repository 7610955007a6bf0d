"""Webhooks as anybody can send them: each is answered with what is wrong, and the bot lives on.

The fixture `web` asks /healthz at the end of each test.
"""

import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from grace.domain.phase import Outcome
from support.flows import SECRET, Bot, Stage


def signed(body: bytes, event: str = "issues", **more: str) -> dict[str, str]:
    """Make the headers of a delivery that the forge sends."""
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": f"d-{digest[:12]}-{event}",
        "X-Hub-Signature-256": f"sha256={digest}",
        "Content-Type": "application/json",
        **more,
    }


def problem(answer: httpx.Response) -> dict[str, Any]:
    """Read a problem, which every refusal must be."""
    assert answer.headers["content-type"].startswith("application/problem+json")
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert body["detail"]
    return body


async def send(web: httpx.AsyncClient, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return await web.post("/hooks/github", content=body, headers=headers)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b"\xff\xfe", b'{"action": "opened"}', b'{"a":' * 5000]
)
async def test_malformed_body_with_a_good_signature_is_kept_and_marked(
    web: httpx.AsyncClient, bot: Bot, body: bytes
) -> None:
    answer = await send(web, body, signed(body))
    assert answer.status_code in {202, 400}, answer.text
    if answer.status_code == 400:
        problem(answer)
    await bot.look.settled()
    assert await bot.look.missions() == []


async def test_wrong_signature_is_refused(web: httpx.AsyncClient) -> None:
    headers = signed(b"{}") | {"X-Hub-Signature-256": "sha256=" + "0" * 64}
    answer = await send(web, b"{}", headers)
    assert answer.status_code == 401
    assert "signature" in problem(answer)["detail"]


async def test_signature_over_other_bytes_is_refused(web: httpx.AsyncClient) -> None:
    answer = await send(web, b"{} ", signed(b"{}"))
    assert answer.status_code == 401
    problem(answer)


async def test_sha1_alone_is_refused(web: httpx.AsyncClient) -> None:
    headers = signed(b"{}")
    del headers["X-Hub-Signature-256"]
    digest = hmac.new(SECRET.encode(), b"{}", hashlib.sha1).hexdigest()
    answer = await send(web, b"{}", headers | {"X-Hub-Signature": f"sha1={digest}"})
    assert answer.status_code == 401
    assert "256" in problem(answer)["detail"]


async def test_unsigned_delivery_is_refused(web: httpx.AsyncClient) -> None:
    headers = signed(b"{}")
    del headers["X-Hub-Signature-256"]
    answer = await send(web, b"{}", headers)
    assert answer.status_code == 401
    problem(answer)


async def test_unknown_event_is_accepted_and_changes_nothing(
    web: httpx.AsyncClient, bot: Bot
) -> None:
    body = json.dumps({"action": "sung"}).encode()
    answer = await send(web, body, signed(body, "opera"))
    assert answer.status_code == 202
    await bot.look.settled()
    assert await bot.look.missions() == []


async def test_thirty_megabytes_are_refused_and_the_mission_goes_on(
    web: httpx.AsyncClient, stage: Stage, bot: Bot
) -> None:
    body = b" " * 30_000_000
    for headers in (signed(body), {}):
        answer = await send(web, body, headers)
        assert answer.status_code == 413
        assert "25 MiB" in problem(answer)["detail"]
    async with stage.people():
        issue = await stage.file()
        await bot.look.closed(issue, Outcome.FIXED)


async def test_same_delivery_twice_is_one(web: httpx.AsyncClient, bot: Bot) -> None:
    body = b"{}"
    first = await send(web, body, signed(body, "ping"))
    second = await send(web, body, signed(body, "ping"))
    assert (first.status_code, second.status_code) == (202, 202)
    assert (first.json()["status"], second.json()["status"]) == ("accepted", "duplicate")


@pytest.mark.parametrize("path", ["/hooks/github", "/ci/results", "/alerts/alertmanager"])
async def test_other_methods_and_paths_are_refused(web: httpx.AsyncClient, path: str) -> None:
    assert (await web.get(path)).status_code == 405
    assert (await web.post(path + "/more")).status_code == 404
