"""A watch that is written down goes on as if nothing had happened."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.domain.catalog import MetricDefinition, Objective
from grace.domain.detection.keeping import freeze, thaw
from grace.domain.detection.recent import Recent
from grace.domain.detection.watch import Watch
from support.watched import calm, definition, feed

ALL = ("threshold", "burn_rate", "unusual", "gone")
FULL = definition(detectors=ALL, objective=Objective(share=0.99))


def same(watch: Watch, other: Watch) -> bool:
    names = ("last", "value", "surprise", "calm", "alarmed", "calibrated", "points", "episode")
    chart = watch.recent.chart() == other.recent.chart()
    return chart and all(getattr(watch, n) == getattr(other, n) for n in names)


VALUES = st.lists(
    st.one_of(st.none(), st.floats(0, 300), st.sampled_from([30.0, 31.0])), max_size=150
)


@given(before=VALUES, after=VALUES)
def test_thawed_watch_goes_on_as_the_one_that_was_frozen(
    before: list[float | None], after: list[float | None]
) -> None:
    watched = Watch("a", FULL)
    feed(watched, before)
    again = thaw("a", FULL, freeze(watched))
    assert same(again, watched)
    assert feed(again, after) == feed(watched, after)
    assert same(again, watched)


def test_threshold_that_was_set_is_kept() -> None:
    watched = Watch("a", FULL)
    feed(watched, calm(300))
    watched.detectors.alarms.threshold = 5.5
    watched.calibrated = 12.0
    again = thaw("a", FULL, freeze(watched))
    assert again.detectors.alarms.threshold == 5.5
    assert again.calibrated == 12.0


@pytest.mark.parametrize(
    "other",
    [
        FULL.model_copy(update={"unit": "s"}),
        definition(detectors=ALL, url="http://127.0.0.1:9999/metrics"),
    ],
)
def test_past_of_another_source_or_unit_is_worth_nothing(other: MetricDefinition) -> None:
    with pytest.raises(ValueError, match="source or unit"):
        thaw("a", other, freeze(Watch("a", FULL)))


def test_detectors_that_came_or_went_do_no_harm() -> None:
    watched = Watch("a", FULL)
    feed(watched, [30, 184, 184])
    fewer = thaw("a", definition(detectors=("threshold",)), freeze(watched))
    assert fewer.detectors.unusual is None
    assert fewer.episode == watched.episode
    more = thaw("a", FULL, freeze(fewer))
    assert more.detectors.unusual is not None
    assert more.detectors.silence is not None
    none = thaw("a", definition(detectors=("gone",)), freeze(watched))
    again = thaw("a", FULL, freeze(none))
    assert again.detectors.threshold is not None
    assert again.detectors.threshold.misses == 0


@pytest.mark.parametrize("broken", [b"", b"\0" * 20, b"\xff" * 50])
def test_other_bytes_are_no_watch(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a frozen watch|Head"):
        thaw("a", FULL, broken)


def test_onset_is_the_first_sample_that_went_a_quarter_of_the_way() -> None:
    ring = Recent()
    for at, value in enumerate([30.0, None, 31.0, 20.0, 60.0, 29.0, 150.0]):
        ring.add(float(at), value)
    assert ring.onset(0, 30, 150) == 4
    assert ring.onset(5, 30, 150) == 6
    assert ring.onset(7, 30, 150) == 7
    assert ring.onset(0, 30, 10) == 3


@pytest.mark.parametrize("size", [7, 16 * 121])
def test_other_bytes_are_no_ring(size: int) -> None:
    with pytest.raises(ValueError, match="not a frozen ring"):
        Recent.thaw(b"\0" * size)
