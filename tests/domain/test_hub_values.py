"""Who may what, what exists for whom, patterns of events, and how health adds up."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from grace.domain.access import OWN_LOG, Principal, Reach, Scope, spoken_by
from grace.domain.capa import CapaRequest
from grace.domain.health import Health, HealthState, overall, worst
from grace.domain.topics import any_matches, matches, well_formed

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def who(*scopes, **fields):
    return Principal(kind="token", id="t1", scopes=frozenset(scopes), **fields)


def test_admin_may_everything_and_whoever_may_anything_may_look():
    assert all(who(Scope.ADMIN).may(scope) for scope in Scope if scope is not Scope.RUNNER)
    assert not who(Scope.ADMIN).may(Scope.RUNNER)  # that is a process beside a target
    assert who(Scope.AGENT).may(Scope.VIEWER)
    assert not who(Scope.AGENT).may(Scope.OPERATOR)
    assert not who(Scope.OPERATOR).may(Scope.AGENT)
    assert not who(Scope.VIEWER).may(Scope.ADMIN)
    assert not who().may(Scope.VIEWER)


def test_the_ledger_names_a_person_or_the_token():
    assert who(login="rita", name="ci").actor == "rita"
    assert who(name="ci").actor == "token ci"
    assert who().actor == "token t1"


def test_a_token_speaks_for_somebody_and_a_person_for_himself():
    assert spoken_by(who(login="rita", name="ci")) == "token ci"
    assert spoken_by(who(login="rita")) == "token t1"
    assert spoken_by(Principal(kind="person", id="7", login="rita")) == ""


def test_a_reach_is_a_set_of_repositories_and_perhaps_our_own_log():
    some = Reach(logs=frozenset({"forge/1"}))
    assert some.sees("forge/1")
    assert not some.sees("forge/2")
    assert not some.sees(OWN_LOG)
    assert not Reach().sees("forge/1")
    every = Reach(logs=None)
    assert every.sees("forge/2")
    assert not every.sees(OWN_LOG)
    assert Reach(own=True).sees(OWN_LOG)


@pytest.mark.parametrize(
    ("pattern", "kind", "meant"),
    [
        ("*", "mission.closed", True),
        ("mission.*", "mission.closed", True),
        ("mission.*", "missions.closed", False),
        ("mission.*", "mission", False),
        ("mission.closed", "mission.closed", True),
        ("mission.closed", "mission.closed_again", False),
        ("crypto.key.*", "crypto.key.rotated", True),
        ("crypto.key.*", "crypto.log_opened", False),
    ],
)
def test_a_pattern_means_a_kind_or_all_below_a_name(pattern, kind, meant):
    assert matches(pattern, kind) is meant
    assert any_matches(["elite.*", pattern], kind) is meant
    assert not any_matches([], kind)


@pytest.mark.parametrize("bad", ["", "mission.", ".closed", "mission.*.x", "Mission.*", "m*", "**"])
def test_what_is_no_pattern(bad):
    assert not well_formed(bad)


@pytest.mark.parametrize("good", ["*", "mission.*", "mission.closed", "a.b.c.d.*"])
def test_what_is_a_pattern(good):
    assert well_formed(good)


def part(state, *, critical=False):
    return Health(name="x", title="X", state=state, sentence="", checked_at=NOW, critical=critical)


def test_no_part_known_is_unhealthy():
    assert overall([]) is HealthState.UNHEALTHY
    assert worst([]) is HealthState.UNHEALTHY


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([part(HealthState.HEALTHY)], HealthState.HEALTHY),
        ([part(HealthState.HEALTHY), part(HealthState.DEGRADED)], HealthState.DEGRADED),
        ([part(HealthState.UNHEALTHY), part(HealthState.HEALTHY)], HealthState.DEGRADED),
        ([part(HealthState.UNHEALTHY, critical=True)], HealthState.UNHEALTHY),
        ([part(HealthState.DEGRADED, critical=True)], HealthState.DEGRADED),
    ],
)
def test_a_critical_part_decides_and_others_degrade(parts, whole):
    assert overall(parts) is whole


@pytest.mark.parametrize(
    ("day", "kept"),
    [
        ("2026-11-22T23:30:00-02:00", "2026-11-23T01:30:00+00:00"),
        ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00+00:00"),
        ("1999-12-31T23:59:59Z", None),
        ("2200-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+23:59", None),
    ],
)
def test_a_capa_s_dates_are_dates_that_can_be_reckoned_with(day, kept):
    fields = {
        "subsystem_id": "mesh",
        "severity": "high",
        "title": "t",
        "description": "d",
        "due_at": day,
    }
    if kept is None:
        with pytest.raises(ValidationError, match="2000 and 2199"):
            CapaRequest.model_validate(fields)
    else:
        assert CapaRequest.model_validate(fields).due_at.isoformat() == kept
