from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from grace.domain.phase import Severity
from grace.domain.results import Finding
from grace.domain.waivers import MAX_DAYS, Waiver, Waivers

PRINT = "ab" * 32
FOUND = Finding(
    tool="grace",
    rule="GR004",
    severity=Severity.HIGH,
    file="app/views.py",
    line=7,
    fingerprint=PRINT,
    new=True,
)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def waiver(**more: object) -> Waiver:
    values: dict[str, object] = {
        "fingerprint": PRINT,
        "reason": "the name is checked by the proxy",
        "approved_by": "ann",
        "expires": date(2026, 11, 22),
    }
    return Waiver.model_validate({k: v for k, v in {**values, **more}.items() if v is not None})


def by_place(**more: object) -> Waiver:
    return waiver(fingerprint=None, rule="GR004", path="app/views.py", **more)


@pytest.mark.parametrize("kind", [waiver, by_place])
def test_it_covers_what_it_names_through_its_last_day(kind):
    assert kind().covers(FOUND, NOON)
    assert kind().covers(FOUND, datetime(2026, 11, 22, 23, 59, tzinfo=UTC))
    assert not kind().covers(FOUND, datetime(2026, 11, 23, tzinfo=UTC))


def test_the_day_is_that_of_utc_wherever_the_clock_stands():
    samoa = timezone(timedelta(hours=-11))
    assert not waiver().covers(FOUND, datetime(2026, 11, 22, 13, tzinfo=samoa))
    assert waiver().covers(FOUND, datetime(2026, 11, 22, 12, 59, tzinfo=samoa))


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "cd" * 32},
        {"fingerprint": None},
    ],
)
def test_another_fingerprint_is_another_finding(change):
    assert not waiver().covers(FOUND.model_copy(update=change), NOON)


@pytest.mark.parametrize("change", [{"rule": "GR005"}, {"file": "app/other.py"}, {"file": None}])
def test_a_rule_is_waived_in_its_path_alone(change):
    assert not by_place().covers(FOUND.model_copy(update=change), NOON)


def test_one_that_lasts_longer_than_a_year_waives_nothing():
    last = NOON.date() + timedelta(days=MAX_DAYS)
    assert waiver(expires=last).covers(FOUND, NOON)
    forever = waiver(expires=last + timedelta(days=1))
    assert not forever.covers(FOUND, NOON)
    assert "let it expire within 366 days" in str(forever.void(NOON))


def test_an_expired_one_says_so():
    told = waiver().void(NOON + timedelta(days=1))
    assert told == "expired on 2026-11-22; remove it, or renew it with a reason that still holds"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"fingerprint": None}, "name either a fingerprint, or a rule and its path"),
        ({"rule": "GR004", "path": "a"}, "name either a fingerprint, or a rule and its path"),
        ({"fingerprint": None, "rule": "GR004"}, "a rule is waived in one path; name both"),
        ({"path": "a"}, "a rule is waived in one path; name both"),
        ({"reason": "          x         "}, "at least 10 characters"),
        ({"expires": None}, "Field required"),
        ({"approved_by": None}, "Field required"),
    ],
)
def test_one_without_a_name_a_reason_an_end_or_a_person_is_none(change, told):
    with pytest.raises(ValidationError, match=told):
        waiver(**change)


def test_the_first_that_covers_a_finding_is_told():
    old, good = waiver(expires=date(2026, 1, 1)), by_place()
    waivers = Waivers(waivers=(old, good, waiver()))
    assert waivers.covering(FOUND, NOON) is good
    assert Waivers(waivers=(old,)).covering(FOUND, NOON) is None
