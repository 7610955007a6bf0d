"""One call to GitHub: gidgethub's headers and links over httpx, observed, no token shown."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx
from gidgethub import GitHubException, sansio

from grace.adapters.github.etags import Memory
from grace.adapters.github.limits import limited
from grace.adapters.github.pace import Cost
from grace.adapters.github.schedule import PATIENCE_S, Schedules
from grace.ports import Clock, ForgeRefused, ForgeUnavailable

GRAPHQL: Final = "/graphql"
MAX_ANSWER: Final = 25 * 2**20

_REQUESTER: Final = "grace-mission-control"
_API_VERSION: Final = {"X-GitHub-Api-Version": "2022-11-28"}
_MAX_HOPS: Final = 2
_LIMITED_TRIES: Final = 2
_WRITE: Final = 5
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
    """What a call is signed with; its repr tells nothing. Installation 0: no installation."""

    token: str = field(repr=False)
    app: bool = False
    installation: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A call that succeeded: decoded body, address of the next page, status."""

    data: Any
    more: str | None
    status: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told of each call, and who knows which mission it is for."""

    observe: Callable[[Call], None]
    mission: Callable[[], str | None]

    def call(self, request: Request, status: int | None) -> None:
        """Tell of a call that was made."""
        mission = self.mission()
        self.observe(Call(request.purpose, request.method, request.template, mission, status))


class Refusal(Exception):
    """An HTTP status of 300 or more, as it came; `text` is GitHub's own message and errors."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str) -> None:
        super().__init__(f"{status} {text}")
        self.status = status
        self.headers = headers
        self.text = text


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """Make calls, each in its turn.

    One without an answer raises `ForgeUnavailable`, a refused one `Refusal`.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        api_url: str,
        schedules: Schedules,
        clock: Clock,
        watch: Watch,
    ) -> None:
        self._client = client
        self._api_url = api_url
        self._origin = urlsplit(api_url)[:2]
        self._schedules = schedules
        self._clock = clock
        self._watch = watch
        self._memory = Memory()

    async def call(self, request: Request, credential: Credential) -> Answer:
        """Make one call; follow GitHub's redirects of a renamed repository on the same host."""
        for _ in range(_MAX_HOPS):
            try:
                return await self._read(request, credential)
            except Refusal as refusal:
                moved = refusal.headers.get("location")
                if refusal.status not in _REDIRECTS or not moved:
                    raise
                request = replace(request, url=urljoin(self._api_url, moved))
        return await self._read(request, credential)

    async def _read(self, request: Request, credential: Credential) -> Answer:
        """Make a call and decode its answer; one that was cut short is not remembered."""
        raw = await self._patiently(request, credential)
        try:
            return _answer(request, raw)
        except ForgeUnavailable:
            self._memory.forget((credential.installation, self._url(request)))
            raise

    async def download(self, request: Request, credential: Credential) -> bytes:
        """Fetch a file; where GitHub sends us to its storage, the credential stays here."""
        try:
            return (await self._patiently(request, credential)).body
        except Refusal as refusal:
            place = refusal.headers.get("location", "")
            if refusal.status not in _REDIRECTS or not place:
                raise
        scheme, netloc = urlsplit(place)[:2]
        if scheme not in {"https", self._origin[0]} or not netloc:
            raise ForgeRefused(
                f"GitHub sent us to {scheme}://{netloc} for {request.purpose}; not fetched", 302
            )
        raw = await self._fetch(request, place, {"user-agent": _REQUESTER}, b"")
        if raw.status != HTTPStatus.OK:
            raise Refusal(raw.status, raw.headers, f"at GitHub's storage ({netloc})")
        return raw.body

    async def _patiently(self, request: Request, credential: Credential) -> Raw:
        """Make a call again that a limit stopped, where the limit is over within seconds."""
        schedule = self._schedules.of(credential.installation)
        for _ in range(_LIMITED_TRIES):
            try:
                return await self._once(request, credential)
            except Refusal as refusal:
                now = self._clock.now()
                wait = limited(refusal.status, refusal.headers, refusal.text, now)
                if wait is None:
                    raise
                schedule.pause(wait)
                if wait > PATIENCE_S:
                    raise
        return await self._once(request, credential)

    async def _once(self, request: Request, credential: Credential) -> Raw:
        url = self._url(request)
        headers, body = _packed(request, credential)
        key = (credential.installation, url)
        kept = self._memory.get(key) if request.method == "GET" else None
        if kept is not None:
            headers["if-none-match"] = kept.etag
        schedule, cost = self._schedules.of(credential.installation), cost_of(request)
        async with schedule.turn(request.purpose, cost):
            raw = None
            try:
                raw = await self._fetch(request, url, headers, body)
            finally:
                self._watch.call(request, raw.status if raw is not None else None)
            schedule.told(raw.headers, cost.resource, self._clock.now())
        if raw.status == HTTPStatus.NOT_MODIFIED and kept is not None:
            return Raw(HTTPStatus.OK, kept.headers, kept.body)
        if raw.status >= _REDIRECTS.start:
            text = _text(raw.body).replace(credential.token, "***")
            raise Refusal(raw.status, raw.headers, text)
        if request.method == "GET":
            self._memory.keep(key, raw.headers, raw.body)
        return raw

    def _url(self, request: Request) -> str:
        if request.path == GRAPHQL:
            return _graphql(self._api_url)
        if not request.url:
            return sansio.format_url(request.path, request.variables, base_url=self._api_url)
        if urlsplit(request.url)[:2] != self._origin:
            raise ForgeRefused(
                f"GitHub sent us from its API to another host ({urlsplit(request.url).netloc}) for "
                f"{request.purpose}; the credential is not sent there",
                status=302,
            )
        return request.url

    async def _fetch(
        self, request: Request, url: str, headers: Mapping[str, str], body: bytes
    ) -> Raw:
        parts: list[bytes] = []
        size = 0
        try:
            async with self._client.stream(
                request.method, url, headers=dict(headers), content=body, follow_redirects=False
            ) as response:
                async for part in response.aiter_bytes():
                    size += len(part)
                    if size > MAX_ANSWER:
                        raise ForgeRefused(
                            f"GitHub's answer to {request.purpose} is larger than {MAX_ANSWER} "
                            "bytes; it is not read",
                            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        )
                    parts.append(part)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The text of such an error can quote a header, so only its kind is told.
            raise ForgeUnavailable(
                f"GitHub at {urlsplit(url).netloc} did not answer "
                f"({type(error).__name__}); check that it is up and can be reached from here"
            ) from None
        return Raw(response.status_code, response.headers, b"".join(parts))


def cost_of(request: Request) -> Cost:
    """Tell what a call takes from the limits; every write but a removal counts as content."""
    if request.path == GRAPHQL:
        writes = str((request.body or {}).get("query", "")).lstrip().startswith("mutation")
        return Cost(_WRITE if writes else 1, content=writes, resource="graphql")
    writes = request.method not in {"GET", "HEAD"}
    return Cost(_WRITE if writes else 1, content=writes and request.method != "DELETE")


def _graphql(api_url: str) -> str:
    """Name the GraphQL endpoint: beside `/v3` on GitHub Enterprise Server, else below the API."""
    base = api_url.rstrip("/")
    return base.removesuffix("/v3") + GRAPHQL


def _packed(request: Request, credential: Credential) -> tuple[dict[str, str], bytes]:
    headers = sansio.create_headers(
        _REQUESTER,
        jwt=credential.token if credential.app else None,
        oauth_token=None if credential.app else credential.token,
    )
    headers |= _API_VERSION
    if request.body is None:
        return headers, b""
    headers["content-type"] = "application/json; charset=utf-8"
    return headers, json.dumps(dict(request.body)).encode()


def _answer(request: Request, raw: Raw) -> Answer:
    try:
        data, _, more = sansio.decipher_response(raw.status, raw.headers, raw.body)
    except (ValueError, RecursionError, GitHubException) as error:
        raise ForgeUnavailable(
            f"GitHub's answer to {request.purpose} could not be read ({type(error).__name__})"
        ) from error
    return Answer(data, more, raw.status)


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
