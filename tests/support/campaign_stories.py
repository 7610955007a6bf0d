"""Stories of missions, drawn from a seed, and how each must end whatever the forge does."""

import random
from dataclasses import dataclass
from enum import StrEnum

from grace.domain.phase import Outcome
from support.flow_mission import GOOD, REGRESSING, WRONG, Wanted, service_patch

MAX_ATTEMPTS = 3
WINDOW_MINUTES = 0.06
LONG_MINUTES = 3.0  # a window that people end
NAMES = ("first", "second", "third", "fourth")


class Patch(StrEnum):
    """What a candidate is worth."""

    GOOD = "good"
    REGRESSING = "regressing"
    WRONG = "wrong"
    MISFIT = "misfit"
    FORBIDDEN = "forbidden"

    @property
    def passes(self) -> bool:
        """Tell whether CI lets it through."""
        return self in {Patch.GOOD, Patch.REGRESSING}

    @property
    def pushed(self) -> bool:
        """Tell whether it becomes a commit at all."""
        return self not in {Patch.MISFIT, Patch.FORBIDDEN}

    def diff(self) -> str:
        """Write it down."""
        return DIFFS[self]


DIFFS = {
    Patch.GOOD: GOOD,
    Patch.REGRESSING: REGRESSING,
    Patch.WRONG: WRONG,
    Patch.MISFIT: service_patch(DELAY_MS=20).replace("DELAY_MS = 480", "DELAY_MS = 999"),
    Patch.FORBIDDEN: (
        "diff --git a/.github/workflows/own.yml b/.github/workflows/own.yml\n"
        "new file mode 100644\n--- /dev/null\n+++ b/.github/workflows/own.yml\n"
        "@@ -0,0 +1,1 @@\n+on: push\n"
    ),
}


class Filing(StrEnum):
    """Who files the mission, and how."""

    WRITER = "by a writer"
    STRANGER = "by a stranger"
    REPAIRED = "invalid, then edited"


class Assent(StrEnum):
    """How people approve."""

    AT_ONCE = "reviews of every head at once"
    LATE = "a review when all else passes"
    COMMAND = "a command when all else passes"


class Turn(StrEnum):
    """What happens on the way; all but NONE, COURTESY and ROLLBACK while the gates wait."""

    NONE = "nothing"
    COURTESY = "somebody else's pull request"
    HELD = "held, then resumed"
    CANCELLED = "cancelled by command"
    CLOSED = "its issue closed"
    VETOED = "vetoed, then the veto taken back"
    MEDDLED = "a stranger commands"
    MOVED = "the base moves"
    ROLLBACK = "rolled back by command"


ENDING = frozenset({Turn.CANCELLED, Turn.CLOSED})


@dataclass(frozen=True, slots=True)
class End:
    """How a mission ended, as far as anybody can see.

    `pulls`, `merges`, `reverts` and `capas` are counted at the forge; `replies` are the bot's
    answers to commands; `patched`: the patch is in force on main.
    """

    outcome: Outcome | None
    attempts: tuple[str, ...]
    pushes: int
    pulls: int
    merges: int
    reverts: int
    capas: int
    replies: int
    issue: str
    patched: bool
    courtesies: int


@dataclass(frozen=True, slots=True)
class Story:
    """One mission in a repository of its own, and what people do about it."""

    number: int
    severity: str
    patches: tuple[Patch, ...]
    filing: Filing
    assent: Assent
    turn: Turn

    @property
    def subsystem(self) -> str:
        return f"mesh{self.number}"

    @property
    def metric(self) -> str:
        return f"{self.subsystem}.latency_p95"

    @property
    def approvers(self) -> tuple[str, ...]:
        return ("rita", "walt") if self.severity == "critical" else ("rita",)

    @property
    def winner(self) -> int | None:
        """Find which candidate CI lets through, None if none is."""
        tried = self.patches[:MAX_ATTEMPTS]
        return next((n for n, patch in enumerate(tried) if patch.passes), None)

    @property
    def regresses(self) -> bool:
        return self.winner is not None and self.patches[self.winner] is Patch.REGRESSING

    def wanted(self) -> Wanted:
        """Write what is filed."""
        return Wanted(
            candidates=tuple(patch.diff() for patch in self.patches),
            severity=self.severity,
            subsystem=self.subsystem,
            window=LONG_MINUTES if self.turn is Turn.ROLLBACK else WINDOW_MINUTES,
            targets=(f"{self.metric} < 100",),
        )

    def end(self) -> End:
        """Say how it must end."""
        winner = self.winner
        tried = self.patches[: MAX_ATTEMPTS if winner is None else winner + 1]
        outcome = self._outcome()
        again = 1 if self.turn is Turn.MOVED else 0
        pushes = sum(patch.pushed for patch in tried) + again
        merged = outcome in {Outcome.FIXED, Outcome.ROLLED_BACK}
        undone = int(outcome is Outcome.ROLLED_BACK)
        strangers = (self.filing is Filing.STRANGER) + (self.turn is Turn.MEDDLED)
        return End(
            outcome=outcome,
            attempts=(*NAMES[: len(tried)], *([NAMES[len(tried) - 1]] * again)),
            pushes=pushes,
            pulls=int(pushes > 0) + undone,
            merges=int(merged),
            reverts=undone,
            capas=undone,
            replies=min(strangers, 1),  # a stranger gets one line a mission
            issue="closed" if outcome in {Outcome.FIXED, Outcome.CANCELLED} else "open",
            patched=outcome is Outcome.FIXED,
            courtesies=int(self.turn is Turn.COURTESY),
        )

    def _outcome(self) -> Outcome:
        if self.winner is None:
            return Outcome.FAILED
        if self.turn in ENDING:
            return Outcome.CANCELLED
        if self.regresses or self.turn is Turn.ROLLBACK:
            return Outcome.ROLLED_BACK
        return Outcome.FIXED


def stories(seed: int, count: int) -> tuple[Story, ...]:
    """Draw stories; the first ones take a turn each, so that few make a campaign too."""
    chance = random.Random(seed)
    turns = [t for t in Turn if t is not Turn.NONE]
    chance.shuffle(turns)
    return tuple(_story(chance, n, turns[n : n + 1]) for n in range(count))


def _story(chance: random.Random, number: int, due: list[Turn]) -> Story:
    failures = (Patch.WRONG, Patch.MISFIT, Patch.FORBIDDEN)
    patches = [chance.choice(failures) for _ in range(chance.choice((0, 0, 0, 1, 1, 2)))]
    if due or chance.random() < 0.85:
        patches.append(Patch.REGRESSING if chance.random() < 0.3 else Patch.GOOD)
        turn = due[0] if due else chance.choice(tuple(Turn))
    else:
        patches.append(Patch.WRONG)
        turn = Turn.NONE
    if turn is Turn.ROLLBACK:
        patches[-1] = Patch.GOOD  # the window itself would be quicker than the command
    free = turn in {Turn.NONE, Turn.COURTESY, Turn.ROLLBACK}
    assents = {Turn.MOVED: (Assent.LATE,), Turn.VETOED: (Assent.COMMAND,)}
    choice = tuple(Assent) if free else assents.get(turn, (Assent.LATE, Assent.COMMAND))
    return Story(
        number=number,
        severity=chance.choice(("critical", "high", "high", "medium", "low")),
        patches=tuple(patches),
        filing=chance.choice((Filing.WRITER, Filing.WRITER, Filing.STRANGER, Filing.REPAIRED)),
        assent=chance.choice(choice),
        turn=turn,
    )
