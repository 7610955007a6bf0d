"""Alerts of a mission: they join, are resolved, flap, and fire beside it."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.alerting.alarm import MAX_TOLD
from grace.domain.detection.anomaly import Anomaly
from grace.domain.phase import Outcome, Phase, Severity
from support.alerted import OLD, hear, join, kinds, made, returned, seen
from support.phases import alert, world_in

# recovering by itself


@pytest.mark.parametrize(
    "phase",
    [Phase.AWAITING_START, Phase.PLANNING, Phase.PATCHING, Phase.TESTING, Phase.GATING],
)
def test_a_mission_whose_alert_stays_resolved_ends_before_anything_is_merged(phase):
    waits = {Phase.PLANNING: (fx.ReadBase,), Phase.PATCHING: (fx.PushPatch,)}
    world = made()
    world.waits = waits.get(phase, ())
    hear(world)
    if phase is not Phase.AWAITING_START:
        world.command("start")
    if phase is Phase.GATING:
        world.ci()
    assert world.mission.phase is phase
    hear(world, "resolved", firing=0)
    assert world.wake_at <= world.now + timedelta(minutes=2)
    assert world.tick(119).mission.phase is phase
    world.waits = ()
    world.tick(1)
    assert world.mission.outcome is Outcome.SELF_RECOVERED
    assert world.mission.reason == (
        "its alert stayed resolved for 2 minutes, before any fix was merged"
    )
    closed = world.only_done(fx.CloseIssue)
    assert (closed.number, closed.reason) == (1, "completed")
    assert len(world.asked(fx.ClosePull)) == (1 if world.mission.pull is not None else 0)
    assert "self_recovered" in world.asked(fx.PublishComment)[-1].body


def test_one_that_fires_again_in_time_goes_on_and_waits_longer_the_next_time():
    world = hear(made())
    hear(world, "resolved", firing=0)
    world.tick(60)
    hear(world, "firing", flaps=1)
    assert world.tick(600).mission.live
    hear(world, "resolved", firing=0, flaps=1)
    assert world.tick(239).mission.live
    assert world.tick(1).mission.outcome is Outcome.SELF_RECOVERED


def test_it_recovers_only_when_all_of_its_alerts_are_resolved():
    world = join(hear(made()), 2)
    hear(world, "resolved", 1, known=2, firing=1)
    assert world.tick(3600).mission.live
    hear(world, "resolved", 2, known=2, firing=0)
    assert world.tick(120).mission.outcome is Outcome.SELF_RECOVERED
    assert world.mission.reason.startswith("all of its 2 alerts stayed resolved")


def test_one_that_follows_at_once_on_a_mission_that_recovered_waits_as_long_as_any():
    world = made()
    recurs = returned(world, Outcome.SELF_RECOVERED)
    hear(world, flaps=1, recurs=recurs)
    assert (world.mission.request.parent_id, world.mission.severity) == (OLD, Severity.MEDIUM)
    hear(world, "resolved", firing=0, flaps=1)
    assert world.tick(3599).mission.live
    assert world.tick(1).mission.outcome is Outcome.SELF_RECOVERED
    calm = hear(made(), recurs=recurs)
    hear(calm, "resolved", firing=0)
    assert calm.tick(120).mission.outcome is Outcome.SELF_RECOVERED


def test_what_a_person_holds_does_not_end_by_itself():
    world = hear(made())
    world.command("start").command("hold", argument="I look at it")
    hear(world, "resolved", firing=0)
    assert world.tick(3600).mission.phase is Phase.TESTING
    world.command("resume")
    assert world.mission.outcome is Outcome.SELF_RECOVERED


def test_what_a_person_took_over_does_not_end_by_itself():
    world = hear(made()).command("start")
    world.deliver(world.pull(head_sha="c" * 40, sender=ev.Actor(login="rita")))
    assert "rita pushed" in world.mission.held
    hear(world, "resolved", firing=0)
    assert world.tick(3600).mission.live


@pytest.mark.parametrize("phase", [Phase.TESTING, Phase.GATING])
def test_what_a_person_merged_does_not_end_before_it_is_read_what_landed(phase):
    world = hear(made()).command("start")
    if phase is Phase.GATING:
        world.ci()
    assert world.mission.phase is phase
    hear(world, "resolved", firing=0)
    tree = world.mission.attempt.tree
    world.waits = (fx.ReadPull,)
    world.tick(119).merge_by_hand(world.mission.pull.number, tree)
    assert world.tick(60).mission.phase is phase
    world.waits = ()
    world.settle()
    assert world.mission.landing is not None
    assert world.mission.outcome is not Outcome.SELF_RECOVERED


def test_a_hold_for_want_of_a_patch_keeps_nothing_open():
    world = made()
    world.deliver(alert(world))
    world.settle().command("start")
    assert "no patch candidate" in world.mission.held
    world.deliver(alert(world, "resolved"))
    assert world.settle().tick(120).mission.outcome is Outcome.SELF_RECOVERED


def test_an_issue_of_a_person_stays_open_when_its_alerts_are_resolved():
    world = made().file(author="mallory")
    join(world, 1)
    hear(world, "resolved", firing=0)
    assert world.tick(3600).mission.phase is Phase.AWAITING_START
    assert {"alert_joined", "alert_resolved", "alerts_quiet"} <= set(kinds(world))


def test_what_joins_before_the_contract_is_read_does_not_become_the_contract():
    world = made()
    world.deliver(seen(world, why="alerts may open no more missions now"))
    assert (world.mission.phase, world.mission.request, world.mission.alert) == (
        Phase.FILED,
        None,
        None,
    )
    assert world.mission.alarm.known == 1


def test_resolved_while_it_merges_ends_nothing():
    world = hear(made()).command("start")
    world.waits = (fx.MergePull,)
    world.ci().review()
    assert world.mission.phase is Phase.MERGING
    hear(world, "resolved", firing=0)
    assert world.tick(600).mission.phase is Phase.MERGING


# what is told of many


def test_the_first_alerts_are_noted_one_by_one_and_a_storm_at_growing_steps():
    world = hear(made())
    for number in range(2, 260):
        join(world, number)
    assert kinds(world).count("alert_joined") == MAX_TOLD - 1
    counted = [n.payload["known"] for n in world.notes if n.kind == "mission.alerts_counted"]
    assert counted == [50, 100, 200]
    assert (len(world.mission.alarm.own), world.mission.alarm.known) == (MAX_TOLD, 259)
    comment = world.asked(fx.PublishComment)[-1].body
    assert "- and more than 100 more" in comment
    assert len(world.asked(fx.PublishComment)) < 40


def test_a_repeated_word_changes_nothing():
    world = join(hear(made()), 2)
    before, notes = world.mission, len(world.notes)
    hear(world, "firing", 2, known=2, firing=2)
    hear(world, "firing", 1, known=2, firing=2)
    assert (world.mission, len(world.notes)) == (before, notes)


def test_what_else_moved_is_taken_in_when_it_is_seen():
    world = made()
    fields = {"metric_id": "a", "detector": "unusual", "value": 1.0, "direction": "up"}
    first = Anomaly(since=world.now, at=world.now, sentence="it rose", **fields)
    moved = first.model_copy(update={"sentence": "it rose, and b with it"})
    world.deliver(seen(world).model_copy(update={"anomaly": first}))
    world.deliver(seen(world).model_copy(update={"anomaly": moved}))
    assert world.mission.anomaly == moved
    other = seen(world, "firing", 2, known=2, firing=2, why="the same metric")
    world.deliver(other.model_copy(update={"anomaly": first}))
    assert world.mission.anomaly == moved


def test_a_repeated_word_that_brings_new_numbers_is_counted_and_not_noted():
    world = hear(made())
    notes = len(world.notes)
    hear(world, "firing", 1, known=30, firing=30)
    assert world.mission.alarm.known == 30
    assert len(world.notes) == notes


def test_flaps_are_noted_ever_more_seldom():
    world = hear(made())
    for flaps in range(1, 17):
        hear(world, "resolved", firing=0, flaps=flaps - 1)
        hear(world, "firing", flaps=flaps)
    assert kinds(world).count("alert_firing") == 3
    assert kinds(world).count("alert_resolved") == 4
    flapping = [n.payload["flaps"] for n in world.notes if n.kind == "mission.alert_flapping"]
    assert flapping == [4, 8, 16]


def test_a_graver_alert_makes_a_mission_graver_that_nobody_started():
    world = hear(made())
    assert world.mission.severity is Severity.MEDIUM
    graver = seen(world, "firing", 2, known=2, firing=2, why="the same metric")
    critical = graver.request.model_copy(update={"severity": Severity.CRITICAL})
    graver = graver.model_copy(update={"request": critical})
    world.deliver(graver)
    assert world.mission.severity is Severity.CRITICAL
    assert kinds(world)[-1] == "severity_raised"
    started = join(hear(made()).command("start"), 2)
    frozen = started.mission.contract_hash
    started.deliver(graver.model_copy(update={"fingerprint": "f3"}))
    assert (started.mission.severity, started.mission.contract_hash) == (Severity.MEDIUM, frozen)


def test_a_contract_that_a_person_wrote_is_not_changed_by_an_alert():
    world = made().file(author="mallory")
    before = world.mission.request
    world.deliver(seen(world, known=1, firing=1, why="the same metric", recurs=returned(world)))
    assert world.mission.request == before
    assert "came_back" in kinds(world)


def test_an_issue_that_could_not_be_filed_is_tried_again_with_the_next_word():
    world = made()
    world.waits = (fx.FileIssue,)
    hear(world)
    world.fail(fx.FileIssue, "the forge said 403")
    world.waits = ()
    hear(world)
    assert (world.mission.issue, world.mission.held) == (1, None)


# the window


def test_alerts_in_the_window_are_evidence_that_people_read_and_decide_nothing():
    world = hear(made()).command("start").ci().review().deploy()
    assert world.mission.phase is Phase.OBSERVING
    join(world, 2)
    tree = {c.name: c for c in world.verdict.root.children}
    assert (tree["alerts"].reason, tree["alerts"].result) == ("2 of 2 fire", "skipped")
    hear(world, "resolved", 1, known=2, firing=1)
    hear(world, "resolved", 2, known=2, firing=0)
    hear(world, "firing", 7, known=2, firing=0, beside=True)
    hear(world, "firing", 7, known=2, firing=0, beside=True)
    tree = {c.name: c for c in world.verdict.root.children}
    assert (tree["alerts"].reason, tree["alerts"].result) == ("all 2 are resolved", "pass")
    assert tree["new alerts"].reason == (
        "began to fire since the release, in other missions: Latency 7"
    )
    assert kinds(world).count("alert_beside") == 1
    assert world.observe().mission.outcome is Outcome.FIXED


def test_an_alert_beside_a_mission_without_alerts_is_shown_alone():
    world = world_in(Phase.OBSERVING)
    hear(world, "firing", 7, known=0, firing=0, beside=True)
    names = [c.name for c in world.verdict.root.children]
    assert names[-1] == "new alerts"
    assert "alerts" not in names
