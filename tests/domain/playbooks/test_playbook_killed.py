"""A run that is killed at any point, and gone on with, ends as if nothing had been."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.domain.playbooks.carrying import next_thing
from grace.domain.playbooks.record import (
    WORD,
    Closed,
    Failed,
    Intended,
    TakenBack,
    TakenUp,
    Undoing,
)
from grace.domain.playbooks.run import RunState
from grace.domain.playbooks.things import Do
from support.playbooks import SPECS, START, Killed, World, carry, order, states, step

SURE = {"sentence": "it cannot be done", "sure": True}
UNSURE = {"sentence": "it took longer than 1 s and was ended", "sure": False}
TWO = (step("first"), step("second"))


def acted(world):
    return [name for doing, name in world.calls if doing == "act"]


def rerun(ordered, kill_at, **more):
    """Carry a run out that is killed at a point, and gone on with; None: it was over before."""
    world = World(kill_at=kill_at, **more)
    try:
        carry(world, ordered)
    except Killed:
        world.kill_at = 0
        return world, carry(world, ordered)
    return world, None


@pytest.mark.parametrize(
    ("steps", "more", "state", "so"),
    [
        (TWO, {"heals": frozenset({"second"})}, RunState.HEALED, {"first", "second"}),
        (TWO, {}, RunState.NOT_HEALED, {"first", "second"}),
        (TWO, {"breaks": {("act", "second"): SURE}}, RunState.UNDONE, set()),
        (
            (step("first", on_failure="continue"), step("second", when="failed", after="first")),
            {"breaks": {("act", "first"): SURE}, "heals": frozenset({"second"})},
            RunState.HEALED,
            {"second"},
        ),
        (
            (step("first"), step("second", when="unhealed")),
            {"heals": frozenset({"first"})},
            RunState.HEALED,
            {"first"},
        ),
    ],
)
def test_killed_at_every_point_it_ends_as_if_nothing_had_been(steps, more, state, so):
    ordered = order(*steps)
    for at in range(1, 200):
        world, end = rerun(ordered, at, **more)
        if end is None:
            assert at > 20
            return
        assert (end.state, world.so) == (state, so), at
        assert len(acted(world)) <= 1 + len(steps)
    raise AssertionError("it never came to its end")


def test_killed_again_and_again_in_the_same_step_it_gives_up():
    def dies(world):
        raise Killed

    world = World(breaks={("act", "first"): dies})
    ordered = order(step("first", on_failure="stop"))
    for _ in range(3):
        with pytest.raises(Killed):
            carry(world, ordered)
    end = carry(world, ordered)
    assert end.state is RunState.FAILED
    assert "begun 3 times" in end.sentence


def test_killed_again_and_again_while_taking_back_it_gives_up():
    def dies(world):
        raise Killed

    world = World(breaks={("act", "second"): SURE, ("undo", "first"): dies})
    for _ in range(3):
        with pytest.raises(Killed):
            carry(world, order(*TWO))
    end = carry(world, order(*TWO))
    assert end.state is RunState.FAILED
    assert "could not be taken back: first" in end.sentence


def test_what_was_looked_at_before_the_crash_is_looked_at_again():
    world = World()
    ordered = order(step("first"))
    carry(world, ordered)
    begun = next(i for i, w in enumerate(world.words) if isinstance(w, Intended))
    words = [*world.words[:begun], TakenUp(at=START)]
    assert next_thing(ordered, words, SPECS) == Do("look", ordered.playbook.steps[0])
    assert next_thing(ordered, world.words[:begun], SPECS) == Do("act", ordered.playbook.steps[0])


def test_what_turns_out_to_be_done_after_a_crash_is_done():
    ordered = order(step("first", on_failure="stop"))
    whole = World()
    carry(whole, ordered)
    begun = next(i for i, w in enumerate(whole.words) if isinstance(w, Intended))
    late = World(words=whole.words[: begun + 1])
    # It takes effect between the two looks: what was begun needed its time.
    late.breaks["verify", "first"] = lambda w: w.so.discard("first")
    late.breaks["look", "first"] = lambda w: w.so.add("first")
    carry(late, ordered)
    assert states(late)["first"] == "done"
    assert acted(late) == []


def test_words_that_belong_to_taking_back_lead_a_step_to_be_verified():
    ordered = order(step("first"))
    words = [Undoing(step="first", at=START)]
    healed = {"step": "well", "sentence": "no", "at": START, "doing": "look", "before": ""}
    start = [Failed(**healed)]
    assert next_thing(ordered, [*start, *words], SPECS) == Do("verify", ordered.playbook.steps[0])
    words = [TakenBack(step="first", sentence="back", at=START)]
    assert next_thing(ordered, [*start, *words], SPECS) == Do("verify", ordered.playbook.steps[0])


STEPS = st.lists(
    st.fixed_dictionaries(
        {
            "action": st.sampled_from(["fake.mend", "fake.restart", "fake.evidence"]),
            "when": st.sampled_from(["always", "unhealed"]),
            "on_failure": st.sampled_from(["undo", "stop", "continue"]),
        }
    ),
    min_size=1,
    max_size=3,
)
BREAKS = st.dictionaries(
    st.tuples(st.sampled_from(["look", "act", "verify", "undo"]), st.sampled_from("abc")),
    st.sampled_from([SURE, UNSURE]),
    max_size=2,
)


@given(
    steps=STEPS,
    breaks=BREAKS,
    heals=st.sets(st.sampled_from("abc")),
    kill=st.integers(1, 60),
    withdraw=st.integers(0, 60),
)
@settings(max_examples=60, deadline=None)
def test_every_run_comes_to_an_end_wherever_it_is_killed(steps, breaks, heals, kill, withdraw):
    named = [{"id": "abc"[i], **each} for i, each in enumerate(steps)]
    more = {"breaks": breaks, "heals": frozenset(heals), "withdraw_at": withdraw}
    world, end = rerun(order(*named), kill, **more)
    for word in world.words:
        assert WORD.validate_json(WORD.dump_json(word)) == word
    if end is None:
        return
    ended = {w.report.step for w in world.words if isinstance(w, Closed)}
    begun = {w.step for w in world.words if isinstance(w, Intended)}
    assert begun <= ended
    if end.state is RunState.UNDONE:
        mendable = {s["id"] for s in named if s["action"] == "fake.mend"}
        assert not world.so & mendable
