"""Alerts that come back after their mission was closed, and fixes that did not hold."""

from datetime import timedelta

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.phase import Outcome, Phase, Severity
from grace.domain.views import package_of
from support.alerted import OLD, hear, join, kinds, made, returned, seen
from support.phases import world_in
from support.world import World


def test_what_came_back_is_graver_and_names_the_fix_that_did_not_hold():
    world = hear(made(), recurs=None)
    assert world.mission.request.parent_id is None
    world = made()
    hear(world, recurs=returned(world, capa=7), capa=9)
    request = world.mission.request
    assert (request.parent_id, request.severity) == (OLD, Severity.HIGH)
    assert request.summary.startswith(f"It came back 3 days after {OLD} was closed as fixed.")
    body = world.only_done(fx.FileIssue).body
    assert f"An earlier mission had this alert: `{OLD}`. Its CAPA is #7." in body
    assert "CAPA #9 about the same problem is open." in body
    note = next(n for n in world.notes if n.kind == "mission.came_back")
    assert note.payload == {"of": OLD, "outcome": "fixed", "days": 3.0}
    assert "capa_known" in kinds(world)


def test_one_that_joins_and_came_back_links_the_mission_too_and_only_once():
    world = hear(made())
    join(world, 2, recurs=returned(world))
    assert (world.mission.request.parent_id, world.mission.severity) == (OLD, Severity.HIGH)
    join(world, 3, recurs=returned(world, mission="mission_20261101_002"))
    assert (world.mission.request.parent_id, world.mission.severity) == (OLD, Severity.HIGH)
    assert kinds(world).count("came_back") == 1
    assert kinds(world).count("severity_raised") == 1


def test_one_that_joins_after_another_outcome_links_the_mission_and_is_no_graver():
    world = hear(made())
    join(world, 2, recurs=returned(world, Outcome.CANCELLED))
    assert (world.mission.request.parent_id, world.mission.severity) == (OLD, Severity.MEDIUM)
    assert "severity_raised" not in kinds(world)


def test_the_gravest_stays_the_gravest():
    world = made()
    word = seen(world, recurs=returned(world))
    critical = word.request.model_copy(update={"severity": Severity.CRITICAL})
    world.deliver(word.model_copy(update={"request": critical}))
    assert world.mission.severity is Severity.CRITICAL


def again(world: World) -> ev.Recurred:
    by = "mission_20261123_001"
    return ev.Recurred(fingerprint="f1", by=by, at=world.now + timedelta(days=2))


def test_a_fix_that_did_not_hold_is_said_counted_and_owes_a_capa():
    world = world_in(Phase.CLOSED)
    assert world.mission.effective is None
    world.deliver(again(world))
    world.settle()
    assert (world.mission.effective, world.mission.phase) == (False, Phase.CLOSED)
    package = package_of(world.mission, ())
    assert package is not None
    assert (package.effective, package.outcome) == (False, Outcome.FIXED)
    note = next(n for n in world.notes if n.kind == "mission.ineffective")
    told = {name: note.payload[name] for name in ("by", "agent", "subsystem", "basis", "severity")}
    assert told == {
        "by": "mission_20261123_001",
        "agent": "candidate:alice",
        "subsystem": "trigger_mesh",
        "basis": "approvals",
        "severity": "high",
    }
    (said,) = [e for e in world.asked(fx.Reply) if e.surface == "ineffective"]
    assert "The fix did not hold: alert `f1` fires again 2 days after" in said.body
    labels = world.asked(fx.SetLabels)[-1]
    assert (labels.number, labels.add) == (1, ("mission/ineffective",))
    assert world.asked(fx.PublishLedger)[-1].key == "ledger/ineffective"
    capa = world.only_done(fx.FileIssue)
    assert (capa.purpose, capa.title) == (
        "capa",
        f"CAPA: {world.mission.name} came back: Delivery is slow",
    )
    assert world.mission.capa == 9
    said = [e.body for e in world.asked(fx.PublishComment) if e.surface == "issue"][-1]
    assert "Ineffective: it was closed as fixed, and the problem came back in" in said


def test_it_is_said_once_and_of_no_other_outcome():
    world = world_in(Phase.CLOSED)
    world.deliver(again(world))
    before, notes = world.settle().mission, len(world.notes)
    world.deliver(again(world))
    assert (world.settle().mission, len(world.notes)) == (before, notes)
    cancelled = made().file().command("cancel")
    cancelled.deliver(again(cancelled))
    assert cancelled.mission.effective is None


def test_a_mission_with_a_capa_owes_no_second_one_and_one_without_an_issue_says_nothing():
    world = world_in(Phase.CLOSED)
    world.mission = world.mission.with_(capa=5)
    world.deliver(again(world))
    assert world.settle().asked(fx.FileIssue) == []
    world = world_in(Phase.CLOSED)
    world.mission = world.mission.with_(issue=None)
    world.deliver(again(world))
    assert world.mission.effective is False
    assert [e for e in world.asked(fx.Reply) if e.surface == "ineffective"] == []
