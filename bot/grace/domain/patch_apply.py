"""Apply a patch that was read to the contents of files, where there is no git to do it.

Every rule is that of `git apply -p1` without `--3way`, in git's order; where git guesses (epoch
timestamps, two names without a rename, a missing newline in the middle) the patch is refused.
Source: apply.c of git.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, zip_longest
from typing import Final

from grace.domain.patch_bounds import PatchDoesNotApply
from grace.domain.patches import HUNK_CHARACTERS, FilePatch, Hunk

PLAIN: Final = "100644"
# Lines that are looked at, at most, to place all hunks of a patch: about a second's work.
MAX_LOOKS: Final = 3_000_000

_FIRST_BYTES: Final = 8000


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file as it is, or is to be."""

    mode: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a patch does with one file; `old` None creates, `new` None removes.

    `perhaps_new`: no header says so, but where no file is, it can mean nothing else.
    """

    old: str | None
    new: str | None
    mode: str | None
    copies: bool
    perhaps_new: bool


def is_binary(content: bytes) -> bool:
    """Tell what git takes for binary: a zero among the first 8,000 bytes."""
    return b"\0" in content[:_FIRST_BYTES]


def apply_patch(
    files: Sequence[FilePatch], base: Mapping[str, TextFile]
) -> Mapping[str, TextFile | None]:
    """Return what the patch makes of the files that it changes, None for one that goes.

    `base` holds those of the files it names that exist. Raises PatchDoesNotApply.
    """
    applying = _Applying(base)
    for file in files:
        applying.file(file)
    return {path: now for path, now in applying.changed.items() if now != base.get(path)}


def added_lines(path: str, old: bytes, new: bytes) -> bytes:
    """Write as a unified diff without context which lines of a file its old content has not.

    It is for whoever looks at what a change adds; a line that was there elsewhere is not new.
    """
    known = set(old.split(b"\n"))
    out = [b"--- a/" + path.encode(), b"+++ b/" + path.encode()]
    numbered = enumerate(new.split(b"\n"), 1)
    for is_new, run in groupby(numbered, key=lambda item: item[1] not in known):
        lines = list(run)
        if is_new:
            out.append(b"@@ -0,0 +%d,%d @@" % (lines[0][0], len(lines)))
            out += [b"+" + line for _, line in lines]
    return b"\n".join((*out, b""))


class _Applying:
    """The files as they become, one part of the patch after the other."""

    def __init__(self, base: Mapping[str, TextFile]) -> None:
        self.changed: dict[str, TextFile | None] = {}
        self._base = base
        self._looks = MAX_LOOKS

    def file(self, file: FilePatch) -> None:
        plan = _plan(file)
        before = self._before(file, plan)
        content = self._content(file, before.content if before is not None else b"")
        if plan.new is None:
            if content:
                raise _wrong(file, "its removal leaves contents")
            self.changed[file.name] = None
            return
        if plan.old is not None and plan.old != plan.new and not plan.copies:
            self.changed[plan.old] = None
        mode = plan.mode or (before.mode if before is not None else PLAIN)
        self.changed[plan.new] = TextFile(mode, content)

    def _now(self, path: str) -> TextFile | None:
        return self.changed[path] if path in self.changed else self._base.get(path)

    def _before(self, file: FilePatch, plan: _Plan) -> TextFile | None:
        """Find the file that is changed, and see that nothing is in the way of the new one."""
        moves = plan.new not in {None, plan.old}
        if plan.new is not None and moves and self._now(plan.new) is not None:
            raise PatchDoesNotApply(plan.new, "", "it already exists in index")
        if plan.old is None:
            return None
        if moves and plan.old in self.changed:
            raise _wrong(file, f"{plan.old} is changed before")
        found = self._now(plan.old)
        if found is None and not plan.perhaps_new:
            raise PatchDoesNotApply(plan.old, "", "it does not exist in index")
        return found

    def _content(self, file: FilePatch, before: bytes) -> bytes:
        image = _Image(before)
        for hunk in file.hunks:
            sides = _sides(hunk)
            place = None
            if sides is not None:
                place, looks = image.place(hunk, sides, self._looks)
                self._looks -= looks
            if sides is None or place is None:
                shown = hunk.text.decode("utf-8", "replace")[:HUNK_CHARACTERS]
                reason = f"the hunk at line {hunk.start} does not match"
                raise PatchDoesNotApply(file.name, shown, reason)
            image.replace(place, sides)
        return b"".join(image.lines)


@dataclass(frozen=True, slots=True)
class _Sides:
    """A hunk's lines, each with its newline, and how many of context it ends with."""

    old: list[bytes]
    new: list[bytes]
    trailing: int


class _Image:
    """A file in lines; what one hunk wrote, no other may match."""

    def __init__(self, content: bytes) -> None:
        parts = content.split(b"\n")
        self.lines = [part + b"\n" for part in parts[:-1]] + parts[-1:] * bool(parts[-1])
        self._written = [False] * len(self.lines)

    def place(self, hunk: Hunk, sides: _Sides, looks: int) -> tuple[int | None, int]:
        """Find where a hunk goes, and how many lines were looked at; None: nowhere.

        As git: a hunk at line 1 (or 0) must begin the file, one that ends without context must
        end it; any other goes where it says, or to the nearest place that is the same, further
        down first.
        """
        last = len(self.lines) - len(sides.old)
        starts: Iterator[int] | tuple[int, ...]
        if hunk.start <= 1:
            starts = (0,) if sides.trailing or last == 0 else ()
        elif not sides.trailing:
            starts = (last,)
        else:
            starts = _nearest(min(max(hunk.new_start - 1, 0), len(self.lines)), len(self.lines))
        spent = 0
        for start in starts:
            if spent > looks:
                break
            spent += 1
            if not 0 <= start <= last or self.lines[start : start + 1] != sides.old[:1]:
                continue
            end = start + len(sides.old)
            spent += len(sides.old)
            if self.lines[start:end] == sides.old and not any(self._written[start:end]):
                return start, spent
        return None, spent

    def replace(self, start: int, sides: _Sides) -> None:
        """Put a hunk's new lines in the place of its old ones."""
        end = start + len(sides.old)
        self.lines[start:end] = sides.new
        self._written[start:end] = [True] * len(sides.new)


def _nearest(start: int, count: int) -> Iterator[int]:
    """Count away from `start` in both directions, from 0 to `count`, forwards first."""
    both = zip_longest(range(start + 1, count + 1), range(start - 1, -1, -1))
    return (at for at in chain((start,), chain.from_iterable(both)) if at is not None)


def _sides(hunk: Hunk) -> _Sides | None:
    """Take a hunk apart; None where a line without newline is not the last of its side."""
    old: list[bytes] = []
    new: list[bytes] = []
    trailing = 0
    body = hunk.text.split(b"\n")[1:]
    for line, following in zip(body, [*body[1:], b""], strict=True):
        text = line[1:] + (b"" if following.startswith(b"\\") else b"\n")
        match line[:1]:
            case b"\\":
                continue
            case b"-":
                old.append(text)
                trailing = 0
            case b"+":
                new.append(text)
                trailing = 0
            case _:
                old.append(text)
                new.append(text)
                trailing += 1
    if any(not line.endswith(b"\n") for line in (*old[:-1], *new[:-1])):
        return None
    return _Sides(old, new, trailing)


def _plan(file: FilePatch) -> _Plan:
    """Say what is to become of a file; refuse names and headers that contradict each other."""
    words, sides = file.words, file.sides or [file.header, file.header]
    source = words.get("rename from", words.get("copy from"))
    target = words.get("rename to", words.get("copy to"))
    creates, removes = "new file mode" in words, "deleted file mode" in words
    if file.sides:
        nowhere = (sides[0] is None, sides[1] is None)
        if (words or file.header is not None) and nowhere != (creates, removes):
            raise _wrong(file, "its headers contradict each other")
        creates, removes = nowhere
    olds = {name for name in (source, file.header, sides[0]) if name is not None}
    news = {name for name in (target, file.header, sides[1]) if name is not None}
    moved, half = target is not None, (source is None) != (target is None)
    if half or len(olds) > 1 or len(news) > 1 or moved + creates + removes > 1:
        raise _wrong(file, "its headers contradict each other")
    old = None if creates else next(iter(olds), None)
    new = None if removes else next(iter(news), None)
    if old != new and not (moved or creates or removes):
        raise _wrong(file, "its two names differ, and no header says that it is renamed")
    plain = not words and file.header is None
    only_adds = len(file.hunks) == 1 and (_sides(file.hunks[0]) or _NO_SIDES).old == []
    return _Plan(
        old=old,
        new=new,
        mode=words.get("new file mode", words.get("new mode")),
        copies="copy to" in words,
        perhaps_new=plain and only_adds,
    )


_NO_SIDES: Final = _Sides([b""], [], 0)


def _wrong(file: FilePatch, reason: str) -> PatchDoesNotApply:
    return PatchDoesNotApply(file.name, "", reason)
