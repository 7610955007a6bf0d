"""What was merged and is taken out of the base again is no success, whoever did it."""

from datetime import timedelta

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import messages
from grace.domain.phase import Outcome, Phase
from support.phases import world_in
from support.world import BASE, World, issue_body, sha


def observing(window="1"):
    """Bring a mission into its window, a moment after its landing."""
    world = World().file(issue_body(window=window)).ci().review().deploy()
    world.now += timedelta(seconds=1)
    return world


def pushed(world, tip, told=None):
    """Let the base be at `tip` and a push be told of, of the tip or of another commit."""
    world.base = tip
    world.deliver(ev.BasePushed(branch="main", sha=told or tip))
    return world.settle()


def reads(world, since):
    return len(world.asked(fx.ReadBase)) - since


@pytest.mark.parametrize("tip", [BASE, sha("another history")])
def test_a_base_without_the_landing_ends_the_mission_as_failed(tip):
    world = observing()
    landed = world.mission.landing.sha
    pushed(world, tip)
    assert world.mission.outcome is Outcome.FAILED
    assert world.mission.reason == messages.base_rewritten(landed)
    assert world.asked(fx.PushRevert) == []
    assert world.asked(fx.CloseIssue) == []
    said = world.checks("observation", landed)[-1]
    assert (said.conclusion, said.buttons) == ("neutral", ())


def test_later_merges_on_top_change_nothing():
    world = observing()
    world.containing = frozenset({sha("later"), sha("later still")})
    pushed(pushed(world, sha("later")), sha("later still"))
    assert world.mission.phase is Phase.OBSERVING
    assert [e.head for e in world.asked(fx.ReadContains)] == [sha("later"), sha("later still")]
    assert world.observe().mission.outcome is Outcome.FIXED


def test_the_push_of_the_landing_itself_costs_no_read():
    world = observing()
    before = len(world.asked(fx.ReadBase))
    pushed(world, world.base)
    assert reads(world, before) == 0
    assert world.mission.phase is Phase.OBSERVING


def test_a_late_word_of_an_older_commit_reads_the_tip_and_finds_the_landing():
    world = observing()
    before = len(world.asked(fx.ReadBase))
    pushed(world, world.base, told=BASE)
    assert reads(world, before) == 1
    assert world.asked(fx.ReadContains) == []
    assert world.mission.phase is Phase.OBSERVING


def test_a_late_word_of_the_landing_does_not_hide_a_rewriting():
    world = observing()
    landed = world.mission.landing.sha
    world.waits = (fx.ReadContains,)
    pushed(world, sha("another history"))
    pushed(world, world.base, told=landed)
    world.waits = ()
    assert world.settle().mission.outcome is Outcome.FAILED


def test_a_push_before_the_landing_says_nothing_of_it():
    world = World().file().ci()
    world.waits = (fx.MergePull,)
    world.review()
    world.now += timedelta(seconds=1)
    world.deliver(ev.BasePushed(branch="main", sha=sha("earlier")))
    world.now += timedelta(seconds=1)
    world.waits = ()
    before = len(world.asked(fx.ReadBase))
    world.settle().tick(10)
    assert world.mission.phase is Phase.OBSERVING
    assert reads(world, before) == 0


def test_a_base_that_cannot_be_read_is_asked_for_again_after_a_while_and_not_at_once():
    world = observing(window="30")
    world.waits = (fx.ReadBase,)
    before = len(world.asked(fx.ReadBase))
    pushed(world, sha("another history")).fail(fx.ReadBase)
    assert world.mission.held is None
    for _ in range(20):
        world.tick(1)
    assert reads(world, before) == 0  # the one that failed is forgotten
    world.tick(300)
    assert reads(world, before) == 1
    for _ in range(20):
        world.tick(1)
    assert reads(world, before) == 1
    world.waits = ()
    assert world.settle().mission.outcome is Outcome.FAILED


def test_a_read_that_was_asked_for_before_the_landing_says_nothing_of_it():
    world = World().file()
    early = ev.BaseRead(branch="main", sha=world.base)
    world.ci().review().deploy()
    world.now += timedelta(seconds=1)
    for _ in range(2):
        world.deliver(early)
        assert world.settle().asked(fx.ReadContains) == []
    assert world.mission.phase is Phase.OBSERVING


def test_the_same_answer_twice_is_one_answer():
    world = observing()
    world.containing = frozenset({sha("later")})
    pushed(world, sha("later"))
    before, facts = world.mission, world.facts
    world.deliver(ev.BaseRead(branch="main", sha=sha("later")))
    assert world.mission == before
    assert world.facts == facts
    landed = ev.BaseRead(branch="main", sha=before.landing.sha)
    world.deliver(landed)
    assert world.settle().mission.phase is Phase.OBSERVING


def test_a_base_is_no_matter_before_the_window():
    world = pushed(world_in(Phase.MERGING), sha("another history"))
    assert world.mission.phase is Phase.MERGING
