"""Alerts that a playbook fits are healing missions, begun without a person where rules allow it."""

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.alerting.alarm import Placed
from grace.domain.package import AcceptanceCriteria, MissionRequest, Symptom
from grace.domain.phase import MissionType, Outcome, Phase, Severity
from grace.domain.playbooks.run import RunState
from grace.domain.proactive import Remedies, Remedy
from support.healed import healing_policy, say, watch
from support.world import BOT, DIFF, METRIC, World

REMEDY = Remedy(name="lookup-off", metrics=(METRIC,), diff=DIFF)


def fired(world: World, severity: Severity = Severity.HIGH, status: str = "firing") -> World:
    catalog = world.policy.catalog.metrics
    request = MissionRequest(
        subsystem_id="trigger_mesh",
        severity=severity,
        symptoms=(Symptom(description="slow", metric_id=METRIC),),
        acceptance_criteria=AcceptanceCriteria(
            metric_targets=(catalog[METRIC].as_target(METRIC, 10),), observation_window_minutes=1
        ),
    )
    world.deliver(
        ev.AlertSeen(
            source="alertmanager",
            fingerprint="f1",
            status=status,
            title="slow",
            request=request,
            at=world.now,
            placed=Placed(),
        )
    )
    return world.settle()


@pytest.mark.parametrize("severity", [Severity.CRITICAL, Severity.LOW])
def test_alert_that_a_playbook_fits_is_healed_without_a_person(severity):
    world = fired(World(policy=healing_policy()), severity)
    assert world.mission.request.mission_type is MissionType.HEALING
    assert world.mission.phase is Phase.EXECUTING
    filed = next(e for e in world.done if isinstance(e, fx.FileIssue))
    assert "mission_type: healing" in filed.body
    assert "Add a patch candidate" not in filed.body
    watch(say(world, RunState.HEALED))
    assert world.mission.outcome is Outcome.FIXED


def test_alerts_that_end_before_the_playbook_runs_end_the_mission_and_later_ones_do_not():
    world = fired(World(policy=healing_policy()))
    fired(world, status="resolved")
    world.tick(3600)
    assert world.mission.phase is Phase.EXECUTING
    say(world, RunState.HEALED)
    assert world.mission.phase is Phase.OBSERVING


def test_remedy_that_is_not_trusted_yet_gives_way_to_a_playbook():
    policy = healing_policy().model_copy(update={"remedies": Remedies(remedies=(REMEDY,))})
    assert fired(World(policy=policy)).mission.request.mission_type is MissionType.HEALING
    rules = policy.governance.proactive.model_copy(update={"min_trust": 0.0})
    trusting = policy.model_copy(
        update={"governance": policy.governance.model_copy(update={"proactive": rules})}
    )
    assert fired(World(policy=trusting)).mission.request.mission_type is MissionType.CODING


@pytest.mark.parametrize(
    "rules",
    [
        {"healing": {"severities": ["low"]}},
        {"proactive": {"enabled": False}},
        {"proactive": {"max_per_day": 0}},
    ],
)
def test_rules_keep_a_healing_mission_waiting_for_a_person(rules):
    world = fired(World(policy=healing_policy(**rules)))
    assert world.mission.phase is Phase.AWAITING_START
    world.command("start", "rita", number="2")
    assert world.mission.phase is Phase.EXECUTING


def test_healing_that_is_turned_off_makes_no_healing_missions():
    world = fired(World(policy=healing_policy(healing={"enabled": False})))
    assert world.mission.request.mission_type is MissionType.CODING


def test_healing_mission_whose_issue_was_edited_or_vetoed_waits_for_a_person():
    world = World(policy=healing_policy(), waits=(fx.FileIssue,))
    fired(world)
    world.deliver(ev.CommandGiven(id="v", name="veto", argument="no", actor=ev.Actor(login="rita")))
    world.settle()
    world.waits = ()
    world.settle()
    assert world.mission.phase is Phase.AWAITING_START
    assert world.mission.requester is None or world.mission.requester.login != BOT
