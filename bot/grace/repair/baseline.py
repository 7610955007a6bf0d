"""What the tests say before any change: which fail, how long they take, which lines they run."""

import math
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from grace.repair.link import Ask, Link, Result
from grace.repair.wanted import RepairError

BROKEN = frozenset({"f", "t", "c"})
# The longest that a test may take at first, in processor seconds, and the shortest limit.
FIRST_LIMIT, LEAST_LIMIT = 10.0, 0.03
# A candidate may take so many times what the code took before.
TIMES = 8.0
# What timed out before may only have been slow: it gets so long when all else passes.
SLOW = 2.0
# How many tests of each kind are traced, and how many that never end are waited for.
TRACED_FAILING, TRACED_PASSING, HANGING = 12, 40, 3
# Where an exception came through is likelier to be wrong, by this factor.
BLAME = 1.25
# What ran at import, for all tests alike, is suspicious by so much.
OUTSIDE = 0.3
# The first run of all tests may take such a share of the time.
RUN_SHARE = 0.5
MOST_LINES = 400


@dataclass(slots=True)
class Baseline:
    """The tests of the search, those held back, and what was learnt of the code.

    `lines`: how suspicious a line is, by file and line, from 0 to 1. `types`: the names of the
    types that variables had, by `file:first line of the code`, then by variable. `imported`: lines
    that ran at import. `alone`: whether a test says the same when it runs alone.
    """

    seen: list[str] = field(default_factory=list)
    failing: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    walls: dict[str, float] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    lines: dict[tuple[str, int], float] = field(default_factory=dict)
    types: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    imported: dict[str, set[int]] = field(default_factory=dict)
    longest: float = FIRST_LIMIT
    alone: dict[str, bool] = field(default_factory=dict)

    def limit(self, test: str, times: float = 1.0) -> float:
        """How much processor time a candidate gets for a test."""
        if self.statuses[test] == "p":
            took = self.seconds[test]
        else:
            file = test.partition("::")[0]
            near = [
                self.seconds[t]
                for t, status in self.statuses.items()
                if status == "p" and t.partition("::")[0] == file
            ]
            took = max([*near, self.seconds[test] if self.statuses[test] == "f" else 0.0, 0.0025])
        allowed = (LEAST_LIMIT + TIMES * took) * times
        if self.statuses[test] == "t" and times > 1:
            allowed = max(allowed, SLOW)
        return min(allowed, self.longest)


def measure(link: Link, held_back: float, seed: int, limit_s: float) -> Baseline:
    """Run every test on the code as it is; RepairError where there is nothing to repair."""
    tests = [test["id"] for test in link.collected["tests"] if not test["xfail"]]
    if not tests:
        errors = link.collected["errors"]
        why = f": {errors[0].strip()[-400:]}" if errors else "."
        raise RepairError(f"The test command finds no test that could be run{why}")
    base = Baseline(longest=max(SLOW, limit_s / 10))
    _run_all(link, tests, base, limit_s)
    broken = [test for test in tests if base.statuses[test] in BROKEN]
    if not broken:
        raise RepairError("No test fails, so there is nothing to repair.")
    _hold_back(base, tests, held_back, seed)
    _trace(link, base, limit_s)
    return base


def _run_all(link: Link, tests: list[str], base: Baseline, limit_s: float) -> None:
    """Run the tests in order, in as few children as there are tests that end one."""
    rest, hung = list(tests), 0
    until = time.monotonic() + limit_s * RUN_SHARE
    allowed = min(FIRST_LIMIT, limit_s / 40)
    while rest:
        known = [base.seconds[t] for t in tests if base.statuses.get(t) == "p"]
        usual = max(0.3, 20 * median(known)) if known else 0.3
        limit = max(usual, allowed / 4**hung) if hung < HANGING else usual
        wall = max(0.1, until - time.monotonic())
        results = link.ask(Ask(tuple(rest), (limit,) * len(rest), wall, stop=False)).results
        if time.monotonic() >= until:
            raise RepairError(
                f"Running the tests once takes more than half of {limit_s:.0f} s: "
                "name fewer tests, or give it more time."
            )
        for test, result in zip(rest, results, strict=False):
            _note(base, test, result)
        hung += bool(results) and results[-1].status == "t"
        if not results:
            raise RepairError("The tests cannot be run one after another in a child process.")
        rest = rest[len(results) :]


def _note(base: Baseline, test: str, result: Result) -> None:
    base.statuses[test] = result.status
    base.seconds[test] = result.seconds
    base.walls[test] = result.wall
    base.errors[test] = result.error
    for place in result.blamed:
        base.lines.setdefault(place, 0.0)


def _hold_back(base: Baseline, tests: list[str], share: float, seed: int) -> None:
    """Split the tests; at least one that fails is always seen."""
    chosen: set[str] = set()
    order = random.Random(seed)  # noqa: S311 - a split that can be repeated, and no secret
    for wanted in ("p", "failing"):
        kind = [t for t in tests if (base.statuses[t] == "p") == (wanted == "p")]
        kind = [t for t in kind if base.statuses[t] != "s"]
        count = round(len(kind) * share)
        if wanted == "failing":
            count = min(max(count, 1 if share and len(kind) > 1 else 0), len(kind) - 1)
        chosen |= set(order.sample(kind, count))
    base.held = [t for t in tests if t in chosen]
    base.seen = [t for t in tests if t not in chosen and base.statuses[t] != "s"]
    base.failing = [t for t in base.seen if base.statuses[t] in BROKEN]
    # What ends quickly says first whether a candidate is worth more time.
    base.failing.sort(key=lambda t: (base.statuses[t] != "f", base.seconds[t]))


def _trace(link: Link, base: Baseline, limit_s: float) -> None:
    """Run tests alone with a trace, and rank lines by Ochiai's coefficient.

    Abreu, Zoeteweij, van Gemund: On the accuracy of spectrum-based fault localization (2007):
    failed(line) / sqrt(all failed * (failed(line) + passed(line))).
    """
    passing = [t for t in base.seen if base.statuses[t] == "p"]
    step = max(1, math.ceil(len(passing) / TRACED_PASSING))
    failed: dict[tuple[str, int], int] = {}
    passed: dict[tuple[str, int], int] = {}
    blamed = set(base.lines)
    hanging = [t for t in base.failing if base.statuses[t] == "t"][HANGING:]
    traced = [t for t in base.failing if t not in hanging][:TRACED_FAILING]
    quick = sorted(passing[::step], key=lambda test: base.seconds[test])
    count, until = 0, time.monotonic() + limit_s / 8
    for test in [*traced, *quick]:
        if time.monotonic() > until and failed:
            break
        broken = base.statuses[test] in BROKEN
        count += broken
        watched = _traced(link, base, test, limit_s)
        counts = failed if broken else passed
        for file, lines in watched.get("lines", {}).items():
            for line in lines:
                counts[file, line] = counts.get((file, line), 0) + 1
        for where, names in watched.get("types", {}).items():
            known = base.types.setdefault(where, {})
            for name, kinds in names.items():
                known.setdefault(name, set()).update(kinds)
    base.lines = {
        place: _ochiai(times, passed.get(place, 0), count) for place, times in failed.items()
    }
    for place in blamed & set(base.lines):
        base.lines[place] = min(1.0, base.lines[place] * BLAME)
    _import(link, base)


def _traced(link: Link, base: Baseline, test: str, limit_s: float) -> dict[str, Any]:
    """Run a test alone with a trace; with those before it, if it says nothing by itself."""
    limit = min(0.3 + 30 * base.seconds[test], limit_s / 20)
    answer = link.ask(Ask((test,), (limit,), 10 + 10 * limit + 5 * base.walls[test], trace=True))
    status = answer.results[0].status if answer.results else "c"
    same = (status in BROKEN) == (base.statuses[test] in BROKEN)
    watched = answer.watch or {}
    base.alone[test] = same and bool(watched.get("lines") or status not in BROKEN)
    if base.alone[test]:
        return watched
    tests = tuple(base.seen[: base.seen.index(test) + 1])
    limits = tuple(0.5 + 30 * base.seconds[t] for t in tests)
    ask = Ask(
        tests, limits, 10 + sum(limits) + 5 * sum(base.walls.values()), stop=False, trace=True
    )
    return link.ask(ask).watch or watched


def _import(link: Link, base: Baseline) -> None:
    """Suspect a little what ran at import, in the files that the failing tests run."""
    base.imported = {file: set(lines) for file, lines in link.collected["lines"].items()}
    for file in {file for file, _ in base.lines}:
        for line in base.imported.get(file, ()):
            base.lines.setdefault((file, line), OUTSIDE)


def _ochiai(failed: int, passed: int, all_failed: int) -> float:
    return failed / math.sqrt(all_failed * (failed + passed))


def suspicious(base: Baseline, files: Iterable[str]) -> dict[str, dict[int, float]]:
    """Group the most suspicious lines by file, for the files that may be changed."""
    found: dict[str, dict[int, float]] = {file: {} for file in files}
    ranked = sorted(base.lines.items(), key=lambda item: (-item[1], item[0]))
    for (file, line), score in [one for one in ranked if one[0][0] in found][:MOST_LINES]:
        if score > 0:
            found[file][line] = score
    return {file: lines for file, lines in found.items() if lines}
