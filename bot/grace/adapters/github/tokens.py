"""The app's JWT, and installation tokens that are shared until shortly before they expire."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import RSAAlgorithm
from pydantic import AwareDatetime, Field

from grace.adapters.github.payloads import Lenient, fit
from grace.adapters.github.problems import problem
from grace.adapters.github.wire import Credential, Refusal, Request, Wire
from grace.ports import Clock, ForgeGone

_SKEW: Final = timedelta(seconds=60)
_LIFE: Final = timedelta(minutes=10)
_MARGIN: Final = timedelta(minutes=2)
_BAD_KEY: Final = (
    "the GitHub App's private key is not an RSA private key in PEM form; "
    "download a new one from the app's settings page"
)


class _TokenAnswer(Lenient):
    token: Annotated[str, Field(pattern=r"^[!-~]+$")]
    expires_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class _Cached:
    token: str = field(repr=False)
    expires_at: datetime


class AppKey:
    """The app's id and RSA private key. Its repr shows the id alone."""

    __slots__ = ("_key", "app_id")

    def __init__(self, app_id: int, private_key: str) -> None:
        self.app_id = app_id
        try:
            key = RSAAlgorithm(RSAAlgorithm.SHA256).prepare_key(private_key)
        except (ValueError, TypeError, jwt.InvalidKeyError):
            raise ValueError(_BAD_KEY) from None
        if not isinstance(key, RSAPrivateKey):
            raise ValueError(_BAD_KEY)  # noqa: TRY004 - it is the value of a setting that is wrong
        self._key = key

    def credential(self, now: datetime) -> Credential:
        """Make a JWT for ten minutes, a minute backdated against clock drift."""
        issued = now - _SKEW
        claims = {
            "iat": int(issued.timestamp()),
            "exp": int((issued + _LIFE).timestamp()),
            "iss": str(self.app_id),
        }
        return Credential(jwt.encode(claims, self._key, algorithm="RS256"), app=True)

    def __repr__(self) -> str:
        return f"AppKey({self.app_id})"


class InstallationTokens:
    """Tokens by installation; one renewal at a time for each, shared by all who wait."""

    def __init__(self, wire: Wire, key: AppKey, clock: Clock) -> None:
        self._wire = wire
        self._key = key
        self._clock = clock
        self._cached: dict[int, _Cached] = {}
        self._locks: dict[int, asyncio.Lock] = {}

    async def get(self, installation: int, stale: str | None = None) -> Credential:
        """Return a token that is good for a while yet, and is not `stale`.

        Raises `ForgeGone` when the installation was deleted or suspended.
        """
        async with self._locks.setdefault(installation, asyncio.Lock()):
            cached = self._cached.get(installation)
            good = (
                cached is not None
                and cached.token != stale
                and cached.expires_at - _MARGIN > self._clock.now()
            )
            if cached is None or not good:
                cached = await self._create(installation)
                self._cached[installation] = cached
        return Credential(cached.token, installation=installation)

    async def _create(self, installation: int) -> _Cached:
        request = Request(
            "installation token",
            "POST",
            "/app/installations/{installation}/access_tokens",
            {"installation": installation},
        )
        now = self._clock.now()
        try:
            answer = await self._wire.call(request, self._key.credential(now))
        except Refusal as refusal:
            self._cached.pop(installation, None)
            suspended = "suspended" in refusal.text.lower()
            if refusal.status == HTTPStatus.NOT_FOUND or suspended:
                how = "suspended" if suspended else "removed"
                raise ForgeGone(
                    f"the GitHub App's installation {installation} was {how}; "
                    "install it again for missions to go on"
                ) from refusal
            raise problem(refusal, request.purpose, now) from refusal
        fresh = fit(_TokenAnswer, answer.data, request.purpose)
        return _Cached(fresh.token, fresh.expires_at)
