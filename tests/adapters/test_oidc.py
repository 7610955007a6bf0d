"""A CI job's token is believed only with the issuer's own key, for us, now, and of a job."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
import respx
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from grace.adapters.oidc import OidcRejected, OidcUnavailable, OidcVerifier

ISSUER = "https://token.test/_services"
AUDIENCE = "grace"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class SetClock:
    at: datetime = START

    def now(self) -> datetime:
        return self.at


@dataclass
class Issuer:
    """An issuer with its documents, and tokens as a job would get them."""

    key: rsa.RSAPrivateKey
    other: rsa.RSAPrivateKey
    verifier: OidcVerifier
    clock: SetClock
    discovery: respx.Route
    jwks: respx.Route
    published: list[dict[str, Any]] = field(default_factory=list)

    def token(self, *, kid: str | None = "k1", key: Any = None, **changes: Any) -> str:
        now = int(START.timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "exp": now + 300,
            "nbf": now,
            "iat": now,
            "sub": "repo:acme/mesh:pull_request",
            "repository": "acme/mesh",
            "repository_id": "99",
            "head_ref": "grace/mission_20260301_001",
            "event_name": "pull_request",
            "run_id": "12345",
            "run_attempt": "2",
            "workflow_ref": "acme/mesh/.github/workflows/ci.yml@refs/pull/4/merge",
            "sha": "a" * 40,
        }
        kept = {name: value for name, value in (claims | changes).items() if value is not None}
        headers = {"kid": kid} if kid else {}
        return jwt.encode(kept, key or self.key, algorithm="RS256", headers=headers)

    def publish(self, kid: str, key: rsa.RSAPrivateKey, **more: Any) -> None:
        self.published.append(jwk(key) | {"kid": kid, "use": "sig", "alg": "RS256"} | more)


def jwk(key: rsa.RSAPrivateKey) -> dict[str, Any]:
    public: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {name: public[name] for name in ("kty", "n", "e")}


@pytest.fixture(scope="session")
def rsa_keys() -> tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey]:
    first, second = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    return first, second


@pytest.fixture
async def issuer(rsa_keys: Any) -> AsyncIterator[Issuer]:
    router = respx.MockRouter(assert_all_called=False)
    clock = SetClock()
    discovery = router.get(f"{ISSUER}/.well-known/openid-configuration").respond(
        json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/.well-known/jwks"}
    )
    jwks = router.get(f"{ISSUER}/.well-known/jwks")
    async with httpx.AsyncClient(transport=httpx.MockTransport(router.async_handler)) as client:
        verifier = OidcVerifier(ISSUER, AUDIENCE, client, clock)
        made = Issuer(*rsa_keys, verifier, clock, discovery, jwks)
        jwks.mock(side_effect=lambda _: httpx.Response(200, json={"keys": made.published}))
        made.publish("k1", made.key)
        yield made


async def test_good_token_says_which_job_it_is(issuer: Issuer) -> None:
    claims = await issuer.verifier.verify(issuer.token())
    assert (claims.repository, claims.repository_id) == ("acme/mesh", 99)
    assert (claims.run_id, claims.run_attempt, claims.event_name) == (12345, 2, "pull_request")
    assert claims.head_ref == "grace/mission_20260301_001"
    assert claims.workflow_ref.endswith("ci.yml@refs/pull/4/merge")
    assert claims.sha == "a" * 40


async def test_keys_are_read_once_for_all_who_ask(issuer: Issuer) -> None:
    await asyncio.gather(*(issuer.verifier.verify(issuer.token()) for _ in range(10)))
    assert (issuer.discovery.call_count, issuer.jwks.call_count) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"aud": "sigstore"}, "made for another audience; ask for 'grace'"),
        ({"aud": None}, "does not verify"),
        ({"iss": "https://evil.test"}, "issuer is not"),
        ({"iss": None}, "does not verify"),
        ({"exp": None}, "does not verify"),
        ({"exp": int(START.timestamp()) - 61}, "has expired"),
        ({"nbf": int(START.timestamp()) + 61}, "not valid yet"),
        ({"iat": int(START.timestamp()) + 61}, "not valid yet"),
        ({"exp": "soon"}, "not a time"),
        ({"sha": "main"}, "claims sha"),
        ({"repository": None, "run_id": "x"}, "claims repository, run_id"),
        ({"repository_id": 0}, "claims repository_id"),
        ({"kid": None}, "names no key"),
        ({"kid": "k2"}, "publishes no key 'k2'"),
    ],
)
async def test_token_that_is_not_good_is_rejected(
    issuer: Issuer, changes: Any, sentence: str
) -> None:
    with pytest.raises(OidcRejected, match=sentence):
        await issuer.verifier.verify(issuer.token(**changes))


@pytest.mark.parametrize("seconds", [-59, 59])
async def test_clocks_may_differ_by_a_minute(issuer: Issuer, seconds: int) -> None:
    at = int(START.timestamp())
    name = {"exp": at + seconds} if seconds < 0 else {"nbf": at + seconds, "iat": at + seconds}
    assert (await issuer.verifier.verify(issuer.token(**name))).run_id == 12345


async def test_token_of_another_key_under_a_known_name_is_rejected(issuer: Issuer) -> None:
    with pytest.raises(OidcRejected, match="does not verify"):
        await issuer.verifier.verify(issuer.token(key=issuer.other))


async def test_changed_claim_breaks_the_signature(issuer: Issuer) -> None:
    head, _, signature = issuer.token().split(".")
    body = issuer.token(repository="evil/mesh").split(".")[1]
    with pytest.raises(OidcRejected, match="does not verify"):
        await issuer.verifier.verify(f"{head}.{body}.{signature}")


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS384"])
async def test_other_algorithm_is_rejected_before_any_key_is_read(
    issuer: Issuer, algorithm: str
) -> None:
    key: Any = {"none": "", "HS256": "x" * 64, "RS384": issuer.key}[algorithm]
    token = jwt.encode({"iss": ISSUER}, key, algorithm=algorithm, headers={"kid": "k1"})
    with pytest.raises(OidcRejected, match="must be signed with RS256"):
        await issuer.verifier.verify(token)
    assert not issuer.jwks.called


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "é", "..", "x" * 20_000])
async def test_what_is_no_token_is_rejected(issuer: Issuer, token: str) -> None:
    with pytest.raises(OidcRejected, match=r"not a JSON web token|longer than"):
        await issuer.verifier.verify(token)


@pytest.mark.parametrize("change", [{"use": "enc"}, {"alg": "RS512"}, {"kty": "EC"}, {"n": "AQAB"}])
async def test_key_that_is_not_for_this_is_no_key(issuer: Issuer, change: Any) -> None:
    issuer.publish("k2", issuer.other, **change)
    with pytest.raises(OidcRejected, match="publishes no key"):
        await issuer.verifier.verify(issuer.token(kid="k2", key=issuer.other))


async def test_short_key_is_no_key(issuer: Issuer) -> None:
    issuer.publish("k2", rsa.generate_private_key(65537, 1024))
    with pytest.raises(OidcRejected, match="publishes no key"):
        await issuer.verifier.verify(issuer.token(kid="k2"))


async def test_new_key_is_found_but_guesses_cost_one_read_a_minute(issuer: Issuer) -> None:
    await issuer.verifier.verify(issuer.token())
    issuer.clock.at += timedelta(seconds=61)
    issuer.publish("k2", issuer.other)
    rotated = issuer.token(kid="k2", key=issuer.other)
    assert (await issuer.verifier.verify(rotated)).run_id == 12345
    for _ in range(5):
        with pytest.raises(OidcRejected):
            await issuer.verifier.verify(issuer.token(kid="guess"))
    assert issuer.jwks.call_count == 2


async def test_withdrawn_key_is_forgotten_within_the_hour(issuer: Issuer) -> None:
    far = int(START.timestamp()) + 9000
    await issuer.verifier.verify(issuer.token(exp=far))
    issuer.published.clear()
    issuer.clock.at += timedelta(hours=1)
    with pytest.raises(OidcRejected, match="publishes no key"):
        await issuer.verifier.verify(issuer.token(exp=far))


async def test_issuer_that_is_down_rejects_nobody_and_is_left_alone_for_a_minute(
    issuer: Issuer,
) -> None:
    issuer.discovery.respond(503)
    with pytest.raises(OidcUnavailable, match="answered 503"):
        await issuer.verifier.verify(issuer.token())
    with pytest.raises(OidcUnavailable, match="a moment ago"):
        await issuer.verifier.verify(issuer.token())
    assert issuer.discovery.call_count == 1
    issuer.discovery.respond(json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/.well-known/jwks"})
    issuer.clock.at += timedelta(seconds=60)
    assert (await issuer.verifier.verify(issuer.token())).run_id == 12345


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b" " * 300_000, "longer than"),
        (json.dumps({"issuer": "https://evil.test", "jwks_uri": "x"}).encode(), "another issuer"),
        (json.dumps({"issuer": ISSUER}).encode(), "or no keys"),
        (
            json.dumps({"issuer": ISSUER, "jwks_uri": "https://evil.test/k"}).encode(),
            "another host",
        ),
        (
            json.dumps({"issuer": ISSUER, "jwks_uri": "http://token.test/k"}).encode(),
            "another host",
        ),
    ],
)
async def test_discovery_that_is_odd_leads_nowhere(
    issuer: Issuer, document: bytes, sentence: str
) -> None:
    issuer.discovery.respond(200, content=document)
    with pytest.raises(OidcUnavailable, match=sentence):
        await issuer.verifier.verify(issuer.token())


@pytest.mark.parametrize("keys", [None, "k", [{}] * 51])
async def test_key_document_that_is_odd_is_no_key_document(issuer: Issuer, keys: Any) -> None:
    issuer.jwks.mock(return_value=httpx.Response(200, json={"keys": keys}))
    with pytest.raises(OidcUnavailable, match="lists no keys, or too many"):
        await issuer.verifier.verify(issuer.token())


async def test_silence_is_unavailable(issuer: Issuer) -> None:
    issuer.discovery.mock(side_effect=httpx.ConnectError("refused"))
    with pytest.raises(OidcUnavailable, match=r"did not answer \(ConnectError\)"):
        await issuer.verifier.verify(issuer.token())


@pytest.mark.parametrize(
    "address", ["http://token.test", "ftp://x", "token.test", "", "http://127.0.0.1.evil.test"]
)
def test_issuer_without_tls_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(ValueError, match="https"):
        OidcVerifier(address, AUDIENCE, httpx.AsyncClient(), SetClock())


def test_audience_is_needed() -> None:
    with pytest.raises(ValueError, match="audience"):
        OidcVerifier("http://127.0.0.1:80", "", httpx.AsyncClient(), SetClock())
