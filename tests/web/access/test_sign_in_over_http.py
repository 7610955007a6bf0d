"""Signing in at the forge: the state is of one browser and one use, the session always a new one."""

import base64
import hashlib
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from grace.domain.people import Actor
from grace.web.access.onward import onward_path
from support.doors import Door, opened, set_cookies


async def test_a_person_signs_in_and_comes_back_to_the_page(door: Door) -> None:
    state, begun = await door.begin("/missions/mission_20261122_001?tab=a&b=%2F")
    answer = await door.come_back(state, begun)
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"] == "/missions/mission_20261122_001?tab=a&b=%2F"
    value, attributes = set_cookies(answer)["grace_session"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {a.strip() for a in attributes.split(";")}
    assert "Secure" not in attributes
    said = (await door.client.get("/who", headers={"Cookie": f"grace_session={value}"})).json()
    assert (said["kind"], said["login"], said["user_id"]) == ("person", "alice", 11)
    assert said["scopes"] == ["viewer"]
    # The cookie that tied the sign-in to the browser is gone.
    assert "Max-Age=0" in set_cookies(answer)["grace_sign_in"][1]


async def test_the_forge_gets_a_challenge_and_then_its_verifier(door: Door) -> None:
    start = await door.client.get("/sign-in/start")
    query = parse_qs(urlsplit(start.headers["Location"]).query)
    cookie, attributes = set_cookies(start)["grace_sign_in"]
    assert "HttpOnly" in attributes
    await door.come_back(query["state"][0], f"grace_sign_in={cookie}")
    ((verifier, redirect),) = door.forge.proven
    hashed = hashlib.sha256(verifier.encode()).digest()
    assert query["c"] == [base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()]
    assert query["to"] == [redirect] == [f"{door.url}/sign-in/callback"]
    assert len(verifier) == 43
    assert verifier not in start.headers["Location"] + cookie


async def test_over_https_the_cookies_are_of_this_host_alone(tmp_path: Path) -> None:
    async with opened(tmp_path, "https://grace.test") as door:
        state, begun = await door.begin()
        assert begun.startswith("__Host-grace_sign_in=")
        answer = await door.come_back(state, begun)
        value, attributes = set_cookies(answer)["__Host-grace_session"]
        assert "Secure" in attributes
        assert "Domain" not in attributes
        assert door.forge.proven[0][1] == "https://grace.test/sign-in/callback"
        # A cookie that a neighbour's page could have set does not count.
        tossed = {"Cookie": f"grace_session={value}"}
        assert (await door.client.get("/who", headers=tossed)).status_code == 401


async def test_an_operator_is_whom_the_settings_name(door: Door) -> None:
    cookie, _ = await door.cookie(Actor(login="Olga", id=4))
    said = (await door.client.get("/who", headers={"Cookie": cookie})).json()
    assert sorted(said["scopes"]) == ["operator", "viewer"]


async def test_signing_in_makes_a_new_session_and_ends_the_old_one(door: Door) -> None:
    fixed, _ = await door.cookie(Actor(login="mallory", id=66))
    state, begun = await door.begin(cookie=fixed)
    answer = await door.come_back(state, f"{begun}; {fixed}")
    new = f"grace_session={set_cookies(answer)['grace_session'][0]}"
    assert new != fixed
    assert (await door.client.get("/who", headers={"Cookie": new})).json()["login"] == "alice"
    assert (await door.client.get("/who", headers={"Cookie": fixed})).status_code == 401


async def test_a_session_id_that_somebody_chose_is_no_session(door: Door) -> None:
    sealed = door.access.seal.session("chosen-by-somebody")
    for value in (sealed, "chosen-by-somebody", "a.b", "x" * 5000, '"; DROP TABLE sessions'):
        answer = await door.client.get("/who", headers={"Cookie": f"grace_session={value}"})
        assert answer.status_code == 401


async def test_a_cookie_that_was_changed_anywhere_is_no_session(door: Door) -> None:
    cookie, _ = await door.cookie()
    name, _, value = cookie.partition("=")
    for at in range(0, len(value), 7):
        other = "A" if value[at] != "A" else "B"
        changed = f"{name}={value[:at]}{other}{value[at + 1 :]}"
        answer = await door.client.get("/who", headers={"Cookie": changed})
        assert answer.status_code == 401, changed
    assert (await door.client.get("/who", headers={"Cookie": cookie})).status_code == 200


async def test_an_answer_in_another_browser_signs_nobody_in(door: Door) -> None:
    """Login CSRF: mallory's answer is opened in alice's browser."""
    state, _ = await door.begin()
    _, of_other = await door.begin()
    for cookie in ("", of_other, "grace_sign_in=forged"):
        answer = await door.come_back(state, cookie)
        assert answer.status_code == 403
        assert "grace_session" not in set_cookies(answer)
    assert door.forge.proven == []


async def test_an_answer_is_good_once(door: Door) -> None:
    state, begun = await door.begin()
    assert (await door.come_back(state, begun)).status_code == 303
    door.forge.people["another-code"] = Actor(login="mallory", id=66)
    again = await door.come_back(state, begun, "another-code")
    assert again.status_code == 403
    assert "grace_session" not in set_cookies(again)


async def test_a_code_that_was_used_signs_nobody_in(door: Door) -> None:
    state, begun = await door.begin()
    await door.come_back(state, begun)
    state, begun = await door.begin()
    again = await door.come_back(state, begun)
    assert again.status_code == 502
    assert "&lt;its code was used&gt;" in again.text
    assert "grace_session" not in set_cookies(again)


async def test_an_answer_after_ten_minutes_is_too_late(door: Door) -> None:
    state, begun = await door.begin()
    door.clock.go(minutes=10)
    assert (await door.come_back(state, begun)).status_code == 403


async def test_who_declines_at_the_forge_is_told_so_in_harmless_words(door: Door) -> None:
    state, begun = await door.begin()
    answer = await door.come_back(
        state, begun, "", error="access_denied", error_description="<script>alert(1)</script>"
    )
    assert answer.status_code == 403
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


@pytest.mark.parametrize("code", ["", "a b", "x" * 201, "a/../b"])
async def test_a_code_that_can_be_none_never_goes_to_the_forge(door: Door, code: str) -> None:
    state, begun = await door.begin()
    assert (await door.come_back(state, begun, code)).status_code == 400
    assert door.forge.proven == []


async def test_signing_out_ends_the_session_at_the_server(door: Door) -> None:
    cookie, token = await door.cookie()
    answer = await door.client.post(
        "/sign-out", headers={"Cookie": cookie}, data={"csrf_token": token}
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    assert "Max-Age=0" in set_cookies(answer)["grace_session"][1]
    assert (await door.client.get("/who", headers={"Cookie": cookie})).status_code == 401
    again = await door.client.post("/sign-out", headers={"Cookie": cookie})
    assert again.status_code == 303


async def test_another_page_cannot_sign_somebody_out(door: Door) -> None:
    cookie, _ = await door.cookie()
    assert (await door.client.post("/sign-out", headers={"Cookie": cookie})).status_code == 403
    assert (await door.client.get("/who", headers={"Cookie": cookie})).status_code == 200


async def test_an_idle_session_ends_and_one_in_use_goes_on_until_its_end(door: Door) -> None:
    idle, _ = await door.cookie()
    used, _ = await door.cookie()
    for _ in range(11):
        door.clock.go(minutes=61)
        assert (await door.client.get("/who", headers={"Cookie": used})).status_code == 200
    assert (await door.client.get("/who", headers={"Cookie": idle})).status_code == 401
    door.clock.go(hours=1)
    assert (await door.client.get("/who", headers={"Cookie": used})).status_code == 401


async def test_a_session_that_nobody_used_for_two_hours_is_over(door: Door) -> None:
    cookie, _ = await door.cookie()
    door.clock.go(minutes=119)
    assert (await door.client.get("/who", headers={"Cookie": cookie})).status_code == 200
    door.clock.go(minutes=120)
    assert (await door.client.get("/who", headers={"Cookie": cookie})).status_code == 401


async def test_where_no_client_is_configured_the_page_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path, forge=None) as door:
        page = await door.client.get("/sign-in")
        assert "Use a token" in page.text
        assert "/sign-in/start" not in page.text
        assert (await door.client.get("/sign-in/start")).status_code == 404
        assert (await door.client.get("/sign-in/callback?code=a&state=b")).status_code == 403


async def test_a_browser_without_session_is_sent_to_sign_in_and_a_program_is_not(
    door: Door,
) -> None:
    page = await door.client.get("/who?a=b&c=d", headers={"Accept": "text/html,*/*"})
    assert page.status_code == 303
    assert page.headers["Location"] == "/sign-in?next=%2Fwho%3Fa%3Db%26c%3Dd"
    shown = await door.client.get(page.headers["Location"])
    assert 'href="/sign-in/start?next=/who%3Fa%3Db%26c%3Dd"' in shown.text
    assert (await door.client.get("/who")).status_code == 401


GOOD = ["/", "/missions/m_1", "/activity?after=3", "/missions?next=//x", "/a#b", "/a/@b;c=1"]
BAD = [
    "",
    "missions",
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "\\/evil.test",
    "/a\\b",
    "https://evil.test",
    "https:evil.test",
    "javascript:alert(1)",
    "data:text/html,x",
    " /a",
    "/\t/evil.test",
    "/\n/evil.test",
    "/\r\nSet-Cookie: a=b",
    "/a\x00",
    "/\u3002evil.test",
    "/.//evil.test",
    "/a/..//evil.test",
    "/a//b",
    "/sign-in",
    "/sign-in/start?next=/",
    "/sign-out",
    "/" + "a" * 2000,
]


@pytest.mark.parametrize("wanted", GOOD)
def test_a_path_of_ours_is_kept(wanted: str) -> None:
    assert onward_path(wanted) == wanted


@pytest.mark.parametrize("wanted", BAD)
def test_what_could_lead_elsewhere_leads_to_the_front_page(wanted: str) -> None:
    assert onward_path(wanted) == "/"


@pytest.mark.parametrize("wanted", ["//evil.test", "/\\evil.test", "https://evil.test", "/.//e"])
async def test_signing_in_leads_nowhere_else(door: Door, wanted: str) -> None:
    state, begun = await door.begin(wanted)
    answer = await door.come_back(state, begun)
    assert answer.headers["Location"] == "/"
    page = await door.client.get("/sign-in", params={"next": wanted})
    assert "evil" not in page.text


async def test_a_session_is_as_long_as_the_settings_say(tmp_path: Path) -> None:
    async with opened(tmp_path, life=timedelta(minutes=30)) as door:
        state, begun = await door.begin()
        _, attributes = set_cookies(await door.come_back(state, begun))["grace_session"]
        assert "Max-Age=1800" in attributes
