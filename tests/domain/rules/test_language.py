"""What the language refuses when it is read, and times that come again."""

from datetime import UTC, date, datetime, time

import pytest
from pydantic import ValidationError

from grace.domain.policy import Governance
from grace.domain.rules.calendar import Calendar
from grace.domain.rules.controls import CONTROLS, controls_of
from grace.domain.rules.evaluate import JUDGES, wakes
from grace.domain.rules.language import RepositoryPolicy, Requirement, Rule
from grace.domain.verdict import Result, combined, leaf
from support.cases import nodes_of, ready

WEEKLY = {"days": ["mon"]}


@pytest.mark.parametrize(
    ("when", "require", "words"),
    [
        ({}, {}, "is empty; remove it, and the rule applies always"),
        ({"change_over": {}}, {}, "name files, lines or both"),
        ({"all_of": []}, {}, "at least 1 item"),
        ({"any_of": []}, {}, "at least 1 item"),
        ({"severity": []}, {}, "at least 1 item"),
        ({"branch": ["main"]}, {}, "Extra inputs are not permitted"),
        (None, {"change_size": {}}, "name files, lines or both"),
        (None, {"labels": {}}, "name labels in all_of, none_of or both"),
        (None, {"not": {}}, "Extra inputs are not permitted"),
        (None, {"approvals": {"count": 0}}, "greater than or equal to 1"),
        (None, {"approvals": {"team": "core"}}, "should match pattern"),
        (None, {"freeze": {}}, "names no time; add weekly or dates"),
        (None, {"freeze": {"zone": "Berlin", "weekly": [WEEKLY]}}, "Berlin is no time zone"),
        (None, {"freeze": {"zone": "Europe", "weekly": [WEEKLY]}}, "Europe is no time zone"),
        (None, {"freeze": {"zone": "../x", "weekly": [WEEKLY]}}, "../x is no time zone"),
        (None, {"freeze": {"weekly": [{"start": "08:00+01:00"}]}}, "a time of day has no offset"),
        (
            *(None, {"freeze": {"dates": [{"first": "2026-02-02", "last": "2026-02-01"}]}}),
            "the last day is before the first",
        ),
    ],
)
def test_what_means_nothing_is_no_rule(when, require, words):
    with pytest.raises(ValidationError, match=words.replace("(", r"\(")):
        Rule.model_validate({"name": "a", "when": when, "require": require})


def test_two_rules_of_one_file_have_two_names():
    rules = [{"name": "a", "require": {}}, {"name": " a ", "require": {}}]
    with pytest.raises(ValidationError, match="two rules are named 'a'"):
        RepositoryPolicy.model_validate({"version": 1, "rules": rules})
    with pytest.raises(ValidationError, match="two rules are named 'a'"):
        Governance.model_validate({"rules": rules})


def test_every_condition_has_its_judge_and_its_controls():
    combining = {"all_of", "any_of", "at_least"}
    assert set(JUDGES) == set(Requirement.model_fields) - combining
    assert set(JUDGES) <= set(CONTROLS)
    for controls in CONTROLS.values():
        assert controls
        assert {c.partition(":")[0] for c in controls} == {"ISO27001", "SOC2", "NIST800-53"}


def test_a_verdict_names_the_controls_that_a_condition_is_evidence_of():
    tree = ready().rule(signed_commits={}, wait={"minutes": 1}).tree()
    found = {node.name: node.controls for node in nodes_of(tree) if node.controls}
    assert found["signed commits"] == controls_of("signed_commits")
    assert found["wait 1 min"] == controls_of("wait")
    assert {"tests", "stress", "metrics", "approvals", "roles", "merge readiness"} <= set(found)


def test_nothing_never_passes():
    for mode in ("all_of", "any_of", "at_least"):
        assert combined(mode, 0, ()) is Result.FAIL
    assert leaf("a", Result.SKIPPED, "").passes
    assert combined("any_of", 1, (Result.SKIPPED, Result.DEFERRED)) is Result.NO_DATA
    assert combined("at_least", 2, (Result.PASS, Result.SKIPPED)) is Result.NO_DATA
    assert combined("at_least", 2, (Result.PASS, Result.FAIL)) is Result.FAIL
    assert combined("at_least", 2, (Result.PASS, Result.PENDING)) is Result.PENDING


BERLIN = Calendar(zone="Europe/Berlin", weekly=({"start": time(2, 30), "until": time(3, 30)},))


@pytest.mark.parametrize(
    ("now", "inside", "ends"),
    [
        ((2026, 7, 1, 0, 29), False, (2026, 7, 1, 0, 29)),
        ((2026, 7, 1, 0, 30), True, (2026, 7, 1, 1, 30)),
        ((2026, 7, 1, 1, 30), False, (2026, 7, 1, 1, 30)),
        # 29 March 2026: from 02:00 the clock goes to 03:00, at 01:00 UTC.
        ((2026, 3, 29, 0, 29), False, (2026, 3, 29, 0, 29)),
        ((2026, 3, 29, 1, 0), True, (2026, 3, 29, 1, 30)),
        # 25 October 2026: 02:00 to 03:00 comes twice, from 00:00 and from 01:00 UTC.
        ((2026, 10, 25, 0, 29), False, (2026, 10, 25, 0, 29)),
        ((2026, 10, 25, 0, 45), True, (2026, 10, 25, 2, 30)),
        ((2026, 10, 25, 1, 15), True, (2026, 10, 25, 2, 30)),
        ((2026, 10, 25, 1, 45), True, (2026, 10, 25, 2, 30)),
    ],
)
def test_a_calendar_goes_by_the_clock_of_its_zone(now, inside, ends):
    moment = datetime(*now, tzinfo=UTC)
    assert BERLIN.holds(moment) is inside
    assert BERLIN.ends(moment) == datetime(*ends, tzinfo=UTC)


def test_what_follows_at_once_is_one_time():
    both = Calendar(
        weekly=({"days": ["fri"], "start": time(18), "until": time(0)}, {"days": ["sat"]}),
        dates=({"first": date(2026, 11, 29), "last": date(2026, 11, 29)},),
    )
    assert both.ends(datetime(2026, 11, 27, 19, tzinfo=UTC)) == datetime(2026, 11, 30, tzinfo=UTC)


def test_what_has_passed_wakes_nobody():
    assert list(wakes(ready().rule(wait={"minutes": 1}, daily_cap={"merges": 1}).case())) == []
    assert list(wakes(ready().rule(wait={"minutes": 1}).tried(pushed_at=None).case())) == []
