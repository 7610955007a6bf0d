"""Every phase meets every event."""

from itertools import pairwise

import pytest

from grace.domain import events as ev
from grace.domain.lifecycle import MAX_STEPS, carry_on
from grace.domain.lifecycle.draft import Draft, ForbiddenTransition
from grace.domain.lifecycle.table import HEARD, IGNORED
from grace.domain.phase import TRANSITIONS, Outcome, Phase
from support.healed import healing_stories
from support.phases import one_of_each, world_in
from support.world import METRIC, World, issue_body, sha

PAIRS = [(phase, kind) for phase in Phase for kind in ev.EVENT_TYPES]


def test_every_pair_of_phase_and_event_is_heard_or_ignored():
    assert set(HEARD) == set(IGNORED) == set(ev.EVENT_TYPES)
    for kind in ev.EVENT_TYPES:
        heard, ignored = HEARD[kind][1], IGNORED[kind]
        assert not heard & ignored, kind
        assert heard | ignored == set(Phase), kind


def test_there_is_one_event_of_each_type_to_deliver():
    assert [type(e) for e in one_of_each(World())] == list(ev.EVENT_TYPES)


@pytest.mark.parametrize(("phase", "kind"), PAIRS)
def test_every_event_in_every_phase_is_decided(phase, kind):
    world = world_in(phase)
    event = next(e for e in one_of_each(world) if isinstance(e, kind))
    before = world.mission
    decision = world.deliver(event)
    if phase in IGNORED[kind]:
        after = decision.mission
        assert (after.phase, after.outcome, after.held) == (phase, before.outcome, before.held)
        assert decision.effects == ()
    if decision.mission.phase is not phase:
        assert any(n.kind == "mission.phase" for n in decision.notes)


@pytest.mark.parametrize(("phase", "kind"), PAIRS)
def test_an_event_that_comes_again_at_once_changes_nothing(phase, kind):
    world = world_in(phase)
    event = next(e for e in one_of_each(world) if isinstance(e, kind))
    first = world.deliver(event)
    second = world.deliver(event)
    assert second.mission == first.mission
    assert second.effects == ()


def walked(world):
    return {*pairwise([Phase.FILED, *world.phases])}


def stories():
    """Take every way that a mission can take."""
    yield from healing_stories()
    for phase in Phase:
        if phase is not Phase.CLOSED:
            gone = world_in(phase)
            gone.deliver(ev.RepositoryGone(reason="gone"))
            yield gone
    yield world_in(Phase.CLOSED)
    edited = World().file("nonsense")
    yield edited.file(author="mallory").file("nonsense again", author="mallory")
    yield World(landed_tree=sha("other")).file().ci().review()
    yield World().file(issue_body(candidates=2)).ci(passed=False)
    late = World().file(issue_body(candidates=2)).ci()
    yield late.jobs("failure", "unit")
    for ready in (World().file(), World().file().ci(), world_in(Phase.PATCHING)):
        ready.file(issue_body(extra="### Required trust score\n\n0.5"))
        yield ready.command("start")
    refused = World(merge_answer=ev.MergeRefusal.BASE_MOVED).file().ci()
    refused.waits = (type(refused.pending[0]),) if refused.pending else ()
    refused.merge_answer = ev.MergeRefusal.HEAD_MOVED
    yield refused.review()
    moved = World().file().ci()
    moved.base = sha("moved")
    moved.deliver(ev.BasePushed(branch="main", sha=moved.base))
    yield moved.settle()
    by_hand = World().file()
    yield by_hand.merge_by_hand(2, by_hand.mission.attempts[0].tree)
    regressed = World().file().ci().review().deploy()
    regressed.values[METRIC] = 900.0
    yield regressed.observe()


def test_every_transition_is_taken():
    taken = {step for world in stories() for step in walked(world)}
    table = {(a, b) for a, after in TRANSITIONS.items() for b in after}
    assert {(Phase.FILED, Phase.AWAITING_START), (Phase.OBSERVING, Phase.CLOSED)} <= taken
    # A base that moves goes back by PATCHING, in one decision; notes tell of both steps.
    noted = {
        (Phase(n.payload["before"]), Phase(n.payload["after"]))
        for world in stories()
        for n in world.notes
        if n.kind == "mission.phase"
    }
    assert table == noted


def test_a_transition_outside_the_table_is_refused():
    world = World()
    draft = Draft(mission=world.mission, facts=world.facts, policy=world.policy, now=world.now)
    with pytest.raises(ForbiddenTransition, match="filed may not become merging"):
        draft.move(Phase.MERGING)


def test_a_mission_that_never_settles_is_a_fault_that_is_told():
    world = world_in(Phase.TESTING)
    world.waits = ()
    draft = Draft(mission=world.mission, facts=world.facts, policy=world.policy, now=world.now)
    draft.set_attempt(failure="lost")
    draft.move(Phase.PATCHING)
    with pytest.raises(RuntimeError, match="did not settle in closed"):
        carry_on(draft, limit=1)
    assert draft.mission.outcome is Outcome.FAILED
    assert MAX_STEPS > 10
