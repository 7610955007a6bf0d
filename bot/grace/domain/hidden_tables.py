"""Find the cells of a Markdown table that nobody sees: those beyond its columns.

Source: GitHub Flavored Markdown, 4.10: "The excess is ignored".
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from grace.domain.hidden_blocks import LEAD, Block, Place

_COLUMN: Final = r"[ \t]*+:?+-++:?+[ \t]*+"
_RULE = re.compile(rf"[ \t>]*+\|?+{_COLUMN}(?:\|{_COLUMN})*+\|?+[ \t]*+")
_LEAD = re.compile(LEAD)
# Forges differ on a bar behind two backslashes.
_BAR = re.compile(r"(?<!\\)(?:\\\\)*+\|")
_BARE_BAR = re.compile(r"(?<!\\)\|")


def surplus(text: str, blocks: Sequence[Block]) -> Iterator[tuple[int, int]]:
    """Yield where the surplus cells of each row of a table stand, in order."""
    for block in blocks:
        if block.place is not Place.CODE:
            yield from _surplus(text[block.start : block.end].split("\n"), block.start)


def _surplus(lines: Sequence[str], at: int) -> Iterator[tuple[int, int]]:
    """Yield those of a paragraph; what follows a table in it counts as rows."""
    columns, before = 0, ""
    for line in lines:
        if columns:
            begin = _behind(line, columns)
            if line[begin:].strip(" \t|"):
                yield at + begin, at + len(line)
        elif "|" in before + line or ":" in line:
            columns = _columns(before, line)
        before, at = line, at + len(line) + 1


def _columns(header: str, rule: str) -> int:
    """Return how many columns two lines give a table, or 0 where they are none."""
    if _RULE.fullmatch(rule) is None:
        return 0
    columns = rule.strip(" \t>").strip("|").count("|") + 1
    heads = {
        _count(head.strip(" \t>"), bar)
        for head in (header, _LEAD.sub("", header, count=1))
        for bar in (_BAR, _BARE_BAR)
    }
    return columns if columns in heads else 0


def _count(row: str, bar: re.Pattern[str]) -> int:
    bars = [each.end() for each in bar.finditer(row)]
    outer = {1, len(row)} & set(bars) if row.startswith("|") else {len(row)} & set(bars)
    return len(bars) + 1 - len(outer)


def _behind(row: str, columns: int) -> int:
    """Return where the cells of a row end that a table of `columns` shows."""
    at = len(row) - len(row.lstrip(" \t>"))
    bars = [bar.end() for bar in _BAR.finditer(row, at)]
    if row.startswith("|", at):
        bars = bars[1:]
    return bars[columns - 1] if len(bars) >= columns else len(row)
