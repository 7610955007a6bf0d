"""Cut Markdown into code, plain paragraphs, and paragraphs that may be raw HTML.

Only what is code on any reading counts as code. After the first line that a forge could read in
another way than we do (a fence in a list or in HTML, say), nothing counts as code any more.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# What containers put in front of a line's own text.
LEAD: Final = r"[ \t>*+\-\d.)]*+(?:\[(?:[ xX]|\^[^\]\n]{1,200}+)\]:?[ \t]*+)?[ \t>*+\-\d.)]*+"
_BLOCK_NAMES: Final = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|"
    "dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|"
    "header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|"
    "param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul"
)
_FENCE = re.compile(r"( {0,3})(?:(`{3,}+)([^`]*)|(~{3,}+)(.*))$")
_FENCE_LIKE = re.compile(LEAD + r"(?:`{3,}+[^`]*|~{3}.*)$")
_CLOSING = re.compile(r"( {0,3})(`{3,}+|~{3,}+)[ \t]*$")
_RAW = re.compile(
    LEAD
    + rf"<(?:[!?]|/?(?:{_BLOCK_NAMES})(?=[\s/>]|$)|/?[A-Z][A-Z0-9-]*+(?=[\s/>])[^\n]*>[ \t]*$)",
    re.IGNORECASE,
)
# HTML that goes on past blank lines; `<!--` is followed to its end instead.
_LONG = re.compile(
    LEAD + r"<(?:(?:pre|script|style|textarea)(?=[\s>]|$)|\?|!(?!--))", re.IGNORECASE
)


class Place(StrEnum):
    """How a forge reads a piece of text."""

    CODE = "code"
    PLAIN = "plain"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together; `end` is behind their last character."""

    start: int
    end: int
    place: Place
    language: str = ""


def blocks(text: str) -> tuple[Block, ...]:
    """List the blocks of a text in order; lines without text are in none, except in code."""
    return _Cutter(text).cut()


class _Cutter:
    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._blocks: list[Block] = []
        self._trusted = True
        self._raw = False
        self._comment = False
        self._run: int | None = None

    def cut(self) -> tuple[Block, ...]:
        at = position = 0
        while at < len(self._lines):
            line = self._lines[at]
            last = self._code(at)
            if last is not None:
                self._flush(position - 1)
                size = sum(len(each) + 1 for each in self._lines[at : last + 1]) - 1
                found = _FENCE.match(line)
                words = ((found[3] or found[5] or "") if found else "").split()
                language = words[0].lower() if words else ""
                self._blocks.append(Block(position, position + size, Place.CODE, language))
                at, position = last + 1, position + size + 1
                continue
            if not line.strip() and not self._comment:
                self._flush(position - 1)
            else:
                self._run = position if self._run is None else self._run
                self._text(line)
            at, position = at + 1, position + len(line) + 1
        self._flush(position - 1)
        return tuple(self._blocks)

    def _flush(self, end: int) -> None:
        """End the paragraph that runs."""
        if self._run is not None:
            raw = self._raw or not self._trusted
            self._blocks.append(Block(self._run, end, Place.RAW if raw else Place.PLAIN))
        self._run, self._raw = None, False

    def _text(self, line: str) -> None:
        if _FENCE_LIKE.match(line) or _LONG.match(line):
            self._trusted = False
        self._raw = self._raw or self._comment or _RAW.match(line) is not None
        if self._raw:
            self._comment = line.rfind("<!--") > line.rfind("-->") or (
                self._comment and "-->" not in line
            )

    def _code(self, at: int) -> int | None:
        """Return the last line of the fenced block that begins here, on any reading."""
        opening = _FENCE.match(self._lines[at])
        if opening is None or self._raw or self._comment or not self._trusted:
            return None
        indent, fence = opening[1], opening[2] or opening[4]
        for n in range(at + 1, len(self._lines)):
            line = self._lines[n]
            closing = _CLOSING.match(line)
            if closing is not None and closing[2].startswith(fence):
                return n if not indent or closing[1] == indent else None
            if line.strip() and not line.startswith(indent):
                return None
        return None if indent else len(self._lines) - 1
