"""Measure the demo's service: base, right and regress under load test and under live traffic.

    python tests/demo/measure.py [--runs 3] [--busy] [--seconds 6] [--users 16] [--rate 40]

`--busy` keeps two cores spinning meanwhile. Needs the checkout's `bot` on PYTHONPATH, or Grace
installed with its `ci` extra (locust).
"""

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from grace.demo.service import ServiceProcess, ServiceSpec, patch_text, write_template
from grace.demo.traffic import Traffic, TrafficSpec

VARIANTS = ("base", "right", "regress")


@dataclass(frozen=True)
class Options:
    runs: int
    busy: bool
    seconds: float
    users: int
    rate: float
    live_seconds: float


def options() -> Options:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--users", type=int, default=16)
    parser.add_argument("--rate", type=float, default=40)
    parser.add_argument("--live-seconds", type=float, default=12)
    return Options(**vars(parser.parse_args()))


def make(folder: Path, variant: str) -> ServiceSpec:
    checkout = folder / variant
    if not checkout.exists():
        write_template(checkout)
        if variant != "base":
            diff = patch_text(variant).encode()
            subprocess.run(["git", "apply", "-"], cwd=checkout, input=diff, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return ServiceSpec(checkout, Path(sys.executable), port, variant, folder / f"{variant}.log")


def keep_a_core_busy(stack: ExitStack) -> None:
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    stack.callback(spinner.wait)
    stack.callback(spinner.kill)


async def stress(spec: ServiceSpec, chosen: Options) -> str:
    """Run the repository's own load test, and read percentiles from locust's histogram."""
    command = ["-m", "locust", "-f", "loadtest/locustfile.py", "--headless", "--json"]
    command += ["-u", str(chosen.users), "-r", str(chosen.users), "-t", f"{chosen.seconds:g}s"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        "--host",
        spec.url,
        cwd=spec.checkout,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await process.communicate()
    histogram: Counter[float] = Counter()
    failures = 0
    for entry in json.loads(out[out.index(b"[") :]):
        histogram.update({float(ms): n for ms, n in entry["response_times"].items()})
        failures += entry["num_failures"]
    times = sorted(histogram.elements())
    p50, p95, p99 = (times[int(len(times) * q)] for q in (0.5, 0.95, 0.99))
    rate = 100 * failures / len(times)
    return f"n={len(times)} p50={p50:g} p95={p95:g} p99={p99:g} ms errors={rate:.1f} %"


async def live(spec: ServiceSpec, chosen: Options) -> str:
    """Send live traffic, and read the service's own window every two seconds."""
    read = []
    async with (
        Traffic(TrafficSpec(spec.url, rate=chosen.rate)) as traffic,
        httpx.AsyncClient(base_url=spec.url) as client,
    ):
        for second in range(2, int(chosen.live_seconds) + 1, 2):
            await asyncio.sleep(2)
            page = (await client.get("/metrics")).text
            values = dict(line.rsplit(" ", 1) for line in page.splitlines() if line[0] != "#")
            p95 = float(values["trigger_mesh_latency_p95_ms"])
            errors = float(values["trigger_mesh_error_rate_percent"])
            read.append(f"{second}s p95={p95:.1f} err={errors:.0f}%")
        counts = traffic.counts
    return f"sent={counts.sent} failed={counts.failed} shed={counts.shed} | " + " | ".join(read)


async def main() -> None:
    chosen = options()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        for _ in range(2 if chosen.busy else 0):
            keep_a_core_busy(stack)
        for run in range(1, chosen.runs + 1):
            for variant in VARIANTS:
                for kind, measure in (("stress", stress), ("live", live)):
                    async with ServiceProcess(make(Path(name), variant)) as service:
                        found = await measure(service.spec, chosen)
                        sys.stdout.write(f"{run} {variant:8}{kind:7} {found}\n")
                        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
