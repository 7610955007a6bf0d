"""Every probe there is, with what it is called and what it works with."""

from collections.abc import Sequence
from typing import Final

from grace.app.probes.agents import Agents, Playbooks
from grace.app.probes.detecting import Detection
from grace.app.probes.findings import Probe
from grace.app.probes.forge import ForgeApi, RateBudget
from grace.app.probes.intake import AlertSources, Reconciliation, WebhookIntake
from grace.app.probes.keeping import Memory, Samples, StoreItself
from grace.app.probes.ledger import Keys, Ledger
from grace.app.probes.outlets import CapaRegister, LiveFeed, Outlets
from grace.app.probes.rules import Brakes, PolicyFiles
from grace.app.probes.testing import ContinuousIntegration, MetricSources
from grace.app.probes.work import Deadlines, Inbox, Outbox, WorkerLoop
from grace.app.probes.world import ProbeWorld

MINUTE_S: Final = 60.0
SELDOM_S: Final = 600.0


def all_probes(world: ProbeWorld) -> Sequence[Probe]:
    """Make the probes, in the order in which they are shown."""
    return (*_outside(world), *_inside(world), *_kept(world), *_governing(world), *_told(world))


def _outside(world: ProbeWorld) -> Sequence[Probe]:
    store, clock = world.store, world.clock
    return (
        Probe(
            "forge_api",
            "Forge API",
            ForgeApi(world.forge),
            ("rate_budget", "outbox", "reconciliation", "policy"),
            critical=True,
            every_s=MINUTE_S,
            timeout_s=20.0,
        ),
        Probe("rate_budget", "Rate budget", RateBudget(world.forge), ("outbox",)),
        Probe(
            "webhook_intake",
            "Webhook intake",
            WebhookIntake(world.door, world.work),
            ("inbox", "ci", "alert_sources"),
            critical=True,
        ),
        Probe("reconciliation", "Reconciliation", Reconciliation(world.work), ("inbox",)),
        Probe(
            "ci",
            "CI",
            ContinuousIntegration(store, clock, world.rules),
            ("webhook_intake", "forge_api"),
        ),
        Probe(
            "metric_sources",
            "Metric sources",
            MetricSources(world.catalog, world.metrics),
            ("worker",),
            every_s=MINUTE_S,
            timeout_s=20.0,
        ),
        Probe(
            "detection",
            "Detection",
            Detection(world.watching, clock, world.work),
            ("metric_sources", "inbox"),
        ),
        Probe("alert_sources", "Alert sources", AlertSources(world.door), ("webhook_intake",)),
    )


def _inside(world: ProbeWorld) -> Sequence[Probe]:
    store, clock, work = world.store, world.clock, world.work
    return (
        Probe("inbox", "Inbox", Inbox(store, clock, work), ("worker", "store"), critical=True),
        Probe(
            "worker",
            "Worker",
            WorkerLoop(store, clock, work),
            ("outbox", "deadlines", "policy", "memory"),
            critical=True,
        ),
        Probe("outbox", "Outbox", Outbox(store, clock, work), ("forge_api", "store")),
        Probe("deadlines", "Deadlines", Deadlines(store, clock), ("worker", "store")),
        Probe("agents", "Agents", Agents(store, clock), ("worker", "memory")),
        Probe(
            "playbooks", "Playbooks", Playbooks(store, work), ("worker", "memory"), every_s=MINUTE_S
        ),
    )


def _kept(world: ProbeWorld) -> Sequence[Probe]:
    store, clock = world.store, world.clock
    return (
        Probe(
            "store",
            "Store",
            StoreItself(store, clock, world.folder),
            ("ledger", "memory"),
            critical=True,
        ),
        Probe(
            "ledger",
            "Ledger",
            Ledger(store, clock, world.keys),
            ("keys", "live_feed"),
            critical=True,
        ),
        Probe("keys", "Keys", Keys(store, world.keys), ("ledger",), critical=True),
        Probe(
            "samples",
            "Samples",
            Samples(world.samples, clock),
            ("detection", "metric_sources"),
            every_s=MINUTE_S,
        ),
        Probe("memory", "Memory", Memory(store, clock), ("ledger",), every_s=MINUTE_S),
    )


def _governing(world: ProbeWorld) -> Sequence[Probe]:
    return (
        Probe(
            "policy",
            "Policy",
            PolicyFiles(world.rules),
            ("worker", "forge_api"),
            every_s=SELDOM_S,
            timeout_s=MINUTE_S,
        ),
        Probe("brakes", "Brakes", Brakes(world.store, world.work), ("worker", "policy")),
    )


def _told(world: ProbeWorld) -> Sequence[Probe]:
    work = world.work
    return (
        Probe("live_feed", "Live feed", LiveFeed(work), ("ledger", "notifications")),
        Probe("notifications", "Notifications", Outlets(work), ("live_feed",)),
        Probe("capa", "CAPA register", CapaRegister(work), ("forge_api", "store", "memory")),
    )
