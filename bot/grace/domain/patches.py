"""Read a unified diff the way `git apply -p1` does, to judge it before anything applies it.

What is read here gives early answers in clear sentences; the truth is the tree that results,
which whoever makes it judges again.
"""

import re
from dataclasses import dataclass, field

from grace.domain.patch_bounds import (
    PatchBounds,
    PatchDoesNotApply,
    PatchOutOfBounds,
    check_counts,
    check_mode,
    check_path,
)
from grace.domain.quoting import split_quoted

HUNK_CHARACTERS = 2000

_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_MODE = re.compile(rb"(old mode|new mode|new file mode|deleted file mode) (\d+)\s*$")
_INDEX_MODE = re.compile(rb"index [0-9a-f]+\.\.[0-9a-f]+ (\d+)\s*$")
_MOVED = re.compile(rb"(rename|copy) (from|to|old|new) (.+)$")
_SAME_AS = {b"old": "from", b"new": "to"}
_NOWHERE = b"/dev/null"


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk: its first line in the old file and in the new one, `text` as in the patch."""

    start: int
    new_start: int
    text: bytes
    added: int
    deleted: int


@dataclass(slots=True)
class FilePatch:
    """All that a patch says about one file: names, modes, hunks.

    `sides` are the names of the lines `---` and `+++`, None for /dev/null. `words` are git's own
    header lines by their first words (`new file mode`, `rename from` and so on).
    """

    paths: list[str] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)
    sides: list[str | None] = field(default_factory=list)
    hunks: list[Hunk] = field(default_factory=list)
    header: str | None = None

    @property
    def name(self) -> str:
        return self.paths[-1] if self.paths else self.header or ""


def read_patch(diff: bytes) -> tuple[FilePatch, ...]:
    """Parse `diff`; raise PatchOutOfBounds (binary, no names) or PatchDoesNotApply (cut short)."""
    if b"\0" in diff:
        raise PatchOutOfBounds("The patch holds binary data.")
    return _Reader(diff.removesuffix(b"\n").split(b"\n")).read()


def check_patch(files: tuple[FilePatch, ...], bounds: PatchBounds) -> None:
    """Raise PatchOutOfBounds for the first thing in the patch that `bounds` do not allow."""
    if not files:
        raise PatchOutOfBounds("The patch holds no change to any file.")
    for file in files:
        for path in file.paths or [file.header or ""]:
            check_path(path, bounds)
        for mode in file.modes:
            check_mode(mode, file.name)
    check_counts(
        len({path for file in files for path in file.paths or [file.name]}),
        sum(hunk.added + hunk.deleted for file in files for hunk in file.hunks),
        bounds,
    )


def hunk_text(files: tuple[FilePatch, ...], path: str, start: int) -> str:
    """Return the text of the hunk of `path` that begins at `start`, bounded, or nothing."""
    for file in files:
        for hunk in file.hunks:
            if hunk.start == start and path in (*file.paths, file.header):
                return hunk.text.decode("utf-8", "replace")[:HUNK_CHARACTERS]
    return ""


class _Reader:
    """Walk over the lines once; text between file headers means nothing, as for git."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self._at = 0
        self._files: list[FilePatch] = []

    def read(self) -> tuple[FilePatch, ...]:
        current: FilePatch | None = None
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.startswith(b"diff --git "):
                current = self._begin(FilePatch(header=_header_name(line[11:])))
                self._at += 1
            elif self._names_follow():
                if current is None or current.sides:
                    current = self._begin(FilePatch())
                self._names(current)
            elif line.startswith(b"@@ -") and current is not None:
                current.hunks.append(self._hunk(current.name))
            else:
                _extended(line, current)
                self._at += 1
        for file in self._files:
            if not file.paths and not file.header:
                raise PatchOutOfBounds("The patch has a header whose file name cannot be read.")
        return tuple(self._files)

    def _begin(self, file: FilePatch) -> FilePatch:
        self._files.append(file)
        return file

    def _names_follow(self) -> bool:
        pair = self._lines[self._at : self._at + 2]
        return len(pair) == 2 and pair[0].startswith(b"--- ") and pair[1].startswith(b"+++ ")  # noqa: PLR2004 - a pair

    def _names(self, file: FilePatch) -> None:
        for line in self._lines[self._at : self._at + 2]:
            name = _side_name(line[4:])
            file.sides.append(name)
            if name is not None:
                file.paths.append(name)
        if not file.paths:
            raise PatchOutOfBounds("The patch has a header without a file name.")
        self._at += 2

    def _hunk(self, name: str) -> Hunk:
        first = self._at
        found = _HUNK.match(self._lines[first])
        if found is None:
            raise self._cut_short(name, first)
        numbers = (int(number) if number else 1 for number in found.groups())
        start, old, new_start, new = numbers
        added = deleted = 0
        self._at += 1
        while deleted < old or added < new or self._no_newline_follows():
            match self._lines[self._at][:1] if self._at < len(self._lines) else b"?":
                case b" " | b"":
                    old, new = old - 1, new - 1
                case b"-":
                    deleted += 1
                case b"+":
                    added += 1
                case b"\\":
                    pass
                case _:
                    raise self._cut_short(name, first)
            self._at += 1
        if (deleted, added) != (old, new):
            raise self._cut_short(name, first)
        text = b"\n".join(self._lines[first : self._at])
        return Hunk(start, new_start, text, added, deleted)

    def _no_newline_follows(self) -> bool:
        return self._at < len(self._lines) and self._lines[self._at].startswith(b"\\")

    def _cut_short(self, name: str, first: int) -> PatchDoesNotApply:
        text = b"\n".join(self._lines[first : self._at + 1]).decode("utf-8", "replace")
        reason = f"the hunk at line {first + 1} of the patch does not have the lines it announces"
        return PatchDoesNotApply(name, text[:HUNK_CHARACTERS], reason)


def _extended(line: bytes, current: FilePatch | None) -> None:
    """Take modes and moves from a header line; refuse binary changes."""
    if line.startswith((b"GIT binary patch", b"Binary files ")):
        name = current.name if current is not None else ""
        raise PatchOutOfBounds(f"The patch changes {name or 'a file'} as binary data.", name)
    if current is None:
        return
    if (mode := _MODE.match(line)) is not None:
        current.modes.append(mode[2].decode())
        current.words[mode[1].decode()] = mode[2].decode()
    elif (mode := _INDEX_MODE.match(line)) is not None:
        current.modes.append(mode[1].decode())
    elif (moved := _MOVED.match(line)) is not None:
        end = _SAME_AS.get(moved[2], moved[2].decode())
        current.paths.append(_name(moved[3], strip=False))
        current.words[f"{moved[1].decode()} {end}"] = current.paths[-1]


def _side_name(text: bytes) -> str | None:
    """Read the name of a `---` or `+++` line; None for /dev/null."""
    if not text.startswith(b'"'):
        text = text.split(b"\t")[0].rstrip(b"\r")
        if text == _NOWHERE:
            return None
    return _name(text, strip=True)


def _header_name(text: bytes) -> str | None:
    """Read the one name of a `diff --git` line; None where both sides differ (a rename)."""
    text = text.rstrip(b"\r")
    if text.startswith(b'"'):
        first = split_quoted(text)
        if first is None:
            return None
        name, rest = first[0], first[1].removeprefix(b" ")
        second = split_quoted(rest) or (rest, b"")
        return _stripped(name) if second[0].split(b"/", 1)[1:] == name.split(b"/", 1)[1:] else None
    if text.endswith(b'"'):
        return None
    middle = len(text) // 2
    left, right = text[:middle], text[middle + 1 :]
    if text[middle : middle + 1] != b" " or left.split(b"/", 1)[1:] != right.split(b"/", 1)[1:]:
        return None
    return _stripped(left)


def _name(text: bytes, *, strip: bool) -> str:
    if text.startswith(b'"'):
        parts = split_quoted(text)
        if parts is None:
            raise PatchOutOfBounds("The patch quotes a file name in a way that git does not.")
        text = parts[0]
    return _stripped(text) if strip else _decoded(text)


def _stripped(name: bytes) -> str:
    """Take the first folder off, as -p1 does; a name without one cannot be meant."""
    _, slash, rest = name.partition(b"/")
    if not slash:
        shown = name.decode("utf-8", "replace")
        raise PatchOutOfBounds(f"The patch names {shown} without the prefix a/ or b/.", shown)
    return _decoded(rest)


def _decoded(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        shown = name.decode("utf-8", "replace")
        raise PatchOutOfBounds(f"The file name {shown} is not valid UTF-8.", shown) from None
