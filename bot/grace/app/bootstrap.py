"""The only place that constructs adapters and puts the parts together."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import structlog
from aiohttp import web

from grace.adapters.attestations import SigstoreVerifier, embedded_root
from grace.adapters.config import Configuration, RuleFiles, config_hash, load_configuration
from grace.adapters.git.model import Ident
from grace.adapters.git.workshop import Watch, Workshop
from grace.adapters.github.forge import GitHubForge
from grace.adapters.github.ours import Ours
from grace.adapters.github.pace import Limits
from grace.adapters.github.session import GitHubSite
from grace.adapters.github.webhook import WebhookSecrets
from grace.adapters.github.wire import Call
from grace.adapters.github.workshop import ApiWorkshop
from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.adapters.metrics import HttpMetrics
from grace.adapters.oidc import OidcVerifier
from grace.adapters.secrets import secret_scan
from grace.adapters.sqlite.store import SqliteStore
from grace.app.brakes import Brakes, Cab
from grace.app.courtesies import Courtesies
from grace.app.inlets import alerts_of, readers_of, token_check, webhook_of
from grace.app.interpreter import Interpreter, World
from grace.app.news import News
from grace.app.observe import Budget, Measures
from grace.app.router import Router
from grace.app.settings import Settings, SettingsError
from grace.app.sweep import Inbox, Sweep
from grace.app.worker import Parts, Worker
from grace.domain.catalog import Subsystems
from grace.domain.mission import MissionRef
from grace.domain.policy import Policy
from grace.ports import Clock, ForgeError, Repositories
from grace.web.intake import Intake
from grace.web.server import make_app

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
    policy: Policy | None = None
    worker: Worker | None = None
    sweep: Sweep | None = None
    news: News | None = None
    brakes: Brakes | None = None
    refs: dict[str, MissionRef] = field(default_factory=dict)
    unresolved: set[str] = field(default_factory=set)
    waiting_for: str | None = "the boot is not finished"
    calls: list[Call] = field(default_factory=list)

    def wake(self) -> None:
        """Tell the worker, if it runs already, that something came in."""
        if self.worker is not None:
            self.worker.wake()

    def busy(self) -> bool:
        """Tell whether an effect is being carried out now."""
        return self.worker is not None and self.worker.busy

    async def readiness(self) -> dict[str, str]:
        """Say what is not well, by part."""
        problems: dict[str, str] = {}
        if self.waiting_for is not None:
            problems["boot"] = self.waiting_for
        if self.worker is not None:
            problems |= self.worker.failures
        for name, part in (("sweep", self.sweep), ("news", self.news), ("brakes", self.brakes)):
            if part is not None and part.failure is not None:
                problems[name] = part.failure
        try:
            await self.store.logs()
        except (sqlite3.Error, OSError) as error:
            problems["store"] = str(error)
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


def exposition(system: System) -> tuple[bytes, str]:
    """Write all measures, with what the forge's limits leave at this moment."""
    budgets = [
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
    return system.measures.exposition(budgets)


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
    configuration = load_configuration(settings.config_dir)
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
    store = await SqliteStore.open(
        settings.data_dir / "grace.db", signer, before_commit=machine.before_commit
    )
    try:
        async with httpx.AsyncClient(timeout=HTTP_TIMEOUT_S) as client:
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
                calls=calls,
            )
    finally:
        await store.close()


async def connect(system: System) -> str:
    """Reach the forge, learn our name there, and build the worker; return what was found."""
    found = await system.forge.reach()
    identity = await system.forge.identity()
    system.policy = system.configuration.policy(identity.bot_login, identity.id)
    system.unresolved = set(system.configuration.subsystems.subsystems)
    await resolve(system)

    def fault(loop: str) -> None:
        system.measures.faults.labels(loop=loop).inc()

    system.brakes = await build_brakes(system, fault)
    system.worker = build_worker(system, system.policy)
    count = system.measures.count_delivery
    inbox = Inbox(system.store, system.clock, count, fault, system.wake)
    system.sweep = Sweep(system.forge, system.policy, inbox)
    system.news = News(system.forge, system.refs, inbox)
    await system.news.owe()
    return found


async def build_brakes(system: System, fault: Callable[[str], None]) -> Brakes:
    """Make the brakes, and look at what stops us before anything is done."""
    settings = system.settings
    every = settings.sweep_every if settings.poll else settings.news_seconds
    cab = Cab(
        store=system.store,
        forge=system.forge,
        clock=system.clock,
        refs=system.refs,
        file=settings.stop_path,
        every=timedelta(seconds=every),
        wake=system.wake,
        fault=fault,
    )
    brakes = Brakes(cab)
    await brakes.heed_file()
    await brakes.look()
    return brakes


async def resolve(system: System) -> None:
    """Find the subsystems' repositories; what failed stays in `unresolved`, to be asked again.

    A refusal may pass too: a clock that jumped voids our credentials, an App is installed later.
    """
    log = structlog.get_logger("boot")
    for name in sorted(system.unresolved):
        subsystem = system.configuration.subsystems.subsystems[name]
        try:
            ref = await system.forge.resolve(subsystem.host, subsystem.repository)
        except ForgeError as error:
            log.warning("subsystem", name=name, reason=error.sentence)
            continue
        system.refs[name] = ref
        await _prime(system.forge, ref, subsystem.base_branch)
        system.unresolved.discard(name)


async def _prime(forge: GitHubForge, ref: MissionRef, branch: str) -> None:
    """Learn before the first merge whether a branch has a merge queue."""
    try:
        await forge.queue_required(ref, branch)
    except ForgeError as error:
        structlog.get_logger("boot").warning("merge queue", branch=branch, reason=error.sentence)


def repositories_of(system: System) -> Repositories:
    """Choose how commits are made: with git and our signature, or by GitHub, which signs them."""
    settings = system.settings

    def on_push(_ref: MissionRef, branch: str) -> None:
        kind = "ledger" if branch.endswith("grace-ledger") else "work"
        system.measures.pushes.labels(branch=kind).inc()

    if settings.commits == "api":
        return ApiWorkshop(system.forge.session, secret_scan())
    return Workshop(
        settings.data_dir / "mirrors",
        system.forge.git_access,
        Ident(settings.author_name, settings.author_email),
        Watch(
            on_push,
            secret_scan(),
            PublicKeys.beside(system.signer.public, settings.allowed_signers),
        ),
    )


def bases_of(subsystems: Subsystems) -> frozenset[str]:
    """Name the branches that missions change."""
    return frozenset(s.base_branch for s in subsystems.subsystems.values())


def build_worker(system: System, policy: Policy) -> Worker:
    """Put worker, router and interpreter together."""
    settings = system.settings
    assert system.brakes is not None  # built before
    world = World(
        forge=system.forge,
        repositories=repositories_of(system),
        metrics=HttpMetrics(system.client, system.clock),
        store=system.store,
        signer=system.signer,
        policy=policy,
        clock=system.clock,
        rules=RuleFiles(policy.governance, policy.catalog, policy.subsystems),
        attestations=SigstoreVerifier(system.settings.attestation_root or embedded_root()),
        stopped=system.brakes.stopped,
    )
    ours = Ours(
        host=settings.forge_host,
        app_id=policy.app_id,
        bot_login=policy.bot_login,
        bases=bases_of(policy.subsystems),
    )
    readers = readers_of(ours, policy, system.refs, settings.max_missions_per_hour)
    router = Router(system.store, system.clock, readers)
    courtesies = Courtesies(system.store, system.forge, system.clock)
    clock, measures = system.clock, system.measures
    return Worker(
        Parts(system.store, router, Interpreter(world), courtesies, policy, clock, measures)
    )


def make_intake(system: System) -> Intake:
    """Give the HTTP server its checks."""
    settings = system.settings
    secret = settings.webhook_secret
    secrets = None if secret is None else WebhookSecrets([secret.get_secret_value()])
    verifier = OidcVerifier(
        settings.oidc_issuer, settings.oidc_audience, system.client, system.clock
    )
    token, operator = settings.alert_token, settings.operator_token
    return Intake(
        store=system.store,
        clock=system.clock,
        count=system.measures.count_delivery,
        wake=system.wake,
        webhook=lambda headers, body: webhook_of(headers, body, secrets),
        token=token_check(verifier, settings.forge_host),
        alerts=lambda body: alerts_of(body, system.policy, system.refs),
        workflows=system.configuration.governance.tests.workflows,
        bases=bases_of(system.configuration.subsystems),
        alert_token=token.get_secret_value() if token is not None else None,
        operator_token=operator.get_secret_value() if operator is not None else None,
    )


@asynccontextmanager
async def listening(system: System) -> AsyncIterator[str]:
    """Serve HTTP; yield the base URL."""
    settings = system.settings
    runner = web.AppRunner(
        make_app(make_intake(system), system.readiness, lambda: exposition(system)),
        access_log=None,
        handle_signals=False,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.listen_host, settings.listen_port)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://{settings.listen_host}:{port}"
    finally:
        await runner.cleanup()


def configuration_hash(system: System) -> str:
    """Hash the configuration in force."""
    return config_hash(system.configuration)


__all__ = [
    "Machine",
    "SettingsError",
    "System",
    "configuration_hash",
    "connect",
    "listening",
    "open_system",
    "resolve",
]
