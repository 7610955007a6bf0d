"""A runner's workbench and a target."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from grace.domain.playbooks.action import TargetKind
from grace.runner.calling import Calls
from grace.runner.carry import Bench, ByHand, Errand, carry_out
from grace.runner.journal import Journal, open_state
from grace.runner.targets import Target
from support.fake_actions import PROGRAM, InProcess, done_in, make_target
from support.playbooks import SPECS, order


@dataclass
class Workbench:
    """A runner's state, a target, and what was reported."""

    folder: Any
    settings: dict
    told: list = field(default_factory=list)
    said: list = field(default_factory=list)
    hold: Any = field(default_factory=ByHand)
    secrets: tuple = ()
    calls: Any = field(default_factory=InProcess)

    @property
    def bench(self):
        state = open_state(self.folder / "state")
        return Bench("db-1", state, self.calls, SPECS, say=self.said.append)

    @property
    def target(self):
        return Target("orders-db", TargetKind.SQLITE, self.settings, self.secrets)

    @property
    def done(self):
        return done_in(self.settings)

    async def tell(self, report):
        self.told.append(report)

    async def run(self, *steps, **more):
        return await self.carry(order(*steps, **more))

    async def carry(self, ordered, target=None, first=0):
        errand = Errand(ordered, self.hold, self.tell, first)
        return await carry_out(self.bench, errand, target or self.target)

    def words(self, ordered):
        return Journal.of(self.bench.state, ordered).words()


@pytest.fixture
def work(tmp_path):
    """A workbench whose actions are called in this process."""
    return Workbench(tmp_path, make_target(tmp_path / "target"))


@pytest.fixture
def real(work):
    """A workbench whose actions have processes of their own, as a runner's do."""
    work.calls = Calls(PROGRAM, {"PATH": "/usr/bin:/bin", "SECRET": "sesame"})
    return work
