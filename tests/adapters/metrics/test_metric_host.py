import asyncio
import sys
import threading

import pytest

from grace.adapters.metrics.asking import Asked
from grace.adapters.metrics.host import HostSource
from grace.domain.catalog import HostFigure, MetricDefinition


def figure(name, **more):
    return HostFigure(figure=name, **more)


@pytest.mark.parametrize("name", ["memory_percent", "swap_percent", "disk_percent"])
async def test_shares_of_the_machine_are_between_nothing_and_all(metrics, clock, name):
    seen = await metrics.sample(name, figure(name), "%")
    assert 0 <= seen.value <= 100
    assert (seen.source, seen.at, seen.note) == ("host", clock.now(), "")


async def test_load_and_open_files_are_counted(metrics):
    assert (await metrics.sample("load", figure("load_1m"), "")).value >= 0
    seen = await metrics.sample("files", figure("open_files"), "")
    if sys.platform == "linux":
        assert seen.value > 0
    else:
        assert seen.note.startswith("open_files cannot be read here")


async def test_the_processors_are_told_since_the_look_before(metrics):
    first = await metrics.sample("cpu", figure("cpu_percent"), "%")
    assert (first.value, first.note) == (None, "first look: nothing to compare with")
    assert first.idle
    for _ in range(200_000):  # ticks of 10 ms must pass
        seen = await metrics.sample("cpu", figure("cpu_percent"), "%")
        if seen.value is not None:
            break
        assert seen.note == "no time has passed since the last look"
    assert 0 < seen.value <= 100


async def test_two_metrics_of_one_figure_are_read_at_the_same_moment(metrics):
    wanted = {
        name: MetricDefinition(target=1, comparator="<", unit="%", source=source)
        for name, source in {
            "whole": figure("memory_percent"),
            "part": figure("memory_percent", scale=0.01, path="/elsewhere"),
        }.items()
    }
    whole, part = await metrics.sample_all(wanted)
    assert part.value == pytest.approx(whole.value / 100)


async def test_a_disk_that_is_not_there_is_told(metrics, tmp_path):
    seen = await metrics.sample("d", figure("disk_percent", path=str(tmp_path / "no")), "%")
    assert seen.value is None
    assert seen.note.startswith("disk_percent cannot be read here: [Errno 2]")


async def test_a_disk_that_hangs_holds_up_one_round_and_no_thread_more(metrics, clock):
    """While the reading before still hangs, no other is begun."""
    released, began = threading.Event(), []

    class Hanging(HostSource):
        def _read(self, sources):
            began.append(1)
            released.wait(30)
            return super()._read(sources)

    host = Hanging(clock, metrics._host._limits)
    asked = [Asked("m", "%", figure("memory_percent"))]
    for _ in range(3):
        (seen,) = await host.read(asked)
        assert (seen.value, seen.note) == (None, "no answer within 0.4 s")
    assert len(began) == 1
    released.set()
    await asyncio.wait_for(host._running, 10)
    (seen,) = await host.read(asked)
    assert seen.value > 0
