"""When what failed is tried again."""

import json
from datetime import UTC, datetime, timedelta

from grace.domain.notifying.bodies import body
from grace.domain.notifying.retrying import WEBHOOK, next_try, rest

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_webhooks_are_tried_over_three_days_and_then_given_up():
    waits = [next_try(WEBHOOK, tries, NOW, 0) for tries in range(1, 11)]
    assert [w and (w - NOW) // timedelta(seconds=1) for w in waits] == [
        5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400, None,
    ]  # fmt: skip


def test_jitter_makes_a_wait_up_to_a_fifth_longer():
    assert next_try(WEBHOOK, 2, NOW, 1.0) == NOW + timedelta(minutes=6)


def test_a_longer_wait_that_was_asked_for_is_kept_up_to_a_day():
    hour = timedelta(hours=1)
    assert next_try(WEBHOOK, 1, NOW, 0, hour) == NOW + hour
    assert next_try(WEBHOOK, 4, NOW, 0, hour) == NOW + 2 * hour
    assert next_try(WEBHOOK, 1, NOW, 0, 1000 * hour) == NOW + 24 * hour


def test_one_who_fails_is_left_alone_longer_each_time_but_not_for_long():
    assert [rest(n).total_seconds() for n in (1, 2, 3, 7, 5000)] == [5, 10, 20, 300, 300]
    assert rest(1, timedelta(minutes=30)) == timedelta(minutes=30)
    assert rest(1, timedelta(days=30)) == timedelta(days=1)


def test_a_body_holds_the_entry_byte_for_byte():
    envelope = json.dumps({"kind": "mission.merged", "mission": None}, separators=(",", ":"))
    line = json.dumps({"envelope": envelope, "payload": {"n": 1}}, separators=(",", ":")).encode()
    text = body(line, 5, "bot", 2, "2026-11-22T12:00:00.000000Z")
    assert line in text
    assert json.loads(text) == {
        "type": "mission.merged",
        "timestamp": "2026-11-22T12:00:00.000000Z",
        "data": {
            "position": 5,
            "log": "bot",
            "seq": 2,
            "mission": None,
            "kind": "mission.merged",
            "entry": json.loads(line),
        },
    }
