"""The parts of one running bot, and what opens them without a forge."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import structlog

from grace.adapters.config import Configuration, config_hash, load_configuration
from grace.adapters.github.forge import GitHubForge
from grace.adapters.github.pace import Limits
from grace.adapters.github.session import GitHubSite
from grace.adapters.github.wire import Call
from grace.adapters.keys import Ed25519Key
from grace.adapters.metrics import ForgeSide, Sources
from grace.adapters.samples import Keeping, SqliteSamples
from grace.adapters.sqlite.store import SqliteStore
from grace.app.brakes import Brakes
from grace.app.mesh import Bell
from grace.app.news import News
from grace.app.observe import Budget, Measures
from grace.app.settings import Settings, SettingsError
from grace.app.sweep import Sweep
from grace.app.watching import Watcher
from grace.app.worker import Worker
from grace.domain.decision import Note
from grace.domain.mission import MissionRef
from grace.domain.policy import Policy
from grace.ports import Clock, Repositories, RuleReader, SampleStore

HTTP_TIMEOUT_S = 20.0


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def at_once() -> None:
    """Hold nothing up."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The clock and the disk; `before_commit` runs before each commit and may delay it."""

    clock: Clock = field(default_factory=SystemClock)
    before_commit: Callable[[], None] = at_once


@dataclass(slots=True)
class System:
    """All parts of one running bot."""

    settings: Settings
    configuration: Configuration
    signer: Ed25519Key
    store: SqliteStore
    forge: GitHubForge
    measures: Measures
    client: httpx.AsyncClient
    clock: Clock
    samples: SampleStore
    policy: Policy | None = None
    repositories: Repositories | None = None
    rules: RuleReader | None = None
    worker: Worker | None = None
    sweep: Sweep | None = None
    news: News | None = None
    brakes: Brakes | None = None
    watcher: Watcher | None = None
    refs: dict[str, MissionRef] = field(default_factory=dict)
    unresolved: set[str] = field(default_factory=set)
    waiting_for: str | None = "the boot is not finished"
    calls: list[Call] = field(default_factory=list)
    bell: Bell = field(default_factory=Bell)
    failures: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    address: tuple[str, int] | None = None

    def wake(self) -> None:
        """Tell the worker, if it runs already, that something came in."""
        if self.worker is not None:
            self.worker.wake()

    def busy(self) -> bool:
        """Tell whether an effect is being carried out now."""
        return self.worker is not None and self.worker.busy

    async def readiness(self) -> dict[str, str]:
        """Say what is not well, by part."""
        problems = self.troubles()
        try:
            await self.store.logs()
        except (sqlite3.Error, OSError) as error:
            problems["store"] = str(error)
        return problems

    def troubles(self) -> dict[str, str]:
        """Say what the newest round of each loop failed at."""
        problems = dict(self.failures)
        if self.waiting_for is not None:
            problems["boot"] = self.waiting_for
        if self.worker is not None:
            problems |= self.worker.failures
        parts = {
            "sweep": self.sweep,
            "news": self.news,
            "brakes": self.brakes,
            "watching": self.watcher,
        }
        for name, part in parts.items():
            if part is not None and part.failure is not None:
                problems[name] = part.failure
        return problems


def make_site(settings: Settings) -> GitHubSite:
    """Say which GitHub is spoken to, and as whom."""
    token = settings.forge_token
    return GitHubSite(
        host=settings.forge_host,
        api_url=settings.forge_api_url,
        web_url=settings.forge_web_url,
        app_id=settings.app_id or 0,
        private_key=settings.private_key(),
        mode=settings.mode,
        token="" if token is None else token.get_secret_value(),
        limits=Limits(
            settings.points_per_minute, settings.content_per_minute, settings.content_per_hour
        ),
    )


def make_forge(
    site: GitHubSite,
    client: httpx.AsyncClient,
    clock: Clock,
    observe: Callable[[Call], None],
    mission: Callable[[], str | None],
) -> GitHubForge:
    """Make the adapter; a key that is none is an error of the settings."""
    try:
        return GitHubForge(site, client, clock, observe, mission)
    except ValueError as error:
        raise SettingsError(f"app_key: {error}") from error


def recorder(system: System) -> Callable[[Note], Awaitable[None]]:
    """Say how a note gets into the bot's own log."""

    async def record(note: Note) -> None:
        await system.store.record_own(note, system.clock.now())

    return record


def fault_counter(system: System) -> Callable[[str], None]:
    """Say how an unexpected error of a loop is counted."""

    def fault(loop: str) -> None:
        system.measures.faults.labels(loop=loop).inc()

    return fault


def budgets_of(system: System) -> list[Budget]:
    """Say what the forge's limits leave at this moment."""
    return [
        Budget(
            figures.installation,
            figures.waiting,
            figures.paused_s,
            {
                "points_per_minute": figures.points_left,
                "content_per_minute": figures.content_left_minute,
                "content_per_hour": figures.content_left_hour,
                "requests_per_hour": figures.remaining,
            },
        )
        for figures in system.forge.figures()
    ]


def make_sources(system: System) -> Sources:
    """Make sources of metrics; who samples in a rhythm of their own wants their own.

    They remember the looks that rates and quantiles compare with.
    """
    side = ForgeSide(system.forge, system.store, system.refs)
    return Sources(system.client, system.clock, os.environ, side)


def exposition(system: System) -> tuple[bytes, str]:
    """Write all measures, with what the forge's limits leave at this moment."""
    return system.measures.exposition(budgets_of(system))


def load_signer(settings: Settings) -> Ed25519Key:
    """Load the ledger's key from the environment or its file; make one at the first start."""
    if settings.signing_key is not None:
        return Ed25519Key.parse(settings.signing_key.get_secret_value(), "GRACE_SIGNING_KEY")
    path = settings.signing_key_path
    return Ed25519Key.load(path) if path.exists() else Ed25519Key.generate(path)


@asynccontextmanager
async def open_system(settings: Settings, machine: Machine | None = None) -> AsyncIterator[System]:
    """Open everything that needs no forge; close it in the opposite order."""
    machine = machine or Machine()
    configuration = load_configuration(settings.config_dir, settings.playbooks_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    signer = load_signer(settings)
    clock, measures = machine.clock, Measures()
    calls: list[Call] = []

    def observe(call: Call) -> None:
        measures.calls.labels(purpose=call.purpose, status=str(call.status)).inc()
        calls.append(call)
        del calls[:-10_000]

    def mission() -> str | None:
        name = structlog.contextvars.get_contextvars().get("mission")
        return name if isinstance(name, str) else None

    site = make_site(settings)
    bell = Bell()
    store = await SqliteStore.open(
        settings.data_dir / "grace.db",
        signer,
        before_commit=machine.before_commit,
        on_append=bell.ring,
    )
    try:
        async with (
            _open_samples(settings, clock) as samples,
            httpx.AsyncClient(timeout=HTTP_TIMEOUT_S) as client,
        ):
            forge = make_forge(site, client, clock, observe, mission)
            yield System(
                settings=settings,
                configuration=configuration,
                signer=signer,
                store=store,
                forge=forge,
                measures=measures,
                client=client,
                clock=clock,
                samples=samples,
                calls=calls,
                bell=bell,
            )
    finally:
        await store.close()


@asynccontextmanager
async def _open_samples(settings: Settings, clock: Clock) -> AsyncIterator[SqliteSamples]:
    keeping = Keeping(settings.keep_samples_days, settings.keep_samples_mb * 2**20)
    samples = await SqliteSamples.open(settings.data_dir / "samples.db", clock, keeping)
    try:
        yield samples
    finally:
        await samples.close()


def configuration_hash(system: System) -> str:
    """Hash the configuration in force."""
    return config_hash(system.configuration)
