"""Find fenced code blocks as CommonMark does, in one pass: the text is a stranger's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPENING = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block: what stands behind the opening fence, and the text inside."""

    info: str
    text: str

    @property
    def language(self) -> str:
        """Read the first word behind the fence, in lower case."""
        words = self.info.split()
        return words[0].lower() if words else ""


def _lines(text: str) -> Iterator[tuple[str, Fence | None, bool]]:
    """Yield each line, the block that it ends if any, and whether it is part of a block."""
    fence, info, inside = "", "", list[str]()
    for line in text.split("\n"):
        if fence:
            bare = line.strip(" \t")
            if bare.startswith(fence) and not bare.strip(fence[0]):
                yield line, Fence(info=info, text="".join(f"{s}\n" for s in inside)), True
                fence, inside = "", []
            else:
                inside.append(line)
                yield line, None, True
            continue
        opening = _OPENING.match(line)
        if opening is not None and not (opening[1][0] == "`" and "`" in opening[2]):
            fence, info = opening[1], opening[2].strip()
        yield line, None, bool(fence)
    if fence:  # the end of the text closes what nothing else closed
        yield "", Fence(info=info, text="".join(f"{s}\n" for s in inside)), True


def fences(text: str) -> tuple[Fence, ...]:
    """List the fenced blocks of a text in order."""
    return tuple(fence for _, fence, _ in _lines(text) if fence is not None)


def blanked(text: str) -> str:
    """Blank out fenced blocks, with every other character where it was."""
    lines = [" " * len(line) if inside else line for line, _, inside in _lines(text)]
    return "\n".join(lines)[: len(text)]
