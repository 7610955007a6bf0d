"""Time a service, warm its cache, ask for its heap, and have it collect garbage."""

import math
import time
from collections.abc import Sequence

from grace.domain.playbooks.action import ActionSpec, Scalar
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.http_client import ask, plain
from grace.runner.actions.service_identity import identify_target
from grace.runner.actions.service_target import (
    Notes,
    Reading,
    limit,
    nothing_to_undo,
    number,
    setting,
    spec_of,
    words_of,
)

_HEAP_LINES = 5
_LINE = 160


def percentile(values: Sequence[float], percent: float) -> float:
    """Take the nearest-rank percentile of at least one value."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


class Latency(Reading):
    """Time requests, one after another; well when the percentile is in bounds and none failed."""

    spec: ActionSpec = spec_of("http.latency")

    def identify(self, situation: Situation) -> None:
        identify_target(situation)

    def look(self, situation: Situation) -> Found:
        url, most = setting(situation, "probe_url"), limit(situation, "max_ms", "max_latency_ms")
        percent, count = number(situation, "percentile"), int(number(situation, "requests"))
        taken: list[float] = []
        failed = 0
        for _ in range(count):
            begun = time.perf_counter()
            failed += not ask(situation, url, seconds=30).well
            taken.append((time.perf_counter() - begun) * 1000)
        seen = percentile(taken, percent)
        values: dict[str, Scalar] = {
            "latency_ms": round(seen, 1),
            "failed": failed,
            "requests": count,
        }
        words = f"p{percent:g} of {count} requests to {plain(url)} is {seen:.0f} ms"
        if failed:
            return Found(holds=False, sentence=f"{words}, and {failed} failed", values=values)
        holds = seen <= most
        bound = "at most" if holds else "it should be at most"
        return Found(holds=holds, sentence=f"{words}; {bound} {most:g} ms", values=values)


class Warm:
    """Ask for each configured address once, so that what it needs is in the cache again."""

    spec: ActionSpec = spec_of("http.warm")

    def identify(self, situation: Situation) -> None:
        identify_target(situation)

    def look(self, situation: Situation) -> Found:
        urls = words_of(situation, "warm_urls")
        return Found(holds=False, sentence=f"{len(urls)} addresses would be asked for")

    def act(self, situation: Situation) -> Found:
        urls = words_of(situation, "warm_urls")
        for url in urls:
            answer = ask(situation, url, seconds=60)
            if not answer.well:
                raise ActionFailed(f"{plain(url)} answered {answer.status}")
        Notes(situation).write(warmed=len(urls))
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        warmed = Notes(situation).read().get("warmed")
        if warmed is None:
            return Found(holds=False, sentence="not all addresses were asked for")
        return Found(
            holds=True, sentence=f"{warmed} addresses were asked for", values={"warmed": warmed}
        )

    def undo(self, situation: Situation) -> Found:
        return nothing_to_undo(situation)


class Heap(Reading):
    """Keep the heap report of the service in the run's folder, and its first lines."""

    spec: ActionSpec = spec_of("http.heap")

    def identify(self, situation: Situation) -> None:
        identify_target(situation)

    def look(self, situation: Situation) -> Found:
        url = setting(situation, "heap_url")
        answer = ask(situation, url, seconds=60)
        if not answer.well:
            raise ActionFailed(f"{plain(url)} answered {answer.status}")
        (situation.folder / "heap.txt").write_bytes(answer.body)
        lines = [line for line in answer.body.decode("utf-8", "replace").splitlines() if line]
        top: dict[str, Scalar] = {
            f"top_{place}": line[:_LINE] for place, line in enumerate(lines[:_HEAP_LINES], 1)
        }
        words = f"the heap report has {len(lines)} lines, kept as heap.txt"
        return Found(holds=True, sentence=words, values=top)


class Collect:
    """Have the service collect garbage; asked twice it collects twice, which harms nothing."""

    spec: ActionSpec = spec_of("http.collect")

    def identify(self, situation: Situation) -> None:
        identify_target(situation)

    def look(self, situation: Situation) -> Found:
        url = setting(situation, "collect_url")
        return Found(holds=False, sentence=f"{plain(url)} would be asked to collect garbage")

    def act(self, situation: Situation) -> Found:
        url = setting(situation, "collect_url")
        answer = ask(situation, url, "POST", seconds=60)
        if not answer.well:
            raise ActionFailed(f"{plain(url)} answered {answer.status}")
        said = answer.body.decode("utf-8", "replace").strip()[:_LINE]
        Notes(situation).write(collected=said)
        return self.verify(situation)

    def verify(self, situation: Situation) -> Found:
        said = Notes(situation).read().get("collected")
        if said is None:
            return Found(holds=False, sentence="the service was not asked to collect garbage")
        values: dict[str, Scalar] = {"answer": said} if said else {}
        return Found(holds=True, sentence="the service collected garbage", values=values)

    def undo(self, situation: Situation) -> Found:
        return nothing_to_undo(situation)
