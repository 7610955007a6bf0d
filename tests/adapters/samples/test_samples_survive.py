import asyncio
import signal
import sys

import pytest
from structlog.testing import capture_logs

from adapters.samples.conftest import NOON, seen

KEEPER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from grace.adapters.samples import Keeping, SqliteSamples
from grace.domain.package import MetricObservation

class Noon:
    def now(self):
        return datetime(2026, 11, 22, 12, tzinfo=UTC)

async def run():
    store = await SqliteSamples.open(Path(sys.argv[1]), Noon(), Keeping(fold_at=7))
    for number in range(1_000_000):
        at = datetime.fromtimestamp({noon} + number, UTC)
        await store.keep([
            MetricObservation(metric_id=f"m{{n}}", value=number, at=at, source="t") for n in range(50)
        ])
        await store.remember({{"m": str(number).encode()}}, number)
        print(number, flush=True)

asyncio.run(run())
"""


async def test_what_was_kept_is_there_after_kill_9(opened, tmp_path):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        KEEPER.format(noon=NOON),
        str(tmp_path / "samples.db"),
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        last = -1
        while last < 40:
            last = int(await process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        # What it still said before it died was kept as well.
        *_, last = [last, *map(int, (await process.stdout.read()).split())]
        await process.wait()
    assert process.returncode == -signal.SIGKILL
    async with opened() as samples:
        found = await samples.between("m49", 0, 1e12)
        assert [each.value for each in found][: last + 1] == list(range(last + 1))
        assert int((await samples.remembered())["m"][1]) >= last
        await samples.keep([seen("m49", NOON + 1e6, 1)])
        assert (await samples.newest("m49")).at == NOON + 1e6


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda file: b"this is no database, " * 400, "file is not a database"),
        (lambda file: file[:8192] + b"\xa5" * (len(file) - 8192), ""),
        (lambda file: file[:60] + (99).to_bytes(4, "big") + file[64:], "schema 99"),
    ],
    ids=["another file", "torn pages", "a later version"],
)
async def test_a_broken_file_is_put_aside_and_a_new_one_begun(opened, tmp_path, damage, reason):
    file = tmp_path / "samples.db"
    async with opened(fold_at=4) as samples:
        for number in range(40):
            await samples.keep([seen(f"m{n}", NOON + number, n) for n in range(100)])
    broken = damage(file.read_bytes())
    file.write_bytes(broken)
    with capture_logs() as logs:
        async with opened() as samples:
            assert await samples.between("m1", 0, 1e12) == []
            await samples.keep([seen("m1", NOON, 1)])
            assert (await samples.figures()).samples == 1
    (line,) = [each for each in logs if each["event"] == "samples begun anew"]
    assert reason in line["reason"]
    aside = tmp_path / "samples.db.broken-20261122T120000"
    assert line["put_aside"] == str(aside)
    assert aside.read_bytes()[-4000:] == broken[-4000:]


async def test_the_file_is_its_owners_alone(samples, tmp_path):
    assert (tmp_path / "samples.db").stat().st_mode & 0o777 == 0o600


async def test_closing_twice_is_closing_once(opened):
    async with opened() as samples:
        await samples.close()
