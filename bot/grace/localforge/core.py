"""What every part of the forge shares: configuration, database, clock, repositories, tasks."""

import asyncio
import base64
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from grace.localforge.db import Database, Row
from grace.localforge.errors import not_found
from grace.localforge.faults import Faults
from grace.localforge.gitrepo import GitRepository
from grace.localforge.limits import Limits, RateLimits
from grace.localforge.watching import Observer

if TYPE_CHECKING:
    from grace.localforge.actions import Actions
    from grace.localforge.queueing import MergeQueue

Json = dict[str, Any]

ROLES = ("none", "read", "triage", "write", "maintain", "admin")
ACTIONS_SLUG = "local-actions"


@dataclass(frozen=True, slots=True)
class ForgeConfig:
    """Where the forge keeps its data and listens; `port` 0 takes a free one.

    `rate_limit` is requests an hour and caller, `limits` are the secondary ones, a caller being a
    person or an installation; `parallel_runs` bounds the workflow runs at work;
    `delivery_timeout` is the seconds a webhook receiver has; `job_environment` is set in every job.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 0
    public_url: str | None = None
    unix_socket: Path | None = None
    rate_limit: int = 5000
    limits: Limits = field(default_factory=Limits)
    parallel_runs: int = 2
    delivery_timeout: float = 10.0
    job_environment: Mapping[str, str] = field(default_factory=dict)


def iso(moment: datetime) -> str:
    """Return a moment as GitHub writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def node_id(kind: str, number: int) -> str:
    """Return an opaque global id."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


@dataclass(slots=True)
class Core:
    """The forge's state. `wake` tells the delivery queue that a hook has something to send."""

    config: ForgeConfig
    db: Database
    clock: Callable[[], datetime]
    faults: Faults = field(default_factory=Faults)
    url: str = ""
    wake: Callable[[int], None] = lambda _hook: None
    actions: "Actions | None" = None
    queue: "MergeQueue | None" = None
    watchers: list[Observer] = field(default_factory=list)
    limits: RateLimits = field(init=False)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    locks: dict[int, asyncio.Lock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.limits = RateLimits(self.config.rate_limit, self.config.limits)

    def now(self) -> str:
        return iso(self.clock())

    @property
    def api(self) -> str:
        return f"{self.url}/api/v3"

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run work in the background; its failure is logged and ends nothing else."""
        task = asyncio.create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            structlog.get_logger().error("forge.task_failed", task=task.get_name(), exc_info=error)

    async def stop(self) -> None:
        """Cancel the work in the background and wait for its end."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def lock(self, repo: Row) -> asyncio.Lock:
        """Return the lock under which a repository's refs and pull requests change together."""
        return self.locks.setdefault(repo["id"], asyncio.Lock())

    def bare(self, repo: Row) -> Path:
        return self.config.data / "git" / str(repo["owner"]) / f"{repo['name']}.git"

    def git(self, repo: Row) -> GitRepository:
        return GitRepository(self.bare(repo))

    def user(self, user_id: int) -> Row:
        return self.db.get("users", user_id)

    def user_named(self, login: str) -> Row | None:
        return self.db.one("SELECT * FROM users WHERE login=?", login)

    def repository(self, owner: str, name: str) -> Row:
        """Return a repository by name; 404 when there is none."""
        row = self.db.one(
            "SELECT r.* FROM repositories r JOIN users u ON u.id=r.owner_id"
            " WHERE u.login=? AND r.name=?",
            owner,
            name,
        )
        if row is None:
            raise not_found()
        return row

    def renamed(self, owner: str, name: str) -> Row | None:
        """Return the repository that had this name before."""
        return self.db.one(
            "SELECT r.* FROM former_names f JOIN repositories r ON r.id=f.repository_id"
            " JOIN users u ON u.id=f.owner_id WHERE u.login=? AND f.name=?",
            owner,
            name,
        )

    def role(self, repo: Row, user: Row | None) -> str:
        """Return a user's role in a repository: one of ROLES."""
        if user is not None:
            if user["site_admin"] or user["id"] == repo["owner_id"]:
                return "admin"
            found = self.db.scalar(
                "SELECT role FROM collaborators WHERE repository_id=? AND user_id=?",
                repo["id"],
                user["id"],
            )
            if found:
                return str(found)
        return "none" if repo["private"] else "read"

    def actions_app(self) -> Row:
        """Return the App under which the forge's own workflow jobs report."""
        row = self.db.one("SELECT * FROM apps WHERE slug=?", ACTIONS_SLUG)
        if row is None:
            raise KeyError(ACTIONS_SLUG)
        return row


def has_role(role: str, wanted: str) -> bool:
    """Tell whether a role includes the wanted one."""
    return ROLES.index(role) >= ROLES.index(wanted)
