import random
import sqlite3
from datetime import UTC, datetime

import pytest

from adapters.samples.conftest import NOON, seen
from grace.adapters.samples import packing
from grace.domain.samples import Sample


async def kept(samples, metric="m", start=0.0, end=1e12, **more):
    return [tuple(each) for each in await samples.between(metric, start, end, **more)]


async def test_what_is_kept_comes_back_with_its_gaps(samples):
    await samples.keep([seen("a", NOON, 1.5), seen("b", NOON, None)])
    await samples.keep([seen("a", NOON + 15, 2.5), seen("b", NOON + 15, 7)])
    assert await kept(samples, "a") == [(NOON, 1.5), (NOON + 15, 2.5)]
    assert await kept(samples, "b") == [(NOON, None), (NOON + 15, 7)]
    assert await kept(samples, "never heard of") == []
    assert await samples.newest("never heard of") is None
    await samples.keep([])


async def test_start_is_in_a_span_and_end_is_not(samples):
    for at in range(4):
        await samples.keep([seen("m", NOON + at, at)])
    assert await kept(samples, start=NOON + 1, end=NOON + 3) == [(NOON + 1, 1), (NOON + 2, 2)]
    assert await kept(samples, limit=1) == [(NOON + 3, 3)]
    assert await kept(samples, limit=0) == []


async def test_a_moment_is_kept_once_and_the_first_word_stays(samples):
    await samples.keep([seen("m", NOON, 1), seen("m", NOON, 2), seen("m", NOON + 1, 3)])
    await samples.keep([seen("m", NOON, 4)])
    await samples.backfill("m", [Sample(NOON + 1, 5), Sample(NOON + 2, 6)])
    # Which of journal and history came first is not told apart; it is one sample all the same.
    found = await kept(samples)
    assert [at for at, _ in found] == [NOON, NOON + 1, NOON + 2]
    assert found[0] == (NOON, 1)


async def test_what_comes_late_stands_where_it_belongs(samples):
    for at in (30, 0, 15):
        await samples.keep([seen("m", NOON + at, at)])
    assert await kept(samples) == [(NOON, 0), (NOON + 15, 15), (NOON + 30, 30)]
    assert await samples.newest("m") == Sample(NOON + 30, 30)


async def test_the_newest_is_the_newest_with_a_value(opened):
    async with opened(fold_at=2) as samples:
        await samples.keep([seen("m", NOON, 1), seen("m", NOON + 15, 2)])
        assert (await samples.figures()).samples == 2
        assert await samples.newest("m") == Sample(NOON + 15, 2)
        await samples.keep([seen("m", NOON + 5, 3), seen("m", NOON + 30, None)])
        assert await samples.newest("m") == Sample(NOON + 15, 2)
        await samples.backfill("m", [Sample(NOON + 20, 8), Sample(NOON - 500, 9)])
        assert await samples.newest("m") == Sample(NOON + 20, 8)


async def test_folding_the_journal_changes_nothing_that_is_read(opened):
    """The same samples, some late, some doubled, some missing: with and without folding."""
    chance = random.Random(6)
    rounds = []
    for number in range(70):
        at = NOON + 15 * number + chance.choice([0, 0, 0, -40, 1 / 3])
        names = ["a", "b", "c"][: chance.choice([1, 3, 3, 3])]
        chance.shuffle(names) if chance.random() < 0.1 else None
        rounds.append(
            [seen(n, at, chance.choice([None, chance.gauss(5, 2), 1e300])) for n in names]
        )
        if chance.random() < 0.1:
            rounds.append(rounds[-1])
    expected: dict[str, dict[float, float | None]] = {}
    for each in rounds:
        for one in each:
            expected.setdefault(one.metric_id, {}).setdefault(one.at.timestamp(), one.value)
    async with opened(fold_at=16) as samples:
        for each in rounds:
            await samples.keep(each)
        for name, known in expected.items():
            assert await kept(samples, name) == sorted(known.items())
        figures = await samples.figures()
    assert figures.metrics == 3
    assert figures.oldest == min(at for known in expected.values() for at in known)
    assert figures.failure is None
    async with opened(fold_at=16) as again:
        assert await kept(again, "c") == sorted(expected["c"].items())


async def test_what_is_doubled_is_folded_into_one_and_the_first_word_stays(opened):
    async with opened(fold_at=4) as samples:
        for value in (1, 2, 3, 4):
            await samples.keep([seen("m", NOON, value), seen("n", NOON + value, value)])
        assert await kept(samples) == [(NOON, 1)]
        assert (await samples.figures()).samples == 5


async def test_a_smaller_bound_makes_the_file_smaller(opened, tmp_path):
    chance = random.Random(1)
    file = tmp_path / "samples.db"
    async with opened(fold_at=10) as samples:
        for number in range(60):
            await samples.keep([seen(f"m{n}", NOON + number, chance.random()) for n in range(400)])
    assert file.stat().st_size > 300_000
    async with opened(most=150_000) as samples:
        await samples.keep([seen("m1", NOON + 60, 1)])
    assert file.stat().st_size < 200_000


async def test_history_is_kept_in_any_order_and_counts(samples):
    await samples.backfill("m", [Sample(NOON - at, float(at)) for at in range(12_000)])
    await samples.backfill("m", [])
    found = await kept(samples, limit=20_000)
    assert found == [(NOON - at, at) for at in reversed(range(12_000))]
    assert (await samples.figures()).samples == 12_000
    assert await kept(samples, "other") == []


async def test_what_is_older_than_its_days_goes(opened, clock):
    async with opened(days=1, fold_at=4) as samples:
        for number in range(10):
            await samples.keep([seen("m", clock.now().timestamp(), number)])
            clock.pass_(hours=6)
        found = await kept(samples)
        assert found[-1][1] == 9
        # Whole batches of four go at once, so up to three more are there than a day holds.
        assert 4 <= len(found) <= 8
        clock.pass_(days=2)
        await samples.keep([seen("other", clock.now().timestamp(), 1)])
        assert await kept(samples) == []


async def test_past_its_size_the_oldest_goes(opened, tmp_path):
    chance = random.Random(1)
    async with opened(most=200_000, fold_at=10) as samples:
        for number in range(120):
            noise = [seen(f"m{n}", NOON + 15 * number, chance.random()) for n in range(200)]
            await samples.keep(noise)
        found = await kept(samples, "m7")
        figures = await samples.figures()
    assert 10 < len(found) < 110
    assert found[-1][0] == NOON + 15 * 119
    assert [at for at, _ in found] == [NOON + 15 * n for n in range(120 - len(found), 120)]
    assert figures.bytes <= 200_000
    assert (tmp_path / "samples.db").stat().st_size <= 300_000


async def test_a_bound_smaller_than_the_journal_holds_too(opened):
    async with opened(most=150_000) as samples:
        for number in range(60):
            await samples.keep([seen(f"m{n}", NOON + number, n) for n in range(300)])
        found = await kept(samples, "m1")
        assert found[-1][0] == NOON + 59
        assert len(found) < 40
        assert (await samples.figures()).bytes <= 150_000


async def test_states_of_detectors_are_kept_and_replaced(opened):
    async with opened() as samples:
        assert await samples.remembered() == {}
        await samples.remember({"a": b"one", "b": b"\x00\xff"}, NOON)
        await samples.remember({"a": b"two"}, NOON + 60)
    async with opened() as again:
        assert await again.remembered() == {"a": (NOON + 60, b"two"), "b": (NOON, b"\x00\xff")}


async def test_ten_thousand_metrics_are_one_row_a_round(samples, tmp_path):
    names = [f"m{n}" for n in range(10_000)]
    for number in range(2):
        await samples.keep([seen(name, NOON + number, 1) for name in names])
    rows = sqlite3.connect(tmp_path / "samples.db")
    try:
        assert rows.execute("SELECT count(*), sum(samples) FROM rounds").fetchone() == (2, 20_000)
        assert rows.execute("SELECT count(*) FROM shapes").fetchone() == (1,)
    finally:
        rows.close()
    assert await kept(samples, "m9999") == [(NOON, 1), (NOON + 1, 1)]


async def test_a_write_that_fails_is_told_until_one_succeeds(opened, tmp_path):
    async with opened() as samples:
        other = sqlite3.connect(tmp_path / "samples.db", isolation_level=None)
        other.execute(
            f"CREATE TRIGGER full BEFORE INSERT ON rounds WHEN new.low > {NOON}"
            " BEGIN SELECT raise(ABORT, 'disk full'); END"
        )
        # The second round of the same write fails, and with it what the first learnt of a name.
        with pytest.raises(sqlite3.IntegrityError, match="disk full"):
            await samples.keep([seen("new", NOON, 9), seen("new", NOON + 1, 9)])
        assert (await samples.figures()).failure == "IntegrityError: disk full"
        other.execute("DROP TRIGGER full")
        other.close()
        await samples.keep([seen("else", NOON, 2), seen("new", NOON, 1)])
        assert (await samples.figures()).failure is None
        assert await kept(samples, "new") == [(NOON, 1)]
        assert await kept(samples, "else") == [(NOON, 2)]


async def test_a_damaged_chunk_is_no_samples_and_hurts_no_other(opened, tmp_path):
    async with opened(fold_at=2) as samples:
        for number in range(4):
            await samples.keep([seen("m", NOON + number, number)])
        other = sqlite3.connect(tmp_path / "samples.db")
        with other:
            other.execute("UPDATE chunks SET body = x'00' WHERE id = (SELECT min(id) FROM chunks)")
        other.close()
        assert await kept(samples) == [(NOON + 2, 2), (NOON + 3, 3)]


@pytest.mark.parametrize("value", [0.1, -0.0, 1e308, 5e-324])
def test_packing_keeps_every_bit(value):
    times, values = (
        packing.floats([NOON, NOON + 1e-6]),
        packing.floats([value, packing.number(None)]),
    )
    assert packing.read_chunk(packing.chunk_of(times, values)) == [
        Sample(NOON, value),
        Sample(NOON + 1e-6, None),
    ]


def test_times_of_datetimes_are_whole_microseconds():
    at = datetime(2026, 11, 22, 12, 0, 0, 123457, tzinfo=UTC).timestamp()
    assert packing.micros(at) == at
