"""Failures in every phase, and what happens after the end."""

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.phase import FORWARD, Outcome, Phase
from support.phases import ALICE, world_in
from support.world import World

LIVE = [p for p in Phase if p is not Phase.CLOSED]


@pytest.mark.parametrize("phase", LIVE)
def test_a_repository_that_is_gone_ends_a_mission_in_every_phase(phase):
    world = world_in(phase)
    world.deliver(ev.RepositoryGone(reason="the repository was deleted"))
    assert world.mission.outcome is Outcome.CANCELLED
    assert world.mission.reason == "the repository was deleted"
    assert world.wake_at is None


@pytest.mark.parametrize("phase", LIVE)
def test_a_failed_effect_holds_what_goes_forward_and_nothing_else(phase):
    world = world_in(phase)
    world.deliver(ev.EffectFailed(key="x", effect="publish_check", reason="422"))
    holds = phase in FORWARD | {Phase.AWAITING_START}
    assert (world.mission.held is not None) is holds
    assert world.notes[-1].kind in {"mission.effect_failed", "mission.held", "mission.verdict"}


@pytest.mark.parametrize(
    ("kind", "ready"),
    [
        (fx.ReadBase, False),
        (fx.PushPatch, False),
        (fx.OpenPull, False),
        (fx.MergePull, True),
    ],
)
def test_a_failed_step_is_tried_again_after_a_resume(kind, ready):
    world = World(waits=(kind,)).file()
    if ready:
        world.ci().review()
    world.fail(kind, "the token lost its rights")
    assert "the token lost its rights" in world.mission.held
    asked = len(world.asked(kind))
    world.tick(600)
    assert len(world.asked(kind)) == asked
    world.waits = ()
    world.command("resume").ci()
    if not ready:
        world.review()
    assert world.mission.phase is Phase.OBSERVING
    assert world.mission.held is None


def test_a_merge_that_failed_but_landed_is_seen():
    world = World(waits=(fx.MergePull,)).file().ci().review()
    tree = world.mission.attempt.tree
    world.fail(fx.MergePull, "the answer was lost")
    assert world.mission.phase is Phase.GATING
    assert world.merge_by_hand(2, tree).mission.phase is Phase.OBSERVING


def test_nothing_is_folded_or_said_once_a_mission_is_closed():
    world = world_in(Phase.CLOSED)
    facts = world.facts
    published = ev.Published(surface="pull", id="77", digest="d")
    assert world.deliver(published).effects == ()
    assert world.mission.surface_ids["pull"] == "77"
    world.deliver(world.pull(state="closed", sender=ALICE))
    assert world.facts == facts


@pytest.mark.parametrize("phase", LIVE)
def test_a_renamed_repository_keeps_its_mission(phase):
    world = world_in(phase)
    before = world.mission
    renamed = ev.RepositoryRenamed(repository="acme/mesh-2")
    world.deliver(renamed)
    assert world.mission.ref == before.ref.model_copy(update={"repository": "acme/mesh-2"})
    assert (world.mission.phase, world.mission.ref.log) == (phase, before.ref.log)
    assert [n.payload for n in world.notes if n.kind == "mission.repository_renamed"] == [
        {"before": "acme/mesh", "after": "acme/mesh-2"}
    ]
    noted = len(world.notes)
    world.deliver(renamed)
    assert len(world.notes) == noted


def test_a_mission_goes_on_under_the_new_name_of_its_repository():
    world = world_in(Phase.TESTING)
    world.deliver(ev.RepositoryRenamed(repository="acme/mesh-2"))
    assert world.ci().review().deploy().observe().mission.outcome is Outcome.FIXED


def test_what_happens_while_the_configuration_is_gone_is_remembered():
    world = world_in(Phase.MERGING)
    whole = world.policy
    empty = whole.subsystems.model_copy(update={"subsystems": {}})
    world.policy = whole.model_copy(update={"subsystems": empty})
    world.waits = ()
    world.settle()
    assert world.mission.landing is not None
    assert world.mission.held is not None
    world.policy = whole
    world.command("resume")
    assert world.mission.phase is Phase.OBSERVING


def test_a_check_that_could_not_be_published_is_published_after_a_resume():
    world = World(waits=(fx.PublishCheck,)).file().ci()

    def governance():
        return [e for e in world.pending if getattr(e, "name", "") == "mission/governance"]

    while failing := governance():
        world.pending.remove(failing[0])
        world.deliver(ev.EffectFailed(key=failing[0].key, effect="publish_check", reason="422"))
    assert world.mission.held is not None
    held = world.mission.held
    world.command("resume")
    assert len(governance()) == 1
    assert held not in governance()[0].summary


def test_what_says_nothing_of_the_hold_is_published_after_a_resume_too():
    """The check of the metrics reads the same before and after: only its failure tells it apart."""
    world = World(waits=(fx.PublishCheck,)).file().ci()

    def metrics():
        return [e for e in world.pending if getattr(e, "name", "") == "mission/metrics"]

    (failing,) = metrics()
    world.pending.remove(failing)
    world.deliver(ev.EffectFailed(key=failing.key, effect="publish_check", reason="422"))
    assert (world.mission.held is not None, metrics()) == (True, [])
    world.command("resume")
    assert [e.summary for e in metrics()] == [failing.summary]
