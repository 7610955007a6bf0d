"""Load tests with locust, and what is read from its histogram."""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from grace.ci.errors import LoadFailed
from grace.ci.process import child_env, running
from grace.domain.base import Frozen
from grace.domain.results import StressReport

_GRACE_S = 30.0


class LoadSpec(Frozen):
    """One load test: who asks what, how many of them, and for how long (seconds)."""

    locustfile: Path
    host: Annotated[str, Field(pattern=r"^https?://\S+$")]
    users: Annotated[int, Field(gt=0, le=10_000)]
    spawn_rate: Annotated[float, Field(gt=0)]
    duration_s: Annotated[int, Field(gt=0, le=3600)]


class Entry(BaseModel):
    """One entry of locust's `--json` statistics; times in milliseconds, stamps in seconds."""

    num_requests: int
    num_failures: int
    start_time: float
    last_request_timestamp: float | None = None
    response_times: dict[float, int]


def run(spec: LoadSpec, *, subject: Literal["head", "base"], job: str) -> StressReport:
    """Put load on a service and return what it did.

    Raises `LoadFailed` where no request succeeded: the latency of refusals is no latency.
    """
    if not spec.locustfile.is_file():
        raise LoadFailed(f"there is no locust file at {spec.locustfile}")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "stats"
        code = _locust(spec, out)
        file = out.with_suffix(".json")
        if not file.is_file():
            raise LoadFailed(f"locust ended with status {code} and no statistics")
        return summarise(file.read_bytes(), subject=subject, job=job)


def summarise(data: bytes, *, subject: Literal["head", "base"], job: str) -> StressReport:
    """Compute a report from locust's JSON statistics.

    Percentiles are nearest-rank over the merged `response_times` histogram, which has every
    request; the CSV's percentiles lag behind.
    """
    try:
        entries = TypeAdapter(list[Entry]).validate_json(data)
    except ValidationError as error:
        raise LoadFailed(f"locust's statistics are not as expected: {error}") from error
    requests = sum(entry.num_requests for entry in entries)
    failures = sum(entry.num_failures for entry in entries)
    if requests == 0:
        raise LoadFailed("no request was answered while the load lasted")
    if failures >= requests:
        raise LoadFailed(f"all {requests} requests failed, so there is no latency to judge")
    times: Counter[float] = Counter()
    for entry in entries:
        times.update(entry.response_times)
    began = min(entry.start_time for entry in entries if entry.num_requests)
    ended = max(entry.last_request_timestamp or began for entry in entries)
    seconds = max(ended - began, 0.001)
    return StressReport(
        subject=subject,
        job=job,
        requests=requests,
        failures=failures,
        duration_s=round(seconds, 3),
        throughput_rps=round(requests / seconds, 3),
        p50_ms=percentile(times, 50),
        p95_ms=percentile(times, 95),
        p99_ms=percentile(times, 99),
        error_rate=round(100 * failures / requests, 4),
    )


def percentile(times: Mapping[float, int], percent: int) -> float:
    """Return the smallest value that at least `percent` of the samples do not exceed."""
    wanted = -(-sum(times.values()) * percent // 100)
    seen = 0
    for value in sorted(times):
        seen += times[value]
        if seen >= wanted:
            return value
    raise LoadFailed("locust's histogram is empty")


def _locust(spec: LoadSpec, out: Path) -> int:
    """Run locust without a page; it may not take longer than its time and a margin."""
    env = child_env(os.environ, PYTHONUNBUFFERED="1")
    with running(_command(spec, out), cwd=Path.cwd(), env=env) as process:
        try:
            return process.wait(spec.duration_s + _GRACE_S)
        except subprocess.TimeoutExpired as error:
            raise LoadFailed("locust did not end when its time was over") from error


def _command(spec: LoadSpec, out: Path) -> Sequence[str]:
    files = f"{spec.locustfile},{Path(__file__).with_name('locust_clock.py')}"
    return (
        *(sys.executable, "-P", "-m", "locust", "-f", files, "--headless"),
        *("--host", spec.host, "--users", str(spec.users), "--spawn-rate", str(spec.spawn_rate)),
        *("--run-time", f"{spec.duration_s}s", "--stop-timeout", "0", "--only-summary"),
        *("--exit-code-on-error", "0", "--json-file", str(out)),
    )
