"""Tokens at the door: good ones name their principal, all others are 401 and nothing else."""

from datetime import timedelta

import pytest

from grace.domain.access import Scope
from support.doors import Door


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


async def test_a_token_says_who_asks_and_what_for(door: Door) -> None:
    text = await door.token(
        Scope.AGENT, login="rita", user_id=5, logs=frozenset({"forge.test/7"}), name="fixer"
    )
    said = (await door.client.get("/who", headers=bearer(text))).json()
    assert (said["kind"], said["name"], said["login"], said["user_id"]) == (
        "token",
        "fixer",
        "rita",
        5,
    )
    assert said["scopes"] == ["agent"]
    assert said["logs"] == ["forge.test/7"]


async def test_a_token_writes_without_a_forgery_token(door: Door) -> None:
    headers = {**bearer(await door.token()), "Origin": "https://elsewhere.test"}
    answer = await door.client.post("/who", headers=headers, content=b"{}")
    assert (answer.status_code, answer.json()["sent"]) == (200, "{}")


async def test_nobody_is_401_with_the_way_in(door: Door) -> None:
    for method in ("GET", "POST", "PATCH"):
        answer = await door.client.request(method, "/who")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert "Authorization: Bearer" in answer.json()["detail"]


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Basic YTpi",
        "Token {good}",
        "Bearer {good}x",
        "Bearer {cut}",
        "Bearer grace_",
        "Bearer ' OR 1=1 --",
        "Bearer \u00ff\u00fe",
        "Bearer {good} {good}",
    ],
)
async def test_a_wrong_token_is_401_even_with_a_good_cookie(door: Door, header: str) -> None:
    good = await door.token()
    cookie, _ = await door.cookie()
    value = header.format(good=good, cut=good[:-1])
    headers = [
        (b"Authorization", value.encode("latin-1")),
        (b"Cookie", cookie.encode()),
    ]
    answer = await door.client.get("/who", headers=headers)
    assert answer.status_code == 401, answer.text
    assert good not in answer.text


async def test_two_headers_of_which_one_is_good_are_refused(door: Door) -> None:
    good = await door.token()
    both = [("Authorization", f"Bearer {good}"), ("Authorization", "Bearer other")]
    assert (await door.client.get("/who", headers=both)).status_code == 401


async def test_an_expired_and_a_revoked_token_are_answered_like_one_that_never_was(
    door: Door,
) -> None:
    short = await door.token(expires_at=door.clock.now() + timedelta(minutes=1))
    ended = await door.token()
    (token,) = [t for t in await door.store.tokens() if t.hint == ended[-4:]]
    assert (await door.client.get("/who", headers=bearer(short))).status_code == 200
    assert (await door.client.get("/who", headers=bearer(ended))).status_code == 200
    await door.store.revoke_token(token.id, "root", door.clock.now())
    door.clock.go(minutes=1)
    answers = [
        await door.client.get("/who", headers=bearer(text))
        for text in (short, ended, "grace_" + "a" * 43)
    ]
    assert {a.status_code for a in answers} == {401}
    assert len({a.content for a in answers}) == 1


@pytest.mark.parametrize("name", ["token", "access_token"])
async def test_a_token_in_the_address_is_refused_although_it_is_good(door: Door, name: str) -> None:
    text = await door.token()
    answer = await door.client.get("/who", params={name: text})
    assert answer.status_code == 400
    assert "Authorization" in answer.json()["detail"]
    assert text not in answer.text
    with_header = await door.client.get("/who", params={name: text}, headers=bearer(text))
    assert with_header.status_code == 400


async def test_machines_with_their_own_proofs_pass_by(door: Door) -> None:
    headers = {**bearer("a job's token"), "Host": "whatever.test"}
    answer = await door.client.post("/hooks/github?token=x", headers=headers, content=b"{}")
    assert (answer.status_code, answer.json()) == (200, {"sent": "{}"})
