"""Try candidates: write the file, run the tests in a child, put the file back."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grace.repair.baseline import BROKEN, Baseline
from grace.repair.link import Answer, Ask, Link, Place, Swap
from grace.repair.source import Candidate, Source

# So many failing tests are asked first, and all of them: what mends some may be half of a patch.
ASKED_FIRST = 3
# A test that takes longer is not asked first, unless all do.
QUICK = 0.05
# What passes those gets more time for the others.
PATIENT = 3.0
# Importing the tests anew may take so many seconds.
FRESH_WALL = 60.0


@dataclass(frozen=True, slots=True)
class Tried:
    """How a candidate did: whether all passed, which share of those asked first, time-outs."""

    passed: bool
    share: float = 0.0
    timed_out: bool = False


@dataclass(slots=True)
class Bench:
    """One worker's copy of the checkout with its fork servers."""

    place: Place
    base: Baseline
    sources: dict[str, Source]
    link: Link
    fresh: Link | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def try_candidate(self, candidate: Candidate, times: float = 1.0) -> Tried:
        """Run the failing tests, and if those pass all that the search sees, in their order."""
        first = self._first()
        share = 1.0
        if first:
            answer = self.run(candidate, first, times, stop=False)
            statuses = [result.status for result in answer.results]
            passed = sum(status not in BROKEN for status in statuses)
            share = passed / len(first)
            if passed < len(first):
                return Tried(passed=False, share=share, timed_out="t" in statuses)
        answer = self.run(candidate, self.base.seen, times * PATIENT)
        statuses = [result.status for result in answer.results]
        whole = len(statuses) == len(self.base.seen)
        passed_all = whole and not BROKEN.intersection(statuses)
        return Tried(passed_all, share, "t" in statuses)

    def held_back(self, candidate: Candidate) -> tuple[int, int]:
        """Run the tests that the search did not see: how many pass, of how many."""
        passed = 0
        rest = list(self.base.held)
        while rest:
            results = self.run(candidate, rest, 8.0, stop=False).results
            passed += sum(result.status not in BROKEN for result in results)
            rest = rest[max(1, len(results)) :]
        return passed, len(self.base.held)

    def _first(self) -> list[str]:
        failing = [t for t in self.base.failing if self.base.alone.get(t, True)]
        if not failing:
            return []
        fastest = self.base.seconds[failing[0]]
        quick = [t for t in failing if self.base.seconds[t] <= max(QUICK, 3 * fastest)]
        # What ended before tells more, and sooner, than what never did.
        quick = [t for t in quick if self.base.statuses[t] == "f"] or quick[:2]
        if len(quick) <= ASKED_FIRST:
            return quick
        return [quick[0], quick[len(quick) // 2], quick[-1]]

    def run(
        self, candidate: Candidate, tests: Sequence[str], times: float = 1.0, *, stop: bool = True
    ) -> Answer:
        """Run tests with the candidate in place."""
        limits = tuple(self.base.limit(test, times) for test in tests)
        wall = 5.0 + 6 * sum(sorted(limits)[-3:]) + 3 * sum(self.base.walls[t] for t in tests)
        ask = Ask(tuple(tests), limits, wall, None, stop)
        path = Path(self.place.copy, candidate.path)
        source = self.sources[candidate.path]
        path.write_bytes(candidate.text.encode())
        try:
            if candidate.swap is not None and not self._ran_at_import(candidate):
                name, first = candidate.swap
                unit = Swap(
                    candidate.path, name, first, candidate.unit, candidate.unit_line, source.flags
                )
                answer = self.link.ask(Ask(ask.tests, limits, wall, unit, stop))
                if not answer.refused:
                    return answer
            return self._fresh().ask(Ask(ask.tests, limits, wall + FRESH_WALL, None, stop))
        finally:
            path.write_bytes(source.text.encode())

    def _ran_at_import(self, candidate: Candidate) -> bool:
        """Say whether the function ran when tests were collected: its results are kept there."""
        assert candidate.swap is not None
        ran = self.base.imported.get(candidate.path, set())
        return any(
            function.name == candidate.swap[0]
            and not ran.isdisjoint(range(function.body[0].lineno, (function.end_lineno or 0) + 1))
            for function in self.sources[candidate.path].functions
        )

    def _fresh(self) -> Link:
        if self.fresh is None:
            self.fresh = Link(self.place, fresh=True)
            self.fresh.start()
        return self.fresh

    def close(self) -> None:
        self.link.close()
        if self.fresh is not None:
            self.fresh.close()
