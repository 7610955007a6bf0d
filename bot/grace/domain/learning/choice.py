"""Rank remedies by Thompson sampling: the better one is believed to be, the oftener it goes first.

Each remedy draws a value from what is believed of it, and the highest goes first (W. R. Thompson,
"On the likelihood that one unknown probability exceeds another", Biometrika 25, 1933). The draw is
made from the mission's own id, so the same mission ranks the same way wherever it is replayed.
"""

import hashlib
from collections.abc import Sequence

from grace.domain.base import Frozen
from grace.domain.learning.posterior import WEIGHTS, Tally, Weights
from grace.domain.memory.recollection import OutcomeRecord


class Option(Frozen):
    """A remedy that may be chosen. `explore`: its risk allows it though another looks better.

    Options come in the order that people gave them, which stands while nothing is known.
    """

    remedy: str
    explore: bool = True


class Ranked(Frozen):
    """A remedy with what is believed of it: expected share of successes, an interval, the draw.

    `held` of `tried` missions with these symptoms it fixed for good.
    """

    remedy: str
    mean: float
    low: float
    high: float
    draw: float
    held: int = 0
    tried: int = 0


class Choice(Frozen):
    """Remedies, best first, and the sentence that says why the first one is."""

    order: tuple[Ranked, ...] = ()
    sentence: str = ""

    def place(self, remedy: str) -> int:
        """Return a remedy's place; one that was not ranked comes last."""
        names = [r.remedy for r in self.order]
        return names.index(remedy) if remedy in names else len(names)


class Question(Frozen):
    """What is chosen for: the mission's signature and subsystem; `seed` makes the draws repeat."""

    signature: str
    subsystem: str
    seed: str


def uniform(seed: str, name: str) -> float:
    """Turn two texts into a number between 0 and 1, the same one always."""
    digest = hashlib.sha256(f"{seed}\n{name}".encode()).digest()
    return (int.from_bytes(digest[:6]) + 0.5) / 2**48


def choose(
    options: Sequence[Option],
    records: Sequence[OutcomeRecord],
    question: Question,
    weights: Weights = WEIGHTS,
) -> Choice:
    """Rank options by the records, oldest first.

    What may not be explored goes first only where it is believed to be the best, and else last.
    """
    tally = Tally.of(records, weights)
    ranked = [_ranked(tally, o.remedy, question) for o in options]
    known = any(o.remedy in tally.cells for o in options)
    if not known or len(ranked) <= 1:
        return Choice(order=tuple(ranked), sentence=_words(ranked))
    free = {o.remedy for o in options if o.explore}
    best = max(r.mean for r in ranked)

    def key(each: Ranked) -> tuple[bool, float]:
        if each.remedy in free:
            return False, -each.draw
        return each.mean < best, -each.mean

    order = sorted(ranked, key=key)
    return Choice(order=tuple(order), sentence=_words(order))


def _ranked(tally: Tally, remedy: str, question: Question) -> Ranked:
    found = tally.believed(remedy, question.signature, question.subsystem)
    low, high = found.interval
    return Ranked(
        remedy=remedy,
        mean=found.mean,
        low=low,
        high=high,
        draw=found.draw(uniform(question.seed, remedy), tally.weights.sharp),
        held=found.held,
        tried=found.tried,
    )


def _words(order: Sequence[Ranked]) -> str:
    """Say why the first goes first; nothing where there was nothing to choose between."""
    if len(order) <= 1:
        return ""
    first = order[0]
    if not any(r.tried for r in order):
        return f"{first.remedy} goes first: nothing is known of any for such symptoms yet"
    told = f"{first.remedy} goes first: it {_of(first)}"
    best = max(order, key=lambda r: r.mean)
    if best.remedy != first.remedy:
        return f"{told}; {best.remedy} {_of(best)}, and this one is tried to learn of it"
    others = [f"{r.remedy} {_of(r)}" for r in order[1:3]]
    return f"{told}; {', '.join(others)}"


def _of(each: Ranked) -> str:
    share = f"{each.mean:.0%} expected, {each.low:.0%} to {each.high:.0%}"
    if not each.tried:
        return f"is new for such symptoms ({share})"
    return f"held {each.held} of {each.tried} times ({share})"
