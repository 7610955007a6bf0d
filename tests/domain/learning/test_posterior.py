"""What is believed of a remedy: own past before others', faded only by news of its own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.domain.learning.posterior import Posterior, Tally, Weights
from support.learned import past

LOCK, SLOW = "lock/-/-", "latency/latency/-"
FULL = Weights(fade=1.0)


def test_nothing_known_is_an_even_chance_worth_two_missions() -> None:
    found = Tally().believed("agent:repair", LOCK, "mesh")
    assert (found.a, found.b, found.held, found.tried) == (1.0, 1.0, 0, 0)
    assert found.mean == 0.5
    assert found.interval == pytest.approx((0.025, 0.975))


def test_own_past_is_added_to_the_prior() -> None:
    found = Tally.of(past("agent:repair", "+++-"), FULL).believed("agent:repair", LOCK, "mesh")
    assert (found.a, found.b) == pytest.approx((4.0, 2.0))
    assert (found.held, found.tried) == (3, 4)


def test_other_subsystems_are_a_prior_no_stronger_than_kin() -> None:
    records = past("agent:repair", "+" * 30 + "-" * 10, subsystem="cart")
    near = (30 + 2 * 0.5) / (40 + 2)
    weak = Tally.of(records, Weights(fade=1.0, kin=6)).believed("agent:repair", LOCK, "mesh")
    assert (weak.a, weak.b) == pytest.approx((8 * near, 8 * (1 - near)))
    strong = Tally.of(records, Weights(fade=1.0, kin=100)).believed("agent:repair", LOCK, "mesh")
    assert strong.a + strong.b == pytest.approx(42)
    assert (strong.held, strong.tried) == (30, 40)


def test_other_signatures_are_worth_two_missions_however_many() -> None:
    records = past("agent:repair", "+" * 98, signature=SLOW)
    found = Tally.of(records, FULL).believed("agent:repair", LOCK, "mesh")
    assert (found.a, found.b) == pytest.approx((2 * 0.99, 2 * 0.01))
    assert (found.held, found.tried) == (0, 0)


def test_other_remedies_say_nothing() -> None:
    alone = past("agent:repair", "+-")
    together = [*alone, *past("agent:pin", "-----")]
    believed = [Tally.of(r).believed("agent:repair", LOCK, "mesh") for r in (alone, together)]
    assert believed[0] == believed[1]


def test_results_that_do_not_last_count_against_and_undecided_for_nothing() -> None:
    found = Tally.of(past("agent:repair", "ri??-"), FULL).believed("agent:repair", LOCK, "mesh")
    assert (found.a, found.b) == pytest.approx((1.0, 4.0))
    assert (found.held, found.tried) == (0, 3)
    assert Tally.of(past("agent:repair", "???")).cells == {}


def test_counts_fade_only_where_there_is_news() -> None:
    old = past("agent:repair", "++++")
    before = Tally.of(old).believed("agent:repair", LOCK, "mesh")
    elsewhere = [
        *past("agent:pin", "-" * 50),
        *past("agent:repair", "?" * 50),
    ]
    assert Tally.of([*old, *elsewhere]).believed("agent:repair", LOCK, "mesh") == before
    tally = Tally.of(
        [*old, *past("agent:repair", "-", SLOW), *past("agent:repair", "-", LOCK, "cart")]
    )
    assert tally.cells["agent:repair"][LOCK, "mesh"].all == pytest.approx(
        sum(0.95**k for k in range(4))
    )
    tally.hear(past("agent:repair", "-")[0])
    count = tally.cells["agent:repair"][LOCK, "mesh"]
    assert count.good == pytest.approx(sum(0.95**k for k in range(1, 5)))
    assert count.all == pytest.approx(count.good + 1)
    assert (count.held, count.tried) == (4, 5)


def test_remedy_that_stopped_working_is_found_out_within_twenty_missions() -> None:
    was, other = past("agent:repair", "+" * 60), past("agent:pin", "+-")
    tally = Tally.of([*was, *other])
    rival = tally.believed("agent:pin", LOCK, "mesh").mean
    assert tally.believed("agent:repair", LOCK, "mesh").mean > 0.9
    for record in past("agent:repair", "-" * 20):
        tally.hear(record)
    assert tally.believed("agent:repair", LOCK, "mesh").mean < rival


@settings(max_examples=30)
@given(st.text("+-ri?", max_size=60), st.text("+-?", max_size=60), st.text("+-?", max_size=60))
def test_belief_is_a_distribution_whose_interval_holds_its_mean(
    own: str, kin: str, strangers: str
) -> None:
    records = [
        *past("agent:repair", own),
        *past("agent:repair", kin, LOCK, "cart"),
        *past("agent:repair", strangers, SLOW),
    ]
    found = Tally.of(records).believed("agent:repair", LOCK, "mesh")
    assert found.a > 0
    assert found.b > 0
    low, high = found.interval
    assert 0 < low < found.mean < high < 1
    better = Tally.of([*records, *past("agent:repair", "+")]).believed("agent:repair", LOCK, "mesh")
    assert better.mean > found.mean


@settings(max_examples=30)
@given(st.floats(0.01, 0.99), st.floats(1, 8))
def test_sharper_draws_lie_nearer_to_the_mean(uniform: float, sharp: float) -> None:
    found = Posterior(remedy="agent:repair", a=6, b=3)
    plain, sharper = (abs(found.draw(uniform, s) - found.mean) for s in (1.0, 2 * sharp))
    # A Beta's median is not its mean, so the nearest draws may trade places by that much.
    assert sharper <= plain + 0.03
