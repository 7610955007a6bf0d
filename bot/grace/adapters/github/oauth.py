"""GitHub as the one who says who somebody is: the web flow of an App's OAuth client.

Source: GitHub Docs, "Generating a user access token for a GitHub App" and "Troubleshooting OAuth
app access token request errors": a refused code is answered with 200 and `error`.
"""

from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grace.domain.people import Actor
from grace.ports.access import SignInFailed

_VERSION: Final = "2022-11-28"
_MAX_ANSWER: Final = 262_144
_TIMEOUT_S: Final = 10.0
_SAYS: Final = {
    "bad_verification_code": "its code was used or has expired: sign in again",
    "incorrect_client_credentials": "our client id or secret is wrong: an operator must look",
    "redirect_uri_mismatch": "our address is not the App's callback URL: an operator must look",
    "unverified_user_email": "your account has no verified e-mail address: verify one there first",
}

_M = TypeVar("_M", bound=BaseModel)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    access_token: str = Field("", repr=False, max_length=2000)
    error: str = ""


class _User(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    login: str = Field(min_length=1, max_length=100)
    id: int = Field(gt=0)


@dataclass(frozen=True, slots=True)
class GitHubSignIn:
    """`grace.ports.access.SignInForge` for one App. `host` is the forge's name, for people."""

    client: httpx.AsyncClient = field(repr=False)
    host: str
    web_url: str
    api_url: str
    client_id: str
    client_secret: str = field(repr=False)

    def address(self, state: str, challenge: str, redirect_uri: str) -> str:
        """Return where a browser is sent to; the App's permissions say what it may, so no scope."""
        query = {
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.web_url.rstrip('/')}/login/oauth/authorize?{urlencode(query)}"

    async def person(self, code: str, verifier: str, redirect_uri: str) -> Actor:
        """Exchange the code, ask once who it is, and keep nothing; `SignInFailed`."""
        fields = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        address = f"{self.web_url.rstrip('/')}/login/oauth/access_token"
        sent = self.client.build_request(
            "POST", address, data=fields, headers={"Accept": "application/json"}
        )
        answer = await self._ask(sent, _Answer)
        if answer.error or not answer.access_token:
            raise self._failed(_SAYS.get(answer.error, "it gave no access: sign in again"))
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": _VERSION,
            "Authorization": f"Bearer {answer.access_token}",
        }
        asked = self.client.build_request(
            "GET", f"{self.api_url.rstrip('/')}/user", headers=headers
        )
        user = await self._ask(asked, _User)
        return Actor(login=user.login, id=user.id)

    async def _ask(self, request: httpx.Request, model: type[_M]) -> _M:
        """Send a request and read its answer; no error shows what was sent or received."""
        request.extensions["timeout"] = httpx.Timeout(_TIMEOUT_S).as_dict()
        try:
            answer = await self.client.send(request, follow_redirects=False)
        except httpx.HTTPError as error:
            raise self._failed(f"it does not answer ({type(error).__name__}): try again") from error
        if answer.status_code != httpx.codes.OK or len(answer.content) > _MAX_ANSWER:
            raise self._failed(f"it answered {answer.status_code}: try again")
        try:
            return model.model_validate_json(answer.content)
        except ValidationError as error:
            raise self._failed("its answer is not as documented: try again") from error

    def _failed(self, why: str) -> SignInFailed:
        return SignInFailed(f"{self.host} did not let you in: {why}")
