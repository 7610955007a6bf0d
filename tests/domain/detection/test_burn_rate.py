"""An error budget that burns too fast, over pairs of windows."""

import pytest

from grace.domain.catalog import Objective
from grace.domain.detection.burn_rate import Burn, BurnRate
from grace.domain.package import MetricTarget

TARGET = MetricTarget(metric_id="error_rate", comparator="<", target=5)
GOOD, BAD = 0.0, 50.0
MINUTE, HOUR = 60.0, 3600.0


def burn_rate(share: float = 0.99, days: float = 30) -> BurnRate:
    return BurnRate(TARGET, Objective(share=share, days=days))


def run(
    watched: BurnRate, hours: float, *, bad_every: int = 0, start: float = 0.0, step: float = 15.0
) -> list[Burn | None]:
    """Feed so many hours; of every so many samples one misses."""
    count = int(hours * HOUR / step)
    return [
        watched.observe(start + i * step, BAD if bad_every and i % bad_every == 0 else GOOD)
        for i in range(count)
    ]


def test_healthy_service_burns_nothing() -> None:
    assert not any(run(burn_rate(), 12, bad_every=200))


def test_outage_is_found_within_minutes_and_ends_soon_after_it() -> None:
    watched = burn_rate()
    run(watched, 7)
    out = run(watched, 1, bad_every=1, start=7 * HOUR)
    first = next(i for i, burn in enumerate(out) if burn is not None)
    # 14.4 % of an hour's 240 samples miss after 35 of them.
    assert first == pytest.approx(35, abs=2)
    found = out[first]
    assert found is not None
    assert (found.minutes, found.since) == (60, 7 * HOUR)
    assert found.rate == pytest.approx(14.4, rel=0.05)
    assert found.missed == pytest.approx(0.144, rel=0.05)
    after = run(watched, 1, start=8 * HOUR)
    last = max(i for i, burn in enumerate(after) if burn is not None and burn.minutes == 60)
    assert last * 15 <= 5 * MINUTE


def test_slow_burn_is_found_by_the_long_pair() -> None:
    watched = burn_rate()
    run(watched, 7)
    found = [b for b in run(watched, 8, bad_every=12, start=7 * HOUR) if b is not None]
    assert found
    assert {b.minutes for b in found} == {360}
    assert found[0].rate == pytest.approx(6, rel=0.05)


def test_nothing_is_said_before_a_window_was_covered() -> None:
    found = run(burn_rate(), 0.99, bad_every=1)
    assert not any(found)
    assert run(burn_rate(), 1.1, bad_every=1)[-1] is not None


def test_window_is_covered_anew_after_a_long_gap() -> None:
    watched = burn_rate()
    run(watched, 7)
    assert not any(run(watched, 0.9, bad_every=1, start=10 * HOUR))


def test_short_gap_keeps_what_was_counted() -> None:
    watched = burn_rate()
    run(watched, 7, bad_every=1)
    assert watched.observe(7.5 * HOUR, BAD) is None  # the short window has too few samples
    found = run(watched, 0.1, bad_every=1, start=7.5 * HOUR + 15)
    assert found[-1] is not None


def test_loose_objective_takes_an_outage_and_no_less() -> None:
    """A tenth may miss: 14.4 times as fast is more than all there is."""
    watched = burn_rate(share=0.9)
    run(watched, 7)
    short = [b for b in run(watched, 1, bad_every=2, start=7 * HOUR) if b and b.minutes == 60]
    assert not short
    found = run(watched, 1.1, bad_every=1, start=8 * HOUR)[-1]
    assert found is not None
    assert found.minutes == 60


def test_shorter_period_has_its_own_rates() -> None:
    """Of a budget over 3 days, 2 % an hour are a burn rate of 1.44."""
    watched = burn_rate(days=3)
    run(watched, 7)
    found = [b for b in run(watched, 2, bad_every=60, start=7 * HOUR) if b is not None]
    assert found
    assert found[0].rate == pytest.approx(1.44, rel=0.3)


def test_frozen_counts_go_on() -> None:
    watched = burn_rate()
    run(watched, 7, bad_every=30)
    again = burn_rate()
    again.warm(watched.freeze())
    assert run(again, 2, bad_every=3, start=7 * HOUR) == run(
        watched, 2, bad_every=3, start=7 * HOUR
    )


def test_counts_that_never_began_are_frozen_too() -> None:
    again = burn_rate()
    again.warm(burn_rate().freeze())
    assert run(again, 1.1, bad_every=1) == run(burn_rate(), 1.1, bad_every=1)


def test_other_bytes_are_no_counts() -> None:
    with pytest.raises(ValueError, match="not the frozen counts"):
        burn_rate().warm(b"abc")
