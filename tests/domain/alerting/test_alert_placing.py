"""Which mission an alert belongs to."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.domain.alerting.placing import (
    Alert,
    Damp,
    Group,
    Join,
    OpenMission,
    Past,
    Scene,
    Why,
    labels_of,
    place,
    remembered,
)
from grace.domain.alerting.rules import Alerting, Maintenance
from grace.domain.phase import Outcome

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
RULES = Alerting(group_minutes=10, max_new_per_hour=3, reopen_days=14)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def alert(**changes: object) -> Alert:
    fields = {
        "fingerprint": "f1",
        "subsystem": "mesh",
        "metrics": frozenset({"latency"}),
        "labels": frozenset({"service=web"}),
    }
    return Alert(**{**fields, **changes})


def group(uid: str = "m1", **changes: object) -> Group:
    fields = {
        "subsystem": "mesh",
        "metrics": frozenset({"errors"}),
        "labels": frozenset(),
        "first_at": ago(5),
        "created_at": ago(5),
    }
    return Group(uid=uid, **{**fields, **changes})


def past(outcome: Outcome = Outcome.FIXED, minutes: float = 60, **changes: object) -> Past:
    closed = {"uid": "p", "name": "mission_20261101_001", "closed_at": ago(minutes)}
    return Past(outcome=outcome, **{**closed, **changes})


def test_first_alert_opens_a_mission():
    assert place(alert(), Scene(), RULES, NOW) == OpenMission()


def test_alert_goes_to_the_mission_it_has_even_in_maintenance():
    work = Maintenance(start=ago(1), end=ago(-1), reason="upgrade")
    rules = RULES.model_copy(update={"maintenance": (work,)})
    assert place(alert(), Scene(own="mine"), rules, NOW) == Join("mine", Why.OWN)


def test_same_metric_of_the_same_subsystem_joins_at_any_time():
    old = group(metrics=frozenset({"latency"}), first_at=None, created_at=ago(9000))
    assert place(alert(), Scene(groups=[old]), RULES, NOW) == Join("m1", Why.METRIC)
    elsewhere = group(metrics=frozenset({"latency"}), subsystem="db", first_at=ago(9000))
    assert place(alert(), Scene(groups=[elsewhere]), RULES, NOW) == OpenMission()


def test_same_subsystem_joins_what_began_lately():
    assert place(alert(), Scene(groups=[group()]), RULES, NOW) == Join("m1", Why.SUBSYSTEM)
    late = group(first_at=ago(10.1))
    assert place(alert(), Scene(groups=[late]), RULES, NOW) == OpenMission()
    without_alerts = group(first_at=None)
    assert place(alert(), Scene(groups=[without_alerts]), RULES, NOW) == OpenMission()


def test_a_label_in_common_joins_across_subsystems():
    other = group(subsystem="db", labels=frozenset({"service=web", "cluster=a"}))
    assert place(alert(), Scene(groups=[other]), RULES, NOW) == Join("m1", Why.LABELS)
    assert place(alert(labels=frozenset()), Scene(groups=[other]), RULES, NOW) == OpenMission()
    late = group(subsystem="db", labels=frozenset({"service=web"}), first_at=ago(11))
    assert place(alert(), Scene(groups=[late]), RULES, NOW) == OpenMission()


def test_metric_is_nearer_than_subsystem_and_that_than_a_label_and_the_newest_is_first():
    by_label = group("l", subsystem="db", labels=frozenset({"service=web"}), created_at=ago(1))
    by_time = group("t", created_at=ago(2))
    by_time_before = group("b", created_at=ago(3))
    by_metric = group("m", metrics=frozenset({"latency"}), created_at=ago(4))
    order = [by_metric, by_time, by_label]
    found = [place(alert(), Scene(groups=order[n:]), RULES, NOW) for n in range(3)]
    assert [f.uid for f in found] == ["m", "t", "l"]
    both = Scene(groups=[by_time_before, by_time])
    assert place(alert(), both, RULES, NOW) == Join("t", Why.SUBSYSTEM)


def test_past_the_limit_it_joins_the_newest_of_the_subsystem_or_of_all():
    old = {"first_at": ago(50)}
    mesh = group("mesh", created_at=ago(50), **old)
    mesh_before = group("before", created_at=ago(55), **old)
    other = group("db", subsystem="db", created_at=ago(20), **old)
    scene = Scene(groups=[other, mesh_before, mesh], opened=3)
    assert place(alert(), scene, RULES, NOW) == Join("mesh", Why.FULL)
    assert place(alert(), Scene(groups=[other], opened=3), RULES, NOW) == Join("db", Why.FULL)
    assert place(alert(), Scene(opened=3), RULES, NOW) == Damp(Why.FULL)
    assert place(alert(), Scene(groups=[mesh], opened=2), RULES, NOW) == OpenMission()


def test_maintenance_files_no_mission_for_its_subsystems_while_it_lasts():
    work = Maintenance(start=ago(5), end=ago(-5), subsystems=("mesh",), reason="upgrade")
    rules = RULES.model_copy(update={"maintenance": (work,)})
    assert place(alert(), Scene(groups=[group()]), rules, NOW) == Damp(Why.MAINTENANCE)
    assert place(alert(subsystem="db"), Scene(), rules, NOW) == OpenMission()
    assert place(alert(), Scene(), rules, ago(-5)) == OpenMission()
    assert place(alert(), Scene(), rules, ago(6)) == OpenMission()
    everything = work.model_copy(update={"subsystems": ()})
    rules = RULES.model_copy(update={"maintenance": (everything,)})
    assert place(alert(subsystem="db"), Scene(), rules, NOW) == Damp(Why.MAINTENANCE)


def test_maintenance_must_end_after_it_begins():
    with pytest.raises(ValueError, match="end must be later than start"):
        Maintenance(start=NOW, end=NOW, reason="nothing")


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.FAILED, Outcome.ROLLED_BACK])
def test_what_never_stopped_is_left_to_the_people_who_have_its_mission(outcome):
    unbroken = past(outcome, minutes=9000, unbroken=True)
    assert place(alert(), Scene(past=unbroken), RULES, NOW) == Damp(Why.LEFT)
    again = past(outcome, minutes=1)
    assert place(alert(), Scene(past=again), RULES, NOW) == OpenMission()


@pytest.mark.parametrize("outcome", [Outcome.FIXED, Outcome.SELF_RECOVERED])
def test_what_still_fires_after_its_mission_has_a_moment_to_stop(outcome):
    unbroken = past(outcome, minutes=9, unbroken=True)
    assert place(alert(), Scene(past=unbroken), RULES, NOW) == Damp(Why.FRESH)
    unbroken = past(outcome, minutes=11, unbroken=True)
    assert place(alert(), Scene(past=unbroken), RULES, NOW) == OpenMission()


def test_a_mission_is_remembered_for_the_days_that_the_rules_name():
    kept = past(minutes=14 * 1440)
    assert remembered(kept, RULES, NOW) is kept
    assert remembered(past(minutes=14 * 1440 + 1), RULES, NOW) is None
    assert remembered(None, RULES, NOW) is None


def test_only_labels_that_group_count_and_an_empty_value_says_nothing():
    labels = {"service": "web", "cluster": "", "pod": "web-1"}
    assert labels_of(labels, RULES) == {"service=web"}


@given(st.randoms(use_true_random=False), st.integers(0, 6))
def test_the_order_of_the_groups_does_not_matter(chance: random.Random, opened: int):
    groups = [
        group(
            f"m{n}",
            subsystem=chance.choice(["mesh", "db"]),
            metrics=frozenset(chance.sample(["latency", "errors", "cpu"], 1)),
            labels=frozenset(chance.sample(["service=web", "service=api"], 1)),
            first_at=chance.choice([None, ago(5), ago(50)]),
            created_at=ago(chance.choice([1, 5, 50])),
        )
        for n in range(chance.randint(0, 5))
    ]
    before = place(alert(), Scene(groups=groups, opened=opened), RULES, NOW)
    shuffled = [*groups]
    chance.shuffle(shuffled)
    assert place(alert(), Scene(groups=shuffled, opened=opened), RULES, NOW) == before
    # Once it has a mission, a second notification of it goes there too.
    if isinstance(before, Join):
        again = place(alert(), Scene(own=before.uid, groups=shuffled, opened=opened), RULES, NOW)
        assert again == Join(before.uid, Why.OWN)
