"""Ways around governance that take time, patience, or a second account; each is closed."""

from datetime import timedelta

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.facts import MAX_LABELS
from grace.domain.phase import Phase
from support.cases import make_rule
from support.governed import label, merges, ruled
from support.world import World, make_policy

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
    rule = {
        "name": "risky",
        "when": {"labels": ["risky"]},
        "require": {"change_size": {"lines": 1}},
    }
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
    assert "busy" in world.mission.held
    world.waits = ()
    assert world.command("resume").mission.phase is Phase.OBSERVING
