"""The search: which candidates are tried in which order, and when it is enough."""

import heapq
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from grace.repair.baseline import Baseline
from grace.repair.source import Candidate, Edit, Source, candidate
from grace.repair.templates import edits
from grace.repair.trying import Bench

# After the first plausible patch others are sought that are not much less likely, for a while.
NEAR, GRACE_SHARE, GRACE_LEAST = 0.8, 0.25, 2.0
# How far single edits may go before what timed out and pairs get their share of the time.
SINGLES_SHARE = 0.7
PARTIALS, OTHERS, CHEAP = 25, 400, 120
LONGER = 8.0
# What a patch gains, among those that pass, for each unit of oddity that it takes away.
PLAINER = 0.5


@dataclass(frozen=True, slots=True, order=True)
class Plan:
    """Edits to try together, ordered by cost."""

    cost: float
    number: int
    path: str = field(compare=False)
    edits: tuple[Edit, ...] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Plausible:
    """A candidate that passes all that the search sees, and how it does on what was held back."""

    plan: Plan
    candidate: Candidate
    held_back: tuple[int, int]

    @property
    def holds(self) -> bool:
        return self.held_back[0] == self.held_back[1]


@dataclass
class Search:
    """One search over the files of a baseline. `until` is on the clock of `time.monotonic`."""

    sources: Mapping[str, Source]
    lines: Mapping[str, Mapping[int, float]]
    base: Baseline
    until: float
    pairs: bool = True
    clock: Callable[[], float] = time.monotonic
    tried: int = 0
    found: list[Plausible] = field(default_factory=list)
    _odd: list[Plan] = field(default_factory=list)
    _seen: set[tuple[str, int, str]] = field(default_factory=set)
    _partial: list[tuple[float, float, Plan]] = field(default_factory=list)
    _timed_out: list[Plan] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ahead: Plan | None = None
    _begun: float = 0.0
    _enough: float | None = None

    def run(self, benches: list[Bench]) -> None:
        """Try single edits, then again what took too long, then pairs, until it is enough."""
        self._begun = self.clock()
        singles = sorted(self._singles())
        share = self._begun + (self.until - self._begun) * (SINGLES_SHARE if self.pairs else 1.0)
        self._all(benches, iter(singles), 1.0, share)
        if not self._done(self.until):
            self._seen.clear()
            self._all(benches, iter(sorted(self._timed_out)[:200]), LONGER, self.until)
        if self.pairs and not self._done(self.until):
            self._all(benches, self._pairs(singles), 1.0, self.until)

    def _singles(self) -> Iterator[Plan]:
        number = 0
        for path, lines in self.lines.items():
            for edit in edits(self.sources[path], lines, self.base.types):
                number += 1
                yield Plan(edit.cost, number, path, (edit,))

    def _pairs(self, singles: list[Plan]) -> Iterator[Plan]:
        """Halves that mended something with likely others; then likely ones with likely ones."""
        number = len(singles)
        halves = [plan for _, _, plan in sorted(self._partial)[:PARTIALS]]
        first = [self._both(a, b) for a in halves for b in singles[:OTHERS]]
        cheap = singles[:CHEAP]
        rest = [self._both(a, b) for i, a in enumerate(cheap) for b in cheap[i + 1 :]]
        for made in (first, rest):
            plans = [plan for plan in made if plan is not None]
            heapq.heapify(plans)
            while plans:
                number += 1
                yield heapq.heappop(plans)

    @staticmethod
    def _both(a: Plan, b: Plan) -> Plan | None:
        (one,), (two,) = a.edits, b.edits
        apart = one.end <= two.start or two.end <= one.start
        same = (one.start, one.end) == (two.start, two.end)
        if a.path != b.path or not apart or same:
            return None
        return Plan(a.cost + b.cost, max(a.number, b.number), a.path, (one, two))

    def _done(self, until: float) -> bool:
        now = self.clock()
        return now >= until or (self._enough is not None and now >= self._enough)

    def _all(self, benches: list[Bench], plans: Iterator[Plan], times: float, until: float) -> None:
        """Let every bench take plans until they are used up or it is enough."""
        errors: list[BaseException] = []
        self._ahead, self._odd = None, []

        def work(bench: Bench) -> None:
            try:
                while (taken := self._take(plans, until)) is not None:
                    self._try(bench, *taken, times)
            except BaseException as error:  # noqa: BLE001 - raised again by the one who waits
                errors.append(error)

        threads = [threading.Thread(target=work, args=(bench,)) for bench in benches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def _take(self, plans: Iterator[Plan], until: float) -> tuple[Plan, Candidate] | None:
        with self._lock:
            while not self._done(until):
                plan, weighed = self._next(plans)
                if plan is None or self._unlikely(plan):
                    return None
                made = candidate(self.sources[plan.path], plan.edits)
                if made is None or made.key in self._seen:
                    continue
                if made.oddity > 0 and not weighed:
                    heapq.heappush(self._odd, replace(plan, cost=plan.cost + made.oddity))
                    continue
                self._seen.add(made.key)
                self.tried += 1
                return plan, made
            return None

    def _next(self, plans: Iterator[Plan]) -> tuple[Plan | None, bool]:
        """The cheapest plan, and whether its oddity is in its cost already."""
        if self._ahead is None:
            self._ahead = next(plans, None)
        if self._odd and (self._ahead is None or self._odd[0] < self._ahead):
            return heapq.heappop(self._odd), True
        plan, self._ahead = self._ahead, None
        return plan, False

    def _unlikely(self, plan: Plan) -> bool:
        """Say whether a patch was found that is much likelier than this one can be."""
        held = [found.plan.cost for found in self.found if found.holds]
        return bool(held) and plan.cost > min(held) + NEAR

    def _try(self, bench: Bench, plan: Plan, made: Candidate, times: float) -> None:
        tried = bench.try_candidate(made, times)
        if tried.passed:
            weighed = replace(plan, cost=plan.cost + PLAINER * min(0.0, made.oddity))
            self._note(Plausible(weighed, made, bench.held_back(made)))
        elif len(plan.edits) == 1:
            with self._lock:
                if tried.timed_out and times == 1.0:
                    self._timed_out.append(plan)
                if tried.share > 0:
                    heapq.heappush(self._partial, (-tried.share, plan.cost, plan))

    def _note(self, plausible: Plausible) -> None:
        with self._lock:
            self.found.append(plausible)
            if plausible.holds and self._enough is None:
                now = self.clock()
                self._enough = now + max(GRACE_LEAST, GRACE_SHARE * (now - self._begun))

    def ranked(self) -> list[Plausible]:
        """The plausible ones, likeliest first."""
        return sorted(self.found, key=lambda found: found.plan)
