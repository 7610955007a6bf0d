"""One REST call to GitHub: gidgethub's requests over httpx, each call observed, no token shown."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx
from gidgethub import sansio
from gidgethub.abc import GitHubAPI

from grace.ports import ForgeRefused, ForgeUnavailable

_REQUESTER: Final = "grace-mission-control"
_API_VERSION: Final = {"X-GitHub-Api-Version": "2022-11-28"}
_MAX_HOPS: Final = 2
_MAX_TEXT: Final = 600
_REDIRECTS: Final = range(300, 400)


@dataclass(frozen=True, slots=True)
class Call:
    """One REST call that was made. `status` None: no answer came back."""

    purpose: str
    method: str
    path: str
    mission: str | None
    status: int | None


@dataclass(frozen=True, slots=True)
class Request:
    """A call to make. `path` is a URI template (RFC 6570); `url` replaces it when following."""

    purpose: str
    method: str
    path: str
    variables: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    url: str = ""

    @property
    def template(self) -> str:
        """Return the path's template without its query."""
        return self.path.partition("{?")[0]


@dataclass(frozen=True, slots=True)
class Credential:
    """What a call is signed with; its repr tells nothing."""

    token: str = field(repr=False)
    app: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A call that succeeded: decoded body, address of the next page, status."""

    data: Any
    more: str | None
    status: int


class Refusal(Exception):
    """An HTTP status of 300 or more, as it came; `text` is GitHub's own message and errors."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        super().__init__(f"{status} {text}")
        self.status = status
        self.headers = headers
        self.text = text


class Wire(GitHubAPI):
    """Make calls. A call without an answer raises `ForgeUnavailable`, a refused one `Refusal`."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        api_url: str,
        observe: Callable[[Call], None],
        mission: Callable[[], str | None],
    ) -> None:
        super().__init__(_REQUESTER, base_url=api_url)
        self._client = client
        self._origin = urlsplit(api_url)[:2]
        self._observe = observe
        self._mission = mission

    async def call(self, request: Request, credential: Credential) -> Answer:
        """Make one call; follow GitHub's redirects of a renamed repository on the same host."""
        for _ in range(_MAX_HOPS):
            try:
                return await self._once(request, credential)
            except Refusal as refusal:
                moved = refusal.headers.get("location")
                if refusal.status not in _REDIRECTS or not moved:
                    raise
                request = replace(request, url=urljoin(self.base_url, moved))
        return await self._once(request, credential)

    async def _once(self, request: Request, credential: Credential) -> Answer:
        if request.url and urlsplit(request.url)[:2] != self._origin:
            raise ForgeRefused(
                f"GitHub sent us from its API to another host ({urlsplit(request.url).netloc}) for "
                f"{request.purpose}; the credential is not sent there",
                status=302,
            )
        status: int | None = None
        try:
            data, more, status = await self._make_request(
                request.method,
                request.url or request.path,
                None if request.url else request.variables,
                b"" if request.body is None else dict(request.body),
                sansio.accept_format(),
                jwt=credential.token if credential.app else None,
                oauth_token=None if credential.app else credential.token,
                extra_headers=dict(_API_VERSION),
            )
        except Refusal as refusal:
            status = refusal.status
            text = refusal.text.replace(credential.token, "***")
            raise Refusal(refusal.status, refusal.headers, text) from None
        except ValueError as error:
            raise ForgeUnavailable(
                f"GitHub's answer to {request.purpose} could not be read ({type(error).__name__})"
            ) from error
        finally:
            self._observe(
                Call(request.purpose, request.method, request.template, self._mission(), status)
            )
        return Answer(data, more, status)

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        try:
            response = await self._client.request(
                method, url, headers=dict(headers), content=body, follow_redirects=False
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The text of such an error can quote a header, so only its kind is told.
            raise ForgeUnavailable(
                f"GitHub at {urlsplit(self.base_url).netloc} did not answer "
                f"({type(error).__name__}); check that it is up and can be reached from here"
            ) from None
        if response.status_code >= _REDIRECTS.start:
            text = _text(response.content)
            raise Refusal(response.status_code, response.headers, text)
        return response.status_code, response.headers, response.content

    async def sleep(self, seconds: float) -> None:
        """Sleep; gidgethub asks for it, nothing here does."""
        await asyncio.sleep(seconds)


def _text(body: bytes) -> str:
    """Read GitHub's `message` and `errors` (strings or objects); empty where there are none."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(data, dict):
        return ""
    errors = data.get("errors")
    listed = errors if isinstance(errors, list) else [errors] if errors else []
    parts = [str(data.get("message") or ""), *(_error_text(error) for error in listed)]
    return "; ".join(part for part in parts if part)[:_MAX_TEXT]


def _error_text(error: object) -> str:
    if not isinstance(error, dict):
        return str(error)
    where = " ".join(str(error[key]) for key in ("resource", "field", "code") if error.get(key))
    return str(error.get("message") or where)
