"""The app's JWT, and installation tokens: shared, renewed once, never shown."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from grace.adapters.github.tokens import AppKey
from grace.adapters.github.wire import Credential
from grace.ports import ForgeGone, ForgeRefused

TOKENS = "/app/installations/5/access_tokens"


def public_pem(private_pem: str) -> str:
    key = serialization.load_pem_private_key(private_pem.encode(), password=None)
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def test_jwt_is_backdated_and_lives_ten_minutes(github: Any, key_pem: str) -> None:
    now = github.clock.now()
    token = AppKey(7, key_pem).credential(now)
    claims = jwt.decode(
        token.token, public_pem(key_pem), algorithms=["RS256"], options={"verify_exp": False}
    )
    assert claims["iss"] == "7"
    assert claims["iat"] == int(now.timestamp()) - 60
    assert claims["exp"] - claims["iat"] == 600
    assert token.app


@pytest.mark.parametrize("bad", ["", "not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_key_that_is_none_says_where_to_get_one(bad: str) -> None:
    with pytest.raises(ValueError, match="download a new one from the app's settings page"):
        AppKey(7, bad)


def test_public_key_is_not_a_key_to_sign_with(key_pem: str) -> None:
    with pytest.raises(ValueError, match="not an RSA private key"):
        AppKey(7, public_pem(key_pem))


def test_nothing_secret_is_in_a_repr(site: Any, key_pem: str) -> None:
    assert "PRIVATE" not in repr(site) + repr(AppKey(7, key_pem))
    assert "ghs_1" not in repr(Credential("ghs_1"))


async def test_twenty_waiters_share_one_new_token(github: Any) -> None:
    tokens = await asyncio.gather(*(github.forge.git_access(github.ref) for _ in range(20)))
    assert {access.token for access in tokens} == {"ghs_1"}
    assert github.purposes() == ["installation token"]


async def test_token_is_renewed_shortly_before_it_expires(github: Any) -> None:
    await github.forge.git_access(github.ref)
    github.clock.advance(timedelta(minutes=57))
    assert (await github.forge.git_access(github.ref)).token == "ghs_1"
    github.clock.advance(timedelta(minutes=2))
    assert (await github.forge.git_access(github.ref)).token == "ghs_2"


async def test_twenty_calls_with_a_revoked_token_renew_it_once(github: Any) -> None:
    all_sent = asyncio.Barrier(20)

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] == "token ghs_1":
            await all_sent.wait()
            return httpx.Response(401, json={"message": "Bad credentials"})
        return httpx.Response(201, json={"id": 1})

    github.repo("POST", "/issues/3/comments").mock(side_effect=answer)
    await github.forge.git_access(github.ref)
    posts = (github.forge.post_comment(github.ref, 3, str(n)) for n in range(20))
    assert await asyncio.gather(*posts) == ["1"] * 20
    assert github.purposes().count("installation token") == 2
    assert github.purposes().count("post comment") == 40


async def test_call_refused_with_a_new_token_too_is_refused(github: Any) -> None:
    route = github.repo("POST", "/issues/3/comments").respond(401, json={"message": "no"})
    with pytest.raises(ForgeRefused, match="does not accept our credentials"):
        await github.forge.post_comment(github.ref, 3, "x")
    assert route.call_count == 2


@pytest.mark.parametrize(
    ("status", "message", "how"),
    [
        (404, "Not Found", "removed"),
        (403, "This installation has been suspended", "suspended"),
    ],
)
async def test_lost_installation_is_gone(github: Any, status: int, message: str, how: str) -> None:
    github.on("POST", TOKENS).respond(status, json={"message": message})
    with pytest.raises(ForgeGone, match=f"installation 5 was {how}"):
        await github.forge.git_access(github.ref)


async def test_jwt_that_is_refused_points_at_id_and_key(github: Any) -> None:
    github.on("POST", TOKENS).respond(
        401, json={"message": "A JSON web token could not be decoded"}
    )
    with pytest.raises(ForgeRefused, match="check the app's id and private key"):
        await github.forge.git_access(github.ref)
