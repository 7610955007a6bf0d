"""What one run of an agent works with: its task, its place, its files, and its time."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from grace.agents.judge import Refused
from grace.agents.place import SHELL, Command, Place, execute
from grace.domain.agents import Agent
from grace.domain.proposals import AgentTask, Refusal, Usage
from grace.sandbox import Ended

# A test that hangs must not take all of an agent's time.
_TEST_SHARE: Final = 0.34


@dataclass(frozen=True, slots=True)
class Found:
    """What an agent found: a diff for the checkout, or None where it changed the checkout itself.

    `test_again`: whether the test is still to be run with the change where `plausible` is None.
    """

    diff: str | None = None
    rationale: str = ""
    usage: Usage = field(default_factory=Usage)
    plausible: bool | None = None
    test_again: bool = True
    held_back: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """A run in progress. `own`: a folder that no command sees, but for `given` and `left` in it.

    `until`: when its minutes are over, on the monotonic clock.
    """

    task: AgentTask
    agent: Agent
    place: Place
    own: Path
    until: float

    @property
    def given(self) -> Path:
        """Return the folder that commands may read."""
        return self.own / "given"

    @property
    def left(self) -> Path:
        """Return the folder that commands may write."""
        return self.own / "left"

    def seconds(self) -> float:
        """Return how long the run still has; `Refused` when that is nothing."""
        left = self.until - time.monotonic()
        if left <= 0:
            minutes = min(self.agent.minutes, self.task.budget.minutes)
            raise Refused(
                Refusal.TIMED_OUT, f"The agent did not end within its {minutes:g} minutes."
            )
        return left

    def run_test(
        self,
        checkout: Path | None = None,
        env: dict[str, str] | None = None,
        readable: tuple[Path, ...] = (),
    ) -> Ended:
        """Run the test in the sandbox, over the checkout or over other files in its place."""
        assert self.place.test is not None
        whole = min(self.agent.minutes, self.task.budget.minutes) * 60
        command = Command(
            argv=(*SHELL, self.place.test),
            seconds=min(self.seconds(), max(10.0, whole * _TEST_SHARE)),
            env=env or {},
            readable=readable,
            checkout=checkout,
        )
        return execute(self.place, command)

    def test_wanted(self) -> str:
        """Return the test's command; `Refused` where there is none to judge a change by."""
        if self.place.test is None:
            raise Refused(
                Refusal.NO_PATCH,
                f"{self.agent.name} judges what it tries by a test, and was given none: "
                "name one that fails now and is to pass.",
            )
        return self.place.test
