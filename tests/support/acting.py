"""A step as a runner does it: look, act, verify, with what it found kept for later steps."""

import time
from pathlib import Path

from grace.domain.playbooks.checking import given_to
from grace.domain.playbooks.playbook import Step
from grace.domain.playbooks.specs import ACTIONS
from grace.runner.action import ActionFailed, Situation
from grace.runner.registry import action_named


class Acting:
    """One run of steps on one target, in one folder."""

    def __init__(self, target, folder: Path, seconds: float = 60) -> None:
        self.target = target
        self.folder = folder
        self.found = {}
        self.seconds = seconds

    def situation(self, action, step=None, **given):
        spec = ACTIONS[action]
        step_id = step or action.partition(".")[2].replace("_", "-")
        return Situation(
            target=self.target,
            given=given_to(
                Step.model_validate({"id": step_id, "action": action, "with": given}), spec
            ),
            found=self.found,
            folder=self.folder,
            key=f"run-1/{step_id}",
            deadline=time.time() + self.seconds,
        )

    def look(self, action, step=None, **given):
        situation = self.situation(action, step, **given)
        made = action_named(action)
        made.identify(situation)
        return made.look(situation)

    def do(self, action, step=None, **given):
        """Look, act where it is needed, verify; answer what was found last."""
        situation = self.situation(action, step, **given)
        made = action_named(action)
        made.identify(situation)
        seen = made.look(situation)
        if not seen.holds:
            made.act(situation)
            seen = made.verify(situation)
            if not seen.holds:
                raise ActionFailed(seen.sentence)
        if seen.values:
            self.found[step or action.partition(".")[2].replace("_", "-")] = dict(seen.values)
        return seen

    def undo(self, action, step=None, **given):
        situation = self.situation(action, step, **given)
        made = action_named(action)
        made.identify(situation)
        return made.undo(situation)


def run_playbook(acting, playbook):
    """Carry a playbook through as a runner would, everybody agreeing; answer the failed steps."""
    failed = []
    for step in playbook.steps:
        healed = acting.look(playbook.healed.action, playbook.healed.id, **playbook.healed.with_)
        if step.when == "unhealed" and healed.holds:
            continue
        if step.when == "failed" and step.after not in failed:
            continue
        try:
            acting.do(step.action, step.id, **step.with_)
        except ActionFailed:
            failed.append(step.id)
            if step.then != "continue":
                raise
    return failed
