"""Find and strip what a program reads in Markdown and a person who reads it rendered does not see.

Everything here errs on one side: what may be hidden counts as hidden, so that a coding agent never
sees more than the reader did. The time is linear in the text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from grace.domain.hidden_characters import named, unseen, visible
from grace.domain.hidden_markup import KEPT, Kind, Region, hidden_regions
from grace.domain.render import code, one_line

MAX_LINES: Final = 10
MAX_EXCERPT: Final = 80
_ROUNDS: Final = 6
_BLANK = re.compile(r"[^\S\n]{81,}")
_EMPTY = re.compile(r"\n(?:[^\S\n]*+\n){21,}")
_DEFUSED: Final = str.maketrans("<[]&", "(()+")
_WORDS: Final = {
    Kind.COMMENT: "an HTML comment that readers do not see",
    Kind.CONTROL: "control characters that readers do not see",
    Kind.INVISIBLE: "invisible characters",
    Kind.ELEMENT: "an HTML element that readers do not see",
    Kind.ATTRIBUTE: "text inside an HTML tag that readers do not see",
    Kind.TITLE: "a link's title that readers do not see",
    Kind.ALT: "an image's description that readers do not see",
    Kind.CELL: "cells beyond a table's columns that readers do not see",
    Kind.DEFINITION: "a definition that readers do not see",
    Kind.INFO: "words behind a code fence that readers do not see",
    Kind.BLANK: "a blank so long that it pushes text out of sight",
    Kind.COLLAPSED: "a section that is collapsed",
    Kind.LINK: "a link that leads elsewhere than its text says",
    Kind.DRAWN: "a block that readers see drawn, not written",
}


@dataclass(frozen=True, slots=True)
class Hidden:
    """Something that readers do not see: in which line (from 1), and one printable line of it."""

    kind: Kind
    line: int
    excerpt: str


def find_hidden(text: str) -> tuple[Hidden, ...]:
    """List what readers of the rendered text do not see, by line.

    What is of a kind in `KEPT` a reader can look at; all else `strip_hidden` takes away.
    """
    lines = _unix(text)
    found = [*_characters(lines), *_blanks(lines)]
    clean = visible(lines)
    for turn in range(_ROUNDS):
        cut, told = hidden_regions(clean)
        found += _located(clean, (*cut, *told) if turn == 0 else cut)
        if not cut:
            break
        clean = _without(clean, cut)
    return tuple(sorted(dict.fromkeys(found), key=lambda h: h.line))


def strip_hidden(text: str) -> str:
    """Return the text without what readers do not see; doing it again changes nothing."""
    clean = visible(_unix(text))
    for _ in range(_ROUNDS):
        before = clean
        clean = _EMPTY.sub("\n\n\n", _BLANK.sub(" " * 16, clean))
        clean = _without(clean, hidden_regions(clean)[0])
        if clean == before:
            return clean
    # Built so that cutting makes more of it: no markup is left to such a text.
    return _EMPTY.sub("\n\n\n", _BLANK.sub(" " * 16, clean.translate(_DEFUSED)))


def strip_characters(text: str) -> str:
    """Return a text that is shown as it stands, such as code, without characters that are not."""
    return visible(_unix(text))


def describe(found: Sequence[Hidden]) -> list[str]:
    """Say what readers do not see: a line of Markdown each, and at most `MAX_LINES` and one."""
    lines = []
    for hidden in found[:MAX_LINES]:
        shown = f": {code(hidden.excerpt, MAX_EXCERPT)}" if hidden.excerpt else ""
        lines.append(f"line {hidden.line} has {_WORDS[hidden.kind]}{shown}")
    if len(found) > MAX_LINES:
        lines.append(f"and {len(found) - MAX_LINES} more")
    return lines


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _characters(text: str) -> Iterator[Hidden]:
    """Tell the unseen characters of each line and kind together."""
    for number, line in enumerate(text.split("\n"), start=1):
        marks = sorted(unseen(line), key=lambda mark: mark[1])
        for kind, group in groupby(marks, key=lambda mark: mark[1]):
            chars = "".join(line[at] for at, _ in group)
            yield Hidden(Kind(kind), number, named(chars)[:MAX_EXCERPT])


def _blanks(text: str) -> Iterator[Hidden]:
    for pattern in (_BLANK, _EMPTY):
        line, done = 1, 0
        for match in pattern.finditer(text):
            line += text.count("\n", done, match.start())
            done = match.start()
            yield Hidden(Kind.BLANK, line, "")


def _located(text: str, regions: Sequence[Region]) -> Iterator[Hidden]:
    line, done = 1, 0
    for region in sorted(regions):
        line += text.count("\n", done, region.start)
        done = region.start
        excerpt = one_line(text[region.start : min(region.end, region.start + 1000)], MAX_EXCERPT)
        yield Hidden(region.kind, line, excerpt)


def _without(text: str, regions: Sequence[Region]) -> str:
    """Cut regions out; the line breaks in them stay, so that lines keep their numbers."""
    kept: list[str] = []
    done = 0
    for region in regions:
        kept += (text[done : region.start], region.rest)
        kept.append("\n" * text.count("\n", region.start, region.end))
        done = region.end
    return "".join((*kept, text[done:]))


__all__ = [
    "KEPT",
    "Hidden",
    "Kind",
    "describe",
    "find_hidden",
    "strip_characters",
    "strip_hidden",
]
