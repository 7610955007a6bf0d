"""Find what a change makes weaker: tests, thresholds, checks, workflows and policy.

Python tests are read by their syntax tree, all else by pattern. What moved is not weaker; what
cannot be read is a finding of its own, for nobody knows what it says.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from grace.domain.weakened.commands import relaxed_commands, relaxed_recipes
from grace.domain.weakened.patterns import pattern_tests
from grace.domain.weakened.places import Place, place_of
from grace.domain.weakened.python_tests import python_tests
from grace.domain.weakened.report import first_change, found, numbered
from grace.domain.weakened.settings import settings
from grace.domain.weakened.suppressions import suppressions
from grace.domain.weakened.tongues import tongue_of
from grace.domain.weakening import FilePair, Weakening, WeakeningKind

# What is read of one change, in characters; the rest is as good as unreadable.
MAX_READ: Final = 12_000_000
MAX_FILE: Final = 1_000_000


def weakened(pairs: Sequence[FilePair]) -> tuple[Weakening, ...]:
    """List what these changes weaken, ordered by file and line."""
    findings = set(_all(pairs))
    return tuple(sorted(findings, key=lambda f: (f.file, f.line, f.kind, f.message)))


def _all(pairs: Sequence[FilePair]) -> Iterator[Weakening]:
    readable: list[tuple[FilePair, Place]] = []
    budget = MAX_READ
    for file in pairs:
        place = place_of(file.path)
        size = len(file.before or "") + len(file.after or "")
        if file.readable and size <= min(budget, MAX_FILE):
            budget -= size
            if file.before != file.after:
                readable.append((file, place))
        else:
            yield from _unreadable(file, place)
    files = [file for file, _ in readable]
    python = [file for file, place in readable if place is Place.PYTHON_TEST]
    was_no_python: list[FilePair] = []
    yield from python_tests(python, was_no_python)
    yield from pattern_tests(files, was_no_python)
    yield from settings([file for file, place in readable if place is Place.SETTINGS])
    yield from suppressions(files)
    for file, place in readable:
        yield from _of_place(file, place)


def _unreadable(file: FilePair, place: Place) -> Iterator[Weakening]:
    """Say that nobody knows what a file weakens that could have weakened something."""
    if place is not Place.OTHER or tongue_of(file.path) is not None:
        message = "cannot be read as text of a bearable size: nobody knows what it weakens"
        yield found(WeakeningKind.UNREADABLE, file.path, 1, message)
    yield from _edited(file, place)


def _of_place(file: FilePair, place: Place) -> Iterator[Weakening]:
    """Judge a file by what it is for."""
    yield from _edited(file, place)
    is_makefile = place is Place.COMMANDS and "akefile" in file.path
    if place not in {Place.WORKFLOW, Place.COMMANDS}:
        return
    before, after = list(_code(file.before)), list(_code(file.after))
    told = [
        *relaxed_commands(before, after),
        *(relaxed_recipes(before, after) if is_makefile else ()),
    ]
    for kind, line, message in told:
        yield found(kind, file.path, line, message)


def _code(text: str | None) -> Iterator[tuple[int, str]]:
    return ((n, line) for n, line in numbered(text) if not line.startswith(("#", "//")))


def _edited(file: FilePair, place: Place) -> Iterator[Weakening]:
    line = first_change(file.before, file.after)
    match place:
        case Place.WORKFLOW:
            message = "a workflow or an action is edited: it decides what is checked"
            yield found(WeakeningKind.WORKFLOW_EDITED, file.path, line, message)
        case Place.POLICY:
            message = "policy is edited: it decides what is asked of changes"
            yield found(WeakeningKind.POLICY_EDITED, file.path, line, message)
        case Place.LOAD_TEST if file.before is not None or not file.readable:
            if not _says_the_same(file):
                message = "a load test is edited: it decides what stress runs measure"
                yield found(WeakeningKind.POLICY_EDITED, file.path, line, message)
        case Place.STARTUP if file.after is not None or not file.readable:
            message = "Python runs this file before every test"
            yield found(WeakeningKind.CHECK_RELAXED, file.path, line, message)
        case _:
            return


def _says_the_same(file: FilePair) -> bool:
    """Tell whether nothing but blank lines and whole lines of comment changed."""
    return file.readable and [t for _, t in _code(file.before)] == [t for _, t in _code(file.after)]
