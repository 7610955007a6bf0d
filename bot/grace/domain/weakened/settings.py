"""Find what a change of settings lets pass that did not pass before."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from grace.domain.weakened.commands import relaxed_commands
from grace.domain.weakened.places import name_of
from grace.domain.weakened.report import found, line_of
from grace.domain.weakened.settings_read import Entries, UnreadableSettings, read_settings
from grace.domain.weakened.settings_rules import Points, judge, points_of
from grace.domain.weakening import FilePair, Weakening, WeakeningKind

# Where one of these is, the tool reads nothing else.
_FIRST: Final = re.compile(
    r"\.?pytest\.(ini|toml)|\.?mypy\.ini|\.?ruff\.toml|\.coveragerc|\.?pylintrc"
)
_MAX_PLACES: Final = 300
_COMMANDS: Final = re.compile(
    r"(?i)(^|[._-])(addopts|commands?|set_?env|env|commands_(pre|post)|scripts?\.[\w:.-]+|test_?command"
    r"|cmd|args|entry|run"
    r"|tasks?\.[\w:.-]+|envs\.[\w.-]+\.scripts\.[\w-]+)(\.cmd|\.shell)?$"
)


@dataclass(frozen=True, slots=True)
class _Change:
    file: FilePair
    before: Entries
    after: Entries


def settings(pairs: Sequence[FilePair]) -> Iterator[Weakening]:
    """List what these files let pass; a setting that moved to another of them is none."""
    changes: list[_Change] = []
    for file in pairs:
        try:
            after = read_settings(file.path, file.after)
        except UnreadableSettings:
            kind = WeakeningKind.UNREADABLE
            yield found(
                kind, file.path, 1, "settings that cannot be read: nobody knows what they check"
            )
            continue
        try:
            before = read_settings(file.path, file.before)
        except UnreadableSettings:
            before = {}
        changes.append(_Change(file, before, after))
    gained = Counter(
        _moving(key, values)
        for change in changes
        for key, values in change.after.items()
        if change.before.get(key) != values
    )
    for change in changes:
        yield from _compared(change, gained)


def _moving(key: str, values: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    return key.rpartition(".")[2].replace("-", "_").lower(), tuple(sorted(values))


def _compared(change: _Change, gained: Counter[tuple[str, tuple[str, ...]]]) -> Iterator[Weakening]:
    file, before, after = change.file, change.before, change.after
    places = _Places(file)
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new or _is_moved(key, old, new, gained) or _is_excused(key, change):
            continue
        name = key.rpartition(".")[2]
        for judged in judge(key, old, new):
            line = places.of(name, judged.needle)
            yield found(judged.kind, file.path, line, judged.message)
        if _COMMANDS.search(key):
            about = "check" if name_of(file.path).startswith(".pre-commit") else key
            sides = ([(1, f"{about} {' '.join(values or ())}")] for values in (old, new))
            for kind, _, message in relaxed_commands(*sides):
                yield found(kind, file.path, places.of(name), message)
    if file.before is None and _FIRST.fullmatch(name_of(file.path)) and not _is_strict(after):
        message = "a file that takes the place of settings elsewhere, and is no stricter"
        yield found(WeakeningKind.CHECK_RELAXED, file.path, 1, message)


def _is_moved(
    key: str,
    old: tuple[str, ...] | None,
    new: tuple[str, ...] | None,
    gained: Counter[tuple[str, tuple[str, ...]]],
) -> bool:
    """Tell whether a setting that is gone here is new elsewhere, as it was."""
    return new is None and old is not None and gained[_moving(key, old)] > 0


def _is_excused(key: str, change: _Change) -> bool:
    """Tell whether a setting belongs to something stricter that is new as a whole."""
    section = _section(key)
    if change.before.get(key) is not None:
        # `strict` says all that a switch said.
        strict = f"{key.rpartition('.')[0]}.strict"
        now, was = change.after.get(strict), change.before.get(strict)
        return key not in change.after and now == ("true",) and was != ("true",)
    is_new = not any(_section(k) == section for k in change.before)
    own = {k: v for k, v in change.after.items() if _section(k) == section}
    return is_new and points_of(key) in {Points.MORE, Points.SEVERITY} and _is_strict(own)


def _section(key: str) -> str:
    parts = key.split(".")
    return ".".join(parts[: 2 if parts[0] == "tool" else 1])


def _is_strict(entries: Entries) -> bool:
    """Tell whether taking these settings away would let something pass."""
    return any(True for key, values in entries.items() for _ in judge(key, values, None))


class _Places:
    """Where settings stand in a file; it tires, lest a file of nothing else takes minutes."""

    def __init__(self, file: FilePair) -> None:
        self._texts = (file.after or "", file.before or "")
        known = {line.strip() for line in self._texts[1].split("\n")}
        lines = self._texts[0].split("\n")
        self._fresh = "\n".join("" if line.strip() in known else line for line in lines)
        self._left = _MAX_PLACES

    def of(self, name: str, needle: str = "") -> int:
        """Find the line that did it: one that is new, or the setting's, or where that was."""
        self._left -= 1
        if self._left < 0:
            return 1
        setting = re.compile(rf"{re.escape(name)}['\"]?\s*[:=]")
        return (
            line_of(self._fresh, name, needle)
            or (line_of(self._fresh, needle) if needle else None)
            or next(filter(None, (_line_with(setting, text) for text in self._texts)), 1)
        )


def _line_with(pattern: re.Pattern[str], text: str) -> int | None:
    match = pattern.search(text)
    return None if match is None else text.count("\n", 0, match.start()) + 1
