"""What a runner does next, over every way in which a run can go, and killed at every point."""

import pytest

from grace.domain.playbooks.handing import RunHeld
from grace.domain.playbooks.progress import progress_of
from grace.domain.playbooks.record import (
    Closed,
    Intended,
    Withdrawn,
)
from grace.domain.playbooks.run import RunState, StepState
from grace.domain.playbooks.things import End, shortened
from support.playbooks import (
    START,
    World,
    carry,
    order,
    report_of,
    states,
    step,
)

SURE = {"sentence": "it cannot be done", "sure": True}
UNSURE = {"sentence": "it took longer than 1 s and was ended", "sure": False}
WRONG = {"sentence": "this is another database", "sure": True, "wrong": True}
TWO = (step("first"), step("second"))


def acted(world):
    return [name for doing, name in world.calls if doing == "act"]


def test_what_is_well_is_left_alone():
    world = World(so={"first"}, heals=frozenset({"first"}))
    end = carry(world, order(*TWO))
    assert end == End(RunState.HEALED, "there is nothing to heal: well look")
    assert world.calls == [("look", "well")]


def test_steps_are_looked_at_done_and_verified_and_then_it_is_healed():
    world = World(heals=frozenset({"second"}))
    end = carry(world, order(*TWO))
    assert end.state is RunState.HEALED
    assert world.calls == [
        ("look", "well"),
        *[(doing, name) for name in ("first", "second") for doing in ("look", "act", "verify")],
        ("look", "well"),
    ]
    assert states(world) == {"first": "done", "second": "done", "well": "done"}


def test_what_is_so_already_is_not_done():
    world = World(so={"first"}, heals=frozenset({"second"}))
    carry(world, order(*TWO))
    assert acted(world) == ["second"]
    assert states(world)["first"] == "needless"


def test_it_says_where_all_was_done_and_nothing_is_healed():
    world = World()
    end = carry(world, order(*TWO))
    assert end.state is RunState.NOT_HEALED
    assert end.sentence == "all steps are over, and it is not: well look"


def test_where_it_cannot_be_told_whether_it_is_healed_it_is_not():
    world = World(breaks={("look", "well"): SURE})
    end = carry(world, order(*TWO))
    assert end == End(RunState.NOT_HEALED, "all steps are over, and it is not: it cannot be done")
    assert acted(world) == ["first", "second"]


def test_a_step_for_lasting_trouble_is_left_out_once_it_is_healed():
    world = World(heals=frozenset({"first"}))
    carry(world, order(step("first"), step("second", when="unhealed")))
    assert states(world)["second"] == "skipped"
    world = World()
    carry(world, order(step("first"), step("second", when="unhealed")))
    assert states(world)["second"] == "done"


def test_a_step_for_a_failure_comes_only_behind_it():
    steps = (
        step("first", on_failure="continue"),
        step("second", when="failed", after="first"),
    )
    world = World(breaks={("act", "first"): SURE}, heals=frozenset({"second"}))
    assert carry(world, order(*steps)).state is RunState.HEALED
    assert states(world) == {"first": "failed", "second": "done", "well": "done"}
    world = World(heals=frozenset({"first"}))
    carry(world, order(*steps))
    assert states(world)["second"] == "skipped"


@pytest.mark.parametrize("doing", ["look", "act", "verify"])
def test_a_failure_takes_back_what_was_done(doing):
    world = World(breaks={(doing, "second"): SURE})
    end = carry(world, order(*TWO))
    assert end.state is RunState.UNDONE
    assert end.sentence.startswith("step second failed: it cannot be done; taken back: ")
    assert "first" not in world.so
    assert states(world)["first"] == "undone"


def test_a_step_that_failed_half_way_is_taken_back_too():
    world = World(breaks={("verify", "second"): SURE})
    carry(world, order(*TWO))
    assert [name for doing, name in world.calls if doing == "undo"] == ["second", "first"]


def test_what_was_done_and_is_not_so_failed():
    world = World(breaks={("verify", "first"): lambda w: w.so.discard("first")})
    end = carry(world, order(step("first", on_failure="stop")))
    assert end.state is RunState.FAILED
    assert "still it is not so" in end.sentence


def test_a_run_can_stop_where_a_step_fails_and_take_nothing_back():
    world = World(breaks={("act", "second"): SURE})
    end = carry(world, order(step("first"), step("second", on_failure="stop")))
    assert end == End(RunState.FAILED, "step second failed: it cannot be done")
    assert world.so == {"first"}


def test_what_cannot_be_taken_back_is_said():
    broken = {("act", "second"): SURE, ("undo", "first"): SURE}
    end = carry(World(breaks=broken), order(*TWO))
    assert end.state is RunState.FAILED
    assert "could not be taken back: first" in end.sentence
    end = carry(World(breaks={("act", "first"): SURE}), order(step("first", "restart")))
    assert end.sentence.endswith("there was nothing to take back")


def test_a_call_that_was_ended_is_looked_at_once_and_not_done_again():
    def late(world):
        world.so.add("first")
        return UNSURE

    world = World(breaks={("act", "first"): late}, heals=frozenset({"first"}))
    assert carry(world, order(step("first"))).state is RunState.HEALED
    assert acted(world) == ["first"]
    world = World(breaks={("act", "first"): UNSURE})
    end = carry(world, order(step("first", on_failure="stop")))
    assert acted(world) == ["first"]
    assert "it took longer than 1 s" in end.sentence


def test_another_target_than_was_meant_ends_the_run():
    world = World(breaks={("look", "well"): WRONG})
    assert carry(world, order(*TWO)) == End(RunState.REFUSED, "this is another database")
    world = World(breaks={("look", "second"): WRONG})
    assert carry(world, order(*TWO)) == End(RunState.FAILED, "this is another database")
    assert ("undo", "first") not in world.calls
    broken = {("act", "second"): SURE, ("undo", "first"): WRONG}
    assert carry(World(breaks=broken), order(*TWO)).state is RunState.FAILED


def test_a_named_person_is_asked_for_what_it_would_be_done_to():
    world = World(about="process 7", heals=frozenset({"second"}))
    end = carry(world, order(step("first"), step("second", "swap")))
    assert (end.state, end.waiting_for) == (RunState.NEEDS_PERSON, "second")
    assert acted(world) == ["first"]
    reports = tuple(w.report for w in world.words if isinstance(w, Closed))
    assert (reports[-1].state, reports[-1].about) == (StepState.NEEDS_PERSON, "process 7")
    again = order(
        step("first"),
        step("second", "swap"),
        id="mission_20261122_001/run/1.2",
        first="mission_20261122_001/run/1.1",
        approved={"second": "ann"},
        agreed={"second": "process 7"},
        resumes=reports,
    )
    more = World(so=world.so, about="process 7", heals=frozenset({"second"}))
    assert carry(more, again).state is RunState.HEALED
    assert acted(more) == ["second"]


def test_who_agreed_to_one_thing_did_not_agree_to_another():
    agreed = {"approved": {"first": "ann"}, "agreed": {"first": "process 7"}}
    world = World(about="process 8")
    end = carry(world, order(step("first", "swap"), **agreed))
    assert end.state is RunState.NEEDS_PERSON
    assert "ann agreed to process 7; now it would be another" in end.sentence
    assert acted(world) == []


def test_any_step_can_ask_for_a_person():
    end = carry(World(), order(step("first", person=True)))
    assert end.state is RunState.NEEDS_PERSON
    assert carry(World(), order(step("first", person=True), approved={"first": "ann"})).state is (
        RunState.NOT_HEALED
    )


def test_a_playbook_can_end_in_a_patch():
    world = World(diff="diff --git a/x b/x")
    end = carry(world, order(step("first", "propose")))
    assert (end.state, end.diff) == (RunState.HEALED, "diff --git a/x b/x")
    assert end.sentence.startswith("it ends in a patch: ")


def test_a_dry_run_looks_and_does_nothing():
    steps = (
        step("first", on_failure="continue"),
        step("second", "swap"),
        step("third", when="failed", after="first"),
        step("fourth"),
        step("fifth"),
    )
    world = World(so={"fourth"}, breaks={("look", "fifth"): SURE}, diff="diff --git a/x b/x")
    end = carry(world, order(*steps, mode="dry_run"))
    assert end.state is RunState.NOT_HEALED
    assert end.sentence == "nothing was changed; as it is now: well look"
    assert {doing for doing, _ in world.calls} == {"look"}
    assert list(states(world).values()) == ["skipped", "skipped", "skipped", "needless", "failed"]
    said = [w.report.sentence for w in world.words if isinstance(w, Closed)]
    assert said[:3] == [
        "to be done: first look",
        "it would need a named person, and would be done: second look",
        "it is done only if first fails",
    ]
    healed = World(so={"first"}, heals=frozenset({"first"}))
    assert carry(healed, order(*TWO, mode="dry_run")).state is RunState.HEALED


def test_undoing_takes_back_what_earlier_runs_did_the_last_first():
    steps = (step("first"), step("second", "restart"), step("third"), step("fourth"))
    resumes = [report_of(name) for name in ("first", "second", "third")]
    resumes.append(report_of("fourth", StepState.NEEDLESS))
    world = World(so={"first", "second", "third", "fourth"})
    end = carry(world, order(*steps, mode="undo", resumes=resumes))
    assert end == End(RunState.UNDONE, "taken back: third, first")
    assert world.so == {"second", "fourth"}
    assert carry(World(), order(*TWO, mode="undo")) == End(
        RunState.FAILED, "there was nothing to take back"
    )


def test_undoing_takes_back_what_is_known_to_have_been_begun_and_failed():
    resumes = [report_of("first", StepState.FAILED), report_of("second", StepState.FAILED)]
    world = World(so={"first"})
    earlier = [Intended(step="first", at=START)]
    end = carry(world, order(*TWO, mode="undo", resumes=resumes), earlier)
    assert end == End(RunState.UNDONE, "taken back: first")


def test_steps_that_earlier_runs_ended_are_not_done_again():
    resumes = [report_of("first"), report_of("second", StepState.UNDONE)]
    world = World(so={"first"}, heals=frozenset({"second"}))
    carry(world, order(*TWO, resumes=resumes))
    assert acted(world) == ["second"]


def test_a_step_for_a_failure_of_an_earlier_run_comes_in_the_later_one():
    steps = (
        step("first", on_failure="continue"),
        step("second", "swap", when="failed", after="first"),
    )
    resumes = [report_of("first", StepState.FAILED), report_of("well")]
    world = World(heals=frozenset({"second"}))
    end = carry(world, order(*steps, resumes=resumes, approved={"second": "ann"}))
    assert (end.state, acted(world)) == (RunState.HEALED, ["second"])
    assert states(world)["well"] == "done"  # looked at anew


@pytest.mark.parametrize("at", range(1, 60))
def test_a_run_that_is_withdrawn_stops_before_its_next_step_and_takes_back(at):
    world = World(withdraw_at=at)
    end = carry(world, order(*TWO))
    told = any(isinstance(w, Withdrawn) for w in world.words)
    if told and end.state is RunState.WITHDRAWN:
        assert world.so == set()
        assert end.sentence.startswith("it was stopped: the mission is held")
    else:
        assert world.so == {"first", "second"}  # it came too late


def test_a_run_that_is_withdrawn_leaves_what_the_next_step_says_is_left():
    world = World()
    ordered = order(step("first"), step("second", on_failure="stop"))
    carried = World(kill_at=10**6)
    carry(carried, ordered)
    closed = next(i for i, w in enumerate(carried.words) if isinstance(w, Closed))
    world.words = [*carried.words[: closed + 1], Withdrawn(reason="no", at=START)]
    world.so = {"first"}
    assert carry(world, ordered) == End(RunState.WITHDRAWN, "it was stopped: no")
    assert world.so == {"first"}


def test_a_long_sentence_is_cut():
    assert shortened("x" * 2000) == "x" * 996 + " ..."
    assert shortened("short") == "short"


def test_later_steps_are_told_what_earlier_ones_found():
    ordered = order(step("first"), resumes=[report_of("first", found={"pid": 7})])
    assert progress_of(ordered, []).found() == {"first": {"pid": 7}}


def test_what_runner_and_bot_say_to_each_other_survives_the_way():
    held = RunHeld(order=order(), lease="secret", runner="db-1", until=START)
    assert RunHeld.model_validate_json(held.model_dump_json(), strict=True) == held


def test_what_a_target_says_steers_no_terminal():
    assert shortened("a\x1b[2J\nb\u202e") == "a [2J b "
