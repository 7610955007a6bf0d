"""Which remedy goes first, why, and what may be tried only to learn of it."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.domain.learning.choice import Choice, Option, Question, choose, uniform
from support.learned import past

LOCK = "lock/-/-"
A, B, C = (Option(remedy=f"agent:{name}") for name in ("pin", "repair", "revert"))
RISKY = Option(remedy="playbook:restart", explore=False)


def asked(seed: str = "mission") -> Question:
    return Question(signature=LOCK, subsystem="mesh", seed=seed)


def names(choice: Choice) -> list[str]:
    return [each.remedy for each in choice.order]


def test_order_that_people_gave_stands_while_nothing_is_known() -> None:
    given_order = ["agent:revert", "playbook:restart", "agent:pin"]
    for records in ([], past("candidate:patch-1", "+-"), past("agent:pin", "??")):
        choice = choose([C, RISKY, A], records, asked())
        assert names(choice) == given_order
        assert choice.sentence == (
            "agent:revert goes first: nothing is known of any for such symptoms yet"
        )


def test_one_remedy_or_none_needs_no_sentence() -> None:
    assert choose([], past("agent:pin", "+"), asked()) == Choice()
    alone = choose([A], past("agent:pin", "+"), asked())
    assert (names(alone), alone.sentence) == (["agent:pin"], "")
    assert alone.place("agent:pin") == 0
    assert alone.place("agent:other") == 1


def test_same_mission_ranks_the_same_and_others_by_their_own_draw() -> None:
    records = [*past("agent:pin", "+-+"), *past("agent:repair", "-+-")]
    one = choose([A, B, C], records, asked("m-1"))
    assert one == choose([A, B, C], records, asked("m-1"))
    firsts = Counter(names(choose([A, B, C], records, asked(f"m-{n}")))[0] for n in range(60))
    assert len(firsts) == 3
    assert firsts["agent:pin"] > firsts["agent:repair"]


def test_clear_winner_goes_first_nearly_always() -> None:
    records = [*past("agent:repair", "+" * 30), *past("agent:pin", "-" * 30)]
    firsts = [names(choose([A, B], records, asked(f"m-{n}")))[0] for n in range(40)]
    assert set(firsts) == {"agent:repair"}


def test_what_may_not_be_explored_is_never_first_while_another_looks_better() -> None:
    records = [
        *past("playbook:restart", "+-"),
        *past("agent:pin", "++-"),
        *past("agent:repair", "-"),
    ]
    orders = [names(choose([RISKY, A, B], records, asked(f"m-{n}"))) for n in range(60)]
    assert all(order[-1] == "playbook:restart" for order in orders)
    assert len({order[0] for order in orders}) == 2


def test_what_may_not_be_explored_goes_first_where_it_is_believed_best() -> None:
    records = [*past("playbook:restart", "+" * 25), *past("agent:pin", "-" * 25)]
    for n in range(20):
        choice = choose([A, RISKY], records, asked(f"m-{n}"))
        assert names(choice) == ["playbook:restart", "agent:pin"]


def test_several_that_may_not_be_explored_stand_by_what_is_expected() -> None:
    other = Option(remedy="playbook:restore", explore=False)
    third = Option(remedy="playbook:scale", explore=False)
    records = [
        *past("playbook:restart", "-" * 9),
        *past("playbook:restore", "++-"),
        *past("playbook:scale", "+-"),
    ]
    for n in range(10):
        choice = choose([RISKY, third, other], records, asked(f"m-{n}"))
        assert names(choice) == ["playbook:restore", "playbook:scale", "playbook:restart"]


def test_words_say_what_held_and_how_sure_that_is() -> None:
    records = [*past("agent:repair", "+" * 12), *past("agent:pin", "-" * 12)]
    choice = choose([A, B, C], records, asked("m-1"))
    first, *others = choice.order
    assert first.remedy == "agent:repair"
    assert (first.held, first.tried) == (12, 12)
    assert choice.sentence.startswith(
        "agent:repair goes first: it held 12 of 12 times "
        f"({first.mean:.0%} expected, {first.low:.0%} to {first.high:.0%}); "
    )
    assert "agent:pin held 0 of 12 times" in choice.sentence
    assert [each.remedy for each in others] == ["agent:revert", "agent:pin"]
    new = others[0]
    assert new.mean == 0.5
    assert (
        f"; agent:revert is new for such symptoms (50% expected, {new.low:.0%} to {new.high:.0%}), "
    ) in choice.sentence


def test_words_own_up_to_exploring() -> None:
    records = [*past("agent:repair", "+++-"), *past("agent:pin", "+-")]
    choices = [choose([A, B], records, asked(f"m-{n}")) for n in range(60)]
    explored = [c for c in choices if c.order[0].remedy == "agent:pin"]
    assert explored
    assert all(
        c.sentence.startswith("agent:pin goes first: it held 1 of 2 times (")
        and "; agent:repair held 3 of 4 times (" in c.sentence
        and c.sentence.endswith("), and this one is tried to learn of it")
        for c in explored
    )
    assert not any("to learn" in c.sentence for c in choices if c.order[0].remedy == "agent:repair")


@settings(max_examples=30)
@given(st.text(max_size=40), st.text(max_size=40))
def test_uniform_lies_between_and_repeats(seed: str, name: str) -> None:
    assert 0 < uniform(seed, name) < 1
    assert uniform(seed, name) == uniform(seed, name)


def test_uniform_is_uniform() -> None:
    tenths = Counter(int(10 * uniform("seed", str(n))) for n in range(5000))
    assert all(400 < tenths[tenth] < 600 for tenth in range(10))


@pytest.mark.parametrize("letters", ["", "+", "-", "+-?ri" * 5])
def test_every_option_is_ranked_once(letters: str) -> None:
    choice = choose([A, B, C, RISKY], past("agent:repair", letters), asked())
    assert sorted(names(choice)) == sorted(o.remedy for o in (A, B, C, RISKY))
