"""What the service tells Prometheus about itself."""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
WINDOW_S = 5.0
ROUTES = ("events", "subscribers", "healthz", "metrics", "other")
DELIVERY_ROUTE = "events"


class Metrics:
    """Counters since the start, and quantiles over the last five seconds of deliveries."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._buckets = [0] * len(BUCKETS)
        self._sum = 0.0
        self._recent: deque[tuple[float, float, bool]] = deque()
        self._in_flight = 0

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a delivery as begun and not yet answered."""
        with self._lock:
            self._in_flight += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1

    def observe(self, route: str, seconds: float, *, error: bool) -> None:
        """Count one request; deliveries also go into the histogram and the window."""
        with self._lock:
            self._requests[route] += 1
            self._errors[route] += error
            if route != DELIVERY_ROUTE:
                return
            self._sum += seconds
            for i, bound in enumerate(BUCKETS):
                self._buckets[i] += seconds <= bound
            now = self._clock()
            self._recent.append((now, seconds, error))
            self._forget(now)

    def render(self) -> str:
        """Write the page in Prometheus text format 0.0.4."""
        with self._lock:
            self._forget(self._clock())
            lines = [*self._counters(), *self._histogram(), *self._window()]
        memory = resident_bytes()
        if memory is not None:
            lines += ["# TYPE process_resident_memory_bytes gauge"]
            lines += [f"process_resident_memory_bytes {memory}"]
        return "\n".join(lines) + "\n"

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0][0] < now - WINDOW_S:
            self._recent.popleft()

    def _counters(self) -> Iterator[str]:
        for name, counts in (("requests", self._requests), ("errors", self._errors)):
            yield f"# TYPE trigger_mesh_{name}_total counter"
            for route in ROUTES:
                yield f'trigger_mesh_{name}_total{{route="{route}"}} {counts[route]}'

    def _histogram(self) -> Iterator[str]:
        count = self._requests[DELIVERY_ROUTE]
        yield "# HELP trigger_mesh_delivery_seconds Time to deliver one event."
        yield "# TYPE trigger_mesh_delivery_seconds histogram"
        for bound, filled in zip(BUCKETS, self._buckets, strict=True):
            yield f'trigger_mesh_delivery_seconds_bucket{{le="{bound}"}} {filled}'
        yield f'trigger_mesh_delivery_seconds_bucket{{le="+Inf"}} {count}'
        yield f"trigger_mesh_delivery_seconds_sum {self._sum:.6f}"
        yield f"trigger_mesh_delivery_seconds_count {count}"
        yield "# TYPE trigger_mesh_in_flight gauge"
        yield f"trigger_mesh_in_flight {self._in_flight}"

    def _window(self) -> Iterator[str]:
        # A window without deliveries has no quantile and no error rate: nothing, rather than 0.
        if not self._recent:
            return
        ordered = sorted(seconds for _, seconds, _ in self._recent)
        for percent in (50, 95, 99):
            yield f"# TYPE trigger_mesh_latency_p{percent}_ms gauge"
            yield f"trigger_mesh_latency_p{percent}_ms {quantile(ordered, percent) * 1000:.3f}"
        failed = sum(error for _, _, error in self._recent)
        yield "# TYPE trigger_mesh_error_rate_percent gauge"
        yield f"trigger_mesh_error_rate_percent {100 * failed / len(ordered):.3f}"
        yield "# TYPE trigger_mesh_window_deliveries gauge"
        yield f"trigger_mesh_window_deliveries {len(ordered)}"


def quantile(ordered: list[float], percent: int) -> float:
    """Pick the nearest rank of a sorted list that is not empty."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def resident_bytes() -> int | None:
    """Read this process's resident memory; None where there is no /proc."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return None
    return int(statm.read_text().split()[1]) * 4096
