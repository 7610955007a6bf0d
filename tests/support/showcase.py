"""A store in which something of everything has happened, for pictures of the pages."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from grace.domain.capa import Capa, CapaState
from grace.domain.phase import Severity
from support.pages_world import REF, PagesWorld
from support.past import Story, failed, resolved, rolled_back, waiting, write_past
from support.reports import START
from support.world import METRIC, World, issue_body

NOW = START + timedelta(hours=5, minutes=12)
EVERY = 10  # seconds between two samples
GOOD = (61.0, 58.0, 64.0, 72.0, 66.0, 59.0, 63.0, 57.0, 62.0, 68.0, 60.0, 58.0)
BAD = (88.0, 120.0, 146.0, 171.0, 190.0, 204.0, 215.0, 222.0, 230.0, 226.0, 231.0, 229.0)


def titled(
    title: str, story: Callable[[World], object], severity: Severity = Severity.HIGH
) -> Story:
    """Let a story happen to a mission that is called so."""

    def happen(world: World) -> None:
        story(world)
        request = world.mission.request
        changed = request and request.model_copy(update={"severity": severity})
        world.mission = world.mission.with_(title=title, request=changed)

    return happen


def sample(world: World, values: tuple[float, ...]) -> None:
    """Land, and measure these values, one after another."""
    world.file(issue_body(window="5")).ci().review().deploy()
    for value in values:
        world.values[METRIC] = value
        world.tick(EVERY)


def testing(world: World) -> None:
    """Wait for CI."""
    world.file()


def observed(world: World) -> None:
    """Be in the middle of the window."""
    sample(world, (*GOOD, *GOOD[:8]))


def unstarted(world: World) -> None:
    """Be filed by somebody who may not start it."""
    world.file(author="mallory")


def held(world: World) -> None:
    """Be held by a person while CI runs."""
    world.file().command("hold", argument="waits for the data team")


def missed(world: World) -> None:
    """Miss its target after some good minutes, and be reverted."""
    sample(world, (*GOOD[:7], *BAD))


STORIES = (
    titled("Checkout retries a payment that went through", resolved),
    titled("Search index grows without a bound", resolved, Severity.LOW),
    titled("Metrics page answers 500 while a scrape runs", failed, Severity.MEDIUM),
    titled("Deliver faster: index the history of each topic", missed),
    titled("Coupons are counted twice at midnight", rolled_back),
    titled("Dead peers hold the retry queue open", unstarted, Severity.CRITICAL),
    titled("Event delivery gets slower with every event", observed),
    titled("Subscriptions of removed users are still served", held, Severity.MEDIUM),
    titled("A slow subscriber delays all others of its topic", testing),
    titled("p95 of delivery rises above 100 ms under load", waiting),
)


async def write_showcase(path: Path) -> None:
    """Write the store."""
    await write_past(path, STORIES, start=START - timedelta(minutes=30))


async def furnish(world: PagesWorld) -> None:
    """Add what no mission brings: CAPAs, a claim's like, health that changed."""
    names = sorted(m.name for m in await world.store.missions())
    world.capas.capas[:] = [
        Capa(
            capa_id="capa_20261122_001",
            subsystem_id="trigger_mesh",
            severity=Severity.HIGH,
            title="Latency rose above the target within the window",
            description="Rolled back: p95 of delivery reached 230 ms, the target is below 100 ms.",
            mission_id=names[3],
            ref=REF,
            issue=14,
            issue_url="https://forge.test/acme/mesh/issues/14",
            opened_at=NOW - timedelta(days=9),
            opened_by="grace",
            owner="rita",
            due_at=NOW - timedelta(days=2),
            reminders=1,
        ),
        Capa(
            capa_id="capa_20261030_001",
            subsystem_id="trigger_mesh",
            severity=Severity.MEDIUM,
            title="Retries piled up behind a dead peer",
            description="The queue to one peer grew without a bound for forty minutes.",
            ref=REF,
            issue=3,
            issue_url="https://forge.test/acme/mesh/issues/3",
            opened_at=NOW - timedelta(days=23),
            opened_by="alice",
            owner="alice",
            root_cause="The queue to each peer had no bound.",
            corrective_action="A bound of 10,000 and a metric for its length.",
            preventive_action="Queues of the mesh have a bound by their type.",
            state=CapaState.EFFECTIVE,
            closed_at=NOW - timedelta(days=20),
            closed_by="alice",
            check_at=NOW - timedelta(days=1),
            checked_at=NOW - timedelta(days=1),
        ),
    ]
    await world.add(
        "integration.health_changed",
        None,
        subsystem="forge",
        before="healthy",
        after="degraded",
        sentence="1 of 2 answers took more than 2 s",
    )
