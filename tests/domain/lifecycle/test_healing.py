"""Healing missions: playbook, agreement, run, window, undo; in the pure world."""

import pytest

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain import healing_gates
from grace.domain import remedy_words as words
from grace.domain.phase import Outcome, Phase
from grace.domain.playbooks.action import Risk
from grace.domain.playbooks.playbook import Symptoms
from grace.domain.playbooks.run import RunState, StepState
from grace.domain.policy import Policy
from grace.domain.surroundings import RunFact
from grace.domain.verdict import Result
from support.healed import (
    DIFF,
    done,
    healing_body,
    healing_policy,
    healing_world,
    order_of,
    playbook,
    say,
    step,
    told,
    watch,
)
from support.world import METRIC, World

PERSON = (
    step("look", "sqlite.holder"),
    step("end", "sqlite.end_holder", when="unhealed"),
)


def notes(world: World, kind: str) -> list[dict[str, object]]:
    return [dict(n.payload) for n in world.notes if n.kind == f"mission.{kind}"]


def test_mild_playbook_runs_at_once_and_what_it_healed_is_watched():
    world = healing_world()
    assert world.mission.phase is Phase.EXECUTING
    order = order_of(world).order
    assert (order.mode, order.target, order.playbook.name) == ("run", "orders-1", "unlock")
    say(world, RunState.RUNNING)
    say(world, RunState.HEALED, 1)
    assert world.mission.phase is Phase.OBSERVING
    watch(world)
    assert world.mission.outcome is Outcome.FIXED
    assert "(run)" in world.mission.reason
    closed = notes(world, "closed")[0]
    assert (closed["agent"], closed["candidate"]) == ("playbook:unlock@1", "unlock")
    assert closed["basis"] == "none"
    assert (
        world.phases
        == [
            Phase.AWAITING_START,
            *(Phase.EXECUTING, Phase.OBSERVING, Phase.CLOSED),
        ]
        or Phase.PLANNING in world.phases
    )


def test_a_word_of_another_run_or_an_older_one_changes_nothing():
    world = say(healing_world(), RunState.RUNNING, 5)
    before = world.mission
    world.deliver(told(world, RunState.HEALED, 5))
    world.deliver(told(world, RunState.HEALED, 4))
    world.deliver(told(world, RunState.HEALED, 9, id="mission_x/run/9.9"))
    assert world.mission == before


def test_graver_playbook_waits_for_somebody_who_did_not_file_it():
    world = healing_world(healing_policy(playbook(risk=Risk.MEDIUM)))
    assert not [e for e in world.done if isinstance(e, fx.OfferRun)]
    leaf = world.verdict.root.holding()
    assert (leaf.name, leaf.result) == ("agreement", Result.PENDING)
    world.command("approve", "alice", number="2")  # who filed it
    assert world.mission.agreements == ()
    world.command("approve", "rita", number="3", argument="anything")
    assert world.mission.agreements == ()
    world.command("approve", "rita", number="4")
    assert order_of(world).order.mode == "run"
    assert world.mission.basis == "approvals"
    assert notes(world, "approved")[0]["gate"] == "playbook"


def test_veto_stops_a_playbook_and_shadow_mode_runs_nothing():
    world = healing_world(healing_policy(playbook(risk=Risk.MEDIUM)))
    world.command("veto", "max", number="2", argument="not now")
    world.command("approve", "rita", number="3")
    assert not [e for e in world.done if isinstance(e, fx.OfferRun)]
    assert "max objects" in str(world.verdict.root.model_dump())
    shadow = healing_world(healing_policy(shadow=True))
    assert shadow.verdict.root.holding().name == "shadow mode"


def test_step_that_needs_a_person_asks_when_its_turn_comes_and_names_who_agreed():
    world = healing_world(healing_policy(playbook(steps=PERSON)))
    assert order_of(world).order.approved == {}
    waits = done("end", world.now, StepState.NEEDS_PERSON).model_copy(update={"about": "pid 7"})
    say(world, RunState.NEEDS_PERSON, waiting_for="end", steps=(done("look", world.now), waits))
    assert world.verdict.root.holding().name == "step end"
    world.command("approve", "rita", number="2")  # it must be named
    assert world.mission.agreements == ()
    world.command("approve", "rita", number="3", argument="end")
    order = order_of(world).order
    assert order.approved == {"end": "rita"}
    assert order.id.endswith("run/1.2")
    assert (order.first, order.agreed) == (f"{world.mission.name}/run/1.1", {"end": "pid 7"})
    assert [s.step for s in order.resumes] == ["look", "end"]
    world.command("approve", "max", number="4", argument="playbook")
    assert len(world.mission.agreements) == 1
    say(world, RunState.HEALED)
    assert world.mission.phase is Phase.OBSERVING


def test_playbook_that_does_not_heal_is_followed_by_the_next_and_then_by_a_person():
    policy = healing_policy(playbook("first"), playbook("second"))
    world = healing_world(policy)
    say(world, RunState.NOT_HEALED)
    assert [t.playbook for t in world.mission.tries] == ["first", "second"]
    say(world, RunState.FAILED)
    assert world.mission.outcome is Outcome.FAILED
    assert "no playbook healed it" in world.mission.reason
    assert world.mission.capa is not None
    body = [e for e in world.done if isinstance(e, fx.FileIssue)][-1]
    assert "was not healed" in body.title
    assert "first on orders-1: not healed" in body.body


def test_what_got_worse_in_the_window_is_undone_with_a_capa():
    world = say(healing_world(), RunState.HEALED)
    world.values[METRIC] = 900.0
    watch(world)
    assert world.mission.phase is Phase.EXECUTING
    assert order_of(world).order.mode == "undo"
    world.facts = world.facts.model_copy(update={"kill_switch": True})
    say(world, RunState.UNDONE)
    assert world.mission.outcome is Outcome.ROLLED_BACK
    assert world.mission.capa is not None


def test_rollback_by_command_and_an_undo_that_fails():
    world = say(healing_world(), RunState.HEALED)
    world.command("rollback", "rita", number="2")
    say(world, RunState.FAILED)
    assert world.mission.outcome is Outcome.FAILED
    assert "rita asked for it" in world.mission.reason


def test_window_of_a_healing_mission_can_be_extended():
    world = say(healing_world(), RunState.HEALED)
    ends = world.mission.window.ends_at
    world.command("extend", "rita", number="2", argument="5")
    assert world.mission.window.ends_at > ends


def test_run_that_no_runner_takes_is_held_and_waits_anew_when_resumed():
    world = healing_world().tick(16 * 60)
    assert "no runner took the run" in world.mission.held
    world.command("resume", "alice", number="2")
    assert world.mission.held is None
    world.tick(16 * 60)
    say(world, RunState.RUNNING)  # one came after all
    assert world.mission.held is None
    assert world.mission.tries[-1].state is RunState.RUNNING


def test_held_run_is_withdrawn_and_goes_on_when_resumed():
    world = say(healing_world(), RunState.RUNNING)
    world.command("hold", "alice", number="2")
    assert [e for e in world.done if isinstance(e, fx.WithdrawRun)]
    say(world, RunState.WITHDRAWN, 1)
    assert world.mission.tries[-1].state is RunState.WITHDRAWN
    world.command("resume", "alice", number="3")
    assert order_of(world).order.id.endswith("run/1.2")


def test_withdrawn_run_of_a_mission_that_is_not_held_is_laid_out_again():
    world = say(healing_world(), RunState.WITHDRAWN)
    assert order_of(world).order.id.endswith("run/1.2")


def test_cancelled_mission_takes_its_run_back():
    world = say(healing_world(), RunState.RUNNING)
    world.command("cancel", "alice", number="2")
    assert world.mission.outcome is Outcome.CANCELLED
    assert [e for e in world.done if isinstance(e, fx.WithdrawRun)]


def test_playbook_that_ends_in_a_patch_goes_the_way_of_all_patches():
    world = say(healing_world(), RunState.HEALED, diff=DIFF)
    assert world.mission.phase is Phase.TESTING
    assert world.mission.attempts[-1].agent == "playbook:unlock@1"
    assert world.mission.attempts[-1].candidate == "unlock-1"
    assert "it is healed" in "\n".join(words.remedy_lines(world.mission))


def test_mission_without_a_fitting_playbook_is_a_persons():
    other = playbook(symptoms=Symptoms(phrases=("out of memory",)))
    world = healing_world(healing_policy(other))
    assert "no playbook fits" in world.mission.held
    assert world.mission.phase is Phase.PLANNING


def test_playbook_that_was_changed_under_way_is_not_run():
    world = healing_world(healing_policy(playbook(risk=Risk.MEDIUM)))
    newer = playbook(risk=Risk.MEDIUM, version=2)
    world.policy = healing_policy(newer)
    world.command("approve", "rita", number="2")
    assert "not in the configuration any more" in world.mission.tries[0].failure


def test_day_of_a_target_has_so_many_runs():
    world = healing_world(healing_policy(playbook(risk=Risk.MEDIUM), healing={"max_per_day": 1}))
    used = (RunFact(target="orders-1", at=world.now), RunFact(target="other", at=world.now))
    world.facts = world.facts.model_copy(update={"runs": used})
    world.command("approve", "rita", number="2")
    assert world.mission.held == words.runs_used("orders-1", 1)


def test_medium_risk_needs_nobody_once_its_record_is_good(monkeypatch_record):
    world = healing_world(monkeypatch_record)
    assert world.mission.phase is Phase.EXECUTING
    assert world.mission.basis == "trust"


@pytest.fixture
def monkeypatch_record() -> Policy:
    """Let any record do: what counts here is that one stands in for people."""
    policy = healing_policy(playbook(risk=Risk.MEDIUM))
    rules = policy.governance.healing.model_copy(update={"min_trust": 0.0})
    governance = policy.governance.model_copy(update={"healing": rules})
    return policy.model_copy(update={"governance": governance})


def test_every_end_of_a_run_has_words_in_the_verdict():
    world = healing_world()
    report = told(world, RunState.RUNNING).report.model_copy(
        update={"steps": (done("look", world.now, StepState.FAILED),)}
    )
    world.deliver(ev.RunReported(report=report))
    names = [c.name for c in world.verdict.root.children]
    assert names[-2:] == ["run", "look"]
    assert world.verdict.root.children[-1].result is Result.FAIL


def test_skipped_steps_are_left_out_of_what_people_read():
    world = healing_world()
    skipped = done("look", world.now, StepState.SKIPPED)
    comments = [e for e in world.done if isinstance(e, fx.PublishComment)]
    steps = (skipped, done("checkpoint", world.now))
    say(world, RunState.RUNNING, steps=steps)
    say(world, RunState.RUNNING, 1, steps=steps)
    assert [e for e in world.done if isinstance(e, fx.PublishComment)] == comments
    assert "under way" in "\n".join(words.remedy_lines(world.mission))
    say(world, RunState.HEALED, 2, steps=steps)
    said = "\n".join(words.remedy_lines(world.mission))
    assert "`checkpoint`" in said
    assert "`look`" not in said


def test_alerts_that_end_while_a_playbook_runs_do_not_end_the_mission():
    world = say(healing_world(), RunState.RUNNING)
    assert world.mission.trying.run == 1
    world.tick(3600)
    assert world.mission.phase is Phase.EXECUTING


def test_no_more_playbooks_than_governance_allows():
    policy = healing_policy(playbook("first"), playbook("second"), healing={"max_playbooks": 1})
    world = say(healing_world(policy), RunState.NOT_HEALED)
    assert [t.playbook for t in world.mission.tries] == ["first"]
    assert world.mission.outcome is Outcome.FAILED


def test_playbooks_go_in_their_order_where_memory_was_silent():
    assert healing_world().mission.choice is not None
    silent = World(policy=healing_policy(), waits=(fx.ReadMemory,))
    silent.file(healing_body())
    silent.waits = ()
    silent.fail(fx.ReadMemory)
    assert silent.mission.choice is None
    assert silent.mission.trying.playbook == "unlock"


def test_playbook_of_a_target_that_was_healed_says_so_in_the_verdict_until_it_is_observed():
    world = healing_world()
    for state, result in ((RunState.HEALED, "pass"), (RunState.FAILED, "fail")):
        each = world.mission.trying.model_copy(update={"state": state})
        tree = healing_gates.healing_tree(world.case(), each)
        assert tree.children[-1].result.value == result
    waiting = world.mission.trying.model_copy(update={"state": RunState.NEEDS_PERSON})
    assert "named person" in healing_gates.healing_tree(world.case(), waiting).children[-1].who


def test_agreement_is_to_one_thing_and_not_to_what_took_its_place():
    world = healing_world(healing_policy(playbook(steps=PERSON)))
    for number, thing in enumerate(("pid 7", "pid 8")):
        waits = done("end", world.now, StepState.NEEDS_PERSON).model_copy(update={"about": thing})
        say(world, RunState.NEEDS_PERSON, waiting_for="end", steps=(waits,))
        orders = len([e for e in world.done if isinstance(e, fx.OfferRun)])
        assert orders == number + 1
        assert world.verdict.root.holding().name == "step end"
        world.command("approve", "rita", number=f"a{number}", argument="end")
        assert order_of(world).order.agreed == {"end": thing}


def test_freeze_holds_what_is_graver_than_low_risk_until_it_ends():
    calendar = {"dates": [{"first": "2026-11-22", "last": "2026-11-23"}]}
    rules = [{"name": "no changes", "require": {"freeze": calendar}}]
    mild = healing_world(healing_policy(rules=rules))
    assert order_of(mild).order.mode == "run"
    grave = healing_world(healing_policy(playbook(risk=Risk.MEDIUM), rules=rules))
    grave.command("approve", "rita", number="2")
    assert "freeze" in [c.name for c in grave.verdict.root.children]
    assert grave.mission.tries[0].run == 0
    assert grave.wake_at is not None
    grave.now = grave.wake_at
    grave.tick(1)
    assert grave.mission.tries[0].run == 1


def test_kill_switch_and_veto_stop_a_run_at_its_next_step_and_it_goes_on_afterwards():
    world = say(healing_world(), RunState.RUNNING)
    world.switch(on=True)
    assert [e.reason for e in world.done if isinstance(e, fx.WithdrawRun)] == [
        "the kill switch is on"
    ]
    say(world, RunState.WITHDRAWN, 1)
    assert world.mission.tries[0].run == 1
    world.switch(on=False)
    assert order_of(world).order.id.endswith("run/1.2")
    world.command("veto", "max", number="2", argument="not now")
    assert len([e for e in world.done if isinstance(e, fx.WithdrawRun)]) == 2
    say(world, RunState.WITHDRAWN)
    assert world.mission.tries[0].state is None


def test_playbook_whose_patch_fails_is_followed_by_the_next_and_then_by_a_capa():
    policy = healing_policy(playbook("first"), playbook("second"))
    world = say(healing_world(policy), RunState.HEALED, diff=DIFF)
    world.ci(passed=False)
    assert [t.playbook for t in world.mission.tries] == ["first", "second"]
    assert "the patch that it ended in failed: " in world.mission.tries[0].failure
    say(world, RunState.NOT_HEALED)
    assert world.mission.outcome is Outcome.FAILED
    assert world.mission.capa is not None
