"""Reads at a GitHub for an examination: no answer, refused and unreadable are facts, not errors."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from grace.ports import Clock
from grace.setup.findings import Unknown

M = TypeVar("M", bound=BaseModel)
_HEADERS: Final = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "grace-mission-control",
}
_MAX_BODY: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Got:
    """One answer; `status` None: none came, and `problem` says why.

    `skew_s`: our clock less the forge's, by the header `Date`.
    """

    status: int | None
    data: object = None
    problem: str = ""
    skew_s: float | None = None

    @property
    def ok(self) -> bool:
        return self.status is not None and httpx.codes.is_success(self.status)

    def unknown(self) -> Unknown:
        """Say why there is no fact in it."""
        message = self.data.get("message") if isinstance(self.data, dict) else None
        said = f" ({str(message)[:200]})" if message else ""
        return Unknown(self.problem or f"the forge answered {self.status}{said}")


class Api:
    """Calls to one GitHub's REST API; a renamed repository's redirect is followed within it."""

    def __init__(self, client: httpx.AsyncClient, api_url: str, clock: Clock) -> None:
        self._client = client
        self._url = api_url.rstrip("/")
        self._clock = clock

    async def get(self, path: str, token: str, **query: str | int) -> Got:
        """Read something."""
        return await self._call("GET", path, token, query)

    async def post(self, path: str, token: str) -> Got:
        """Ask for something that is made anew."""
        return await self._call("POST", path, token, {})

    async def _call(
        self, method: str, path: str, token: str, query: Mapping[str, str | int]
    ) -> Got:
        url = self._url + path
        headers = {**_HEADERS, "Authorization": f"Bearer {token}"}
        before = self._clock.now()
        try:
            answer = await self._client.request(method, url, headers=headers, params=dict(query))
            if answer.is_redirect and method == "GET" and self._ours(answer):
                answer = await self._client.get(answer.headers["location"], headers=headers)
        except httpx.HTTPError as error:
            # The text of such an error can quote a header, so only its kind is told.
            return Got(None, problem=f"{self._host} did not answer ({type(error).__name__})")
        middle = before + (self._clock.now() - before) / 2
        return Got(answer.status_code, _json(answer), "", _skew(answer, middle))

    @property
    def _host(self) -> str:
        return urlsplit(self._url).netloc

    def _ours(self, answer: httpx.Response) -> bool:
        """Tell whether a redirect stays at this host; a token is sent nowhere else."""
        target: str = answer.headers.get("location", "")
        return urlsplit(target)[:2] == urlsplit(self._url)[:2]


def fit(model: type[M], got: Got) -> M | Unknown:
    """Read an answer as a model."""
    if not got.ok:
        return got.unknown()
    try:
        return model.model_validate(got.data)
    except ValidationError as error:
        return Unknown(f"the forge's answer lacks what is needed ({_fields(error)})")


def fit_all(model: type[M], got: Got) -> tuple[M, ...] | Unknown:
    """Read an answer as a list of models."""
    if not got.ok:
        return got.unknown()
    try:
        return TypeAdapter(tuple[model, ...]).validate_python(got.data)  # type: ignore[valid-type]
    except ValidationError as error:
        return Unknown(f"the forge's answer lacks what is needed ({_fields(error)})")


def contents(got: Got) -> bytes | Unknown:
    """Decode a file of the contents API; one that is too large for it comes without its bytes."""
    if not got.ok or not isinstance(got.data, dict):
        return got.unknown()
    text = got.data.get("content")
    if not isinstance(text, str) or got.data.get("encoding", "base64") != "base64":
        return Unknown("the forge answers no file here, or none that can be read")
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return Unknown("the forge's answer is no base64")


def _fields(error: ValidationError) -> str:
    return ", ".join(sorted({str(e["loc"][-1]) for e in error.errors() if e["loc"]})[:5]) or "all"


def _json(answer: httpx.Response) -> object:
    if len(answer.content) > _MAX_BODY:
        return None
    try:
        found: object = json.loads(answer.content)
    except (ValueError, RecursionError):
        return None
    return found


def _skew(answer: httpx.Response, at: datetime) -> float | None:
    """Compare with the header `Date`, which is whole seconds: half a second is added to it."""
    try:
        said = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return None
    said = said if said.tzinfo else said.replace(tzinfo=UTC)
    return (at - said).total_seconds() - 0.5
