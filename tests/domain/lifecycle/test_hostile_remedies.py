"""Remedies under people and programs that do the wrong thing, or the right one at a wrong time."""

from datetime import timedelta

import pytest

from grace.domain import approving
from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import remedy_words as words
from grace.domain.people import Actor
from grace.domain.phase import Outcome, Phase
from grace.domain.playbooks.run import RunReport, RunState, StepState
from grace.domain.proposals import Proposal
from grace.domain.surroundings import ClaimFact
from support.healed import (
    done,
    healing_policy,
    healing_world,
    order_of,
    playbook,
    say,
    step,
    told,
    watch,
)
from support.sought import CODER, LONG, REPAIR, propose, seeking_policy, seeking_world
from support.world import DIFF, METRIC, World, issue_body

PERSON = (step("look", "sqlite.holder"), step("end", "sqlite.end_holder", when="unhealed"))


def undoing_world() -> World:
    """Let a playbook heal and then make things worse, so that it is being taken back."""
    world = say(healing_world(), RunState.HEALED)
    world.values[METRIC] = 900.0
    watch(world)
    assert order_of(world).order.mode == "undo"
    return world


def withdrawn(world: World) -> list[fx.WithdrawRun]:
    return [e for e in world.done if isinstance(e, fx.WithdrawRun)]


@pytest.mark.parametrize("name", ["hold", "veto", "cancel"])
def test_nobody_stops_what_is_being_taken_back(name):
    world = undoing_world()
    world.command(name, "alice", number="9", argument="leave it")
    assert withdrawn(world) == []
    assert world.mission.phase is Phase.EXECUTING
    say(world, RunState.UNDONE)
    assert world.mission.outcome is Outcome.ROLLED_BACK


def test_taking_back_that_no_runner_does_can_be_left_to_a_person():
    world = undoing_world()
    world.tick(16 * 60)
    assert "no runner took the run" in world.mission.held
    world.command("cancel", "alice", number="9")
    assert [w.run for w in withdrawn(world)] == [order_of(world).order.id]
    assert world.mission.outcome is Outcome.FAILED
    assert "cancelled by alice" in world.mission.reason
    assert world.mission.capa is not None


def test_undo_of_a_playbook_that_was_changed_meanwhile_is_a_persons_and_tries_no_other():
    policy = healing_policy(playbook("first"), playbook("second"))
    world = say(healing_world(policy), RunState.HEALED)
    world.policy = healing_policy(playbook("first", version=2), playbook("second"))
    world.values[METRIC] = 900.0
    watch(world)
    assert [t.playbook for t in world.mission.tries] == ["first"]
    assert world.mission.outcome is Outcome.FAILED
    assert "not in the configuration any more" in world.mission.reason
    assert world.mission.capa is not None


def test_runner_that_falls_silent_in_a_run_is_told_to_a_person():
    world = say(healing_world(), RunState.RUNNING, 1)
    assert world.wake_at is not None
    world.tick((world.wake_at - world.now).total_seconds() - 1)
    assert world.mission.held is None
    world.tick(2)
    assert "has said nothing" in world.mission.held
    world.command("resume", "alice", number="8")
    assert world.mission.held is None
    world.tick(3600)
    assert "has said nothing" in world.mission.held
    say(world, RunState.RUNNING, 2)  # it comes back
    assert world.mission.held is None
    say(world, RunState.HEALED, 3)
    assert world.mission.phase is Phase.OBSERVING


def test_word_of_a_person_before_anything_was_named_is_for_nothing_that_is_named_later():
    world = healing_world(healing_policy(playbook(steps=PERSON)))
    waits = done("end", world.now, StepState.NEEDS_PERSON)  # it does not say to what
    say(world, RunState.NEEDS_PERSON, waiting_for="end", steps=(waits,))
    world.command("approve", "rita", number="2", argument="end")
    assert order_of(world).order.approved == {"end": "rita"}
    assert order_of(world).order.agreed == {"end": ""}


@pytest.mark.parametrize("found", [float("nan"), float("inf"), 2**60, -(2**70)])
def test_what_a_runner_measured_can_be_stored_and_signed_whatever_it_is(found):
    world = healing_world()
    step_said = done("look", world.now).model_dump() | {"found": {"x": found}}
    report = told(world, RunState.RUNNING, steps=(step_said,)).report
    assert RunReport.model_validate_json(report.model_dump_json()) == report
    world.deliver(ev.RunReported(report=report))
    assert world.mission.trying.report.steps[0].found == {"x": str(found)}


def test_comment_of_a_mission_stays_one_that_a_forge_takes_whatever_runners_say():
    names = ("first", "second", "third")
    policy = healing_policy(*map(playbook, names), healing={"max_playbooks": 3})
    world = healing_world(policy)
    for _ in names:
        said = done("look", world.now).model_copy(update={"sentence": "*_<&@" * 200})
        steps = tuple(said.model_copy(update={"step": f"s{n}"}) for n in range(59))
        steps += (said.model_copy(update={"step": "last", "state": StepState.SKIPPED}),)
        say(world, RunState.NOT_HEALED, steps=steps, sentence="*_<&@" * 400)
    assert world.mission.outcome is Outcome.FAILED
    longest = max(len(e.body) for e in world.done if isinstance(e, fx.PublishComment))
    assert longest < 40_000
    told = "\n".join(words.remedy_lines(world.mission))
    assert "`s58`" in told
    assert "`last`" not in told


def claimed(world: World, diff: str, name: str = "outside") -> World:
    said = Proposal(request="claim/1", agent=name, base="b" * 40, diff=diff)
    world.deliver(ev.ProposalMade(proposal=said, by="token:outside", at=world.now))
    return world


def test_who_hands_a_patch_in_under_a_claim_does_not_approve_it():
    world = World(policy=seeking_policy(REPAIR), waits=(fx.AskAgent,))
    world.file(issue_body(candidates=0))
    world.facts = world.facts.model_copy(
        update={"claim": ClaimFact(agent="rita/bot", until=world.now + timedelta(hours=1))}
    )
    said = Proposal(request="claim/1", agent="rita-bot", base="b" * 40, diff=DIFF)
    rita = Actor(login="rita", id=77)
    world.deliver(ev.ProposalMade(proposal=said, by="rita/bot", person=rita, at=world.now))
    assert "rita" in world.mission.authors
    assert 77 in world.mission.proposer_ids
    for login, number in (("Rita", 0), ("rita-renamed", 77)):
        assert approving.proposes(world.mission, world.policy, Actor(login=login, id=number))


def test_smaller_patch_under_way_takes_no_ones_turn_twice():
    policy = seeking_policy(REPAIR, CODER, asking={"compete": 2}, max_attempts=5)
    world = seeking_world(policy)
    world.waits = (fx.PushPatch,)
    propose(world, 1, LONG)
    propose(world, 2, LONG + "+and more\n")
    assert world.mission.attempt.candidate == "repair-1"
    claimed(world, DIFF.replace("fast", "tiny"))
    world.waits = ()
    world.settle()
    world.ci(passed=False).ci(passed=False).ci(passed=False)
    assert [a.candidate for a in world.mission.attempts][:3] == [
        "repair-1",
        "outside-3",
        "coder-2",
    ]


def test_candidate_of_a_new_contract_has_nobodys_record_by_its_name():
    world = propose(seeking_world())
    assert world.mission.attempts[-1].agent == "agent:repair"
    named = issue_body(candidates=1).replace("name=patch-1", "name=repair-1")
    world.now = world.now.replace(microsecond=5)
    world.file(named, author="mallory")
    world.command("start", "alice", number="7")
    attempt = world.mission.attempts[-1]
    assert (attempt.candidate, attempt.agent) == ("repair-1", "candidate")
    assert world.mission.phase is Phase.TESTING


def test_new_contract_asks_memory_anew():
    world = seeking_world()
    asked = [e for e in world.done if isinstance(e, fx.ReadMemory)]
    world.file(issue_body(candidates=1), author="alice")
    world.command("start", "alice", number="7")
    again = [e for e in world.done if isinstance(e, fx.ReadMemory)]
    assert len(again) == len(asked) + 1


def test_long_word_of_a_silent_memory_does_not_keep_agents_from_being_asked():
    world = World(policy=seeking_policy(REPAIR), waits=(fx.ReadMemory,))
    world.file(issue_body(candidates=0))
    world.waits = ()
    world.fail(fx.ReadMemory, "no " * 2000)
    assert len(world.mission.asks) == 1
    assert world.mission.recalled.startswith(words.memory_silent("no"))
