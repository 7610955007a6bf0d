"""Calls on behalf of a mission's repository: right credential, right error, bounded listings."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final, Literal

import httpx

from grace.adapters.github.pace import Figures, Limits
from grace.adapters.github.payloads import AppId, Lenient, Repository, User, fit
from grace.adapters.github.problems import GONE, problem
from grace.adapters.github.schedule import Schedules
from grace.adapters.github.tokens import AppKey, InstallationTokens
from grace.adapters.github.wire import Answer, Credential, Refusal, Request, Watch, Wire
from grace.domain.mission import MissionRef
from grace.ports import Clock, ForgeError, ForgeGone, ForgeRefused

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class GitHubSite:
    """One GitHub and who we are on it: an app by id and private key (PEM), or a token's owner.

    `api_url`: `https://api.github.com`, or `https://HOST/api/v3`. `web_url` is where git clones
    from. The repr leaves key and token out. Raises `ValueError` for a token in the mode `checks`.
    """

    host: str
    api_url: str
    web_url: str
    app_id: int = 0
    private_key: str = field(default="", repr=False)
    mode: Literal["checks", "statuses"] = "checks"
    token: str = field(default="", repr=False)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.token and self.private_key:
            raise ValueError("both a GitHub App and a token are configured; take one of them away")
        if self.token and self.mode == "checks":
            raise ValueError(
                "a personal access token cannot create check runs, only a GitHub App can; "
                "configure an app, or choose the mode `statuses`, which uses commit statuses"
            )


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """Who we are, as GitHub knows it; a token's owner has the id 0 and no slug."""

    id: int
    slug: str
    name: str
    login: str = ""

    @property
    def bot_login(self) -> str:
        """Return the login under which we act."""
        return self.login or f"{self.slug}[bot]"


class _AppAnswer(Lenient):
    id: int
    slug: str
    name: str = ""


class Session:
    """Make calls as the app, as its installation on a repository, or as a token's owner."""

    def __init__(
        self, site: GitHubSite, client: httpx.AsyncClient, clock: Clock, watch: Watch
    ) -> None:
        self._schedules = Schedules(site.limits)
        self._wire = Wire(client, site.api_url, self._schedules, clock, watch)
        self._personal = Credential(site.token) if site.token else None
        self._key = None if site.token else AppKey(site.app_id, site.private_key)
        self._tokens = InstallationTokens(self._wire, self._key, clock) if self._key else None
        self._clock = clock
        self._installations: dict[str, int] = {}
        self._identity: AppIdentity | None = None

    @property
    def is_app(self) -> bool:
        """Tell whether we are an app; a token's owner has no webhooks of its own."""
        return self._personal is None

    async def identity(self, *, fresh: bool = False) -> AppIdentity:
        """Return who we are; asked once unless `fresh`."""
        if self._identity is None or fresh:
            if self.is_app:
                answer = await self.as_app(Request("app", "GET", "/app"))
                found = fit(_AppAnswer, answer.data, "app")
                self._identity = AppIdentity(found.id, found.slug, found.name or found.slug)
            else:
                answer = await self.as_app(Request("user", "GET", "/user"))
                login = fit(User, answer.data, "user").login
                self._identity = AppIdentity(0, "", login, login)
        return self._identity

    def figures(self) -> tuple[Figures, ...]:
        """Tell what each installation has left of its limits."""
        return self._schedules.figures()

    async def as_app(self, request: Request) -> Answer:
        """Make a call with the app's own JWT, or the personal token."""
        now = self._clock.now()
        credential = self._key.credential(now) if self._key else self._personal
        assert credential is not None
        try:
            return await self._wire.call(request, credential)
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
        """Return a token that may be used on the repository."""
        return (await self._credential(ref)).token

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

    async def download(self, ref: MissionRef, request: Request) -> bytes:
        """Fetch a file; 404 and 410 are left to the caller, as `Refusal`."""
        try:
            return await self._wire.download(request, await self._credential(ref))
        except Refusal as refusal:
            if refusal.status in GONE:
                raise
            raise problem(refusal, request.purpose, self._clock.now()) from refusal

    async def _twice(self, ref: MissionRef, request: Request) -> Answer:
        credential = await self._credential(ref)
        try:
            return await self._wire.call(request, credential)
        except Refusal as refusal:
            if refusal.status != HTTPStatus.UNAUTHORIZED or not self.is_app:
                raise
        credential = await self._credential(ref, stale=credential.token)
        return await self._wire.call(request, credential)

    async def _credential(self, ref: MissionRef, stale: str | None = None) -> Credential:
        if self._tokens is None:
            assert self._personal is not None
            return self._personal
        return await self._tokens.get(await self._installation(ref), stale)

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
