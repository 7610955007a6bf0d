"""No order, doubling, loss or replay of events merges, resolves or reverts what it must not."""

import json
from collections import Counter
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grace.domain import effects as fx
from grace.domain import events as ev
from grace.domain.lifecycle import decide
from grace.domain.phase import Outcome, Phase
from support.chaos import Chaos
from support.examples import examples
from support.meddling import ACTIONS, GOOD
from support.world import World, issue_body

STEP = st.tuples(st.sampled_from(ACTIONS), st.integers(0, 5000))
# The good way, with meddling before each of its steps and something else in the place of some.
PLAN = st.tuples(
    *(
        st.tuples(st.lists(STEP, max_size=2), st.one_of(st.just(step), st.just(step), STEP))
        for step in GOOD
    ),
    st.lists(STEP, max_size=8),
)
quick = settings(
    deadline=None,
    max_examples=examples(50),
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)


def lived(plan):
    *way, rest = plan
    chaos = Chaos()
    for action, n in (*(s for meddling, step in way for s in (*meddling, step)), *rest):
        action(chaos, n)
    return chaos


def replayed(chaos, times=1):
    """Tell a new world the same, each event so often."""
    world, keys, decisions = World(), [], []
    mission, facts = world.mission, world.facts
    for told in chaos.told:
        for _ in range(times):
            facts = facts.model_copy(update={"kill_switch": told.kill_switch})
            decision = decide(mission, told.event, facts, world.policy, told.now)
            mission, facts = decision.mission, decision.facts
            keys += [e.key for e in decision.effects]
            decisions.append(decision)
    return mission, keys, decisions


@settings(quick, max_examples=examples(50))
@given(PLAN)
def test_nothing_merges_resolves_or_reverts_that_must_not(plan):
    chaos = lived(plan)  # the judge sits in Chaos: every delivery is judged
    _, _, decisions = replayed(chaos)
    assert decisions == [t.decision for t in chaos.told]


@quick
@given(PLAN)
def test_each_event_twice_changes_no_end_and_asks_for_nothing_twice(plan):
    chaos = lived(plan)
    mission, keys, _ = replayed(chaos, times=2)
    end = chaos.world.mission
    assert (mission.phase, mission.outcome) == (end.phase, end.outcome)
    assert max(Counter(keys).values(), default=1) == 1
    assert set(keys) == chaos.keys


@quick
@given(st.permutations(range(4)), st.integers(0, 3))
def test_what_ci_and_people_say_may_come_in_any_order(order, doubled):
    world = World().file()
    head, told = world.head, world.copy()
    told.ci()
    jobs = (partial(world.jobs, "success", name) for name in ("unit", "integration", "stress"))
    tellers = [*jobs, partial(world.review, at=head)]
    world.deliver(ev.ResultsReported(report=told.facts.reports[head]))
    for n in (*order, doubled):
        if world.mission.attempt is not None and world.mission.landing is None:
            tellers[n]()
    world.settle()
    assert world.mission.phase is Phase.OBSERVING
    assert len(world.asked(fx.MergePull)) == 1


TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=200)
FORM = st.lists(
    st.one_of(
        TEXT,
        st.sampled_from(
            [
                *("### Subsystem", "### Severity", "### Symptoms", "### Metric targets", "high"),
                *("### Patch candidates", "```diff name=a", "```", "```yaml", "```json", "~~~"),
                *("trigger_mesh", "- description: x", "a: &a [*a]", "!!int ''", "{", "[[[", "'"),
                *("### Governance approval", "### Required trust score", "NaN", "1e999", "\ud7ff"),
                *("### Observation window (minutes)", "### Must-pass tests", "? [a]: b", "<<: *x"),
            ]
        ),
    ),
    max_size=25,
).map("\n".join)


@quick
@given(st.one_of(TEXT, FORM, FORM.map(lambda s: f"```yaml\n{s}\n```")), TEXT)
def test_no_text_of_a_stranger_stops_a_mission(body, title):
    world = World()
    stranger = ev.Actor(login="mallory")
    for text in (body, issue_body(extra=body)):
        world.deliver(
            ev.IssueSeen(
                number=1,
                title=title,
                body=text,
                author=stranger,
                sender=stranger,
                updated_at=world.now,
            )
        )
        world.settle()
    assert world.mission.phase in {Phase.INVALID, Phase.AWAITING_START}


@quick
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | TEXT,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
        max_leaves=15,
    ),
    st.sampled_from(["symptoms", "acceptance_criteria", "workspace", "severity", "evidence"]),
)
def test_no_json_of_a_stranger_stops_a_mission(value, field):
    body = {"subsystem_id": "trigger_mesh", "severity": "low", field: value}
    world = World().file(f"```json\n{json.dumps(body)}\n```", author="mallory")
    assert world.mission.phase is Phase.INVALID


def test_the_good_way_through_chaos_is_fixed():
    chaos = lived((*(([], step) for step in GOOD), [GOOD[-1], GOOD[-1]]))
    assert chaos.world.mission.outcome is Outcome.FIXED
