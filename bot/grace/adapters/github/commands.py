"""Slash commands in a comment: lines that are the author's own words, not quotes or code. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_COMMANDS: Final = 10
_MAX_NAME: Final = 40
_MAX_ARGUMENT: Final = 500
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_QUOTE: Final = re.compile(r" {0,3}>")


@dataclass(frozen=True, slots=True)
class Command:
    """One command: `/grace NAME ARGUMENT`. A bare `/grace` is `help`."""

    name: str
    argument: str


def commands(text: str, prefix: str) -> tuple[Command, ...]:
    """Read the commands of a comment, ten at most, in order.

    Skipped, as GitHub renders them otherwise: fenced and indented code, quotes with the lines
    that continue them, and HTML comments.
    """
    pattern = re.compile(rf" {{0,3}}{re.escape(prefix)}(?:[ \t]+(\S+)(?:[ \t]+(.*))?)?[ \t]*")
    found: list[Command] = []
    for line in _own_lines(text):
        match = pattern.fullmatch(line)
        if match is not None and len(found) < MAX_COMMANDS:
            name = (match[1] or "help").lower()[:_MAX_NAME]
            found.append(Command(name, (match[2] or "").strip()[:_MAX_ARGUMENT]))
    return tuple(found)


def _own_lines(text: str) -> Iterator[str]:
    fence = ""
    quoted = hidden = False
    for line in re.split(r"\r\n|\r|\n", text):
        if fence:
            fence = "" if _closes(line, fence) else fence
            continue
        if hidden:
            hidden = "-->" not in line
            continue
        opening = _FENCE.fullmatch(line)
        if opening is not None and not ("`" in opening[1] and "`" in opening[2]):
            fence, quoted = opening[1], False
            continue
        if _QUOTE.match(line):
            quoted = True
            continue
        quoted = quoted and bool(line.strip())
        if "<!--" in line:
            hidden = "-->" not in line.rpartition("<!--")[2]
            continue
        if not quoted:
            yield line


def _closes(line: str, fence: str) -> bool:
    bare = line.strip()
    indented = len(line) - len(line.lstrip(" ")) > 3  # noqa: PLR2004 - CommonMark: three spaces
    return not indented and len(bare) >= len(fence) and set(bare) == {fence[0]}
