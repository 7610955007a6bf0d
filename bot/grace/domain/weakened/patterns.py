"""Find weaker tests by pattern: counts of tests, assertions and skips, file by file."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from grace.domain.weakened.comments import split
from grace.domain.weakened.report import excerpt, found
from grace.domain.weakened.tongues import PYTHON, Tongue, tongue_of
from grace.domain.weakening import FilePair, Weakening, WeakeningKind

_GO_BUILD: Final = re.compile(r"^//\s*(?:go:build|\+build)\b")

Line = tuple[int, str]


@dataclass(frozen=True, slots=True)
class _Tests:
    """The lines of a file that say something of tests; a line that says it twice is here twice."""

    tests: tuple[Line, ...] = ()
    claims: tuple[Line, ...] = ()
    strong: tuple[Line, ...] = ()
    skips: tuple[Line, ...] = ()
    expected: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class _Change:
    file: FilePair
    before: _Tests
    after: _Tests


def pattern_tests(pairs: Sequence[FilePair], python: Sequence[FilePair]) -> Iterator[Weakening]:
    """List what the tests of other languages lose; `python`: files that were no Python before."""
    changes = [
        _Change(file, _read(file.before, tongue, file.path), _read(file.after, tongue, file.path))
        for file, tongue in (
            *((file, tongue_of(file.path)) for file in pairs),
            *((file, PYTHON) for file in python),
        )
        if tongue is not None
    ]
    arrived = [
        Counter(t for c in changes for _, t in _more(side(c.before), side(c.after)))
        for side in (_tests, _claims, _strong)
    ]
    for change in changes:
        yield from _compared(change, *arrived)


def _tests(side: _Tests) -> tuple[Line, ...]:
    return side.tests


def _claims(side: _Tests) -> tuple[Line, ...]:
    return side.claims


def _strong(side: _Tests) -> tuple[Line, ...]:
    return side.strong


def _read(text: str | None, tongue: Tongue, path: str) -> _Tests:
    if text is None:
        return _Tests()
    suffix = path.rpartition(".")[2].lower()
    parts = split(text, suffix)
    lines = [(n, line.strip()) for n, line in enumerate(parts.code, 1)]
    bare = [(n, line.strip()) for n, line in enumerate(parts.bare, 1)] if tongue.bare else lines
    if suffix == "go":
        bare = lines + [(n, s) for n, s in enumerate(text.split("\n"), 1) if _GO_BUILD.match(s)]
    tests = _lines(lines, tongue.test)
    if tongue.inline and not tests and not tongue.files.search(path):
        return _Tests()
    claims = tuple(one for one in _lines(lines, tongue.claim) if not tongue.vacuous.search(one[1]))
    strong = tuple(one for one in claims if tongue.strong.search(one[1]))
    skips, expected = _lines(bare, tongue.skip), _lines(bare, tongue.expected)
    return _Tests(tests, claims, strong, skips, expected)


def _lines(lines: Sequence[Line], pattern: re.Pattern[str]) -> tuple[Line, ...]:
    return tuple((n, text) for n, text in lines for _ in pattern.finditer(text))


def _more(before: Sequence[Line], after: Sequence[Line]) -> list[Line]:
    """Return the lines of `after` that `before` has not, or not so often."""
    known = Counter(text for _, text in before)
    more: list[Line] = []
    for number, text in after:
        if known[text] > 0:
            known[text] -= 1
        else:
            more.append((number, text))
    return more


def _compared(
    change: _Change, tests: Counter[str], claims: Counter[str], strong: Counter[str]
) -> Iterator[Weakening]:
    path, before, after = change.file.path, change.before, change.after
    gone = _fewer(before.tests, after.tests, tests)
    for number, text in gone:
        yield found(WeakeningKind.TEST_REMOVED, path, number, f"a test is gone: {excerpt(text)}")
    if change.file.after is None and gone:
        return
    kind = WeakeningKind.ASSERTION_REMOVED
    missing = _fewer(before.claims, after.claims, claims)
    for number, text in missing:
        yield found(kind, path, number, f"an assertion is gone: {excerpt(text)}")
    if not missing:
        for number, text in _fewer(before.strong, after.strong, strong):
            yield found(kind, path, number, f"an assertion says less than it did: {excerpt(text)}")
    if change.file.before is None:
        return
    for what, old, new in (
        (WeakeningKind.TEST_SKIPPED, before.skips, after.skips),
        (WeakeningKind.EXPECTED_FAILURE, before.expected, after.expected),
    ):
        for number, text in _more(old, new)[: max(0, len(new) - len(old))]:
            yield found(what, path, number, f"tests may be left out or fail: {excerpt(text)}")


def _fewer(before: Sequence[Line], after: Sequence[Line], moved: Counter[str]) -> list[Line]:
    """Return so many of the old lines as there are fewer now, without those found elsewhere."""
    missing = _more(after, before)
    fewer = len(before) - len(after)
    gone: list[Line] = []
    for number, text in missing:
        if len(gone) >= fewer:
            break
        if moved[text] > 0:
            moved[text] -= 1
            fewer -= 1
        else:
            gone.append((number, text))
    return gone
