"""A verdict is a tree of outcomes with reasons; looking at it never acts.

The check run, the comment, the command line, the API and the page render this same tree.
"""

import hashlib
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from grace.domain.base import Frozen
from grace.domain.canonical import canonical

EVALUATOR = "2"


class Result(StrEnum):
    """How a condition stands. Only PASS and a reasoned SKIPPED or DEFERRED let a mission go on."""

    PASS = "pass"
    FAIL = "fail"
    PENDING = "pending"
    NO_DATA = "no_data"
    SKIPPED = "skipped"
    DEFERRED = "deferred"


# The worst child decides; what cannot pass any more comes before what is awaited.
_ORDER = (Result.FAIL, Result.NO_DATA, Result.PENDING)
PASSING = frozenset({Result.PASS, Result.SKIPPED, Result.DEFERRED})


class Condition(Frozen):
    """One node. `who` names who can change it; `children` empty: a leaf.

    `mode` says how the result follows from the children's, and `need` how many `at_least` asks
    for. `controls`: what it is evidence of, as `STANDARD:control`.
    """

    name: str
    result: Result
    reason: str
    who: str = ""
    children: Annotated[tuple["Condition", ...], Field(default_factory=tuple)]
    mode: Literal["leaf", "all_of", "any_of", "at_least"] = "leaf"
    need: int = 0
    controls: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        return self.result in PASSING

    def holding(self) -> "Condition | None":
        """Return the one leaf that holds this tree back, the worst first; None: nothing does."""
        if self.passes:
            return None
        for child in self.children:
            if child.result is self.result:
                return child.holding()
        return self


class Verdict(Frozen):
    """The root, with what it was made from, so that it can be replayed."""

    root: Condition
    facts_hash: str
    policy_hash: str
    evaluator: str = EVALUATOR
    at: AwareDatetime

    @property
    def result(self) -> Result:
        return self.root.result

    def digest(self) -> str:
        """Hash what the tree says, whenever it was said."""
        return hashlib.sha256(canonical(self.root)).hexdigest()


def leaf(name: str, result: Result, reason: str, who: str = "") -> Condition:
    """Make a condition without children."""
    return Condition(name=name, result=result, reason=reason, who=who, children=())


def all_of(name: str, children: tuple[Condition, ...]) -> Condition:
    """Pass if every child passes; an empty one fails."""
    if not children:
        return leaf(name, Result.FAIL, "no condition is configured, and nothing never passes")
    worst = combined("all_of", 0, tuple(c.result for c in children))
    reason = "all conditions hold" if worst is Result.PASS else _blocking(children, worst)
    return Condition(name=name, result=worst, reason=reason, children=children, mode="all_of")


def any_of(name: str, children: tuple[Condition, ...]) -> Condition:
    """Pass if one child passes; what is skipped or deferred is no pass, and an empty one fails."""
    return at_least(name, 1, children, mode="any_of")


def at_least(
    name: str,
    need: int,
    children: tuple[Condition, ...],
    mode: Literal["any_of", "at_least"] = "at_least",
) -> Condition:
    """Pass if so many children pass; what is skipped or deferred is no pass."""
    if not children:
        return leaf(name, Result.FAIL, "no condition is configured, and nothing never passes")
    result = combined(mode, need, tuple(c.result for c in children))
    passed = [c.name for c in children if c.result is Result.PASS]
    if result is Result.PASS:
        reason = f"holds by {', '.join(passed)}"
    else:
        reason = f"{len(passed)} of {need} hold; {_blocking(children, result)}"
    return Condition(
        name=name, result=result, reason=reason, children=children, mode=mode, need=need
    )


def combined(mode: str, need: int, results: tuple[Result, ...]) -> Result:
    """Say what follows from the children's results; nothing at all fails.

    Of an alternative, what may still come decides before what cannot: pending, no data, failed.
    """
    if not results:
        return Result.FAIL
    if mode == "all_of":
        return next((r for r in _ORDER if r in results), Result.PASS)
    count = {r: sum(each is r for each in results) for r in Result}
    if count[Result.PASS] >= need:
        return Result.PASS
    if count[Result.PASS] + count[Result.PENDING] >= need:
        return Result.PENDING
    may = count[Result.PASS] + count[Result.PENDING] + count[Result.NO_DATA]
    # What does not apply has nothing to say, so it cannot stand in for what does.
    may += count[Result.SKIPPED] + count[Result.DEFERRED]
    return Result.NO_DATA if may >= need else Result.FAIL


def recomputed(condition: Condition) -> Result:
    """Work a tree's result out again from its leaves alone."""
    if not condition.children:
        return condition.result
    results = tuple(recomputed(child) for child in condition.children)
    return combined(condition.mode, condition.need, results)


def evidence_of(condition: Condition, controls: tuple[str, ...]) -> Condition:
    """Name the controls that a condition is evidence of."""
    return condition.model_copy(update={"controls": controls})


def _blocking(children: tuple[Condition, ...], result: Result) -> str:
    words = {Result.FAIL: "failed", Result.NO_DATA: "without data", Result.PENDING: "waiting"}
    names = [c.name for c in children if c.result is result]
    names = names or [c.name for c in children if c.result is not Result.PASS]
    return f"{words[result]}: {', '.join(names)}"
