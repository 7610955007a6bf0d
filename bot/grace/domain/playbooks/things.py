"""What a runner can be told to do next, and what of a run that follows from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from grace.domain.playbooks.action import ActionSpec, Scalar
from grace.domain.playbooks.playbook import Step
from grace.domain.playbooks.progress import Progress
from grace.domain.playbooks.record import Doing
from grace.domain.playbooks.run import RunOrder, RunState, StepState

MOST_TRIES: Final = 3
_MOST_SENTENCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Do:
    """Call an action; write its intention down before `act` and `undo`, and its outcome behind.

    `before`: what waits to hear whether it is healed.
    """

    doing: Doing
    step: Step
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """Write down that a step is over."""

    step: str
    state: StepState
    sentence: str
    found: Mapping[str, Scalar]
    about: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """Write down that the run is over, and report it."""

    state: RunState
    sentence: str
    waiting_for: str | None = None
    diff: str | None = None


Thing = Do | Close | End


@dataclass(frozen=True, slots=True)
class Run:
    """A run: what was ordered, how it stands, and what each action is."""

    order: RunOrder
    progress: Progress
    actions: Mapping[str, ActionSpec]

    def spec(self, step: Step) -> ActionSpec:
        return self.actions[step.action]

    def close(self, step: Step, state: StepState, sentence: str, about: str = "") -> Close:
        """Close a step with what was found for it."""
        return Close(step.id, state, shortened(sentence), self.progress.values(step.id), about)


def shortened(sentence: str, most: int = _MOST_SENTENCE) -> str:
    """Cut a sentence to what a report holds, without what would steer the terminal it is told at.

    A process or session may have any name, and a line of a log says what strangers sent.
    """
    sentence = "".join(c if c.isprintable() else " " for c in sentence)
    return sentence if len(sentence) <= most else sentence[: most - 4] + " ..."
