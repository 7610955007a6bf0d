"""Signing in with an App: GitHub's web flow, its happy path and everything it refuses."""

import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from grace.localforge.forge import App, ForgeConfig, LocalForge
from localforge.forge_world import PERMISSIONS, REPO, SECRET, World
from localforge.page_visitor import TOKEN, PageVisitor, visitor

CALLBACK = "http://127.0.0.1:9/sign-in/callback?kept=1"
VERIFIER = "a" * 64
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)
EXCHANGE = "/login/oauth/access_token"
BAD_REQUESTS = [
    ({"client_id": "Iv1.99"}, "no App by this client_id"),
    ({"client_id": "2"}, "no App by this client_id"),
    ({"client_id": "Iv1.x"}, "no App by this client_id"),
    ({"client_id": "Iv1." + "9" * 30}, "no App by this client_id"),
    ({"client_id": "Iv1.1"}, "no callback URL"),
    ({"redirect_uri": "http://127.0.0.1:9/sign-in/callback"}, "MUST match"),
    ({"redirect_uri": "http://evil.example/"}, "MUST match"),
    ({"redirect_uri": CALLBACK + "/../x"}, "MUST match"),
    ({"code_challenge": CHALLENGE}, "must be S256"),
    ({"code_challenge": VERIFIER, "code_challenge_method": "plain"}, "must be S256"),
    ({"code_challenge": "short", "code_challenge_method": "S256"}, "43 characters"),
]
BAD_EXCHANGES = [
    ({"client_secret": "x"}, "incorrect_client_credentials"),
    ({"client_id": "Iv1.77"}, "incorrect_client_credentials"),
    ({"client_id": "Iv1.1", "client_secret": ""}, "incorrect_client_credentials"),
    ({"code": "x"}, "bad_verification_code"),
    ({"redirect_uri": "http://127.0.0.1:9/other"}, "redirect_uri_mismatch"),
    ({"code_verifier": "b" * 64}, "bad_verification_code"),
    ({"code_verifier": ""}, "bad_verification_code"),
]


class Clock:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Flow:
    """A forge with an App, and a browser whose redirects stop at the App's callback."""

    def __init__(self, forge: LocalForge, app: App, clock: Clock) -> None:
        self.forge, self.app, self.clock = forge, app, clock
        self.page: PageVisitor = visitor(forge)
        self.page.client.follow_redirects = False

    def asked(self, **more: str) -> dict[str, str]:
        return {"client_id": self.app.client_id, "redirect_uri": CALLBACK, "state": "s&t", **more}

    async def sign_in(self) -> None:
        token = await self.page.token()
        await self.page.client.post("/login", data={"csrf": token, "login": "ann"})

    async def answer(self, answer: str = "authorize", **more: str) -> dict[str, str]:
        """Give the answer on the consent page, and return what the callback is told."""
        fields = self.asked(**more)
        shown = await self.page.client.get("/login/oauth/authorize", params=fields)
        assert shown.status_code == 200, shown.text
        token = TOKEN.search(shown.text)
        assert token is not None
        fields |= {"csrf": token[1], "answer": answer}
        sent = await self.page.client.post("/login/oauth/authorize", data=fields)
        assert sent.status_code == 303, sent.text
        target = urlsplit(sent.headers["location"])
        assert f"{target.scheme}://{target.netloc}{target.path}" == CALLBACK.partition("?")[0]
        return {name: values[0] for name, values in parse_qs(target.query).items()}

    async def exchange(self, **fields: str) -> dict[str, Any]:
        given = {"client_id": self.app.client_id, "client_secret": self.app.client_secret}
        answer = await self.page.client.post(
            EXCHANGE, data={**given, **fields}, headers={"Accept": "application/json"}
        )
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def flow(tmp_path: Path, app_key: tuple[str, str]) -> AsyncIterator[Flow]:
    clock = Clock()
    forge = LocalForge(ForgeConfig(tmp_path / "forge"), clock=clock)
    await forge.create_user("ann")
    await forge.start()
    app = await _app(forge, app_key[1])
    found = Flow(forge, app, clock)
    await found.sign_in()
    yield found
    await found.page.client.aclose()
    await forge.close()


async def _app(forge: LocalForge, key: str, name: str = "Grace", *urls: str) -> App:
    return await forge.create_app(
        name,
        webhook_url="http://127.0.0.1:9/hook",
        webhook_secret=SECRET,
        public_key_pem=key,
        permissions={"contents": "read", "metadata": "read"},
        events=[],
        callback_urls=urls or (CALLBACK, "http://127.0.0.1:9/other"),
    )


async def test_code_becomes_a_token_of_the_person(flow: Flow) -> None:
    told = await flow.answer(code_challenge=CHALLENGE, code_challenge_method="S256")
    assert (told["state"], told["kept"]) == ("s&t", "1")
    answer = await flow.exchange(code=told["code"], redirect_uri=CALLBACK, code_verifier=VERIFIER)
    assert (answer["token_type"], answer["scope"]) == ("bearer", "")
    assert answer["access_token"].startswith("ghu_")
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    user = await flow.page.client.get(f"{flow.forge.api_url}/user", headers=headers)
    assert user.json()["login"] == "ann"


async def test_answer_is_a_form_unless_json_is_asked_for(flow: Flow) -> None:
    told = await flow.answer()
    body = {"client_id": flow.app.client_id, "client_secret": flow.app.client_secret}
    answer = await flow.page.client.post(
        EXCHANGE, json={**body, "code": told["code"]}, headers={"Accept": "*/*"}
    )
    assert parse_qs(answer.text)["token_type"] == ["bearer"]
    wrong = await flow.page.client.post(EXCHANGE, json=[1], headers={"Accept": "*/*"})
    assert parse_qs(wrong.text)["error"] == ["incorrect_client_credentials"]
    wrong = await flow.page.client.post(
        EXCHANGE, content=b"{", headers={"Content-Type": "application/json"}
    )
    assert parse_qs(wrong.text)["error"] == ["incorrect_client_credentials"]


async def test_who_is_not_signed_in_signs_in_first_and_comes_back(flow: Flow) -> None:
    fresh = visitor(flow.forge)
    answer = await fresh.client.get("/login/oauth/authorize", params=flow.asked())
    assert "Who are you?" in answer.text
    back = await fresh.send("/login", login="ann", return_to=answer.url.params["return_to"])
    assert "Sign in to Grace?" in back.text
    policy = back.headers["Content-Security-Policy"]
    assert "form-action 'self' http://127.0.0.1:9;" in policy
    await fresh.client.aclose()


async def test_person_may_decline(flow: Flow) -> None:
    told = await flow.answer("deny")
    assert (told["error"], told["state"], "code" in told) == ("access_denied", "s&t", False)


async def test_bad_request_is_shown_and_never_sent_on(flow: Flow) -> None:
    for change, words in BAD_REQUESTS:
        asked = flow.asked(**change)
        shown = await flow.page.client.get("/login/oauth/authorize", params=asked)
        assert (shown.status_code, words in shown.text) == (400, True), change
        form = {**asked, "csrf": await flow.page.token(), "answer": "authorize"}
        sent = await flow.page.client.post("/login/oauth/authorize", data=form)
        assert sent.status_code == 400, change


async def test_consent_is_given_by_the_person_signed_in_alone(flow: Flow) -> None:
    form = {**flow.asked(), "answer": "authorize"}
    forged = await flow.page.client.post("/login/oauth/authorize", data=form)
    assert forged.status_code == 403
    fresh = visitor(flow.forge)
    await fresh.send("/login/oauth/authorize", 401, **form)
    await fresh.client.aclose()


async def test_without_redirect_uri_the_first_registered_one_counts(flow: Flow) -> None:
    given = {"client_id": flow.app.client_id, "csrf": await flow.page.token()}
    sent = await flow.page.client.post(
        "/login/oauth/authorize", data={**given, "answer": "authorize"}
    )
    assert sent.headers["location"].startswith(CALLBACK)
    assert "state" not in parse_qs(urlsplit(sent.headers["location"]).query)


async def test_code_is_spent_by_its_first_use(flow: Flow) -> None:
    told = await flow.answer()
    assert "access_token" in await flow.exchange(code=told["code"])
    again = await flow.exchange(code=told["code"])
    assert again["error"] == "bad_verification_code"
    assert again["error_description"] == "The code passed is incorrect or expired."


async def test_exchange_is_refused_in_githubs_words(flow: Flow) -> None:
    for fields, error in BAD_EXCHANGES:
        told = await flow.answer(code_challenge=CHALLENGE, code_challenge_method="S256")
        good = {"code": told["code"], "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        answer = await flow.exchange(**{**good, **fields})
        assert answer["error"] == error, fields
        assert set(answer) == {"error", "error_description", "error_uri"}


async def test_code_lives_ten_minutes(flow: Flow) -> None:
    told = await flow.answer()
    flow.clock.now += timedelta(minutes=9, seconds=59)
    assert "access_token" in await flow.exchange(code=told["code"])
    told = await flow.answer()
    flow.clock.now += timedelta(minutes=10)
    assert (await flow.exchange(code=told["code"]))["error"] == "bad_verification_code"


async def test_code_is_for_its_own_app(flow: Flow, app_key: tuple[str, str]) -> None:
    other = await _app(flow.forge, app_key[1], "Other", "http://127.0.0.1:9/x")
    told = await flow.answer()
    mine = {"client_id": other.client_id, "client_secret": other.client_secret}
    answer = await flow.exchange(code=told["code"], **mine)
    assert answer["error"] == "bad_verification_code"
    assert "access_token" in await flow.exchange(code=told["code"])


async def test_secret_is_told_once_and_stored_as_a_hash(flow: Flow, tmp_path: Path) -> None:
    told = await flow.answer()
    assert flow.app.client_secret not in repr(flow.app)
    stored = b"".join(file.read_bytes() for file in (tmp_path / "forge").glob("forge.sqlite3*"))
    assert flow.app.client_secret.encode() not in stored
    assert told["code"].encode() not in stored


async def test_token_may_what_both_person_and_app_may(
    world: World, app_key: tuple[str, str]
) -> None:
    await world.forge.create_repository("ann", "other", private=True)
    app = await world.forge.create_app(
        "Sign in",
        webhook_url="http://127.0.0.1:9/hook",
        webhook_secret=SECRET,
        public_key_pem=app_key[1],
        permissions={**PERMISSIONS, "contents": "read"},
        events=[],
        callback_urls=[CALLBACK],
    )
    await world.forge.install_app(app.id, "ann", ["app"])
    flow = Flow(world.forge, app, Clock())
    await flow.sign_in()
    told = await flow.answer()
    token = (await flow.exchange(code=told["code"]))["access_token"]
    ann = world.client(token)
    assert (await ann.get(REPO)).status_code == 200
    assert (await ann.get("/repos/ann/other")).status_code == 404
    assert (await ann.post(f"{REPO}/issues", json={"title": "t"})).status_code == 201
    ref = {"ref": "refs/heads/x", "sha": await world.tip()}
    assert (await ann.post(f"{REPO}/git/refs", json=ref)).status_code == 403
    assert (await ann.delete(REPO)).status_code == 403
    check = {"name": "ci", "head_sha": ref["sha"]}
    assert (await ann.post(f"{REPO}/check-runs", json=check)).status_code == 403
    service = "/info/refs?service=git-"
    async with httpx.AsyncClient(auth=("x", token), verify=False) as git:
        for name, tool, status in (
            ("app", "upload-pack", 200),
            ("app", "receive-pack", 403),
            ("other", "upload-pack", 404),
        ):
            url = f"{world.forge.url}/ann/{name}.git{service}{tool}"
            assert (await git.get(url)).status_code == status
    await flow.page.client.aclose()
