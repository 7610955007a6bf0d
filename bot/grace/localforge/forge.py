"""The local forge as one object: start it, fill it, watch it, break it."""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiohttp import web

from grace.localforge.actions import Actions
from grace.localforge.apps import (
    NewApp,
    add_hook,
    brief,
    cover,
    ensure_actions_app,
    new_user,
    register_app,
    tell_installation,
)
from grace.localforge.auth import Grant, issue_token
from grace.localforge.checks import press
from grace.localforge.core import ROLES, Core, ForgeConfig, Json
from grace.localforge.db import Database, Row
from grace.localforge.deliveries import Deliveries
from grace.localforge.faults import Faults
from grace.localforge.idle import wait_idle
from grace.localforge.limits import Limits
from grace.localforge.merging import METHODS
from grace.localforge.oauth import client_id, new_secret
from grace.localforge.queueing import MergeQueue
from grace.localforge.repositories import create_from_template
from grace.localforge.runs import WorkflowRunner
from grace.localforge.server import ForgeServer
from grace.localforge.shapes.repos import full_name
from grace.localforge.teams import put_in_team, take_from_team
from grace.localforge.watching import Exchange, Observer, WebhookQueued

__all__ = [
    "ApiCall",
    "App",
    "Exchange",
    "ForgeConfig",
    "GitPush",
    "Limits",
    "LocalForge",
    "Repository",
    "WebhookQueued",
]

NOT_LOOPBACK: Final = "The local forge is not a host for the public: it binds loopback only"


@dataclass(frozen=True, slots=True)
class Repository:
    id: int
    full_name: str
    bare: Path
    url: str
    clone_url: str


@dataclass(frozen=True, slots=True)
class App:
    """`bot` is the login under which its installations act; the secret is told only here."""

    id: int
    slug: str
    bot: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request to the API; `template` is its path with the variable parts named."""

    at: str
    actor: str
    method: str
    template: str
    path: str
    status: int


@dataclass(frozen=True, slots=True)
class GitPush:
    """One ref moved by one git push; `before` or `after` is all zeros when made or deleted."""

    at: str
    actor: str
    repository: str
    ref: str
    before: str
    after: str


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LocalForge:
    """A GitHub-shaped forge on loopback: API at `api_url` and at `url`, git at `url`/O/R.git."""

    def __init__(
        self,
        config: ForgeConfig,
        runner: WorkflowRunner | None = None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        _refuse_public(config.host)
        config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        (config.data / "git").mkdir(exist_ok=True)
        self._core = Core(config, Database(config.data / "forge.sqlite3"), clock)
        self._deliveries = Deliveries(self._core)
        self._actions = None if runner is None else Actions(self._core, runner)
        self._core.actions = self._actions
        self._core.queue = MergeQueue(self._core)
        self._web: web.AppRunner | None = None
        ensure_actions_app(self._core)

    @property
    def url(self) -> str:
        return self._core.url

    @property
    def api_url(self) -> str:
        return self._core.api

    @property
    def ci_app_id(self) -> int:
        """The App under which workflow jobs report their check runs."""
        return int(self._core.actions_app()["id"])

    @property
    def faults(self) -> Faults:
        return self._core.faults

    async def start(self) -> None:
        """Listen, go on sending what is queued, and begin unfinished runs again."""
        config = self._core.config
        server = ForgeServer(self._core)
        self._web = web.AppRunner(server.application(), access_log=None, shutdown_timeout=2)
        await self._web.setup()
        site = web.TCPSite(self._web, config.host, config.port)
        await site.start()
        if config.unix_socket is not None:
            await web.UnixSite(self._web, str(config.unix_socket)).start()
        port = self._web.addresses[0][1]
        host = f"[{config.host}]" if ":" in config.host else config.host
        self._core.url = (config.public_url or f"http://{host}:{port}").rstrip("/")
        await self._deliveries.start()
        if self._actions is not None:
            self._actions.resume()
        if self._core.queue is not None:
            self._core.queue.resume()

    async def close(self) -> None:
        """Stop listening, stop runs, keep everything on disk. Closing twice is harmless."""
        if self._web is not None:
            await self._web.cleanup()
            self._web = None
            await self._core.stop()
            await self._deliveries.close()
        self._core.db.close()

    async def idle(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109 - the caller's patience
        """Wait until no delivery, run or background work is left; TimeoutError when it stays."""
        await wait_idle(self._core, self._deliveries, timeout)

    async def create_user(self, login: str, *, site_admin: bool = False) -> str:
        """Make a user, unless there is one by this name, and return a new personal token."""
        user = self._core.user_named(login) or new_user(
            self._core, login, "User", site_admin=site_admin
        )
        return issue_token(self._core, Grant("personal", user["id"]))

    async def create_repository(
        self, owner: str, name: str, *, template: Path | None = None, private: bool = False
    ) -> Repository:
        """Make a repository; the content of `template` becomes the first commit on main."""
        user = self._user(owner)
        repo = await create_from_template(self._core, user, name, template)
        repo = self._core.db.update("repositories", repo["id"], private=int(private))
        return self._repository(repo)

    async def find_repository(self, repository: str) -> Repository:
        """Return a repository by owner/name; ApiError 404 when there is none."""
        return self._repository(self._row(repository))

    async def add_collaborator(self, repository: str, login: str, permission: str) -> None:
        """Give a user a role: read, triage, write, maintain or admin."""
        if permission not in ROLES[1:]:
            raise ValueError(f"permission must be one of {', '.join(ROLES[1:])}")
        self._core.db.run(
            "INSERT OR REPLACE INTO collaborators (repository_id, user_id, role) VALUES (?,?,?)",
            self._row(repository)["id"],
            self._user(login)["id"],
            permission,
        )

    async def add_to_team(self, team: str, login: str, *, state: str = "active") -> None:
        """Put a user into a team, `organisation/team`: active, or invited (pending)."""
        put_in_team(self._core, team, self._user(login), state)

    async def remove_from_team(self, team: str, login: str) -> None:
        """Take a user out of a team."""
        take_from_team(self._core, team, self._user(login))

    async def require_merge_queue(
        self, repository: str, branch: str, *, merge_method: str = "merge"
    ) -> None:
        """Let a branch move only through a merge queue, which merges, squashes or rebases."""
        if merge_method not in METHODS:
            raise ValueError(f"merge_method must be one of {', '.join(METHODS)}")
        self._core.db.run(
            "INSERT OR REPLACE INTO merge_queues (repository_id, branch, method) VALUES (?,?,?)",
            self._row(repository)["id"],
            branch,
            merge_method,
        )

    async def create_app(  # noqa: PLR0913 - an App's form has these fields
        self,
        name: str,
        *,
        webhook_url: str,
        webhook_secret: str,
        public_key_pem: str,
        permissions: Mapping[str, str],
        events: Sequence[str],
        callback_urls: Sequence[str] = (),
    ) -> App:
        """Register an App with its webhook; ValueError when its name is taken.

        People may sign in with it where `callback_urls` names where they are sent back to.
        """
        new = NewApp(
            name,
            webhook_url,
            webhook_secret,
            public_key_pem,
            dict(permissions),
            tuple(events),
            tuple(callback_urls),
        )
        app_id = register_app(self._core, new)
        add_hook(self._core, app_id, new)
        secret = new_secret(self._core, app_id)
        return App(app_id, new.slug, f"{new.slug}[bot]", client_id(app_id), secret)

    async def set_webhook(self, app_id: int, *, active: bool) -> None:
        """Turn an App's webhook on or off, as a box of its form does."""
        self._core.db.run("UPDATE hooks SET active=? WHERE app_id=?", int(active), app_id)

    async def install_app(self, app_id: int, owner: str, repositories: Sequence[str]) -> int:
        """Install an App on repositories (names without owner) and return the installation id."""
        core, account = self._core, self._user(owner)
        rows = [core.repository(owner, name) for name in repositories]
        with core.db.transaction():
            number = core.db.insert(
                "installations",
                app_id=app_id,
                account_id=account["id"],
                created_at=core.now(),
                updated_at=core.now(),
            )
            cover(core, number, rows)
        tell_installation(core, "installation", "created", number, {"repositories": brief(rows)})
        return number

    async def change_installation(
        self, installation_id: int, *, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()
    ) -> None:
        """Add repositories (owner/name) to an installation or take them from it."""
        core = self._core
        for action, names in (("added", add), ("removed", remove)):
            rows = [self._row(name) for name in names]
            if not rows:
                continue
            if action == "added":
                cover(core, installation_id, rows)
            for row in rows if action == "removed" else ():
                core.db.run(
                    "DELETE FROM installation_repositories"
                    " WHERE installation_id=? AND repository_id=?",
                    installation_id,
                    row["id"],
                )
            told: Json = {"repositories_added": [], "repositories_removed": []}
            told |= {f"repositories_{action}": brief(rows), "repository_selection": "selected"}
            told["requester"] = None
            tell_installation(core, "installation_repositories", action, installation_id, told)

    async def uninstall_app(self, installation_id: int) -> None:
        """Remove an installation; its tokens stop working."""
        rows = self._core.db.all(
            "SELECT r.* FROM repositories r JOIN installation_repositories i"
            " ON i.repository_id=r.id WHERE i.installation_id=? ORDER BY r.id",
            installation_id,
        )
        lost = {"repositories": brief(rows)}
        tell_installation(self._core, "installation", "deleted", installation_id, lost)
        with self._core.db.transaction():
            self._core.db.run(
                "DELETE FROM installation_repositories WHERE installation_id=?", installation_id
            )
            self._core.db.run("DELETE FROM tokens WHERE installation_id=?", installation_id)
            self._core.db.run("DELETE FROM installations WHERE id=?", installation_id)

    async def request_action(self, check_run_id: int, identifier: str, login: str) -> None:
        """Press a button of a check run, as a person does on the page."""
        run = self._core.db.get("check_runs", check_run_id)
        repo = self._core.db.get("repositories", run["repository_id"])
        press(self._core, repo, run, self._user(login), identifier)

    async def calls(self, actor: str | None = None) -> list[ApiCall]:
        """Return the API requests so far, oldest first, those of one login when given."""
        rows = self._core.db.all(
            "SELECT at, actor, method, template, path, status FROM calls"
            " WHERE ? IS NULL OR actor=? ORDER BY id",
            actor,
            actor,
        )
        return [ApiCall(**row) for row in rows]

    async def pushes(self, actor: str | None = None) -> list[GitPush]:
        """Return the refs moved by git pushes so far, oldest first."""
        rows = self._core.db.all(
            "SELECT at, actor, repository, ref, before, after FROM pushes"
            " WHERE ? IS NULL OR actor=? ORDER BY id",
            actor,
            actor,
        )
        return [GitPush(**row) for row in rows]

    def watch(self, observer: Observer) -> None:
        """Show an observer, which must not raise, all later API requests, answers and webhooks."""
        self._core.watchers.append(observer)

    def _user(self, login: str) -> Row:
        user = self._core.user_named(login)
        if user is None:
            raise ValueError(f"there is no user {login}: create it first")
        return user

    def _row(self, repository: str) -> Row:
        owner, _, name = repository.partition("/")
        return self._core.repository(owner, name)

    def _repository(self, repo: Row) -> Repository:
        name = full_name(repo)
        page = f"{self.url}/{name}"
        return Repository(repo["id"], name, self._core.bare(repo), page, f"{page}.git")


def _refuse_public(host: str) -> None:
    """Refuse every address but loopback: tokens travel in the clear here."""
    if host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError as error:
        raise ValueError(f"{NOT_LOOPBACK}, and {host!r} is not an address") from error
    if not loopback:
        raise ValueError(f"{NOT_LOOPBACK}, not {host}")
