"""One process of the demo's service: started, healthy, stopped with all its children."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from grace.demo.service import NotHealthy, ServiceProcess, ServiceSpec

Spec = Callable[[str], ServiceSpec]
Until = Callable[[Callable[[], bool]], Awaitable[None]]


def group_is_alive(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_service_is_healthy_when_start_returns_and_gone_after_stop(
    spec: Spec, until: Until
) -> None:
    service = ServiceProcess(spec("base"))
    await service.start()
    pid = service.pid
    assert pid is not None
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{service.spec.url}/healthz")).json()["version"] == "base"
    await service.stop()
    assert not service.running
    await until(lambda: not group_is_alive(pid))
    await service.stop()


async def test_port_can_be_taken_again_at_once(spec: Spec) -> None:
    for version in ("one", "two"):
        async with ServiceProcess(replace(spec("base"), version=version)):
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"{spec('base').url}/healthz")
            assert answer.json()["version"] == version


async def test_service_that_ends_is_reported_with_its_output(spec: Spec) -> None:
    service = ServiceProcess(replace(spec("base"), argv=("-c", "raise SystemExit('no luck')")))
    with pytest.raises(NotHealthy, match="no luck") as caught:
        await service.start()
    assert caught.value.reason == "the service ended with status 1"
    assert not service.running


async def test_service_that_never_answers_is_stopped_children_and_all(
    spec: Spec, tmp_path: Path, until: Until
) -> None:
    pidfile = tmp_path / "pid"
    source = (
        "import os, pathlib, signal, subprocess, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
        "subprocess.Popen([sys.executable, '-c', 'import signal, time;"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)'])\n"
        f"pathlib.Path({str(pidfile)!r}).write_text(str(os.getpid()))\n"
        "signal.pause()\n"
    )
    service = ServiceProcess(replace(spec("base"), argv=("-c", source)))
    with pytest.raises(NotHealthy, match="no answer from"):
        await service.start(timeout_s=1.5)
    pid = int(pidfile.read_text())
    await until(lambda: not group_is_alive(pid))


async def test_another_version_on_the_port_does_not_count_as_healthy(spec: Spec) -> None:
    async with ServiceProcess(spec("base")):
        late = ServiceProcess(replace(spec("base"), version="newer"))
        with pytest.raises(NotHealthy):
            await late.start(timeout_s=3)


async def test_cancelled_start_leaves_nothing_behind(spec: Spec, until: Until) -> None:
    service = ServiceProcess(replace(spec("base"), argv=("-c", "import signal; signal.pause()")))
    task = asyncio.create_task(service.start())
    await until(lambda: service.running)
    pid = service.pid
    assert pid is not None
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await until(lambda: not group_is_alive(pid))
