"""A simulated fleet: signatures that remedies fix with chances nobody knows, week after week.

Each signature has one remedy that mostly holds, one that sometimes does, and six that rarely do.
A mission tries remedies in the order that is asked for, three at most, until one holds.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from grace.domain.learning.choice import Option, Question, choose
from grace.domain.memory.recollection import OutcomeRecord, Result
from grace.domain.phase import Severity

SIGNATURES, REMEDIES, SUBSYSTEMS = 25, 8, 4
A_WEEK, TRIES, KEPT = 60, 3, 500
START = datetime(2026, 1, 5, tzinfo=UTC)
NAMES = tuple(f"playbook:remedy-{i + 1}" for i in range(REMEDIES))
OPTIONS = tuple(Option(remedy=name) for name in NAMES)

Order = Callable[[str, str, str, Sequence[OutcomeRecord]], Sequence[str]]


@dataclass(slots=True)
class Fleet:
    """What is true of the fleet, which only the best known order may look at."""

    seed: int
    chances: dict[tuple[str, str], float] = field(default_factory=dict)
    luck: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.luck = random.Random(self.seed)
        for number in range(SIGNATURES):
            self.deal(f"signature-{number}")

    def deal(self, signature: str) -> None:
        """Give a signature its good, its fair and its poor remedies."""
        good, fair, *poor = self.luck.sample(NAMES, REMEDIES)
        self.chances[signature, good] = self.luck.uniform(0.75, 0.95)
        self.chances[signature, fair] = self.luck.uniform(0.3, 0.6)
        for name in poor:
            self.chances[signature, name] = self.luck.uniform(0.02, 0.2)

    def shift(self, share: float) -> None:
        """Let other remedies be the good ones for some signatures from now on."""
        names = sorted({signature for signature, _ in self.chances})
        for signature in self.luck.sample(names, int(share * len(names))):
            self.deal(signature)

    def best(self, signature: str) -> list[str]:
        return sorted(NAMES, key=lambda name: -self.chances[signature, name])


@dataclass(frozen=True, slots=True)
class Week:
    """Shares of a week's missions whose first remedy held: fixed order, learning, best known."""

    fixed: float
    learned: float
    best: float

    @property
    def closed(self) -> float:
        """Return which share of the gap learning closes."""
        return (self.learned - self.fixed) / (self.best - self.fixed)


def live(fleet: Fleet, weeks: int, shift_after: int | None = None) -> list[Week]:
    """Run the fleet with each order over the same missions, with the same luck."""
    records: list[OutcomeRecord] = []
    found: list[Week] = []
    for week in range(weeks):
        if week == shift_after:
            fleet.shift(0.4)
        held = [0, 0, 0]
        for number in range(A_WEEK):
            signature = f"signature-{fleet.luck.randrange(SIGNATURES)}"
            subsystem = f"subsystem-{fleet.luck.randrange(SUBSYSTEMS)}"
            thrown = {name: fleet.luck.random() for name in NAMES}
            works = {n: thrown[n] < fleet.chances[signature, n] for n in NAMES}
            mission = f"mission_{week}_{number}"
            learned = ordered(mission, signature, subsystem, records)
            for place, order in enumerate((NAMES, learned, fleet.best(signature))):
                held[place] += works[order[0]]
            records += tried(mission, signature, subsystem, learned, works, week)
            records = records[-KEPT:]
        found.append(Week(*(count / A_WEEK for count in held)))
    return found


def ordered(
    mission: str, signature: str, subsystem: str, records: Sequence[OutcomeRecord]
) -> tuple[str, ...]:
    question = Question(signature=signature, subsystem=subsystem, seed=mission)
    return tuple(r.remedy for r in choose(OPTIONS, records, question).order)


def tried(  # noqa: PLR0913, PLR0917 - a mission, all of it
    mission: str,
    signature: str,
    subsystem: str,
    order: Sequence[str],
    works: dict[str, bool],
    week: int,
) -> list[OutcomeRecord]:
    """Try remedies until one holds; each of them leaves a record."""
    records = []
    for name in order[:TRIES]:
        records.append(
            OutcomeRecord(
                mission=mission,
                signature=signature,
                subsystem=subsystem,
                severity=Severity.LOW,
                remedy=name,
                result=Result.HELD if works[name] else Result.FAILED,
                at=START + timedelta(weeks=week),
            )
        )
        if works[name]:
            break
    return records
