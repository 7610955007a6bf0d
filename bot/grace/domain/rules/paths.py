"""Match globs against many paths at once, quickly: 1,000 rules meet changes of 5,000 files.

A glob is the same as in `subsystems.yaml`: `*` and `?` stay within a folder, `**` does not, and
one that ends in `/` stands for everything below. Case counts for nothing, since on some disks it
does not.
"""

import re
from collections.abc import Iterable

from grace.domain.patch_bounds import compiled

_LITERAL = re.compile(r"[^*?]+")
FEW = 3


class PathIndex:
    """The changed paths of one patch, with every answer remembered."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = tuple(paths)
        self._folded = tuple(p.casefold() for p in self.paths)
        # Each path is one line, so that one search of the whole text rules out most globs. A path
        # that itself holds a line break is kept apart.
        self._odd = tuple(i for i, p in enumerate(self._folded) if "\n" in p)
        self._text = "\n" + "\n".join("" if "\n" in p else p for p in self._folded) + "\n"
        self._starts: list[int] = []
        start = 1
        for path in self._folded:
            self._starts.append(start)
            start += (0 if "\n" in path else len(path)) + 1
        self._known: dict[str, tuple[int, ...]] = {}

    def matching(self, globs: Iterable[str]) -> tuple[str, ...]:
        """List the paths that match one of the globs, in their order."""
        found: set[int] = set()
        for glob in globs:
            found.update(self._of(glob.casefold()))
        return tuple(self.paths[i] for i in sorted(found))

    def all_match(self, globs: Iterable[str]) -> bool:
        """Tell whether every path matches one of the globs."""
        found: set[int] = set()
        for glob in globs:
            found.update(self._of(glob.casefold()))
            if len(found) == len(self.paths):
                return True
        return False

    def _of(self, glob: str) -> tuple[int, ...]:
        known = self._known.get(glob)
        if known is None:
            known = self._known[glob] = tuple(self._search(glob))
        return known

    def _search(self, glob: str) -> list[int]:
        # `**/` stands for no folder too, so the slash behind it need not be in the path.
        pieces = _LITERAL.findall(glob.strip("/").replace("**/", "**"))
        literal = max(pieces, key=len, default="")
        if not literal:
            candidates: Iterable[int] = range(len(self.paths))
        else:
            candidates = () if "\n" in literal else self._lines_with(literal)
        # Only a glob that some path may match is worth compiling.
        found = [i for i in candidates if compiled(glob).fullmatch(self._folded[i])]
        if literal:
            found += [i for i in self._odd if compiled(glob).fullmatch(self._folded[i])]
        return sorted(found)

    def _lines_with(self, literal: str) -> Iterable[int]:
        """Find the numbers of the lines that hold a text."""
        position, index = self._text.find(literal), 0
        while position != -1:
            while index + 1 < len(self._starts) and self._starts[index + 1] <= position:
                index += 1
            yield index
            end = self._text.find("\n", position + 1)
            position = self._text.find(literal, end)


def few(paths: tuple[str, ...]) -> str:
    """Name the first few paths, and how many more there are."""
    more = f" and {len(paths) - FEW} more" if len(paths) > FEW else ""
    return ", ".join(paths[:FEW]) + more
