"""Verify a CI job's OpenID Connect token: RS256 by a key that the issuer publishes, no other way.

Sources: OpenID Connect Discovery 1.0; RFC 7517 (keys), RFC 7519 (claims), RFC 8725 (pitfalls).
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final
from urllib.parse import urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grace.domain.results import Sha
from grace.ports import Clock

_ALGORITHM: Final = "RS256"
_LEEWAY: Final = timedelta(seconds=60)
_FRESH: Final = timedelta(hours=1)
_PAUSE: Final = timedelta(seconds=60)
_MAX_TOKEN: Final = 16_384
_MAX_DOCUMENT: Final = 262_144
_MAX_KEYS: Final = 50
_MIN_KEY_BITS: Final = 2048
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class OidcError(Exception):
    """A token could not be accepted; `sentence` is for the person who reads the job's log."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class OidcRejected(OidcError):
    """The token is not good; sending it again is of no use."""


class OidcUnavailable(OidcError):
    """The issuer's keys could not be read; try again."""


class JobClaims(BaseModel):
    """What a GitHub Actions token says of the job that holds it.

    On a pull request `sha` is the commit of the merge ref, unless the forge says otherwise.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    repository_id: Annotated[int, Field(gt=0, lt=2**63)]
    head_ref: str = ""
    base_ref: str = ""
    ref: str = ""
    event_name: str
    run_id: Annotated[int, Field(gt=0, lt=2**63)]
    run_attempt: Annotated[int, Field(gt=0, lt=2**31)]
    workflow_ref: str
    sha: Sha


class _Times(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    exp: Annotated[float, Field(allow_inf_nan=False)]
    nbf: Annotated[float | None, Field(allow_inf_nan=False)] = None
    iat: Annotated[float | None, Field(allow_inf_nan=False)] = None


class OidcVerifier:
    """Verify tokens of one issuer for one audience. Keys are kept for an hour.

    A key id that is not known makes the keys be read again, once a minute at most.
    """

    def __init__(self, issuer: str, audience: str, client: httpx.AsyncClient, clock: Clock) -> None:
        _require_safe(issuer)
        if not audience:
            raise ValueError("an audience is needed: tokens made for others must be refused")
        self._issuer = issuer
        self._audience = audience
        self._client = client
        self._clock = clock
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._read_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def verify(self, token: str) -> JobClaims:
        """Return the claims of a good token; raise `OidcRejected` or `OidcUnavailable`."""
        # 1. The header names the one algorithm and a key.
        key_id = _key_id(token)
        # 2. The key is the issuer's own.
        key = await self._key(key_id)
        # 3. Signature, issuer and audience.
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                options={
                    "require": ["exp", "iss", "aud"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.InvalidAudienceError as error:
            raise OidcRejected(
                f"the token was made for another audience; ask for {self._audience!r}"
            ) from error
        except jwt.InvalidIssuerError as error:
            raise OidcRejected(f"the token's issuer is not {self._issuer}") from error
        except jwt.PyJWTError as error:
            raise OidcRejected(f"the token does not verify ({type(error).__name__})") from error
        # 4. The time, by our clock.
        _check_times(claims, self._clock.now())
        # 5. The claims are those of a job.
        try:
            return JobClaims.model_validate(claims)
        except ValidationError as error:
            fields = ", ".join(str(e["loc"][0]) for e in error.errors() if e["loc"])
            raise OidcRejected(
                f"the token is not one of a CI job: see its claims {fields}"
            ) from error

    async def _key(self, key_id: str) -> RSAPublicKey:
        async with self._lock:
            now = self._clock.now()
            stale = self._read_at is None or now - self._read_at >= _FRESH
            if stale or key_id not in self._keys:
                await self._refresh(now)
            key = self._keys.get(key_id)
        if key is None:
            raise OidcRejected(f"{self._issuer} publishes no key {key_id!r} that signs with RS256")
        return key

    async def _refresh(self, now: datetime) -> None:
        """Read the keys again, unless that was tried within the last minute."""
        if self._tried_at is None or now - self._tried_at >= _PAUSE:
            self._tried_at = now
            self._keys = await self._read_keys()
            self._read_at = now
        elif self._tried_at != self._read_at:
            raise OidcUnavailable(
                f"the keys of {self._issuer} could not be read a moment ago; try again in a minute"
            )

    async def _read_keys(self) -> Mapping[str, RSAPublicKey]:
        base = self._issuer.rstrip("/")
        found = await self._document(f"{base}/.well-known/openid-configuration")
        address = found.get("jwks_uri")
        if found.get("issuer") != self._issuer or not isinstance(address, str):
            raise OidcUnavailable(
                f"the discovery document of {self._issuer} names another issuer or no keys"
            )
        if urlsplit(address)[:2] != urlsplit(self._issuer)[:2]:
            raise OidcUnavailable(f"the keys of {self._issuer} are said to be at another host")
        listed = (await self._document(address)).get("keys")
        if not isinstance(listed, list) or len(listed) > _MAX_KEYS:
            raise OidcUnavailable(f"the key document of {self._issuer} lists no keys, or too many")
        keys = (_signing_key(item) for item in listed)
        return dict(pair for pair in keys if pair is not None)

    async def _document(self, url: str) -> dict[str, object]:
        body = bytearray()
        try:
            async with self._client.stream("GET", url, follow_redirects=False) as response:
                status = response.status_code
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > _MAX_DOCUMENT:
                        raise OidcUnavailable(f"{url} is longer than {_MAX_DOCUMENT} bytes")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OidcUnavailable(f"{url} did not answer ({type(error).__name__})") from error
        if status != httpx.codes.OK:
            raise OidcUnavailable(f"{url} answered {status}")
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise OidcUnavailable(f"{url} is not JSON") from error
        if not isinstance(found, dict):
            raise OidcUnavailable(f"{url} is not a JSON object")
        return found


def _require_safe(issuer: str) -> None:
    parts = urlsplit(issuer)
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or local):
        raise ValueError(f"the issuer {issuer!r} must be an https address (http on loopback only)")


def _key_id(token: str) -> str:
    if len(token) > _MAX_TOKEN:
        raise OidcRejected(f"the token is longer than {_MAX_TOKEN} characters")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise OidcRejected("the token is not a JSON web token") from error
    if header.get("alg") != _ALGORITHM:
        raise OidcRejected(f"the token must be signed with {_ALGORITHM}")
    key_id = header.get("kid")
    if not isinstance(key_id, str) or not key_id:
        raise OidcRejected("the token's header names no key (kid)")
    return key_id[:200]


def _signing_key(item: object) -> tuple[str, RSAPublicKey] | None:
    """Read one RSA key for signatures; None for any other, which verifies nothing here."""
    if not isinstance(item, dict) or item.get("kty") != "RSA" or "d" in item:
        return None
    fits = item.get("use", "sig") == "sig" and item.get("alg", _ALGORITHM) == _ALGORITHM
    key_id = item.get("kid")
    if not fits or not isinstance(key_id, str):
        return None
    try:
        key = RSAAlgorithm.from_jwk(item)
    except (jwt.InvalidKeyError, ValueError, TypeError):
        return None
    if not isinstance(key, RSAPublicKey) or key.key_size < _MIN_KEY_BITS:
        return None
    return key_id, key


def _check_times(claims: Mapping[str, object], now: datetime) -> None:
    try:
        times = _Times.model_validate(claims)
    except ValidationError as error:
        raise OidcRejected("the token's exp, nbf or iat is not a time") from error
    at, leeway = now.timestamp(), _LEEWAY.total_seconds()
    if times.exp + leeway <= at:
        raise OidcRejected("the token has expired; ask for a new one just before it is sent")
    if max(times.nbf or 0, times.iat or 0) - leeway > at:
        raise OidcRejected("the token is not valid yet; check the clocks")
