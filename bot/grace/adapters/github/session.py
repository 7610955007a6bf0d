"""Calls on behalf of a mission's repository: right credential, right error, bounded listings."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final

import httpx

from grace.adapters.github.payloads import AppId, Lenient, Repository, fit
from grace.adapters.github.problems import GONE, problem
from grace.adapters.github.tokens import AppKey, InstallationTokens
from grace.adapters.github.wire import Answer, Call, Refusal, Request, Wire
from grace.domain.mission import MissionRef
from grace.ports import Clock, ForgeError, ForgeGone, ForgeRefused

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class GitHubSite:
    """One GitHub and our app on it.

    `api_url`: `https://api.github.com`, or `https://HOST/api/v3`. `web_url` is where git clones
    from. `private_key` is PEM; the repr leaves it out.
    """

    host: str
    api_url: str
    web_url: str
    app_id: int
    private_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """Our app as GitHub knows it."""

    id: int
    slug: str
    name: str

    @property
    def bot_login(self) -> str:
        """Return the login under which the app acts."""
        return f"{self.slug}[bot]"


class _AppAnswer(Lenient):
    id: int
    slug: str
    name: str = ""


class Session:
    """Make calls as the app or as its installation on a repository."""

    def __init__(
        self,
        site: GitHubSite,
        client: httpx.AsyncClient,
        clock: Clock,
        observe: Callable[[Call], None],
        mission: Callable[[], str | None],
    ) -> None:
        self._key = AppKey(site.app_id, site.private_key)
        self._wire = Wire(client, site.api_url, observe, mission)
        self._tokens = InstallationTokens(self._wire, self._key, clock)
        self._clock = clock
        self._installations: dict[str, int] = {}
        self._identity: AppIdentity | None = None

    async def identity(self, *, fresh: bool = False) -> AppIdentity:
        """Return who we are; asked once unless `fresh`."""
        if self._identity is None or fresh:
            answer = await self.as_app(Request("app", "GET", "/app"))
            found = fit(_AppAnswer, answer.data, "app")
            self._identity = AppIdentity(found.id, found.slug, found.name or found.slug)
        return self._identity

    async def as_app(self, request: Request) -> Answer:
        """Make a call with the app's own JWT."""
        now = self._clock.now()
        try:
            return await self._wire.call(request, self._key.credential(now))
        except Refusal as refusal:
            raise problem(refusal, request.purpose, now) from refusal

    async def find_installation(self, repository: str) -> int:
        """Look up which installation covers `owner/name`, and remember it."""
        path = "/repos/{owner}/{repo}/installation"
        request = Request("installation", "GET", path, named(repository))
        try:
            answer = await self.as_app(request)
        except ForgeRefused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                raise ForgeRefused(
                    f"the GitHub App is not installed on {repository}, or there is no such "
                    "repository; install it there",
                    error.status,
                ) from error
            raise
        self._installations[repository] = fit(AppId, answer.data, request.purpose).id
        return self._installations[repository]

    async def token(self, ref: MissionRef) -> str:
        """Return an installation token for the repository."""
        return (await self._tokens.get(await self._installation(ref))).token

    async def call(
        self, ref: MissionRef, request: Request, expected: frozenset[int] = frozenset()
    ) -> Answer:
        """Make a call with the installation's token; a refusal becomes a `ForgeError`.

        Statuses in `expected` are left to the caller, as `Refusal`.
        """
        try:
            return await self._twice(ref, request)
        except Refusal as refusal:
            if refusal.status in expected:
                raise
            if refusal.status in GONE:
                raise await self._gone_or_refused(ref, request, refusal) from refusal
            raise problem(refusal, request.purpose, self._clock.now()) from refusal

    async def pages(
        self, ref: MissionRef, request: Request, bound: int, *, strict: bool = True
    ) -> AsyncIterator[object]:
        """Yield each page of a listing, `bound` at most.

        Past the bound a strict listing raises `ForgeRefused`: what was not read may matter.
        """
        for _ in range(bound):
            answer = await self.call(ref, request)
            yield answer.data
            if answer.more is None:
                return
            request = replace(request, url=answer.more)
        if strict:
            raise ForgeRefused(
                f"{request.purpose} found more than {bound * PAGE} entries; no more are read",
                HTTPStatus.UNPROCESSABLE_ENTITY,
            )

    async def _twice(self, ref: MissionRef, request: Request) -> Answer:
        installation = await self._installation(ref)
        credential = await self._tokens.get(installation)
        try:
            return await self._wire.call(request, credential)
        except Refusal as refusal:
            if refusal.status != HTTPStatus.UNAUTHORIZED:
                raise
        credential = await self._tokens.get(installation, stale=credential.token)
        return await self._wire.call(request, credential)

    async def _installation(self, ref: MissionRef) -> int:
        if ref.installation_id is not None:
            return ref.installation_id
        known = self._installations.get(ref.repository)
        return known if known is not None else await self.find_installation(ref.repository)

    async def _gone_or_refused(
        self, ref: MissionRef, request: Request, refusal: Refusal
    ) -> ForgeError:
        """Ask once whether the repository itself is there, and is the one it was."""
        probe = on(ref, "is it gone", "GET ")
        try:
            answer = await self._twice(ref, probe)
        except Refusal as second:
            if second.status in GONE:
                return ForgeGone(
                    f"the repository {ref.repository} is gone, or the GitHub App lost it; "
                    "install the app on it again for missions to go on"
                )
            return problem(second, probe.purpose, self._clock.now())
        found = fit(Repository, answer.data, probe.purpose)
        if found.id != ref.repository_id:
            return ForgeGone(
                f"the repository {ref.repository} is gone; another one has its name now"
            )
        return problem(refusal, request.purpose, self._clock.now())


def on(ref: MissionRef, purpose: str, call: str, **variables: str | int) -> Request:
    """Make a request on a repository; `call` is `METHOD /path` below it."""
    method, _, path = call.partition(" ")
    template = "/repos/{owner}/{repo}" + path
    return Request(purpose, method, template, {**named(ref.repository), **variables})


def named(repository: str) -> dict[str, str | int]:
    """Split `owner/name` into the variables of a path."""
    owner, _, name = repository.partition("/")
    return {"owner": owner, "repo": name}
