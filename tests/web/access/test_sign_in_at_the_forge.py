"""The whole way through a real forge: its consent page, its codes, its user, and back."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from grace.adapters.github.oauth import GitHubSignIn
from grace.domain.people import Actor
from grace.localforge.forge import ForgeConfig, LocalForge
from grace.ports.access import SignInForge
from grace.web.access.sign_in import CALLBACK
from support.doors import Door, opened

HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


@dataclass
class Late:
    """The forge that vouches, once it is known where it sends people back to."""

    real: SignInForge | None = None

    def address(self, state: str, challenge: str, redirect_uri: str) -> str:
        assert self.real is not None
        return self.real.address(state, challenge, redirect_uri)

    async def person(self, code: str, verifier: str, redirect_uri: str) -> Actor:
        assert self.real is not None
        return await self.real.person(code, verifier, redirect_uri)


@dataclass
class Browser:
    """A person's browser: one jar of cookies for both sites, forms filled as pages show them."""

    door: Door
    forge: LocalForge
    client: httpx.AsyncClient

    async def ask(self, onward: str) -> httpx.Response:
        """Follow the link of the sign-in page to the forge's consent page."""
        start = f"{self.door.url}/sign-in/start"
        return await self.client.get(start, params={"next": onward}, follow_redirects=True)

    async def be(self, login: str) -> None:
        page = await self.client.get(f"{self.forge.url}/login")
        csrf = dict(HIDDEN.findall(page.text))["csrf"]
        form = {"csrf": csrf, "login": login, "return_to": "/"}
        assert (await self.client.post(f"{self.forge.url}/login", data=form)).status_code == 303

    async def answer(self, page: httpx.Response, word: str) -> httpx.Response:
        form = {**dict(HIDDEN.findall(page.text)), "answer": word}
        sent = await self.client.post(f"{self.forge.url}/login/oauth/authorize", data=form)
        assert sent.status_code == 303, sent.text
        return sent


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    forge = LocalForge(ForgeConfig(tmp_path / "forge"))
    await forge.start()
    await forge.create_user("alice")
    late = Late()
    async with opened(tmp_path / "bot", forge=late) as door, httpx.AsyncClient() as client:
        app = await forge.create_app(
            "grace",
            webhook_url=f"{door.url}/hooks/github",
            webhook_secret="a secret of the webhook",
            public_key_pem="",
            permissions={},
            events=(),
            callback_urls=[door.url + CALLBACK],
        )
        late.real = GitHubSignIn(
            client, "localforge", forge.url, forge.api_url, app.client_id, app.client_secret
        )
        async with httpx.AsyncClient(timeout=20) as jar:
            yield Browser(door, forge, jar)
    await forge.close()


async def test_a_person_of_the_forge_signs_in(browser: Browser) -> None:
    await browser.be("alice")
    page = await browser.ask("/who?x=1")
    assert "Authorize" in page.text
    back = await browser.answer(page, "authorize")
    answer = await browser.client.get(back.headers["Location"])
    assert (answer.status_code, answer.headers["Location"]) == (303, "/who?x=1"), answer.text
    said = (await browser.client.get(f"{browser.door.url}/who")).json()
    assert (said["login"], said["kind"]) == ("alice", "person")
    assert said["user_id"] > 0
    # The same address again, as a history or a thief would: the state is used up.
    again = await browser.client.get(back.headers["Location"])
    assert again.status_code == 403


async def test_a_code_for_another_browsers_challenge_is_refused_by_the_forge(
    browser: Browser,
) -> None:
    """Code injection: mallory's state with a code that was made for alice's challenge."""
    await browser.be("alice")
    back = await browser.answer(await browser.ask("/"), "authorize")
    code = httpx.URL(back.headers["Location"]).params["code"]
    state, begun = await browser.door.begin()
    answer = await browser.door.come_back(state, begun, code)
    assert answer.status_code == 502
    assert "sign in again" in answer.text


async def test_who_says_no_at_the_forge_stays_outside(browser: Browser) -> None:
    await browser.be("alice")
    back = await browser.answer(await browser.ask("/"), "deny")
    answer = await browser.client.get(back.headers["Location"])
    assert answer.status_code == 403
    assert "denied your application" in answer.text
    assert (await browser.client.get(f"{browser.door.url}/who")).status_code == 401
