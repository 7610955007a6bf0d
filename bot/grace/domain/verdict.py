"""A verdict is a tree of outcomes with reasons; looking at it never acts.

The check run, the comment, the command line, the API and the page render this same tree.
"""

import hashlib
from enum import StrEnum
from typing import Annotated

import rfc8785
from pydantic import AwareDatetime, Field

from grace.domain.base import Frozen

EVALUATOR = "1"


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
    """One node. `who` names who can change it; `children` empty: a leaf."""

    name: str
    result: Result
    reason: str
    who: str = ""
    children: Annotated[tuple["Condition", ...], Field(default_factory=tuple)]

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
        canonical = rfc8785.dumps(self.root.model_dump(mode="json"))
        return hashlib.sha256(canonical).hexdigest()


def leaf(name: str, result: Result, reason: str, who: str = "") -> Condition:
    """Make a condition without children."""
    return Condition(name=name, result=result, reason=reason, who=who, children=())


def all_of(name: str, children: tuple[Condition, ...]) -> Condition:
    """Pass if every child passes; an empty one fails."""
    if not children:
        return leaf(name, Result.FAIL, "no condition is configured, and nothing never passes")
    results = [c.result for c in children]
    worst = next((r for r in _ORDER if r in results), Result.PASS)
    if worst is Result.PASS:
        return Condition(name=name, result=worst, reason="all conditions hold", children=children)
    blocking = [c.name for c in children if c.result is worst]
    words = {
        Result.FAIL: "failed",
        Result.NO_DATA: "without data",
        Result.PENDING: "waiting",
    }[worst]
    reason = f"{words}: {', '.join(blocking)}"
    return Condition(name=name, result=worst, reason=reason, children=children)
