"""Drills of low risk by a simulated clock: how many run without a human, and what they cost.

Trust is earned: each remedy needs four approved successes before Grace starts and merges it alone.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from grace.domain import events as ev
from grace.domain.catalog import MetricDefinition
from grace.domain.package import AcceptanceCriteria, MissionRequest, Symptom
from grace.domain.phase import Outcome, Phase, Severity
from grace.domain.policy import AutoMerge
from grace.domain.proactive import Remedies, Remedy
from grace.domain.surroundings import MergeFact, OutcomeFact
from support.reports import START
from support.world import BOT, DIFF, World, make_policy, source

DRILLS = ("latency", "errors", "leak", "lock", "crash")
EVERY = timedelta(hours=9)


def metric_of(drill: str) -> str:
    return f"mesh.{drill}"


def remedies() -> Remedies:
    return Remedies(
        remedies=tuple(
            Remedy(name=f"undo-{d}", metrics=(metric_of(d),), diff=DIFF.replace("fast", d))
            for d in DRILLS
        )
    )


@dataclass
class Record:
    """One drill's end: whether a human acted, and how often."""

    drill: str
    outcome: Outcome | None
    actions: int


@dataclass
class Drills:
    """Low missions of one subsystem, one after another; what happened is what the next one knows."""

    now: datetime = START
    history: list[OutcomeFact] = field(default_factory=list)
    starts: list[datetime] = field(default_factory=list)
    merges: list[MergeFact] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    def world(self) -> World:
        policy = make_policy(auto_merge=AutoMerge(min_trust=0.5))
        entry = MetricDefinition(target=100, comparator="<", unit="ms", source=source("x"))
        metrics = policy.catalog.metrics | {metric_of(d): entry for d in DRILLS}
        catalog = policy.catalog.model_copy(update={"metrics": metrics})
        world = World(
            policy=policy.model_copy(update={"catalog": catalog, "remedies": remedies()}),
            now=self.now,
        )
        world.values |= {metric_of(d): 20.0 for d in DRILLS}
        known = {
            "history": tuple(self.history),
            "self_starts": tuple(self.starts),
            "merges": tuple(self.merges),
        }
        world.facts = world.facts.model_copy(update=known)
        world.mission = world.mission.with_(created_at=self.now, name=f"m{len(self.records)}")
        return world

    def play(self, drill: str, *, holds: bool = True) -> Record:
        """Let a fault be detected, and people do what the rules leave to them."""
        world, actions = self.world(), 0
        world.deliver(alert(world, metric_of(drill)))
        world.settle()
        if world.mission.prepared is not None:
            shown = world.pull(sender=ev.Actor(login=BOT)).model_copy(update={"draft": True})
            world.deliver(shown)
            world.command("start", "alice", comment="9", on=2)
            world.deliver(world.pull(sender=ev.Actor(login=BOT)))
            actions += 1
        world.ci()
        if world.mission.phase is Phase.GATING:
            world.review("rita")
            actions += 1
        world.deploy()
        if not holds:
            world.values[metric_of(drill)] = 900.0
        world.observe(12)
        if world.mission.phase is Phase.REVERTING:
            world.ci().observe(4)
        self._keep(world)
        record = Record(drill, world.mission.outcome, actions)
        self.records.append(record)
        return record

    def _keep(self, world: World) -> None:
        mission = world.mission
        assert mission.outcome is not None, mission.phase
        assert mission.landing is not None
        self.now = world.now
        if mission.self_started_at is not None:
            self.starts.append(mission.self_started_at)
        merged = {"mission": mission.name, "basis": mission.basis, "at": mission.landing.at}
        self.merges.append(MergeFact(subsystem="trigger_mesh", **merged))
        ended = {"agent": mission.attempts[-1].agent, "outcome": mission.outcome, "at": world.now}
        fact = {"mission": mission.name, "severity": Severity.LOW, "basis": mission.basis}
        self.history.append(OutcomeFact(**fact, **ended))
        self.now += EVERY


def alert(world: World, metric: str) -> ev.AlertSeen:
    request = MissionRequest(
        subsystem_id="trigger_mesh",
        severity=Severity.LOW,
        detected_by="detector",
        symptoms=(Symptom(description="it is not as it should be", metric_id=metric),),
        acceptance_criteria=AcceptanceCriteria(
            metric_targets=(world.policy.catalog.metrics[metric].as_target(metric, 10),),
            observation_window_minutes=1,
        ),
    )
    return ev.AlertSeen(
        source="detector",
        fingerprint=f"detector:{metric}",
        status="firing",
        title="it is not as it should be",
        request=request,
        at=world.now,
    )


@pytest.mark.parametrize(
    ("kinds", "count", "actions"),
    [(1, 16, 20), pytest.param(5, 100, 60, marks=pytest.mark.stress)],
    ids=["one remedy", "five remedies"],
)
def test_seventy_percent_of_low_drills_or_more_run_without_a_human(
    kinds: int, count: int, actions: int
) -> None:
    drills = Drills()
    for number in range(count):
        drills.play(DRILLS[number % kinds], holds=kinds == 1 or number != 61)
    alone = [r for r in drills.records if not r.actions]
    assert 0.7 <= len(alone) / count < 1  # trust is earned, and of the five one lost it once
    assert sum(r.actions for r in drills.records) <= actions


def test_a_remedy_earns_its_trust_by_four_approved_successes() -> None:
    drills = Drills()
    actions = [drills.play("lock").actions for _ in range(6)]
    assert actions == [2, 2, 2, 2, 0, 0]


def test_a_fix_that_was_rolled_back_begins_at_nothing() -> None:
    drills = Drills()
    for _ in range(4):
        drills.play("lock")
    assert drills.play("lock", holds=False).outcome is Outcome.ROLLED_BACK
    assert drills.play("lock").actions == 2
    assert drills.play("leak").actions == 2
