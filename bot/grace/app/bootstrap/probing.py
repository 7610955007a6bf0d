"""The probes of every subsystem, and what they look at."""

from collections.abc import Mapping

from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.app.bootstrap.outlets import Outlets
from grace.app.bootstrap.system import (
    System,
    budgets_of,
    fault_counter,
    load_signer,
    make_sources,
)
from grace.app.capas import Capas
from grace.app.mesh import TriggerMesh
from grace.app.probes.all import all_probes
from grace.app.probes.board import Board, recalled
from grace.app.probes.world import (
    DoorSide,
    ForgeSide,
    KeySide,
    ProbeWorld,
    RuleSide,
    WorkSide,
)
from grace.ports import Repositories, RuleReader


def make_board(system: System, mesh: TriggerMesh, capas: Capas, outlets: Outlets) -> Board:
    """Make the board of all probes."""
    settings = system.settings

    def failures() -> Mapping[str, str]:
        own = {} if capas.failure is None else {"capas": capas.failure}
        return system.troubles() | own

    world = ProbeWorld(
        store=system.store,
        clock=system.clock,
        folder=settings.data_dir,
        forge=ForgeSide(system.forge.reach, lambda: budgets_of(system)),
        door=DoorSide(
            address=lambda: system.address,
            counted=system.measures.counted,
            hears=not settings.poll,
            alerts=bool(settings.alert_secrets or system.configuration.alert_sources.custom),
        ),
        work=WorkSide(
            alive=lambda: {name: not task.done() for name, task in system.tasks.items()},
            failures=failures,
            lags=mesh.lags,
            outlets={
                "notifications": outlets.notifier.status,
                "webhooks": outlets.webhooks.status,
            },
            playbooks=lambda: [p.name for p in system.configuration.playbooks.playbooks],
        ),
        keys=key_side(system),
        rules=rule_side(system),
        catalog=system.configuration.catalog,
        metrics=make_sources(system),
        samples=system.samples,
        watching=lambda: None if system.watcher is None else system.watcher.state,
    )
    return Board(
        all_probes(world),
        system.clock,
        system.store.record_own,
        fault_counter(system),
        lambda: recalled(system.store),
    )


def key_side(system: System) -> KeySide:
    """Say what there is to know of the ledger's keys."""
    settings, public = system.settings, system.signer.public
    trusted = PublicKeys.beside(public, settings.allowed_signers)
    file = None if settings.signing_key is not None else settings.signing_key_path

    def load() -> str:
        key = load_signer(settings) if file is None else Ed25519Key.load(file)
        return key.key_id

    return KeySide(
        key_id=system.signer.key_id, trusted=trusted, knows=trusted.knows, file=file, load=load
    )


def rule_side(system: System) -> RuleSide:
    """Say what there is to know of the rules, and when."""

    def repositories() -> Repositories | None:
        return system.repositories

    def reader() -> RuleReader | None:
        return system.rules

    return RuleSide(
        policy=lambda: system.policy,
        refs=system.refs,
        missing=lambda: sorted(system.unresolved),
        repositories=repositories,
        reader=reader,
    )
