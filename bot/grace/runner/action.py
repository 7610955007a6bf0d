"""What an action is to the runner: how to look, act, verify and undo."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from grace.domain.playbooks.action import ActionSpec, Scalar


class ActionFailed(Exception):
    """An action could not do what it is for; `sentence` says why, and the way out."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class WrongTarget(ActionFailed):
    """The target is not the one that was meant; nothing was done."""


@dataclass(frozen=True, slots=True)
class Found:
    """What looking at a target told. `holds`: what the action would bring about is so already.

    `values`: at most 40. `about`: what exactly it would be done to (`process 4711, started at
    ...`), for an action that needs a person: who agrees, agrees to this one and to no other. It is
    the same in `look` again as long as it is the same thing. `diff`: the patch it ends in.
    """

    holds: bool
    sentence: str
    values: Mapping[str, Scalar] = field(default_factory=dict)
    about: str = ""
    diff: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """All that an action may know: never the environment, never another target.

    A process of its own runs each of its methods; what one is to know of another goes by `found`
    or by files in `folder`.

    `target`: the runner's own settings of the target (address, expected identity; secrets
    resolved). `given`: the step's parameters, checked. `found`: what earlier steps reported, by
    step id. `folder`: a place of this run that outlives the process, for copies and for what undo
    needs. `key`: the same at every try of this step, different at every other step.
    """

    target: Mapping[str, Scalar]
    given: Mapping[str, Scalar]
    found: Mapping[str, Mapping[str, Scalar]]
    folder: Path
    key: str
    deadline: float


class Action(Protocol):
    """One action. Each method may run again after a crash at any instruction of the last time."""

    spec: ActionSpec

    def identify(self, situation: Situation) -> None:
        """Raise `WrongTarget` where the target is not what the runner's settings expect."""
        ...

    def look(self, situation: Situation) -> Found:
        """Look, change nothing: is it needed, can it be done, what would it do (dry run)."""
        ...

    def act(self, situation: Situation) -> Found:
        """Do it; raise `ActionFailed` where it cannot be done."""
        ...

    def verify(self, situation: Situation) -> Found:
        """Look whether it is so now."""
        ...

    def undo(self, situation: Situation) -> Found:
        """Take it back, where `spec.undo`; done twice it is done once."""
        ...
