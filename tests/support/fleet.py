"""A simulated fleet: signatures that remedies fix with chances nobody knows, week after week.

Each signature has one remedy that mostly holds, one that sometimes does, and six that rarely do.
A mission tries remedies in the order that is asked for, three at most, until one holds.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from grace.domain.learning.choice import Option, Question, choose, uniform
from grace.domain.learning.posterior import WEIGHTS, Tally, Weights
from grace.domain.memory.recall import MAX_SAME
from grace.domain.memory.recollection import MAX_RECORDS, OutcomeRecord, Result
from grace.domain.phase import Severity

SIGNATURES, REMEDIES, SUBSYSTEMS = 25, 8, 4
A_WEEK, TRIES = 60, 3
START = datetime(2026, 1, 5, tzinfo=UTC)
NAMES = tuple(f"playbook:remedy-{i + 1}" for i in range(REMEDIES))
OPTIONS = tuple(Option(remedy=name) for name in NAMES)


class Order(Protocol):
    """Orders remedies for a mission by its signature and subsystem, and by what came before."""

    def __call__(
        self, mission: str, *where: str, records: Sequence[OutcomeRecord]
    ) -> Sequence[str]: ...


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


def mean(weeks: Sequence[Week]) -> Week:
    """Take the weeks of several seeds together, so that a small gap weighs little."""
    shares = [(w.fixed, w.learned, w.best) for w in weeks]
    return Week(*(sum(column) / len(column) for column in zip(*shares, strict=True)))


def thompson(weights: Weights = WEIGHTS) -> Order:
    """Order remedies as a mission does."""

    def ordered(mission: str, *where: str, records: Sequence[OutcomeRecord]) -> Sequence[str]:
        question = Question(signature=where[0], subsystem=where[1], seed=mission)
        return [r.remedy for r in choose(OPTIONS, records, question, weights).order]

    return ordered


def greedy(mission: str, *where: str, records: Sequence[OutcomeRecord]) -> Sequence[str]:
    """Order remedies by what is expected of them, and draw nothing."""
    tally = Tally.of(records)
    return sorted(NAMES, key=lambda name: -tally.believed(name, *where).mean)


def at_random(mission: str, *where: str, records: Sequence[OutcomeRecord]) -> Sequence[str]:
    """Order remedies by chance alone."""
    return sorted(NAMES, key=lambda name: uniform(mission, name))


def live(
    fleet: Fleet,
    weeks: int,
    shift_after: int | None = None,
    order: Order | None = None,
    tries: int = TRIES,
) -> list[Week]:
    """Run the fleet with an order; one seed gives each order the same missions, with one luck."""
    ordered = order or thompson()
    past: list[list[OutcomeRecord]] = []
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
            known = told(signature, past)
            learned = ordered(mission, signature, subsystem, records=known)
            for place, names in enumerate((NAMES, learned, fleet.best(signature))):
                held[place] += works[names[0]]
            past.append(tried(mission, signature, subsystem, learned[:tries], works, week))
        found.append(Week(*(count / A_WEEK for count in held)))
    return found


def told(signature: str, past: Sequence[Sequence[OutcomeRecord]]) -> list[OutcomeRecord]:
    """Cut the past as `records_of` cuts it: the newest missions, those of one's own symptoms first."""
    every = [record for mission in past[-MAX_RECORDS:] for record in mission]
    same = [r for r in every if r.signature == signature][-MAX_SAME:]
    others = [r for r in every if r.signature != signature]
    return [*others[len(same) - MAX_RECORDS :], *same]


def tried(  # noqa: PLR0917 - a mission, all of it
    mission: str,
    signature: str,
    subsystem: str,
    order: Sequence[str],
    works: dict[str, bool],
    week: int,
) -> list[OutcomeRecord]:
    """Try remedies until one holds; each of them leaves a record."""
    records = []
    for name in order:
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
