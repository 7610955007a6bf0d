"""Trust as its page shows it: the scores, and mission by mission how one of them came about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from grace.domain.base import Frozen
from grace.domain.phase import Severity
from grace.domain.surroundings import OutcomeFact
from grace.domain.trust import Score, Step, score, steps

WIDTH: Final = 720
HEIGHT: Final = 150
_EDGE: Final = 26
SHOWN: Final = 60


class Record(Frozen):
    """One agent's standing in one subsystem."""

    agent: str
    subsystem: str
    ended: int
    scores: dict[Severity, Score]


class Dot(Frozen):
    """One mission in the history: where its dot is, and how high the score stood after it."""

    x: float
    y: float
    step: Step


class History(Frozen):
    """How a score came about: the newest missions, and the line of the score after each."""

    score: Score
    dots: tuple[Dot, ...]
    path: str
    left_out: int


def records(
    histories: Sequence[tuple[str, Sequence[OutcomeFact]]], now: datetime
) -> tuple[Record, ...]:
    """Give each agent its scores in each subsystem, the most trusted first."""
    found = [
        Record(
            agent=agent,
            subsystem=subsystem,
            ended=sum(each.agent == agent for each in history),
            scores={severity: score(history, agent, severity, now) for severity in Severity},
        )
        for subsystem, history in histories
        for agent in sorted({each.agent for each in history})
    ]
    found.sort(key=lambda r: (-r.scores[Severity.LOW].value, r.agent, r.subsystem))
    return tuple(found)


def history_of(
    history: Sequence[OutcomeFact], agent: str, severity: Severity, now: datetime
) -> History:
    """Draw the score of an agent over its missions; before the decay that idle time brings."""
    taken = steps(history, agent, severity, now)
    shown = taken[-SHOWN:]
    wide = (WIDTH - 2 * _EDGE) / max(1, len(shown) - 1)
    dots = tuple(
        Dot(
            x=round(_EDGE + number * wide, 1),
            y=round(HEIGHT - _EDGE - min(s.wilson, s.average) * (HEIGHT - 2 * _EDGE), 1),
            step=s,
        )
        for number, s in enumerate(shown)
    )
    return History(
        score=score(history, agent, severity, now),
        dots=dots,
        path="".join(f"{'L' if n else 'M'}{dot.x} {dot.y}" for n, dot in enumerate(dots)),
        left_out=len(taken) - len(shown),
    )
