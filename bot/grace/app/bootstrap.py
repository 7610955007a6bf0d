"""The only place that constructs adapters and puts the parts together."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import structlog
from aiohttp import web
from pydantic import TypeAdapter

from grace.adapters.alertmanager import AlertError, read_alerts
from grace.adapters.config import Configuration, config_hash, load_configuration
from grace.adapters.git.model import Ident
from grace.adapters.git.workshop import Watch, Workshop
from grace.adapters.github.forge import GitHubForge
from grace.adapters.github.ours import Ours, TranslationError
from grace.adapters.github.session import GitHubSite
from grace.adapters.github.translate import translate
from grace.adapters.github.webhook import WebhookRejected, WebhookSecrets, verify
from grace.adapters.github.wire import Call
from grace.adapters.keys import Ed25519Key
from grace.adapters.metrics import HttpMetrics
from grace.adapters.oidc import OidcRejected, OidcUnavailable, OidcVerifier
from grace.adapters.secrets import secret_scan
from grace.adapters.sqlite.store import SqliteStore
from grace.app.interpreter import Interpreter, World
from grace.app.observe import Measures
from grace.app.router import Router, Translation, Unreadable
from grace.app.settings import Settings, SettingsError
from grace.app.worker import Parts, Worker
from grace.domain.events import ResultsReported
from grace.domain.mission import MissionRef
from grace.domain.policy import Policy
from grace.ports import Clock, Delivery, ForgeError, Routed, Target
from grace.web.intake import Claims, Intake, Refused, Reported
from grace.web.server import make_app

ROUTED: TypeAdapter[list[Routed]] = TypeAdapter(list[Routed])
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
    refs: dict[str, MissionRef] = field(default_factory=dict)
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
        try:
            await self.store.logs()
        except (sqlite3.Error, OSError) as error:
            problems["store"] = str(error)
        return problems


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

    site = GitHubSite(
        host=settings.forge_host,
        api_url=settings.forge_api_url,
        web_url=settings.forge_web_url,
        app_id=settings.app_id,
        private_key=settings.private_key(),
    )
    store = await SqliteStore.open(
        settings.data_dir / "grace.db", signer, before_commit=machine.before_commit
    )
    try:
        async with httpx.AsyncClient(timeout=HTTP_TIMEOUT_S) as client:
            forge = GitHubForge(site, client, clock, observe, mission)
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
    for name, subsystem in system.configuration.subsystems.subsystems.items():
        try:
            ref = await system.forge.resolve(subsystem.host, subsystem.repository)
        except ForgeError as error:
            structlog.get_logger("boot").warning("subsystem", name=name, reason=error.sentence)
            continue
        system.refs[name] = ref
    system.worker = build_worker(system, system.policy)
    return found


def build_worker(system: System, policy: Policy) -> Worker:
    """Put worker, router and interpreter together."""
    settings = system.settings

    def on_push(_ref: MissionRef, branch: str) -> None:
        kind = "ledger" if branch.endswith("grace-ledger") else "work"
        system.measures.pushes.labels(branch=kind).inc()

    repositories = Workshop(
        settings.data_dir / "mirrors",
        system.forge.git_access,
        Ident(settings.author_name, settings.author_email),
        Watch(on_push, secret_scan()),
    )
    world = World(
        forge=system.forge,
        repositories=repositories,
        metrics=HttpMetrics(system.client, system.clock),
        store=system.store,
        signer=system.signer,
        policy=policy,
        clock=system.clock,
    )
    ours = Ours(
        host=settings.forge_host,
        app_id=policy.app_id,
        bot_login=policy.bot_login,
        bases=frozenset(s.base_branch for s in policy.subsystems.subsystems.values()),
    )
    router = Router(
        system.store,
        system.clock,
        {
            "github": from_github(ours, policy, system.refs),
            "ci": from_ci,
            "alertmanager": from_alerts,
        },
    )
    return Worker(
        Parts(system.store, router, Interpreter(world), policy, system.clock, system.measures)
    )


def from_github(
    ours: Ours, policy: Policy, refs: Mapping[str, MissionRef]
) -> Callable[[Delivery], Translation]:
    """Translate webhooks of GitHub; repositories that are no subsystem's are left alone."""

    def read(delivery: Delivery) -> Translation:
        try:
            routed, note = translate(delivery, ours)
        except TranslationError as error:
            raise Unreadable(error.sentence) from error
        ids = {ref.repository_id for ref in refs.values()}
        known = tuple(
            r
            for r in routed
            if r.target.ref.repository_id in ids
            or policy.names_in(r.target.ref.host, r.target.ref.repository)
        )
        return known, note if len(known) == len(routed) else "ignored: no subsystem lives there"

    return read


def from_ci(delivery: Delivery) -> Translation:
    """Route a proven CI report to the branch that its job's token names."""
    reported = Reported.model_validate_json(delivery.body)
    claims, report = reported.claims, reported.report
    ref = MissionRef(
        host=claims.host, repository_id=claims.repository_id, repository=claims.repository
    )
    target = Target(ref=ref, branch=claims.head_ref or None, sha=report.head_sha)
    return (Routed(target=target, event=ResultsReported(report=report)),), f"run {claims.run_id}"


def from_alerts(delivery: Delivery) -> Translation:
    """Take alerts as the intake routed them."""
    routed = ROUTED.validate_json(delivery.body)
    return routed, f"{len(routed)} alerts"


def make_intake(system: System) -> Intake:
    """Give the HTTP server its checks."""
    settings = system.settings
    secrets = WebhookSecrets([settings.webhook_secret.get_secret_value()])
    verifier = OidcVerifier(
        settings.oidc_issuer, settings.oidc_audience, system.client, system.clock
    )
    token, operator = settings.alert_token, settings.operator_token
    return Intake(
        store=system.store,
        clock=system.clock,
        count=system.measures.count_delivery,
        wake=system.wake,
        webhook=lambda headers, body: _webhook(headers, body, secrets),
        token=_token_check(verifier, settings.forge_host),
        alerts=lambda body: _alerts(system, body),
        workflows=system.configuration.governance.tests.workflows,
        alert_token=token.get_secret_value() if token is not None else None,
        operator_token=operator.get_secret_value() if operator is not None else None,
    )


def _webhook(headers: dict[str, str], body: bytes, secrets: WebhookSecrets) -> tuple[str, str]:
    try:
        arrived = verify(headers, body, secrets)
    except WebhookRejected as error:
        raise Refused(error.status, error.sentence) from error
    return arrived.event, arrived.delivery_id


def _token_check(verifier: OidcVerifier, host: str) -> Callable[[str], Awaitable[Claims]]:
    async def check(token: str) -> Claims:
        try:
            claims = await verifier.verify(token)
        except OidcRejected as error:
            raise Refused(401, error.sentence) from error
        except OidcUnavailable as error:
            raise Refused(503, error.sentence) from error
        return Claims(
            host=host,
            repository=claims.repository,
            repository_id=claims.repository_id,
            head_ref=claims.head_ref,
            event=claims.event_name,
            run_id=claims.run_id,
            run_attempt=claims.run_attempt,
            workflow=claims.workflow_ref,
        )

    return check


def _alerts(system: System, body: bytes) -> tuple[bytes, tuple[dict[str, str], ...]]:
    """Read an alert webhook and route each alert to its subsystem's repository."""
    if system.policy is None:
        raise Refused(503, "Grace has not reached the forge yet; send it again")
    try:
        intake = read_alerts(body, system.policy)
    except AlertError as error:
        raise Refused(
            422, "the body is no Alertmanager webhook of version 4", _listed(error.errors)
        ) from error
    routed = []
    for event in intake.seen:
        ref = system.refs.get(event.request.subsystem_id)
        if ref is None:
            raise Refused(503, f"{event.request.subsystem_id} is not reachable at the forge yet")
        firing = event.status == "firing"
        target = Target(ref=ref, alert=event.fingerprint, create=firing)
        routed.append(Routed(target=target, event=event))
    return ROUTED.dump_json(routed), _listed(intake.errors)


def _listed(errors: Sequence[object]) -> tuple[dict[str, str], ...]:
    return tuple(
        {"field": getattr(e, "field", ""), "problem": getattr(e, "problem", "")} for e in errors
    )


@asynccontextmanager
async def listening(system: System) -> AsyncIterator[str]:
    """Serve HTTP; yield the base URL."""
    settings = system.settings
    runner = web.AppRunner(
        make_app(make_intake(system), system.readiness, system.measures.exposition),
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


async def git_state() -> str:
    """Describe the code that runs: commit and branch in a checkout, else the version."""
    process = await asyncio.create_subprocess_exec(
        "git",
        "-C",
        str(Path(__file__).parent),
        "log",
        "-1",
        "--format=%h %D",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    return output.decode().strip() or "installed package, no checkout"


def configuration_hash(system: System) -> str:
    """Hash the configuration in force."""
    return config_hash(system.configuration)


__all__ = [
    "Machine",
    "SettingsError",
    "System",
    "configuration_hash",
    "connect",
    "git_state",
    "listening",
    "open_system",
]
