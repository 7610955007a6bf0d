"""Ways around governance that take time, patience, or a second account; each is closed."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.facts import MAX_INSPECTIONS, MAX_LABELS
from grace.domain.inspection import RepositoryRules
from grace.domain.lifecycle.merging import unheard_stop
from grace.domain.phase import Outcome, Phase, Severity
from grace.domain.policy import Emergency
from grace.domain.rules.language import RepositoryPolicy
from grace.domain.trust import score
from support.cases import NOW, made_good, make_rule, ready
from support.governed import grave, keys, label, merges, order, ruled
from support.world import START, World, make_policy, sha

STOP = "do-not-merge"
TRIAGE = ev.Permission.TRIAGE
SOME = ev.Actor(login="tara", id=9)


def flood(world, number=2):
    """Let somebody who may only label put every label of the repository on and off again."""
    for n in range(MAX_LABELS + 1):
        seen = ev.LabelSeen(
            number=number, label=f"area/{n}", present=False, actor=SOME, at=world.now
        )
        world.deliver(seen)
    return world.settle()


def test_a_flood_of_labels_does_not_wash_away_one_that_holds():
    world = label(ruled({"labels": {"none_of": [STOP]}}).file().ci(), STOP)
    flood(world).review()
    assert world.mission.phase is Phase.GATING
    assert merges(world) == []


def test_a_flood_on_the_issue_says_nothing_about_the_pull_request():
    world = ruled({"labels": {"none_of": [STOP]}}).file().ci()
    assert flood(world, number=1).review().mission.phase is Phase.OBSERVING


def test_a_flood_of_labels_skips_no_rule():
    rule = make_rule("risky", {"labels": ["risky"]}, {"change_size": {"lines": 1}})
    policy = make_policy(rules=(rule,))
    world = label(World(policy=policy).file().ci(), "risky")
    assert flood(world).review().mission.phase is Phase.GATING


def test_a_label_is_taken_off_by_who_may_write_now_and_not_by_who_once_might():
    world = ruled({"labels": {"none_of": [STOP]}}).file().ci()
    label(world, STOP).review()
    assert world.mission.phase is Phase.GATING
    world.permission["rita"] = TRIAGE
    world.permission["sam"] = ev.Permission.WRITE
    world.now += timedelta(seconds=1)
    label(world, STOP, "rita", present=False)
    assert merges(world) == []


def test_the_permission_of_who_labels_is_read_again_after_a_resume():
    world = ruled({"labels": {"all_of": ["tested"]}}).file().ci().review()
    world.waits = (fx.ReadPermission,)
    label(world, "tested", "max")
    world.fail(fx.ReadPermission, "busy")
    assert world.mission.phase is Phase.GATING
    world.waits = ()
    world.command("hold")
    assert world.command("resume").mission.phase is Phase.OBSERVING


NOON = {"freeze": {"weekly": [{"days": ["sun"], "start": "10:10", "until": "12:00"}]}}


def test_a_freeze_that_begins_takes_a_change_out_of_the_queue_within_a_minute():
    rule = make_rule("noon", None, NOON)
    world = World(queue=True, policy=make_policy(rules=(rule,))).file().ci().review()
    world.now = START + timedelta(minutes=69)
    world.deliver(ev.Ticked())
    assert world.mission.queued
    assert world.wake_at <= START + timedelta(minutes=70)
    world.now = world.wake_at
    world.deliver(ev.Ticked())
    assert "frozen until" in world.only(fx.Dequeue).reason


def test_a_rule_that_begins_to_apply_takes_a_change_out_of_the_queue_within_a_minute():
    when = {"during": NOON["freeze"]}
    rule = make_rule("noon", when, {"approvals": {"count": 2}})
    world = World(queue=True, policy=make_policy(rules=(rule,))).file().ci().review()
    world.now = START + timedelta(minutes=69, seconds=30)
    world.deliver(ev.Ticked())
    world.now = world.wake_at
    world.deliver(ev.Ticked())
    assert "1 of 2" in world.only(fx.Dequeue).reason


def test_a_queue_that_no_clock_rules_is_looked_at_now_and_then():
    world = World(queue=True).file().ci().review()
    assert world.mission.queued
    assert world.wake_at > world.now + timedelta(minutes=5)


ONLY_PEOPLE = {"emergency": Emergency(waives=("approvals",))}


def test_an_order_that_stood_in_for_a_rule_alone_is_reviewed():
    rule = {"approvals": {"count": 3}}
    world = ruled(rule, **ONLY_PEOPLE).file(grave()).ci().review()
    world.permission["sam"] = ev.Permission.WRITE
    world.review("sam")
    assert world.mission.phase is Phase.GATING
    order(world)
    assert (world.mission.phase, world.mission.basis) == (Phase.OBSERVING, "approvals")
    assert world.mission.review is not None


def test_a_merge_by_hand_after_an_order_is_reviewed():
    world = ruled({"labels": {"all_of": ["never"]}}, **ONLY_PEOPLE).file(grave()).ci()
    order(world)
    assert world.mission.phase is Phase.GATING
    world.merge_by_hand(2, world.mission.attempts[-1].tree)
    assert world.mission.basis == "none"
    assert world.mission.review is not None


def test_an_order_that_nothing_heeds_is_not_reviewed():
    world = World(policy=make_policy(**ONLY_PEOPLE)).file(grave()).ci()
    assert world.mission.phase is Phase.GATING
    world.merge_by_hand(2, world.mission.attempts[-1].tree)
    assert world.mission.review is None


SAID = {
    "a veto": ev.CommandGiven(id="v", name="veto", argument="no", actor=SOME),
    "a hold": ev.CommandGiven(id="h", name="hold", actor=SOME),
    "a closed issue": ev.IssueClosed(number=1, sender=SOME),
    "a label": ev.LabelSeen(number=2, label=STOP, present=True, actor=SOME, at=START),
    "an objection": ev.ReviewSeen(
        id="r", pull=2, state="changes_requested", sha=sha("h"), actor=SOME, at=START
    ),
    "a dismissal": ev.ReviewSeen(
        id="r", pull=2, state="dismissed", sha=sha("h"), actor=SOME, at=START
    ),
}


@pytest.mark.parametrize("event", SAID.values(), ids=SAID.keys())
def test_what_may_stop_a_merge_and_is_not_decided_on_yet_stops_it(event):
    assert unheard_stop([ev.Ticked(), event]) is not None


@pytest.mark.parametrize(
    "event",
    [
        ev.Ticked(),
        ev.CommandGiven(id="w", name="why", actor=SOME),
        SAID["an objection"].model_copy(update={"state": ev.ReviewState.APPROVED}),
    ],
    ids=lambda event: event.kind,
)
def test_what_else_waits_stops_no_merge(event):
    assert unheard_stop([event]) is None


GOOD = [made_good(days) for days in range(20, 4, -1)]
ALONE, TOGETHER = "candidate:alice#1", "candidate:alice#1+bob"


def trusted(agent, *more):
    return score([*GOOD, *more], agent, Severity.HIGH, NOW)


@pytest.mark.parametrize("outcome", [Outcome.ROLLED_BACK, Outcome.FAILED])
def test_nobody_keeps_a_clean_record_by_letting_another_edit_what_goes_wrong(outcome):
    whole = trusted(ALONE)
    assert whole.good == len(GOOD)
    after = trusted(ALONE, made_good(1, agent=TOGETHER, outcome=outcome))
    assert after.value < whole.value
    assert trusted(ALONE, made_good(1, agent="candidate:bob#2+alice", outcome=outcome)) == whole
    assert trusted(ALONE, made_good(1, agent="candidate:alice#12", outcome=outcome)) == whole


def test_what_went_well_with_another_is_nobodys_own():
    assert trusted(ALONE, made_good(1, agent=TOGETHER)) == trusted(ALONE)
    assert trusted(TOGETHER).value == 0


def test_an_objection_of_somebody_who_was_a_stranger_a_moment_ago_is_heard_later():
    world = World().file().ci()
    world.command("status", "mallory")
    world.permission["mallory"] = ev.Permission.WRITE
    world.review("mallory", ev.ReviewState.CHANGES_REQUESTED)
    world.tick(11 * 60)
    world.review()
    assert world.mission.phase is Phase.GATING
    assert "mallory asked for changes" in world.verdict.root.holding().reason


def group_of(world, name="group"):
    world.group(name).group_ci(name=name)
    return world.checks("governance", sha(name))


def test_a_policy_that_the_base_got_meanwhile_holds_for_the_merge_group():
    world = World(queue=True).file().ci().review()
    world.base = sha("a newer base")
    policy = RepositoryPolicy(version=1, shadow=True)
    world.inspection = {"rules": RepositoryRules(policy=policy)}
    (*_, said) = group_of(world)
    assert said.conclusion is None
    assert "shadow mode" in said.summary
    assert "inspect/" + sha("group") in "".join(keys(world, "inspect/"))


def test_a_merge_group_waits_until_the_policy_at_its_base_was_read():
    world = World(queue=True).file().ci().review()
    world.base, world.waits = sha("a newer base"), (fx.InspectPatch,)
    (*_, said) = group_of(world)
    assert said.conclusion is None
    assert "is being read" in said.summary
    world.waits = ()
    world.settle()
    assert world.checks("governance", sha("group"))[-1].conclusion == "success"


def test_many_groups_forget_nothing_of_the_patch():
    world = World(queue=True).file().ci().review()
    for n in range(MAX_INSPECTIONS + 1):
        world.base = sha(f"base {n}")
        (*_, said) = group_of(world, f"group {n}")
        assert said.conclusion == "success"


def test_a_maintainer_lifts_no_veto_on_what_he_proposes():
    world = World().file(author="max").ci()
    world.command("veto", "rita", argument="no")
    world.command("resume", "max")
    assert world.mission.vetoes == {"rita": "no"}
    world.permission["ada"] = ev.Permission.MAINTAIN
    assert world.command("resume", "ada", number="2").mission.vetoes == {}


def test_a_login_in_small_and_capital_letters_is_one_voice():
    grave_one = ready().asks(severity=Severity.CRITICAL)
    assert not grave_one.reviewed("RITA").tree().passes
    assert grave_one.reviewed("sam").tree().passes


def test_reviews_that_a_mute_kept_back_are_asked_for_after_it():
    policy = make_policy()
    known = policy.subsystems.subsystems["trigger_mesh"].model_copy(update={"reviewers": ("rita",)})
    own = policy.subsystems.model_copy(update={"subsystems": {"trigger_mesh": known}})
    world = World(policy=policy.model_copy(update={"subsystems": own})).file().command("mute").ci()
    assert world.asked(fx.RequestReview) == []
    world.command("unmute")
    assert world.only_done(fx.RequestReview).reviewers == ("rita",)
