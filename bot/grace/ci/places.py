"""Where a test is, or where it failed: a file and a line of the checkout, out of JUnit XML."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from grace.domain.base import Frozen
from grace.domain.results import MAX_LINE, RepositoryPath

_PATH: TypeAdapter[str] = TypeAdapter(RepositoryPath)
_AT: Final = re.compile(r"^([^\s:][^:\n]*\.py):(\d{1,8}):", re.MULTILINE | re.ASCII)
_LONGEST: Final = 2000
_NUMBER: Final = re.compile(r"\d{1,8}", re.ASCII)


class Place(Frozen):
    """A file below the root of the checkout, and a line of it if that is known."""

    file: str
    line: int | None = None


class Workspace:
    """The checkout whose files may be named; a path that is no file of it is no place."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._known: dict[str, str | None] = {}

    def of_attributes(self, attributes: Mapping[str, str]) -> Place | None:
        """Read `file` and `line` of a test case. pytest counts lines from 0, others from 1."""
        file = self._file(attributes.get("file", ""))
        if file is None:
            return None
        line = _NUMBER.fullmatch(attributes.get("line", ""))
        if line is None:
            return Place(file=file)
        dotted = file.removesuffix(".py").replace("/", ".")
        group = attributes.get("classname", "")
        from_zero = group == dotted or group.startswith(f"{dotted}.")
        return Place(file=file, line=_line(int(line[0]) + from_zero))

    def last_in(self, text: str) -> Place | None:
        """Return the last `path.py:12:` at the start of a line that is in the checkout."""
        for match in reversed(list(_AT.finditer(text))):
            file = self._file(match[1])
            if file is not None:
                return Place(file=file, line=_line(int(match[2])))
        return None

    def _file(self, told: str) -> str | None:
        if told not in self._known:
            self._known[told] = self._find(told)
        return self._known[told]

    def _find(self, told: str) -> str | None:
        if not told or len(told) > _LONGEST or "\0" in told:
            return None
        whole = self._root / told
        if not whole.is_relative_to(self._root) or "site-packages" in whole.parts:
            return None
        try:
            path = _PATH.validate_python(str(whole.relative_to(self._root)))
            there = whole.resolve().is_relative_to(self._root) and whole.is_file()
        except (ValidationError, OSError):  # such as a name longer than a file's may be
            return None
        return path if there else None


class Traceback:
    """Looks for the last place in a text that comes in parts, without keeping it."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._open = ""
        self._last: Place | None = None

    def take(self, part: str) -> None:
        """Take the next part of the text."""
        lines, end, rest = (self._open + part).rpartition("\n")
        if end:
            self._last = self._workspace.last_in(lines) or self._last
        self._open = rest[:_LONGEST]

    def place(self) -> Place | None:
        """Return the last place of what was taken."""
        return self._workspace.last_in(self._open) or self._last


def _line(number: int) -> int | None:
    return number if 0 < number <= MAX_LINE else None
