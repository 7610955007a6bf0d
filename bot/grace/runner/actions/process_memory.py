"""The memory of processes and their children, and whether it grows for good."""

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from grace.domain.playbooks.action import ActionSpec, Scalar
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.service_identity import identify_target, members_of
from grace.runner.actions.service_target import Notes, Reading, limit, number, spec_of

_MB = 1_000_000
_HOUR = 3600
# A trend of the Mann-Kendall test that one steady series in 200 shows by chance.
_CERTAIN = 2.58


def rss_mb(pid: int | None) -> float:
    """Sum the resident memory of a process and all below it, in MB of 1,000,000 bytes."""
    if pid is None:
        return 0.0
    try:
        top = psutil.Process(pid)
        tree = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    total = 0
    for each in tree:
        try:
            total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / _MB


@dataclass(frozen=True, slots=True)
class Trend:
    """`slope`: the median of the slopes between all pairs (Theil and Sen), in units a second.

    `certainty`: the z of the Mann-Kendall test, positive for growth.
    """

    slope: float
    certainty: float

    @property
    def grows(self) -> bool:
        return self.slope > 0 and self.certainty >= _CERTAIN


def trend_of(times: Sequence[float], values: Sequence[float]) -> Trend:
    """Estimate a trend that outliers and one-off jumps do not make; at least two samples.

    H. Theil, 1950; P. K. Sen, 1968; H. B. Mann, 1945; M. G. Kendall, 1975, with ties.
    """
    pairs = [
        (times[later] - times[earlier], values[later] - values[earlier])
        for earlier in range(len(values))
        for later in range(earlier + 1, len(values))
    ]
    slope = statistics.median(rise / run for run, rise in pairs if run > 0)
    score = sum((rise > 0) - (rise < 0) for _, rise in pairs)
    count = len(values)
    ties = [values.count(value) for value in set(values)]
    variance = (
        count * (count - 1) * (2 * count + 5)
        - sum(tied * (tied - 1) * (2 * tied + 5) for tied in ties)
    ) / 18
    if variance <= 0 or score == 0:
        return Trend(slope, 0.0)
    return Trend(slope, (score - math.copysign(1, score)) / math.sqrt(variance))


class Memory(Reading):
    """Measure once; well when each member is below the bound."""

    spec: ActionSpec = spec_of("process.memory")

    def identify(self, situation: Situation) -> None:
        identify_target(situation)

    def look(self, situation: Situation) -> Found:
        most = limit(situation, "max_mb", "max_rss_mb")
        sizes = {name: rss_mb(pid) for name, pid in _processes(situation).items()}
        name, largest = max(sizes.items(), key=lambda each: each[1])
        holds = largest <= most
        bound = "at most" if holds else "it should be at most"
        words = f"{name} uses {largest:.0f} MB; {bound} {most:g} MB"
        values: dict[str, Scalar] = {
            "largest_mb": round(largest, 1),
            "rss_mb": round(sum(sizes.values()), 1),
        }
        return Found(holds=holds, sentence=words, values=values)


class Leak:
    """Watch a series; where nothing grows the step fails, so that no restart hides a mistake."""

    spec: ActionSpec = spec_of("process.leak")

    def identify(self, situation: Situation) -> None:
        identify_target(situation)

    def look(self, situation: Situation) -> Found:
        names = ", ".join(_processes(situation))
        seconds = number(situation, "seconds")
        return Found(holds=False, sentence=f"would watch {names} for {seconds:g} s")

    def act(self, situation: Situation) -> Found:
        pids = _processes(situation)
        times, series = self._watch(situation, pids)
        trends = {name: trend_of(times, values) for name, values in series.items()}
        name, worst = max(trends.items(), key=lambda each: each[1].slope)
        hourly = worst.slope * _HOUR
        least = number(situation, "min_mb_per_hour")
        leaking = worst.grows and hourly >= least
        words = (
            f"{name} grows by {hourly:.0f} MB an hour (Theil-Sen over {len(times)} samples, "
            f"Mann-Kendall z {worst.certainty:.1f})"
        )
        if not leaking:
            raise ActionFailed(f"no leak was found: {words}; nothing is restarted")
        total = sum(values[-1] for values in series.values())
        Notes(situation).write(
            leaking=True, process=name, mb_per_hour=round(hourly, 1), rss_mb=round(total, 1)
        )
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        noted = Notes(situation).read()
        if noted.get("leaking") is not True:
            return Found(holds=False, sentence="no leak was measured")
        words = f"{noted['process']} leaks {noted['mb_per_hour']} MB an hour"
        return Found(holds=True, sentence=words, values=noted)

    def undo(self, situation: Situation) -> Found:
        del situation
        raise ActionFailed("there is nothing to take back: it only looked")

    def _watch(
        self, situation: Situation, pids: dict[str, int]
    ) -> tuple[list[float], dict[str, list[float]]]:
        count = int(number(situation, "samples"))
        pause = number(situation, "seconds") / count
        begun = time.monotonic()
        times: list[float] = []
        series: dict[str, list[float]] = {name: [] for name in pids}
        for place in range(count):
            time.sleep(max(0.0, begun + place * pause - time.monotonic()))
            times.append(time.monotonic() - begun)
            for name, pid in pids.items():
                size = rss_mb(pid)
                if size == 0:
                    raise ActionFailed(f"{name} ended while it was watched")
                series[name].append(size)
        return times, series


def _processes(situation: Situation) -> dict[str, int]:
    found = {
        name: member.pid
        for name, member in members_of(situation).listed().items()
        if member.pid is not None
    }
    if not found:
        raise ActionFailed("none of its processes runs")
    return found
