"""Rank remedies by how they did in missions like this one."""

from collections.abc import Sequence

from grace.domain.base import Frozen
from grace.domain.memory.recollection import OutcomeRecord


class Option(Frozen):
    """A remedy that may be chosen. `explore`: its risk allows it though another looks better.

    Options come in the order that people gave them, which stands while nothing is known.
    """

    remedy: str
    explore: bool = True


class Ranked(Frozen):
    """A remedy with what is believed of it: expected share of successes, an interval, the draw."""

    remedy: str
    mean: float
    low: float
    high: float
    draw: float
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


def choose(
    options: Sequence[Option], records: Sequence[OutcomeRecord], question: Question
) -> Choice:
    """Rank options by the records, newest last."""
    del question
    ranked = []
    for option in options:
        own = [r for r in records if r.remedy == option.remedy and r.result.success is not None]
        good = sum(bool(r.result.success) for r in own)
        mean = (good + 1) / (len(own) + 2)
        ranked.append(
            Ranked(remedy=option.remedy, mean=mean, low=0.0, high=1.0, draw=mean, tried=len(own))
        )
    ranked.sort(key=lambda r: -r.draw)
    sentence = f"{ranked[0].remedy} held best so far" if ranked and ranked[0].tried else ""
    return Choice(order=tuple(ranked), sentence=sentence)
