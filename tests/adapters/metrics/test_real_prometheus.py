import asyncio
import shutil
import socket
from datetime import UTC, datetime

import httpx
import pytest
from structlog.testing import capture_logs

from grace.adapters.metrics import Sources
from grace.domain.catalog import MetricDefinition, PrometheusQuery, PrometheusText

PROMETHEUS = shutil.which("prometheus")


@pytest.fixture
async def prometheus(tmp_path):
    if PROMETHEUS is None:
        pytest.skip("prometheus is not installed: apt-get install prometheus")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "prometheus.yml"
    config.write_text("global: {scrape_interval: 1h}\n")
    with (tmp_path / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            PROMETHEUS,
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(20), httpx.AsyncClient(trust_env=False) as client:
            while not await _ready(client, url):  # noqa: ASYNC110 -- another process's state
                await asyncio.sleep(0.05)
        yield url
    finally:
        process.kill()
        await process.wait()


async def _ready(client, url):
    try:
        return (await client.get(f"{url}/-/ready")).is_success
    except httpx.TransportError:
        return False


async def test_queries_and_pages_of_a_real_prometheus_are_read(prometheus, clock):
    clock.at = datetime.now(UTC)
    async with httpx.AsyncClient(trust_env=False) as client:
        metrics = Sources(client, clock, {})

        async def ask(query):
            return await metrics.sample("m", PrometheusQuery(url=prometheus, query=query), "")

        assert (await ask("scalar(vector(41)) + 1")).value == 42
        assert (await ask("vector(0.5)")).value == 0.5
        assert (await ask("up")).note == "the query matched no series"
        assert "no number" in (await ask("vector(0) / 0")).note
        assert "parse error" in (await ask("sum(")).note
        several = 'label_replace(vector(1), "a", "b", "", "") or vector(2)'
        assert (await ask(several)).note.startswith("the query answered 2 series")
        assert "a matrix" in (await ask("vector(1)[1m:10s]")).note
        assert "a string" in (await ask('"text"')).note

        source = PrometheusText(
            url=f"{prometheus}/metrics",
            series="prometheus_http_request_duration_seconds",
            labels={"handler": "/api/v1/query"},
            quantile=0.95,
        )
        assert (await metrics.sample("p95", source, "s")).note.startswith("first look")
        await ask("vector(1)")
        clock.pass_(5)
        seen = await metrics.sample("p95", source, "s")
        assert seen.value is not None
        assert 0 < seen.value <= 0.1
        assert (seen.samples, seen.window_s) == (1, 5)


async def test_the_past_of_a_real_prometheus_is_read_in_pieces(prometheus, clock):
    async with httpx.AsyncClient(trust_env=False) as client:
        metrics = Sources(client, clock, {})
        end = 1795348800.0

        async def past(query, span, step=15, scale=1):
            source = PrometheusQuery(url=prometheus, query=query, scale=scale)
            wanted = MetricDefinition(target=1, comparator="<", unit="s", source=source)
            return list(await metrics.history("m", wanted, end - span, end, step))

        # `time()` answers the moment that it is asked for: every point is where it should be.
        found = await past("time()", 60, scale=2)
        assert found == [(end - 60 + at, 2 * (end - 60 + at)) for at in (0, 15, 30, 45)]
        # More points than Prometheus answers at once.
        many = await past("vector(1)", 25_000, step=1)
        assert [s.at for s in many] == [end - 25_000 + at for at in range(25_000)]
        # A gap is no sample; what is no number is one without a value.
        assert await past("up", 60) == []
        holes = await past("vector(1) / (vector(time()) % 30 > 0 or vector(0))", 60)
        assert [s.value for s in holes] == [None, pytest.approx(1 / 15)] * 2
        with capture_logs() as logs:
            assert await past("sum(", 60) == []
            assert await past('vector(1) or label_replace(vector(1),"a","b","","")', 60) == []
        assert "parse error" in logs[0]["reason"]
        assert logs[1]["reason"] == "the query answered 2 series; aggregate them to one"
