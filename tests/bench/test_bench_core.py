"""How many events a second the pure core decides, beside what storing a turn as JSON costs."""

from dataclasses import dataclass, field
from datetime import datetime

import pytest

from bench.figures import rate, tell_ratio
from grace.domain import events as ev
from grace.domain.decision import Decision
from grace.domain.facts import Facts
from grace.domain.lifecycle import decide
from grace.domain.mission import Mission
from grace.domain.phase import Outcome
from support.world import World

pytestmark = pytest.mark.bench


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of `decide`."""

    mission: Mission
    event: ev.Event
    facts: Facts
    now: datetime


@dataclass
class RecordingWorld(World):
    """Keeps what every decision was made from."""

    asked_for: list[Asked] = field(default_factory=list)

    def deliver(self, event: ev.Event) -> Decision:
        self.asked_for.append(Asked(self.mission, event, self.facts, self.now))
        return super().deliver(event)


def test_whole_missions_are_decided_again() -> None:
    world = RecordingWorld()
    world.file().ci().review().deploy().observe()
    assert world.mission.outcome is Outcome.FIXED
    recorded = tuple(world.asked_for)

    def decide_all() -> int:
        for asked in recorded:
            decide(asked.mission, asked.event, asked.facts, world.policy, asked.now)
        return len(recorded)

    def store_all() -> int:
        for asked in recorded:
            Mission.model_validate_json(asked.mission.model_dump_json())
            Facts.model_validate_json(asked.facts.stored().model_dump_json())
        return len(recorded)

    ratio = tell_ratio(
        rate(f"JSON round trips of mission and facts ({len(recorded)} turns)", store_all),
        rate(f"decisions of the pure core ({len(recorded)} events of a whole mission)", decide_all),
    )
    assert ratio > 0
