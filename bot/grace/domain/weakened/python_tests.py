"""Find what a change makes weaker in Python tests, over all files that it touches."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from grace.domain.weakened.claims import Claim
from grace.domain.weakened.expressions import number_of
from grace.domain.weakened.hooks import hook_weakening
from grace.domain.weakened.markers import Marker, gained
from grace.domain.weakened.pairing import pair
from grace.domain.weakened.places import in_test_folder, is_collected, name_of
from grace.domain.weakened.python_file import EFFORT, NotPython, PythonFile, Unit, read_python
from grace.domain.weakened.report import excerpt, found
from grace.domain.weakening import FilePair, Weakening, WeakeningKind

_LEAST: Final = re.compile(r"(?i)(^|_)(min|minimum|least|floor|required|coverage|score)(_|$)")
_MOST: Final = re.compile(
    r"(?i)(^|_)(max|maximum|most|limit|timeout|deadline|tolerance|eps|epsilon|rtol|atol|delta"
    r"|slack|budget|allowed|threshold|retries|ceiling|patience)(_|$)"
)


@dataclass(frozen=True, slots=True)
class _Change:
    """One test file at base and at head."""

    path: str
    before: PythonFile
    after: PythonFile
    is_new: bool
    is_gone: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    """A function that is still there, perhaps elsewhere."""

    was: Unit
    was_in: _Change
    now: Unit
    now_in: _Change


@dataclass(frozen=True, slots=True)
class _Missing:
    """An assertion that a function no longer has."""

    claim: Claim
    kept: _Kept


def python_tests(pairs: Sequence[FilePair], unreadable: list[FilePair]) -> Iterator[Weakening]:
    """List what these Python test files make weaker; a test or an assertion that moved is none.

    Files whose old text is no Python go to `unreadable`, for whoever can compare them otherwise.
    """
    changes: list[_Change] = []
    for file in pairs:
        try:
            changes.append(_read(file, unreadable))
        except NotPython:
            if is_collected(file.path) or _was_python(file):
                kind = WeakeningKind.UNREADABLE
                yield found(
                    kind, file.path, 1, "no Python that can be read: nobody knows what it tests"
                )
    kept, removed, arrived = _followed(changes)
    yield from _removals(removed)
    for change in changes:
        yield from _of_file(change)
    missing: list[_Missing] = []
    pool = Counter(c.text for unit in arrived for c in unit.body.claims if c.rank)
    for one in kept:
        yield from _of_unit(one, missing, pool)
    for gone in missing:
        if pool[gone.claim.text] > 0:
            pool[gone.claim.text] -= 1
        else:
            unit = gone.kept.now
            message = (
                f"{excerpt(unit.name)} asserts less: what stood in line {gone.claim.line} is gone"
            )
            kind = WeakeningKind.ASSERTION_REMOVED
            yield found(kind, gone.kept.now_in.path, unit.line, message)


def _read(file: FilePair, unreadable: list[FilePair]) -> _Change:
    after = read_python(file.after)
    try:
        before = read_python(file.before)
    except NotPython:
        unreadable.append(file)
        before = PythonFile()
    return _Change(file.path, before, after, file.before is None, file.after is None)


def _was_python(file: FilePair) -> bool:
    if file.before is None:
        return False
    try:
        read_python(file.before)
    except NotPython:
        return False
    return True


def _followed(
    changes: Sequence[_Change],
) -> tuple[list[_Kept], list[tuple[_Change, Unit]], list[Unit]]:
    """Say of every function whether it stayed, moved, got another name, or is gone or new."""
    kept: list[_Kept] = []
    lost: list[tuple[_Change, Unit]] = []
    fresh: list[tuple[_Change, Unit]] = []
    for change in changes:
        for name, unit in change.before.units.items():
            now = change.after.units.get(name)
            if now is not None and (now.is_test or not unit.is_test):
                kept.append(_Kept(unit, change, now, change))
            elif unit.is_test:
                lost.append((change, unit))
        known = change.before.units
        fresh += [(change, u) for n, u in change.after.units.items() if n not in known]
    tests = [(change, unit) for change, unit in fresh if unit.is_test]
    moved, removed = _moved(lost, tests)
    taken = {id(one.now) for one in moved}
    return [*kept, *moved], removed, [u for _, u in fresh if id(u) not in taken]


def _moved(
    lost: list[tuple[_Change, Unit]], fresh: list[tuple[_Change, Unit]]
) -> tuple[list[_Kept], list[tuple[_Change, Unit]]]:
    """Find where lost tests went: the same body, then the same name, then all its assertions."""
    moved: list[_Kept] = []
    left = lost
    for key in (_body, _name, _claims):
        waiting: dict[str, list[tuple[_Change, Unit]]] = {}
        taken = {id(one.now) for one in moved}
        for change, unit in reversed(fresh):
            if left and id(unit) not in taken and (told := key(unit)):
                waiting.setdefault(told, []).append((change, unit))
        remaining: list[tuple[_Change, Unit]] = []
        for change, unit in left:
            candidates = waiting.get(key(unit), [])
            fit = [c for c in candidates if _is_as_good(change.path, c[0].path)]
            if fit:
                candidates.remove(fit[-1])
                moved.append(_Kept(unit, change, fit[-1][1], fit[-1][0]))
            else:
                remaining.append((change, unit))
        left = remaining
    return moved, left


def _body(unit: Unit) -> str:
    return unit.content


def _name(unit: Unit) -> str:
    return unit.node.name


def _claims(unit: Unit) -> str:
    return "\n".join(sorted(c.text for c in unit.body.claims if c.rank))


def _is_as_good(old: str, new: str) -> bool:
    """Tell whether a test that moved is still collected as far as paths tell."""
    folder = in_test_folder(new) or not in_test_folder(old)
    return folder and (is_collected(new) or not is_collected(old))


def _removals(removed: Iterable[tuple[_Change, Unit]]) -> Iterator[Weakening]:
    """Tell of tests that are gone: of a file or a class as one, where nothing of it is left."""
    kind = WeakeningKind.TEST_REMOVED
    groups: dict[tuple[str, str], list[Unit]] = {}
    for change, unit in removed:
        scope = unit.scopes[-1] if unit.scopes else ""
        whole = "<file>" if change.is_gone else scope if scope not in change.after.scopes else ""
        groups.setdefault((change.path, whole or unit.name), []).append(unit)
    for (path, name), units in groups.items():
        first = min(u.line for u in units)
        if name == "<file>":
            yield found(kind, path, 1, f"the file is gone, and with it {_tests(len(units))}")
        elif len(units) > 1 or name != units[0].name:
            message = f"{excerpt(name)} is gone, and with it {_tests(len(units))}"
            yield found(kind, path, first, message)
        else:
            yield found(kind, path, first, f"{excerpt(name)} is no longer collected as a test")


def _tests(count: int) -> str:
    return "1 test" if count == 1 else f"{count} tests"


def _of_file(change: _Change) -> Iterator[Weakening]:
    """Compare what holds for whole files and classes."""
    path, was, now = change.path, change.before, change.after
    is_conftest = name_of(path) == "conftest.py"
    for name, scope in now.scopes.items():
        old = was.scopes.get(name)
        if old is None or (change.is_new and not is_conftest):
            continue
        yield from _markers(path, name or "the file", old.markers, scope.markers)
        gone = {b for b in old.bases - scope.bases if "Test" in b}
        if any(not b.endswith("TestCase") for b in gone):
            message = f"{excerpt(name)} inherits no tests of {excerpt(', '.join(sorted(gone)))}"
            yield found(WeakeningKind.TEST_REMOVED, path, scope.line, message)
    for text in now.ignored.keys() - was.ignored.keys():
        message = f"{excerpt(text)} is not collected any more"
        yield found(WeakeningKind.TEST_SKIPPED, path, now.ignored[text], message)
    for name, unit in now.units.items():
        known = was.units.get(name)
        if told := hook_weakening(known, unit):
            yield found(told, path, unit.line, f"{excerpt(name)} may leave out or rewrite tests")
        elif known is None and not unit.is_test and (is_conftest or not change.is_new):
            yield from _markers(path, name, [], unit.markers())
    yield from _constants(change)


def _constants(change: _Change) -> Iterator[Weakening]:
    was, now = change.before.named, change.after.named
    for name in was.keys() & now.keys():
        a, b = number_of(was[name]), number_of(now[name])
        if a is None or b is None or a == b:
            continue
        if (b > a and _MOST.search(name)) or (b < a and _LEAST.search(name)):
            message = f"{excerpt(name)} went from {a:g} to {b:g}"
            kind = WeakeningKind.THRESHOLD_LOWERED
            yield found(kind, change.path, change.after.lines[name], message)


def _markers(
    path: str, name: str, before: Sequence[Marker], after: Sequence[Marker]
) -> Iterator[Weakening]:
    for marker in gained(before, after):
        message = f"{excerpt(name)} may be left out or fail: {excerpt(marker.word)}"
        yield found(marker.kind, path, marker.line, message)


def _of_unit(kept: _Kept, missing: list[_Missing], pool: Counter[str]) -> Iterator[Weakening]:
    """Compare a function with what it was; assertions that are gone are put aside."""
    was, now, path = kept.was, kept.now, kept.now_in.path
    yield from _cases(kept)
    moved = kept.was_in is not kept.now_in or was.scopes != now.scopes
    if was.source == now.source and not moved:
        return
    before, after = was.markers(), now.markers()
    if moved:
        before, after = (
            before + kept.was_in.before.around(was),
            after + kept.now_in.after.around(now),
        )
    yield from _markers(path, now.name, before, after)
    name = excerpt(now.name)
    if now.is_test and len(now.guards) > len(was.guards):
        yield found(WeakeningKind.TEST_SKIPPED, path, now.line, f"{name} depends on a condition")
    if now.is_test and now.body.yields > was.body.yields:
        yield found(WeakeningKind.TEST_SKIPPED, path, now.line, f"{name} yields: it does not run")
    paired = pair(was.body.claims, now.body.claims)
    for weaker in paired.weaker:
        yield found(weaker.kind, path, weaker.line, f"{name}: {weaker.message}")
    pool.update(c.text for c in paired.spare)
    if not _grew(kept):
        missing += [_Missing(claim, kept) for claim in paired.gone]
    if was.body.acts and not now.body.acts and not was.body.claims:
        yield found(
            WeakeningKind.ASSERTION_REMOVED, path, now.line, f"{name} does nothing any more"
        )
    yield from _numbers(kept)


def _grew(kept: _Kept) -> bool:
    """Tell whether assertions may have become cases: there are more of these, and one asserts."""
    was, now = _product(kept.was), _product(kept.now)
    return now > was and any(c.rank for c in kept.now.body.claims)


def _product(unit: Unit) -> int:
    product = 1
    for count in unit.cases().values():
        product *= 1 if count is None else count
    return product


def _cases(kept: _Kept) -> Iterator[Weakening]:
    was, now = kept.was.cases(), kept.now.cases()
    known = None not in (*was.values(), *now.values())
    if was == now or (known and _product(kept.now) >= _product(kept.was)):
        return
    for what, count in was.items():
        left = now.get(what, 1)
        if count is not None and left is not None and left < count:
            message = f"{excerpt(kept.now.name)} has {left} of {count} cases"
            kind = WeakeningKind.TEST_REMOVED
            yield found(kind, kept.now_in.path, kept.now.line, message)


def _numbers(kept: _Kept) -> Iterator[Weakening]:
    was, now = kept.was.numbers(), kept.now.numbers()
    for name in was.keys() & now.keys():
        sides = zip(sorted(was[name]), sorted(now[name]), strict=False)
        a, b = next(((a, b) for a, b in sides if a != b), (0.0, 0.0))
        if (b < a) if name in EFFORT else (b > a):
            message = f"{excerpt(kept.now.name)}: {name} went from {a:g} to {b:g}"
            kind = WeakeningKind.THRESHOLD_LOWERED
            yield found(kind, kept.now_in.path, kept.now.line, message)
