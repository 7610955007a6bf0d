"""What one turn decides."""

from datetime import datetime

from grace.domain.base import Frozen
from grace.domain.effects import Effect
from grace.domain.facts import Facts
from grace.domain.mission import Mission
from grace.domain.verdict import Verdict


class Note(Frozen):
    """What a decision wants remembered in the ledger."""

    kind: str
    actor: str
    payload: dict[str, object]


class Decision(Frozen):
    """The new mission, the verdict, what to remember, what to do, and when to look again."""

    mission: Mission
    facts: Facts
    verdict: Verdict | None
    notes: tuple[Note, ...]
    effects: tuple[Effect, ...]
    wake_at: datetime | None
