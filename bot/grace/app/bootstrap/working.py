"""What works once the forge is reached: worker, brakes, sweep."""

from collections.abc import Callable
from datetime import timedelta

import structlog

from grace.adapters.attestations import SigstoreVerifier, embedded_root
from grace.adapters.config import RuleFiles
from grace.adapters.git.model import Ident
from grace.adapters.git.workshop import Watch, Workshop
from grace.adapters.github.forge import GitHubForge
from grace.adapters.github.ours import Ours
from grace.adapters.github.workshop import ApiWorkshop
from grace.adapters.keys import PublicKeys
from grace.adapters.memory.postgres import PostgresMemory
from grace.adapters.memory.sentences import SentenceEmbedder
from grace.adapters.memory.sqlite import SqliteMemory
from grace.adapters.memory.vectors import VectorMemory
from grace.adapters.secrets import secret_scan
from grace.app.bootstrap.system import System, make_sources
from grace.app.brakes import Brakes, Cab
from grace.app.courtesies import Courtesies
from grace.app.inlets import readers_of
from grace.app.interpreter import Interpreter, World
from grace.app.news import News
from grace.app.router import Router
from grace.app.settings import Settings
from grace.app.sweep import Inbox, Sweep
from grace.app.worker import Parts, Worker
from grace.domain.catalog import Subsystems
from grace.domain.mission import MissionRef
from grace.domain.policy import Policy
from grace.ports import ForgeError, Repositories
from grace.ports.memory import MemorySearch


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


def memory_of(settings: Settings) -> MemorySearch:
    """Say where memory is searched: in the store or a copy of it, and by a model's vectors too."""
    store = settings.data_dir / "grace.db"
    memory: MemorySearch = SqliteMemory(store)
    if settings.memory_url is not None:
        memory = PostgresMemory(settings.memory_url.get_secret_value(), store)
    if settings.memory_model is None:
        return memory
    embedder = SentenceEmbedder(settings.memory_model)
    return VectorMemory(memory, embedder, store, settings.data_dir / "memory-vectors.db")


def build_worker(system: System, policy: Policy) -> Worker:
    """Put worker, router and interpreter together."""
    settings = system.settings
    assert system.brakes is not None  # built before
    repositories = system.repositories = repositories_of(system)
    rules = system.rules = RuleFiles(policy.governance, policy.catalog, policy.subsystems)
    world = World(
        forge=system.forge,
        repositories=repositories,
        runs=system.store.runs,
        memory=memory_of(settings),
        metrics=make_sources(system),
        samples=system.samples,
        store=system.store,
        signer=system.signer,
        policy=policy,
        clock=system.clock,
        rules=rules,
        attestations=SigstoreVerifier(system.settings.attestation_root or embedded_root()),
        stopped=system.brakes.stopped,
    )
    ours = Ours(
        host=settings.forge_host,
        app_id=policy.app_id,
        bot_login=policy.bot_login,
        bases=bases_of(policy.subsystems),
        agents=policy.governance.asking.workflow,
    )
    readers = readers_of(ours, policy, system.refs, settings.max_missions_per_hour)
    router = Router(system.store, system.clock, readers)
    courtesies = Courtesies(system.store, system.forge, system.clock)
    clock, measures = system.clock, system.measures
    return Worker(
        Parts(system.store, router, Interpreter(world), courtesies, policy, clock, measures)
    )
