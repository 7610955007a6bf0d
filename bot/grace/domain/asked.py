"""What a mission asked of others: agents' runs, the patches that came of them, playbooks' runs."""

from typing import Literal

from pydantic import AwareDatetime

from grace.domain.base import Frozen
from grace.domain.package import Name, PatchCandidate
from grace.domain.playbooks.action import Risk, TargetKind
from grace.domain.playbooks.playbook import StepId
from grace.domain.playbooks.run import RunReport, RunState
from grace.domain.proposals import Refusal, RequestKey, Usage
from grace.domain.results import Sha


class Ask(Frozen):
    """One run of an agent; `answered_at` None while it is awaited.

    `evidence`: how many attempts had failed when it was asked. `minutes` and `money_usd`: what it
    may use. `candidate`: the patch that came of it; `refusal`: why none did.
    """

    number: int
    agent: Name
    record: str
    request: RequestKey
    base: Sha
    evidence: int
    minutes: float
    money_usd: float
    asked_at: AwareDatetime
    ends_at: AwareDatetime
    looks: int = 0
    run: int | None = None
    answered_at: AwareDatetime | None = None
    candidate: str | None = None
    refusal: Refusal | None = None
    sentence: str = ""
    plausible: bool | None = None
    usage: Usage = Usage()

    @property
    def spent(self) -> float:
        """Money that it used; while that is not known, what it may use."""
        known = self.answered_at is not None and self.usage.measured
        return self.usage.money_usd if known else self.money_usd


class Offered(Frozen):
    """A patch that is not the contract's own; `lines` that it changes: the smaller goes first."""

    candidate: PatchCandidate
    agent: str
    origin: Literal["memory", "agent", "claim", "playbook"]
    lines: int
    sentence: str = ""


class Agreement(Frozen):
    """A person's word that a playbook, or one step of it, may run.

    `thing`: what exactly the step would be done to, as its report said then.
    """

    login: str
    actor_id: int = 0
    gate: str
    run: int
    thing: str = ""
    at: AwareDatetime
    about: str


class PlaybookTry(Frozen):
    """One playbook that is tried; `run` counts its orders, since a step may wait for a person.

    `persons`: steps that need a named person each time. `heard_at`: when the runner last said how
    it stands. `undoing`: what it did is taken back.
    """

    number: int
    playbook: Name
    version: int
    target: Name
    kind: TargetKind
    risk: Risk
    persons: tuple[StepId, ...] = ()
    why: str = ""
    run: int = 0
    offered_at: AwareDatetime | None = None
    state: RunState | None = None
    heard_at: AwareDatetime | None = None
    report: RunReport | None = None
    waiting_for: StepId | None = None
    undoing: str | None = None
    failure: str | None = None

    @property
    def record(self) -> str:
        """Name whose record it has: who changes the playbook begins a new one by its version."""
        return f"playbook:{self.playbook}@{self.version}"
