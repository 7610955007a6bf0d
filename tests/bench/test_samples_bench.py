"""Ten thousand metrics at 15 seconds: sampled from real pages, watched, kept and remembered."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from bench.figures import percentile, tell
from grace.adapters.metrics import Sources
from grace.adapters.samples import SqliteSamples
from grace.app.watching import Desk, Plan, Watcher
from grace.domain.alerting.rules import Alerting
from grace.domain.catalog import Catalog, MetricDefinition, PrometheusText, Subsystems, Watching

pytestmark = pytest.mark.bench

METRICS, PAGES, ROUNDS, EVERY_S = 10_000, 4, 130, 15.0
WARM = 3
# Pages of gauges that move, in a process of their own: what is measured is ours alone.
SERVER = """
import math, random, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

asked = {}
chance = random.Random(6)

class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        page = int(self.path.strip("/"))
        moment = asked[page] = asked.get(page, 0) + 1
        wave = 100 + 10 * math.sin(moment / 40)
        lines = [
            f'queue_depth{{service="s{n % 50}",shard="{n}",page="{page}"}} {wave + chance.gauss(0, 3):.6f}'
            for n in range(COUNT)
        ]
        body = ("# TYPE queue_depth gauge\\n" + "\\n".join(lines) + "\\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
print(server.server_port, flush=True)
server.serve_forever()
"""


@dataclass
class HandClock:
    at: datetime = datetime(2026, 11, 22, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class NoMissions:
    """A store in which nothing happens."""

    def __getattr__(self, name: str) -> Any:
        async def nothing(*_: object, **__: object) -> tuple[object, ...]:
            return ()

        return nothing


@pytest.fixture
async def pages() -> AsyncIterator[str]:
    program = SERVER.replace("COUNT", str(METRICS // PAGES))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    yield f"http://127.0.0.1:{int(await process.stdout.readline())}"
    process.kill()
    await process.wait()


def catalog(url: str) -> Catalog:
    return Catalog(
        metrics={
            f"queue.{page}.{shard}": MetricDefinition(
                target=10_000,
                comparator="<",
                unit="jobs",
                source=PrometheusText(
                    url=f"{url}/{page}", series="queue_depth", labels={"shard": str(shard)}
                ),
                watch=Watching(subsystem="mesh"),
            )
            for page in range(PAGES)
            for shard in range(METRICS // PAGES)
        }
    )


async def test_ten_thousand_metrics_cost_less_than_half_a_core(pages: str, tmp_path: Path) -> None:
    clock, process = HandClock(), psutil.Process()
    before = process.memory_info().rss
    file = tmp_path / "samples.db"
    samples = await SqliteSamples.open(file, clock)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        sources = Sources(client, clock, {})
        watcher = Watcher(
            Desk(
                plan=Plan(catalog(pages), Subsystems(), Alerting(), EVERY_S),
                metrics=sources,
                history=sources,
                samples=samples,
                store=NoMissions(),  # type: ignore[arg-type]
                refs={},
                clock=clock,
                count=lambda *_: None,
                fault=lambda _: None,
                wake=lambda: None,
            )
        )
        began = time.process_time()
        for _ in range(WARM):
            await watcher.round()
            clock.at += timedelta(seconds=EVERY_S)
        first = time.process_time() - began
        spent, most = [], 0
        for _ in range(ROUNDS):
            began = time.process_time()
            await watcher.round()
            spent.append(time.process_time() - began)
            clock.at += timedelta(seconds=EVERY_S)
            most = max(most, process.memory_info().rss)
        figures = await samples.figures()
        asked = time.perf_counter()
        series = await samples.between("queue.3.77", 0, 1e12)
        asked = time.perf_counter() - asked
    await samples.close()
    share = sum(spent) / ROUNDS / EVERY_S
    tell(
        f"{METRICS:,} metrics every {EVERY_S:g} s: sampled, watched, kept, remembered",
        f"{1000 * sum(spent) / ROUNDS:,.0f} ms of processor a round, "
        f"{1000 * percentile(spent, 0.99):,.0f} ms at p99; the first {WARM} took {first:.1f} s",
        f"{100 * share:.1f} % of a core",
        f"{(most - before) / 2**20:,.0f} MiB of memory more than before",
        f"{figures.samples:,} samples in {figures.bytes / 2**20:,.0f} MiB, "
        f"{figures.bytes / figures.samples:.1f} bytes each with the states of detectors",
        f"one metric's {len(series)} samples in {1000 * asked:.1f} ms",
    )
    assert watcher.state.sampled == METRICS
    assert watcher.state.silent == ()
    assert figures.samples == METRICS * (ROUNDS + WARM)
    assert len(series) == ROUNDS + WARM
    assert share < 0.5
    assert most < 2**30
