"""The faults of the drills: no test sees them, live traffic does, and their remedies undo them."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from grace.demo.drill_scene import watched
from grace.demo.faults import CRASH, FAULTS, Fault, apply, remedy_of, write_faulty, write_healthy
from grace.demo.noise import NoiseSpec, noise
from grace.demo.prober import prober
from grace.demo.scenes import Built
from grace.demo.service import ServiceProcess, ServiceSpec, template_files
from grace.demo.traffic import Traffic, TrafficSpec
from grace.domain.catalog import Catalog, PrometheusText

by_name = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)


def content(folder: Path) -> dict[str, bytes]:
    return {path: (folder / path).read_bytes() for path in template_files()}


def catalog(service_port: int, probe_port: int) -> Catalog:
    """Read the drills' catalog for one service."""
    built = Built({}, service_port, 1)
    entries = watched(built, f"http://127.0.0.1:{probe_port}/metrics")
    return Catalog.model_validate({"metrics": entries})


def another_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# One interpreter for all of them, which is most of what a run costs.
RUN_ALL = """
import os, sys, pytest
codes = []
for folder in sys.argv[1:]:
    os.chdir(folder)
    sys.path.insert(0, folder)
    codes.append(int(pytest.main(["-q", "-p", "no:cacheprovider", "tests"])))
    sys.path.remove(folder)
    for name in [n for n in sys.modules if n.startswith(("trigger_mesh", "test_", "tests"))]:
        del sys.modules[name]
sys.exit(str(codes) if any(codes) else 0)
"""


@pytest.mark.stress
def test_no_test_of_the_service_sees_a_fault(tmp_path: Path) -> None:
    folders = [tmp_path / fault.name for fault in FAULTS]
    for folder, fault in zip(folders, FAULTS, strict=True):
        write_faulty(folder, fault)
    env = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", RUN_ALL, *map(str, folders)]
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" passed") == len(FAULTS)


@by_name
def test_a_remedy_undoes_its_fault_and_no_other(fault: Fault, tmp_path: Path) -> None:
    remedy = remedy_of(fault)
    assert remedy["metrics"] == list(fault.metrics)
    healthy, broken = tmp_path / "healthy", tmp_path / "broken"
    write_healthy(healthy)
    write_faulty(broken, fault)
    assert content(broken) != content(healthy)
    apply(broken, remedy["diff"])
    assert content(broken) == content(healthy)
    with pytest.raises(subprocess.CalledProcessError):
        apply(healthy, remedy["diff"])


async def shown(metric: str, service_port: int, probe_port: int) -> tuple[float | None, bool]:
    """Read a metric as its source gives it: the value, and whether the target holds."""
    definition = catalog(service_port, probe_port).metrics[metric]
    source = definition.source
    assert isinstance(source, PrometheusText)
    async with httpx.AsyncClient(timeout=2) as client:
        page = (await client.get(source.url)).text
    values = dict(line.rsplit(" ", 1) for line in page.splitlines() if line and line[0] != "#")
    if source.series not in values:
        return None, True
    value = float(values[source.series]) * source.scale
    return value, definition.as_target(metric, 10).holds(value)


@by_name
async def test_live_traffic_shows_a_fault_in_its_metric(
    fault: Fault, tmp_path: Path, free_port: int
) -> None:
    write_faulty(tmp_path, fault)
    spec = ServiceSpec(tmp_path, Path(sys.executable), free_port, "faulty", tmp_path / "log")
    probe = another_port()
    (metric,) = fault.metrics
    async with ServiceProcess(spec), prober(spec.url, probe):
        _, holds = await shown(metric, free_port, probe)
        assert holds
        async with Traffic(TrafficSpec(spec.url, rate=250, in_flight=120)), asyncio.timeout(30):
            while holds:
                await asyncio.sleep(0.05)
                _, holds = await shown(metric, free_port, probe)


async def test_a_prober_says_nothing_of_a_service_that_never_was_there(
    tmp_path: Path, free_port: int
) -> None:
    write_healthy(tmp_path)
    spec = ServiceSpec(tmp_path, Path(sys.executable), free_port, "healthy", tmp_path / "log")
    probe = another_port()
    (up,) = CRASH.metrics
    async with prober(spec.url, probe):
        assert await shown(up, free_port, probe) == (None, True)
        async with ServiceProcess(spec):
            assert await shown(up, free_port, probe) == (1, True)
        assert await shown(up, free_port, probe) == (0, False)


async def test_healthy_service_stands_noise(tmp_path: Path, free_port: int) -> None:
    write_healthy(tmp_path)
    spec = ServiceSpec(tmp_path, Path(sys.executable), free_port, "healthy", tmp_path / "log")
    loud = NoiseSpec(
        spec.url,
        seed=1,
        burst_every_s=(0.1, 0.3),
        slow_every_s=(0.05, 0.1),
        slow_s=(0.05, 0.1),
        pause_every_s=(0.1, 0.2),
    )
    async with ServiceProcess(spec) as service:
        async with noise(loud, lambda: service.pid), httpx.AsyncClient() as client:
            async with asyncio.timeout(20):
                while True:
                    page = (await client.get(f"{spec.url}/metrics")).text
                    values = dict(
                        line.rsplit(" ", 1) for line in page.splitlines() if line[0] != "#"
                    )
                    if int(values['trigger_mesh_requests_total{route="events"}']) > 60:
                        break
                    await asyncio.sleep(0.05)
        assert values['trigger_mesh_errors_total{route="events"}'] == "0"
        assert float(values["trigger_mesh_latency_p99_ms"]) > 40  # a slow client was among them
        assert service.running
