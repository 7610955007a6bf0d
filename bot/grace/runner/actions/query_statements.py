"""Which statements are looked at, and which indexes may help them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from grace.runner.action import ActionFailed, Situation
from grace.runner.actions.service_target import setting

MOST_STATEMENTS = 50
_MOST_COLUMNS = 3
_READS = re.compile(r"\s*(SELECT|WITH)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Advice:
    """An index, and how many times cheaper it makes the statement that gains most."""

    table: str
    columns: tuple[str, ...]
    statement: str
    before: float
    after: float
    measure: str

    @property
    def gain(self) -> float:
        return self.before / max(self.after, 1e-9)

    @property
    def index(self) -> str:
        """Name the index after what it is on; at most 60 characters."""
        words = "_".join((self.table.rsplit(".", 1)[-1], *self.columns, "idx"))
        return re.sub(r"\W", "_", words.lower())[-60:].lstrip("_")


def statements_of(situation: Situation) -> tuple[str, ...]:
    """Read the target's `statements`, or its `statements_file`; only those that read are kept."""
    place = setting(situation, "statements_file", "")
    try:
        text = Path(place).read_text("utf-8") if place else setting(situation, "statements", "")
    except OSError as error:
        raise ActionFailed("the target's `statements_file` cannot be read") from error
    parts = (part.strip() for part in split(text))
    return tuple(part for part in parts if _READS.match(part))[:MOST_STATEMENTS]


def split(text: str) -> Iterator[str]:
    """Part statements at semicolons that stand in no quotes."""
    ends = [-1]
    quote = ""
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == ";":
            ends.append(place)
    for begin, end in pairwise([*ends, len(text)]):
        yield text[begin + 1 : end]


def reads(statement: str) -> bool:
    """Say whether a statement begins as one that reads."""
    return _READS.match(statement) is not None


def candidates(condition: str, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Guess indexes for a condition: columns compared as equal, then one of a range.

    A guess costs nothing: only what the database's own planner confirms becomes advice.
    """
    equal = [c for c in columns if _compared(condition, c, r"=|==|\bIN\b|\bIS\b")]
    ranged = [c for c in columns if c not in equal and _compared(condition, c, r"<=?|>=?|BETWEEN")]
    together = (*equal[:_MOST_COLUMNS], *ranged[:1])
    seen: set[tuple[str, ...]] = set()
    for each in (together, *((c,) for c in (*equal, *ranged))):
        if each and each not in seen:
            seen.add(each)
            yield each


def _compared(condition: str, column: str, operators: str) -> bool:
    name = re.escape(column)
    pattern = rf'(?<![\w"])"?{name}"?\)*(?:::[\w ()]+?)?\)*\s*(?:{operators})(?![=<>])'
    return re.search(pattern, condition, re.IGNORECASE) is not None
