"""Trust, mission by mission: the explanation is the fold that makes the score."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from grace.domain.phase import Outcome, Severity
from grace.domain.surroundings import OutcomeFact
from grace.domain.trust import MAX_A_DAY, Weight, score, steps

START = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
NOW = START + timedelta(days=20)


def fact(number: int, outcome: Outcome = Outcome.FIXED, **changes: object) -> OutcomeFact:
    told = {
        "mission": f"m{number}",
        "agent": "ann",
        "severity": Severity.HIGH,
        "outcome": outcome,
        "basis": "approvals",
        "at": START + timedelta(days=number),
    }
    return OutcomeFact.model_validate(told | changes)


def weights(*facts: OutcomeFact, severity: Severity = Severity.HIGH) -> list[Weight]:
    return [step.weight for step in steps(facts, "ann", severity, NOW)]


def test_each_mission_says_what_it_does_and_why():
    history = (
        fact(0),
        fact(1, basis="trust"),
        fact(2, severity=Severity.LOW),
        fact(3, Outcome.FAILED),
        fact(4, Outcome.ROLLED_BACK),
        fact(5, Outcome.CANCELLED),
    )
    assert weights(*history) == [
        Weight.RAISES,
        Weight.UNAPPROVED,
        Weight.TRIVIAL,
        Weight.LOWERS,
        Weight.EMPTIES,
        Weight.NONE,
    ]


def test_what_came_back_after_it_was_fixed_lowers_a_score_and_says_so():
    came_back = fact(5, Outcome.FAILED, came_back=True)
    assert weights(fact(0), came_back) == [Weight.RAISES, Weight.CAME_BACK]
    held = score((fact(0),), "ann", Severity.HIGH, NOW)
    lost = score((fact(0), came_back), "ann", Severity.HIGH, NOW)
    assert lost.value < held.value
    assert (lost.good, lost.bad) == (1, 1)


def test_more_of_one_day_than_count_are_named():
    day = [fact(0, at=START + timedelta(minutes=i)) for i in range(MAX_A_DAY + 1)]
    assert weights(*day) == [Weight.RAISES] * MAX_A_DAY + [Weight.TOO_MANY]


def test_a_revert_gives_the_day_back():
    day = [fact(0, at=START + timedelta(minutes=i)) for i in range(MAX_A_DAY)]
    revert = fact(0, Outcome.ROLLED_BACK, at=START + timedelta(hours=1))
    after = fact(0, at=START + timedelta(hours=2))
    assert weights(*day, revert, after)[-2:] == [Weight.EMPTIES, Weight.RAISES]
    emptied = steps((*day, revert), "ann", Severity.HIGH, NOW)[-1]
    assert (emptied.wilson, emptied.average) == (0, 0)


def test_others_and_the_future_are_left_out():
    assert weights(fact(0, agent="bob"), fact(21)) == []


FACTS = st.lists(
    st.builds(
        fact,
        st.integers(0, 19),
        st.sampled_from(Outcome),
        agent=st.sampled_from(["ann", "bob"]),
        severity=st.sampled_from(Severity),
        basis=st.sampled_from(["approvals", "trust", "solo", "emergency", "none"]),
    ),
    max_size=30,
).map(lambda facts: sorted(facts, key=lambda f: f.at))


@given(FACTS, st.sampled_from(Severity))
def test_the_last_step_is_the_score(history, severity):
    whole, told = score(history, "ann", severity, NOW), steps(history, "ann", severity, NOW)
    assert len(told) == sum(f.agent == "ann" for f in history)
    if not told:
        assert (whole.value, whole.last_at) == (0, None)
        return
    assert (told[-1].wilson, told[-1].average) == (whole.wilson, whole.average)
    since = max((i for i, s in enumerate(told) if s.weight is Weight.EMPTIES), default=-1) + 1
    counted = [s.weight for s in told[since:]]
    assert counted.count(Weight.RAISES) == whole.good
    assert counted.count(Weight.LOWERS) == whole.bad
    rest = (Weight.UNAPPROVED, Weight.TRIVIAL, Weight.TOO_MANY)
    assert sum(w in rest for w in counted) == whole.uncounted
    assert whole.emptied_at == (told[since - 1].fact.at if since else None)
