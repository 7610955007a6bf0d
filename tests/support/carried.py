"""Shipped playbooks, carried out by the runner's own code on real targets."""

from datetime import UTC, datetime

from grace.adapters.config import load_playbooks
from grace.domain.playbooks.action import TargetKind
from grace.domain.playbooks.specs import ACTIONS
from grace.runner.by_hand import following, order_of, standings
from grace.runner.calling import Calls
from grace.runner.carry import Bench, ByHand, Errand, carry_out
from grace.runner.targets import Target


class Killed(Exception):
    """The runner ended here."""


class Carried:
    """A runner of one target, and a shipped playbook with parameters of its steps changed."""

    def __init__(self, folder, name, settings, **changed):
        self.folder = folder
        playbook = load_playbooks().named(name)
        steps = tuple(
            step.model_copy(update={"with_": {**step.with_, **changed.get(step.id, {})}})
            for step in playbook.steps
        )
        self.playbook = playbook.model_copy(update={"steps": steps})
        kept = {key: value for key, value in settings.items() if key != "kind"}
        self.target = Target("it", TargetKind(settings["kind"]), kept)
        self.points = 0
        self.kill_at = 0

    async def run(self, *, dry=False):
        """Carry a new run out."""
        order = order_of(self.playbook, self.target, datetime.now(UTC), {}, dry=dry)
        return await self._carry(order)

    async def resume(self):
        """Go on with the run that was cut off; begin where not even its order was written down."""
        known = standings(self.folder)
        return await self._carry(following(known[-1], {})) if known else await self.run()

    async def _carry(self, order):
        bench = Bench("here", self.folder, Calls(), ACTIONS, at=self._at)

        async def untold(report):
            del report

        return await carry_out(bench, Errand(order, ByHand(), untold), self.target)

    def _at(self, point):
        del point
        self.points += 1
        if self.points == self.kill_at:
            raise Killed


def states(report):
    """Say how each step of a run ended."""
    return {each.step: each.state.value for each in report.steps}
