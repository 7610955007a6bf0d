"""A decision in the making: the mission as it will be, what to remember, and what to ask for."""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from grace.domain.decision import Note
from grace.domain.effects import Effect
from grace.domain.events import CommandGiven
from grace.domain.evidence import Evidence, evidence_of
from grace.domain.facts import Facts
from grace.domain.memory.folding import payload_of
from grace.domain.memory.remembering import remember
from grace.domain.mission import Mission
from grace.domain.phase import TRANSITIONS, Outcome, Phase
from grace.domain.policy import Policy
from grace.domain.rules.case import Case
from grace.domain.verdict import Condition

GRACE = "grace"


class ForbiddenTransition(Exception):
    """A step asked for a transition that the table does not have; a fault of the program."""

    def __init__(self, mission: Mission, to: Phase) -> None:
        super().__init__(f"{mission.name}: {mission.phase} may not become {to}")


@dataclass(slots=True)
class Draft:
    """Collect a decision. Mutable, and never leaves `decide`.

    `passed`: the tree that let a merge be asked for in this very decision. `questions`: commands
    that are answered with what is decided.
    """

    mission: Mission
    facts: Facts
    policy: Policy
    now: datetime
    notes: list[Note] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    wake_at: datetime | None = None
    passed: Condition | None = None
    questions: list[CommandGiven] = field(default_factory=list)
    seen: tuple[Mission, Facts, Evidence, Case] | None = None

    def evidence(self) -> Evidence:
        """Return what the evaluator may look at, as things stand."""
        return self._judged()[0]

    def case(self) -> Case:
        """Return what the evaluator judges, as things stand."""
        return self._judged()[1]

    def _judged(self) -> tuple[Evidence, Case]:
        if self.seen is None or self.seen[0] is not self.mission or self.seen[1] is not self.facts:
            found = evidence_of(self.mission, self.facts, self.policy, self.now)
            self.seen = (self.mission, self.facts, found, found.case(self.policy))
        return self.seen[2], self.seen[3]

    def set(self, **changes: object) -> None:
        """Change fields of the mission."""
        self.mission = self.mission.with_(**changes)

    def set_attempt(self, **changes: object) -> None:
        """Change fields of the newest attempt."""
        self.mission = self.mission.with_attempt(**changes)

    def note(self, kind: str, actor: str = GRACE, /, **payload: object) -> None:
        """Remember something in the ledger."""
        self.notes.append(Note(kind=f"mission.{kind}", actor=actor, payload=payload))

    def note_elite(self, kind: str, actor: str = GRACE, /, **payload: object) -> None:
        """Remember what agents and playbooks did, of which `elite.*` tells."""
        self.notes.append(Note(kind=f"elite.{kind}", actor=actor, payload=payload))

    def ask(self, effect: Effect) -> None:
        """Ask for an effect, once: a key that was asked for before is not asked for again."""
        if effect.key in self.mission.requested:
            return
        self.set(requested=self.mission.requested | {effect.key})
        self.effects.append(effect)

    def changed(self, surface: str, text: str) -> str | None:
        """Return the new digest when a surface should be published, None when it says this."""
        digest = sha256(text.encode()).hexdigest()
        if self.mission.published.get(surface) == digest:
            return None
        self.set(published={**self.mission.published, surface: digest})
        return digest

    def next_key(self, name: str) -> str:
        """Number a request that may be repeated."""
        self.set(asked=self.mission.asked + 1)
        return f"{name}/{self.mission.asked}"

    def move(self, to: Phase, reason: str = "") -> None:
        """Change phase, as the transition table allows, and remember it."""
        if to not in TRANSITIONS[self.mission.phase]:
            raise ForbiddenTransition(self.mission, to)
        self.note("phase", before=self.mission.phase.value, after=to.value, reason=reason)
        self.set(phase=to)

    def close(self, outcome: Outcome, reason: str) -> None:
        """End the mission."""
        self.move(Phase.CLOSED, reason)
        self.set(outcome=outcome, reason=reason, closed_at=self.now, held=None)
        left = remember(self.mission, self.facts, self.policy.governance, self.now)
        self.note("remembered", **payload_of(left))
        self.note("closed", outcome=outcome.value, reason=reason, **self.work())

    def work(self) -> dict[str, object]:
        """Say who worked on what, for those who count how missions ended; nothing: nobody did."""
        mission = self.mission
        if mission.request is None or not (mission.attempts or mission.tries):
            return {}
        attempts, tries = mission.attempts, mission.tries
        return {
            "agent": mission.trusted_as,
            "candidate": attempts[-1].candidate if attempts else tries[-1].playbook,
            "subsystem": mission.request.subsystem_id,
            "severity": mission.severity.value,
            "basis": mission.basis,
            "regressed": mission.window is not None and mission.window.verdict == "regress",
        }

    def hold(self, reason: str) -> None:
        """Stop forward work until a person resumes it."""
        if self.mission.held != reason:
            self.set(held=reason)
            self.note("held", reason=reason)

    def wake(self, at: datetime) -> None:
        """Look again at `at`, or earlier if somebody asked for that."""
        self.wake_at = at if self.wake_at is None else min(self.wake_at, at)
