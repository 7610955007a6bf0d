r"""Who owns a path by a CODEOWNERS file, as GitHub reads one.

The last line that matches a path decides, and one without owners leaves it without any. Patterns
are those of gitignore, but that `!`, `[` and `\#` are not known: GitHub skips a line with them, as
it skips one with an owner that is none. A `#` after a blank begins a comment. GitLab's sections
are not read. Source: GitHub Docs, "About code owners".

Every pattern is matched in time linear in the path, whatever it says: where `*` and `**` stand,
the first place at which what follows fits is as good as any other, so it is never given up again.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from grace.domain.inspection import Owned

MAX_BYTES: Final = 3 * 1024 * 1024
_WORD: Final = re.compile(r"(?:\\.|[^\s\\]|\\$)+")
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*")
_OWNER: Final = re.compile(r"@[A-Za-z0-9][\w.-]*(?:/[\w.-]+)?|[^\s@]+@[^\s@]+\.[^\s@]+")
_ANY_FOLDERS: Final = "(?:[^/]+/)*?"


@dataclass(frozen=True, slots=True)
class _Line:
    matches: re.Pattern[str]
    owners: tuple[str, ...]


class CodeOwners:
    """A CODEOWNERS file; `None` for one that is no text or too large: then nobody owns anything."""

    def __init__(self, text: bytes) -> None:
        self._lines: list[_Line] | None = None
        decoded = _decoded(text)
        if decoded is not None:
            lines = (_line(line) for line in decoded.splitlines())
            self._lines = [line for line in lines if line is not None][::-1]

    def owned(self, paths: Sequence[str]) -> tuple[Owned, ...]:
        """Group the paths that somebody owns by their owners.

        By a file that cannot be read all paths are owned by nobody: no approval can satisfy it.
        """
        groups: dict[tuple[str, ...], list[str]] = {}
        if self._lines is None:
            groups[()] = list(paths)
        else:
            for path in paths:
                owners = self._owners(self._lines, path)
                if owners:
                    groups.setdefault(owners, []).append(path)
        return tuple(Owned(owners=o, paths=tuple(p)) for o, p in groups.items() if p)

    def _owners(self, lines: Iterable[_Line], path: str) -> tuple[str, ...]:
        for line in lines:
            if line.matches.match(path):
                return line.owners
        return ()


def _decoded(text: bytes) -> str | None:
    if len(text) > MAX_BYTES or b"\0" in text:
        return None
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _line(text: str) -> _Line | None:
    """Read a line; None for one that is empty, or that GitHub skips."""
    words = _WORD.findall(_COMMENT.sub("", text))
    if not words:
        return None
    pattern, *owners = words
    if pattern.startswith("!") or "[" in pattern or "]" in pattern or "\\#" in pattern:
        return None
    if not all(_OWNER.fullmatch(owner) for owner in owners):
        return None
    compiled = _compiled(pattern)
    return None if compiled is None else _Line(compiled, tuple(dict.fromkeys(owners)))


def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Translate a pattern; None for one that names nothing."""
    anchored = "/" in pattern.rstrip("/")
    only_below = pattern.endswith("/")
    parts = [part for part in pattern.split("/") if part]
    if not parts:
        return None
    if not anchored:
        parts = ["**", *parts]
    # `x/*` is what lies directly in x; every other name stands for a folder and all below it too.
    only_itself = parts[-1] == "*" and anchored and not only_below
    text = ""
    group = ""
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        if part == "**" and last:
            group += "[^/]+/" if only_below else "."
        elif part == "**":
            text += f"(?>{group})" if group else ""
            group = _ANY_FOLDERS
        else:
            group += _segment(part) + ("" if last else "/")
    end = "/" if only_below else r"\Z" if only_itself else r"(?:/|\Z)"
    if parts[-1] == "**":
        end = ""
    return re.compile(f"{text}{group}{end}", re.DOTALL)


def _segment(part: str) -> str:
    """Translate one name of a pattern; what a `*` skips it skips once."""
    pieces = re.split(r"((?:\\.)|\*+|\?)", part)
    fixed: list[str] = [""]
    for piece in pieces:
        if piece.startswith("*"):
            fixed.append("")
        elif piece == "?":
            fixed[-1] += "[^/]"
        elif len(piece) > 1 and piece.startswith("\\"):
            fixed[-1] += re.escape(piece[1])
        else:
            fixed[-1] += re.escape(piece)
    first, *rest = fixed
    if not rest:
        return first
    *middle, tail = rest
    skips = "".join(f"(?>[^/]*?{piece})" for piece in middle)
    return f"{first}{skips}[^/]*{tail}(?=/|\\Z)"
