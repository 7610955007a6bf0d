"""GitHub's answers in the web flow, as its documentation gives them."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
import respx

from grace.adapters.github.oauth import GitHubSignIn
from grace.domain.people import Actor
from grace.ports.access import SignInFailed

TOKEN = "https://forge.test/login/oauth/access_token"
USER = "https://api.forge.test/user"
BACK = "https://grace.test/sign-in/callback"
GIVEN = {"access_token": "ghu_16C7e42F292c6912E7", "token_type": "bearer", "scope": ""}


@pytest.fixture
async def forge() -> AsyncIterator[GitHubSignIn]:
    async with httpx.AsyncClient() as client:
        yield GitHubSignIn(
            client,
            "forge.test",
            "https://forge.test/",
            "https://api.forge.test",
            "Iv1.8a61f9b3a7aba766",
            "the client's secret",
        )


def test_the_address_has_state_challenge_and_no_scope(forge: GitHubSignIn) -> None:
    found = urlsplit(forge.address("s&t=a", "c" * 43, BACK))
    assert f"{found.scheme}://{found.netloc}{found.path}" == (
        "https://forge.test/login/oauth/authorize"
    )
    assert parse_qs(found.query) == {
        "client_id": ["Iv1.8a61f9b3a7aba766"],
        "redirect_uri": [BACK],
        "state": ["s&t=a"],
        "code_challenge": ["c" * 43],
        "code_challenge_method": ["S256"],
    }


async def test_a_code_becomes_a_person_and_the_access_token_is_used_once(
    forge: GitHubSignIn, respx_mock: respx.MockRouter
) -> None:
    exchange = respx_mock.post(TOKEN).respond(json=GIVEN)
    asked = respx_mock.get(USER).respond(json={"login": "octocat", "id": 1, "site_admin": False})
    assert await forge.person("the-code", "v" * 43, BACK) == Actor(login="octocat", id=1)
    sent = dict(parse_qsl(exchange.calls.last.request.content.decode()))
    assert sent == {
        "client_id": "Iv1.8a61f9b3a7aba766",
        "client_secret": "the client's secret",
        "code": "the-code",
        "redirect_uri": BACK,
        "code_verifier": "v" * 43,
    }
    assert exchange.calls.last.request.headers["Accept"] == "application/json"
    assert asked.call_count == 1
    assert asked.calls.last.request.headers["Authorization"] == f"Bearer {GIVEN['access_token']}"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("bad_verification_code", "sign in again"),
        ("incorrect_client_credentials", "an operator must look"),
        ("redirect_uri_mismatch", "callback URL"),
        ("unverified_user_email", "verify one"),
        ("something_new", "sign in again"),
    ],
)
async def test_an_error_comes_with_200_and_is_told_in_our_words(
    forge: GitHubSignIn, respx_mock: respx.MockRouter, error: str, says: str
) -> None:
    told = "The code passed is incorrect or expired. <b>"
    respx_mock.post(TOKEN).respond(json={"error": error, "error_description": told})
    with pytest.raises(SignInFailed, match=says) as failed:
        await forge.person("code", "v", BACK)
    assert told not in failed.value.sentence
    assert failed.value.sentence.startswith("forge.test did not let you in: ")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(404, json={"error": "Not Found"}),
        httpx.Response(302, headers={"Location": "https://elsewhere.test"}),
        httpx.Response(200, text="access_token=x"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"access_token": ""}),
        httpx.Response(500, json=GIVEN),
        httpx.Response(200, json={**GIVEN, "error": "bad_verification_code"}),
        httpx.Response(200, json={**GIVEN, "padding": "x" * 300_000}),
    ],
)
async def test_no_other_answer_lets_anybody_in(
    forge: GitHubSignIn, respx_mock: respx.MockRouter, answer: httpx.Response
) -> None:
    respx_mock.post(TOKEN).mock(return_value=answer)
    with pytest.raises(SignInFailed):
        await forge.person("code", "v", BACK)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, json={"message": "Bad credentials"}),
        httpx.Response(403, json={"login": "octocat", "id": 1}),
        httpx.Response(200, json={"login": "octocat"}),
        httpx.Response(200, json={"login": "", "id": 1}),
        httpx.Response(200, json={"login": "octocat", "id": 0}),
        httpx.Response(200, json={"login": "octocat", "id": "one"}),
    ],
)
async def test_somebody_without_name_or_id_is_nobody(
    forge: GitHubSignIn, respx_mock: respx.MockRouter, answer: httpx.Response
) -> None:
    respx_mock.post(TOKEN).respond(json=GIVEN)
    respx_mock.get(USER).mock(return_value=answer)
    with pytest.raises(SignInFailed) as failed:
        await forge.person("code", "v", BACK)
    shown = f"{failed.value!r} {failed.value.__cause__!r} {forge!r}"
    assert GIVEN["access_token"] not in shown
    assert "the client's secret" not in shown


async def test_a_forge_that_is_silent_is_said_to_be(
    forge: GitHubSignIn, respx_mock: respx.MockRouter
) -> None:
    respx_mock.post(TOKEN).mock(side_effect=httpx.ConnectError("refused"))
    with pytest.raises(SignInFailed, match="does not answer \\(ConnectError\\)"):
        await forge.person("code", "v", BACK)
