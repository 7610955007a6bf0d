"""One finding, and what all that look for them have in common."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from grace.domain.weakening import Weakening, WeakeningKind

_T = TypeVar("_T", bound=Hashable)
_FILE, _MESSAGE, _EXCERPT = 4096, 300, 80


def found(kind: WeakeningKind, path: str, line: int, message: str) -> Weakening:
    """Build a finding whose words keep to one printable line, whatever a stranger wrote."""
    return Weakening(
        kind=kind,
        file=path[:_FILE] or "?",
        line=max(1, line),
        message=_one_line(message, _MESSAGE),
    )


def excerpt(text: str) -> str:
    """Cut a piece of a stranger's text to what a message has room for."""
    return _one_line(text, _EXCERPT)


def lost(before: Iterable[_T], after: Iterable[_T]) -> Counter[_T]:
    """Count what there is more of before than after."""
    return Counter(before) - Counter(after)


def numbered(text: str | None) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, stripped, with their numbers."""
    for number, line in enumerate((text or "").split("\n"), 1):
        if stripped := line.strip():
            yield number, stripped


def first_change(before: str | None, after: str | None) -> int:
    """Find the first line of the new text that is another, or that of the old where it is gone."""
    old, new = (before or "").split("\n"), (after or "").split("\n")
    pairs = zip(old, new, strict=False)
    same = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(old), len(new)))
    return min(same + 1, len(old) if after is None else len(new))


def line_of(text: str, *needles: str) -> int | None:
    """Find the first line that has them all, in any order; None: no line has."""
    lines = enumerate(text.split("\n"), 1)
    return next((number for number, line in lines if all(n in line for n in needles)), None)


def _one_line(text: str, limit: int) -> str:
    kept = " ".join("".join(islice(text, 2 * limit)).split())
    return "".join(c if c.isprintable() else "?" for c in kept)[:limit]
