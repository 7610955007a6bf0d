from grace.domain.detection.unusual_season import DAY, HOUR, SLOT, Season


def feed(season: Season, days: range, value: float, every: float = 300.0) -> float | None:
    """Feed a constant; the answer is what was awaited last."""
    awaited = None
    for day in days:
        for step in range(int(DAY / every)):
            awaited = season.take(day * DAY + step * every, value, every)
    return awaited


def test_a_time_of_day_is_known_once_it_came_on_two_days():
    season = Season()
    assert feed(season, range(1), 5.0) is None
    assert season.take(DAY, 5.0, 300.0) is None
    assert season.take(DAY + 300, 5.0, 300.0) == 5.0


def test_an_hour_of_the_week_corrects_the_time_of_day():
    season = Season()
    for week in range(6):
        feed(season, range(7 * week, 7 * week + 5), 10.0, 900.0)
        feed(season, range(7 * week + 5, 7 * week + 7), 2.0, 900.0)
    saturday = 42 * DAY + 5 * DAY + 12 * HOUR
    monday = 42 * DAY + 12 * HOUR
    awaited = [season.take(at, 5.0, 900.0) for at in (monday, saturday)]
    assert awaited[0] is not None
    assert awaited[1] is not None
    assert awaited[0] > awaited[1] + 2


def test_it_follows_a_level_within_days_at_any_interval():
    for every in (300.0, 3600.0):
        season = Season()
        feed(season, range(14), 10.0, every)
        awaited = feed(season, range(14, 24), 20.0, every)
        assert awaited is not None
        assert 18 < awaited < 22


def test_a_moment_just_before_the_epoch_has_its_place():
    season = Season()
    assert season.take(-1e-20, 1.0, SLOT) is None
    assert sum(season.days) == 1


def test_it_goes_on_from_what_was_written_down():
    season = Season()
    feed(season, range(3), 4.0)
    again = Season(*season.freeze(), (season.slot, season.hour))
    assert again.freeze() == season.freeze()
    assert again.take(3 * DAY, 9.0, 300.0) == season.take(3 * DAY, 9.0, 300.0)
