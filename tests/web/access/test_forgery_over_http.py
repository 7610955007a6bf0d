"""Requests that another site's page makes a browser send, with its cookies."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSServerHandshakeError

from grace.domain.people import Actor
from support.doors import Door, opened


async def post(door: Door, cookie: str, headers: Mapping[str, str], body: bytes = b"{}") -> int:
    sent = {"Cookie": cookie, **headers}
    return (await door.client.post("/who", headers=sent, content=body)).status_code


async def test_a_page_of_the_session_may_write(door: Door) -> None:
    cookie, token = await door.cookie()
    good = {"X-CSRF-Token": token}
    assert await post(door, cookie, good) == 200
    same = {"Origin": door.url, "Sec-Fetch-Site": "same-origin"}
    assert await post(door, cookie, {**good, **same}) == 200
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert await post(door, cookie, form, f"a=b&csrf_token={token}".encode()) == 200


async def test_the_token_that_a_page_shows_is_the_one_that_counts(door: Door) -> None:
    cookie, _ = await door.cookie()
    shown = (await door.client.get("/who", headers={"Cookie": cookie})).json()["csrf"]
    assert await post(door, cookie, {"X-CSRF-Token": shown}) == 200


async def test_a_write_without_the_right_token_is_refused(door: Door) -> None:
    cookie, token = await door.cookie()
    _, of_other = await door.cookie(Actor(login="mallory", id=66))
    _, of_same_person = await door.cookie()
    for wrong in ("", "x", of_other, of_same_person, token[:-1], token + "a", "\xff"):
        headers = {"X-CSRF-Token": wrong.encode("latin-1")}
        sent = await door.client.post("/who", headers={b"Cookie": cookie.encode(), **headers})
        assert sent.status_code == 403, wrong
    for method in ("PUT", "PATCH", "DELETE"):
        answer = await door.client.request(method, "/who", headers={"Cookie": cookie})
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/json", "", "application/x-www-form-urlencoded"]
)
async def test_a_body_that_merely_holds_a_token_is_not_a_form(
    door: Door, content_type: str
) -> None:
    cookie, token = await door.cookie()
    body = f'{{"csrf_token": "{token}", "x": "="}}'.encode()
    headers = {"Content-Type": content_type} if content_type else {}
    assert await post(door, cookie, headers, body) == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost.evil.test"},
        {"Origin": "https://{netloc}"},
        {"Origin": "http://{netloc}.evil.test"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://{netloc}", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_a_page_of_another_site_is_refused_although_it_knows_the_token(
    door: Door, headers: dict[str, str]
) -> None:
    cookie, token = await door.cookie()
    filled = {name: value.format(netloc=door.netloc) for name, value in headers.items()}
    assert await post(door, cookie, {"X-CSRF-Token": token, **filled}) == 403


async def test_behind_tls_the_public_pages_are_ours(tmp_path: Path) -> None:
    async with opened(tmp_path, "https://Grace.test:443/") as door:
        cookie, token = await door.cookie()
        good = {"X-CSRF-Token": token, "Host": "grace.test"}
        assert await post(door, cookie, {**good, "Origin": "https://grace.test"}) == 200
        assert await post(door, cookie, {**good, "Origin": "https://grace.test:8443"}) == 403


async def shake(door: Door, headers: Mapping[str, str]) -> int:
    async with ClientSession() as session:
        try:
            async with session.ws_connect(f"{door.url}/ws", headers=headers) as made:
                await made.send_str("who?")
                return 101 if (await made.receive_str()) == "user-11" else 0
        except WSServerHandshakeError as error:
            return error.status


async def test_a_socket_with_a_cookie_opens_for_our_pages_alone(door: Door) -> None:
    cookie, _ = await door.cookie()
    mine = {"Cookie": cookie, "Origin": door.url}
    assert await shake(door, mine) == 101
    assert await shake(door, {**mine, "Origin": "https://evil.test"}) == 403
    assert await shake(door, {**mine, "Sec-Fetch-Site": "cross-site"}) == 403
    assert await shake(door, {"Cookie": cookie}) == 403
    assert await shake(door, {"Origin": door.url}) == 401


async def test_a_socket_learns_that_its_session_ended(door: Door) -> None:
    cookie, _ = await door.cookie()
    headers = {"Cookie": cookie, "Origin": door.url}
    async with (
        ClientSession() as session,
        session.ws_connect(f"{door.url}/ws", headers=headers) as made,
    ):
        await made.send_str("who?")
        assert await made.receive_str() == "user-11"
        door.clock.go(hours=13)
        await made.send_str("who?")
        assert await made.receive_str() == "nobody"


async def test_a_socket_learns_that_its_token_was_revoked(door: Door) -> None:
    text = await door.token()
    headers = {"Authorization": f"Bearer {text}"}
    async with (
        ClientSession() as session,
        session.ws_connect(f"{door.url}/ws", headers=headers) as made,
    ):
        (token,) = await door.store.tokens()
        await made.send_str("who?")
        assert await made.receive_str() == token.id
        await door.store.revoke_token(token.id, "root", door.clock.now())
        await made.send_str("who?")
        assert await made.receive_str() == "nobody"
