"""One repair from the test command to the diff."""

import difflib
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from grace.repair.baseline import Baseline, measure, suspicious
from grace.repair.command import Command, read_command
from grace.repair.final import passes
from grace.repair.link import Link, Place
from grace.repair.search import Plausible, Search
from grace.repair.source import Source, text_lines
from grace.repair.tree import copy_tree, import_paths, suspects
from grace.repair.trying import Bench
from grace.repair.wanted import NoPatch, Repaired, RepairError, RepairWanted


def repair(wanted: RepairWanted) -> Repaired | NoPatch:
    """Search a patch that makes the test command pass. The checkout itself is not changed.

    What keeps it from beginning is a NoPatch with a sentence too.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="repair-") as temp:
        try:
            ended = _repair(wanted, Path(temp).resolve(), started)
        except RepairError as wrong:
            ended = NoPatch(str(wrong))
    return replace(ended, seconds=round(time.monotonic() - started, 2))


def _repair(wanted: RepairWanted, temp: Path, started: float) -> Repaired | NoPatch:
    root = wanted.root.resolve()
    if not root.is_dir():
        raise RepairError(f"There is no folder {wanted.root}.")
    command = read_command(wanted.test, root)
    files = suspects(root, wanted.files)
    place = _place(root, temp, command, files)
    with _linked(place) as link:
        base = measure(link, wanted.held_back, wanted.seed, wanted.limit_s)
        lines = suspicious(base, files)
        sources = _sources(place.copy, lines)
        if not sources:
            raise RepairError(_nowhere(base, link))
        search = Search(sources, lines, base, started + wanted.limit_s, wanted.pairs)
        benches = [Bench(place, base, sources, link)]
        try:
            benches += _more(wanted.workers - 1, place, base, sources)
            search.run(benches)
            return _ended(search, command, place)
        finally:
            for bench in benches:
                bench.close()


def _place(root: Path, temp: Path, command: Command, files: tuple[str, ...]) -> Place:
    paths = import_paths(command.python, root)
    copy = temp / "0" / root.name
    copy.parent.mkdir()
    copy_tree(root, copy)
    if command.from_folder:
        paths = (*paths, ".")
    return Place(copy, temp, command.python, command.arguments, paths, files)


@contextmanager
def _linked(place: Place) -> Iterator[Link]:
    link = Link(place)
    try:
        link.start()
        yield link
    finally:
        link.close()


def _more(count: int, place: Place, base: Baseline, sources: dict[str, Source]) -> list[Bench]:
    """Make benches with copies of their own."""
    made = []
    for number in range(1, count + 1):
        copy = place.temp / str(number) / place.copy.name
        copy.parent.mkdir()
        shutil.copytree(place.copy, copy, symlinks=True)
        own = replace(place, copy=copy)
        link = Link(own)
        link.start()
        made.append(Bench(own, base, sources, link))
    return made


def _sources(root: Path, lines: dict[str, dict[int, float]]) -> dict[str, Source]:
    found = {}
    for file in lines:
        try:
            found[file] = Source(file, (root / file).read_bytes().decode())
        except (SyntaxError, ValueError):
            continue
    return found


def _nowhere(base: Baseline, link: Link) -> str:
    names = ", ".join(base.failing[:3])
    loaded = [f for f in link.collected["files"] if not f.startswith("..")]
    why = (
        "no file that may be changed is run by them"
        if loaded
        else "nothing of the checkout is imported by them"
    )
    return f"The failing tests ({names}) cannot be traced to code: {why}."


def _ended(search: Search, command: Command, place: Place) -> Repaired | NoPatch:
    """Take the likeliest patch that also passes the held-back tests and the command itself."""
    ranked = search.ranked()
    refused = sum(not found.holds for found in ranked)
    failed_whole = 0
    for found in ranked:
        if not found.holds:
            continue
        if passes(found.candidate, command, place, search.base):
            return _repaired(search, ranked, found, refused)
        failed_whole += 1
    tried = f"{search.tried} edits at {sum(map(len, search.lines.values()))} lines were tried"
    if refused or failed_whole:
        told = f"{tried}. Of those that pass what the search saw, {refused} fail a held-back test"
        if failed_whole:
            told += f" and {failed_whole} the whole command"
        return NoPatch(f"{told}.", search.tried, 0.0, refused)
    return NoPatch(f"{tried}, and none makes the tests pass.", search.tried)


def _repaired(search: Search, ranked: list[Plausible], found: Plausible, refused: int) -> Repaired:
    source = search.sources[found.candidate.path]
    edits = found.plan.edits
    templates = " and ".join(f"{e.template} at {source.path}:{e.line}" for e in edits)
    passed, total = found.held_back
    held = f"{passed} of {total} held-back tests" if total else "no test was held back"
    seen = len(search.base.seen)
    said = [
        f"A plausible patch, found by trying edits: {templates}.",
        f"{seen} of {seen} tests that the search saw pass, {held}"
        + (" pass" if total else "")
        + f"; {search.tried} edits were tried.",
    ]
    if refused:
        said.append(f"{refused} other edits pass what the search saw and fail a held-back test.")
    others = sum(f.holds for f in ranked) - 1
    if others:
        said.append(f"{others} less likely edits pass everything too, so read it with care.")
    return Repaired(
        diff=unified(source.path, source.text, found.candidate.text),
        rationale=" ".join(said),
        tried=search.tried,
        seconds=0.0,
        held_back=found.held_back,
        overfit=False if total else None,
        template=" + ".join(e.template for e in edits),
        plausible=others + 1,
        refused=refused,
        first_refused=not ranked[0].holds,
    )


def unified(path: str, before: str, after: str) -> str:
    """Write a diff that git applies, also where a file has no newline at its end."""
    lines = difflib.unified_diff(text_lines(before), text_lines(after), f"a/{path}", f"b/{path}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
