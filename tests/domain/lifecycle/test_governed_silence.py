"""Where the forge says nothing of somebody, and where only the clock has something to say."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.phase import Phase
from grace.domain.rules.language import Attestations
from support.cases import make_rule
from support.governed import label, ruled, ticket
from support.world import World, make_policy


def unanswered(world: World, prefix: str) -> World:
    """Let the forge refuse for good to say what somebody may do."""
    world.waits = ()
    [asked] = [e for e in world.pending if e.key.startswith(prefix)]
    world.pending.remove(asked)
    failed = ev.EffectFailed(key=asked.key, effect=asked.kind, reason="no such account")
    world.deliver(failed)
    return world.settle()


def test_a_label_of_an_account_that_the_forge_does_not_know_holds_nothing_and_counts_for_nothing():
    world = ruled({"labels": {"all_of": ["tested"]}}).file().ci().review()
    world.waits = (fx.ReadPermission,)
    label(world, "tested", "ghost/of/old")
    unanswered(world, "permission/label")
    assert world.mission.held is None
    assert world.mission.phase is Phase.GATING
    world.now += timedelta(seconds=1)
    label(world, "tested", "rita", present=False)
    world.now += timedelta(seconds=1)
    label(world, "tested", "max")
    assert world.mission.phase is Phase.OBSERVING


def test_a_ticket_closed_by_an_account_that_the_forge_does_not_know_stays_open():
    world = World(values={"error_rate": 90.0}).file().ci().review()
    world.mission = world.mission.with_(capa=9)
    world.waits = (fx.ReadPermission,)
    ticket(world, "capa", "ghost", 9)
    assert len(world.mission.tickets) == 1
    unanswered(world, "permission/ticket")
    assert world.mission.tickets == {}
    assert world.mission.capa_closed_at is None
    assert world.mission.held is None


def test_a_rule_of_some_hours_is_looked_at_again_soon():
    office = {"zone": "UTC", "weekly": [{"start": "00:00", "until": "09:00"}]}
    early = make_rule("early", {"not": {"during": office}}, {"wait": {"minutes": 9000}})
    world = World(policy=make_policy(rules=(early,))).file().ci().review()
    assert world.mission.phase is Phase.GATING
    assert world.wake_at is not None
    assert world.wake_at - world.now <= timedelta(minutes=5)


@pytest.mark.parametrize("identity", ["*", "https*", "a"])
def test_an_identity_that_nearly_any_signer_has_is_refused(identity: str):
    with pytest.raises(ValidationError, match="nearly any signer"):
        Attestations(artifacts=("*",), identity=identity, issuer="https://x")
