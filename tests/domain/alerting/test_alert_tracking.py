"""What one alert's words come to, doubled, reordered, flapping, and with a clock that lies."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.domain.alerting.rules import Alerting
from grace.domain.alerting.tracking import MAX_FLAPS, News, Track, Word, hear, settle_after

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
RULES = Alerting(group_minutes=10, flap_minutes=60, settle_minutes=2, max_settle_minutes=60)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def word(status: str, said: float, came: float | None = None) -> Word:
    return Word(status=status, said_at=at(said), at=at(said if came is None else came))


def told(*words: Word) -> tuple[Track, list[News]]:
    """Hear words one after another."""
    track, news = None, []
    for each in words:
        track, what = hear(track, each, RULES)
        news.append(what)
    assert track is not None
    return track, news


def test_first_word_says_whether_it_fires():
    track, news = told(word("firing", 0))
    assert (news, track.firing, track.fired, track.flaps) == ([News.FIRED], True, 1, 0)
    track, news = told(word("resolved", 0))
    assert (news, track.firing, track.fired) == ([News.RESOLVED], False, 0)


def test_a_word_that_is_repeated_changes_nothing_but_when_it_was_heard():
    once, _ = told(word("firing", 0))
    twice, news = told(word("firing", 0), word("firing", 0, came=240))
    assert news[-1] is News.REPEATED
    assert twice == once.model_copy(update={"heard_at": at(240)})


def test_a_firing_that_was_sent_before_its_resolved_and_came_after_it_is_late():
    track, news = told(word("resolved", 5), word("firing", 0, came=6))
    assert news == [News.RESOLVED, News.LATE]
    assert not track.firing


def test_a_resolved_of_an_earlier_time_does_not_end_a_newer_firing():
    track, news = told(
        word("firing", 0), word("resolved", 3), word("firing", 5), word("resolved", 3, came=6)
    )
    assert news[-1] is News.LATE
    assert track.firing


def test_a_clock_far_in_the_future_cannot_silence_an_alert():
    future = Word(status="resolved", said_at=at(10_000_000), at=at(1))
    track, news = told(word("firing", 0), future, word("firing", 2))
    assert news == [News.FIRED, News.RESOLVED, News.FIRED]
    assert track.said_at == at(2)


def test_a_clock_that_stands_still_counts_by_arrival_after_a_while():
    still = [
        Word(status="firing", said_at=at(-500_000), at=at(0)),
        word("resolved", 1),
        Word(status="firing", said_at=at(-500_000), at=at(5)),
        Word(status="firing", said_at=at(-500_000), at=at(12)),
    ]
    track, news = told(*still)
    assert news == [News.FIRED, News.RESOLVED, News.LATE, News.FIRED]
    assert track.firing


def test_each_return_within_the_hour_is_a_flap_and_a_later_one_begins_anew():
    words = [word("firing", 0), word("resolved", 5), word("firing", 10), word("resolved", 15)]
    track, _ = told(*words, word("firing", 20))
    assert (track.flaps, track.fired) == (2, 3)
    track, _ = told(*words, word("firing", 76))
    assert (track.flaps, track.fired) == (0, 3)


def test_flaps_are_bounded():
    words = [word(("firing", "resolved")[n % 2], n) for n in range(101)]
    assert told(*words)[0].flaps == MAX_FLAPS


def test_a_later_begin_after_a_silence_says_that_a_resolved_was_lost():
    track, news = told(word("firing", 0), word("firing", 90))
    assert news[-1] is News.RENEWED
    assert (track.fired, track.flaps, track.changed_at) == (2, 0, at(90))
    # Without the silence, or without a later begin, it is a repetition.
    assert told(word("firing", 0), word("firing", 30))[1][-1] is News.REPEATED
    assert told(word("firing", 0), word("firing", 0, came=90))[1][-1] is News.REPEATED
    assert told(word("resolved", 0), word("resolved", 90))[1][-1] is News.REPEATED


@pytest.mark.parametrize(("flaps", "minutes"), [(0, 2), (1, 4), (4, 32), (5, 60), (500, 60)])
def test_each_flap_doubles_the_time_to_settle_up_to_the_most(flaps, minutes):
    assert settle_after(flaps, RULES) == timedelta(minutes=minutes)


def test_the_least_time_to_settle_is_never_cut_by_the_most():
    rules = Alerting(settle_minutes=30, max_settle_minutes=10)
    assert settle_after(0, rules) == settle_after(9, rules) == timedelta(minutes=30)


@given(
    st.lists(
        st.tuples(st.sampled_from(["firing", "resolved"]), st.integers(0, 200), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
def test_a_word_heard_twice_at_once_is_heard_once(steps):
    once: Track | None = None
    twice: Track | None = None
    came = 0.0
    for status, said, doubled in steps:
        came += 1
        each = word(status, said, came=came)
        once, _ = hear(once, each, RULES)
        twice, _ = hear(twice, each, RULES)
        if doubled:
            twice, news = hear(twice, each, RULES)
            assert news in {News.REPEATED, News.LATE}
    assert once == twice
