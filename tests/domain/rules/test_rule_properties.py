"""Random policies on random matters: total, explained by their leaves, replayed, and monotone."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grace.domain.evidence import Evidence, Replay, digest_of, evidence_of
from grace.domain.judging import merge_tree
from grace.domain.rules.language import Requirement, Rule
from grace.domain.verdict import (
    PASSING,
    Condition,
    Result,
    all_of,
    any_of,
    at_least,
    leaf,
    recomputed,
)
from support.cases import HEAD, Matter, nodes_of, ready
from support.examples import examples
from support.random_policies import matters, red_jobs, released_twice, two_names
from support.world import make_policy

quick = settings(
    deadline=None,
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)


def holds(matter: Matter) -> None:
    """Demand that a verdict is explained by its leaves, and that no data passes nowhere."""
    tree = matter.tree()
    for node in nodes_of(tree):
        assert recomputed(node) is node.result
        assert node.passes or node.reason
        assert bool(node.children) == (node.mode != "leaf")
        results = {child.result for child in node.children}
        if node.mode == "all_of" and Result.NO_DATA in results:
            assert not node.passes
        if node.children and node.passes and node.mode != "all_of":
            assert Result.PASS in results
    assert (tree.holding() is None) == tree.passes
    assert matter.tree() == tree


@quick
@given(matters())
def test_every_verdict_is_explained_by_its_leaves(matter):
    holds(matter)


@pytest.mark.stress
@settings(quick, max_examples=5000)
@given(matters())
def test_very_many_verdicts_are_explained_by_their_leaves(matter):
    holds(matter)


def evidence(matter: Matter) -> Evidence:
    read = {} if matter.read is None else {HEAD: matter.read}
    facts = matter.facts.model_copy(update={"inspections": read})
    return evidence_of(matter.mission, facts, make_policy(**matter.governance), matter.now)


def replays(matter: Matter) -> None:
    """Demand that a verdict's record, as the ledger keeps it, gives the very same verdict."""
    policy, made = make_policy(**matter.governance), evidence(matter)
    replay = Replay()
    for part in (*made.facts.reports.values(), *made.facts.inspections.values()):
        body = part.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        kept = json.loads(json.dumps({"digest": digest_of(part), "body": body}, sort_keys=True))
        replay.part(kept)
    read = replay.evidence(json.loads(json.dumps(made.record(), sort_keys=True)))
    assert read.digest() == made.digest()
    assert merge_tree(read.case(policy)) == merge_tree(made.case(policy))


@quick
@given(matters())
def test_a_record_gives_the_same_verdict_again(matter):
    replays(matter)


@pytest.mark.stress
@settings(quick, max_examples=3000)
@given(matters())
def test_very_many_records_give_the_same_verdict_again(matter):
    replays(matter)


@pytest.mark.parametrize("change", [two_names, red_jobs, released_twice])
def test_the_order_in_which_things_were_heard_changes_no_verdict(change):
    matter = change(ready()).rule(deployment={"environment": "production"}, approvals={"count": 2})
    replays(matter)


def test_the_order_in_which_proposers_were_heard_changes_no_hash():
    one = ready().on(proposer_ids=frozenset([8, 0]), authors=("alice",))
    two = ready().on(proposer_ids=frozenset([0, 8]), authors=("alice",))
    assert evidence(one).digest() == evidence(two).digest()


FAILING = Requirement.model_validate({"memory_scope": {"at_most": "read_only"}})


def added(require: Requirement, spot: int) -> tuple[Requirement, int]:
    """Add a condition that fails at the spot of that number, counted through the requirement."""
    if spot == 0 and require.memory_scope is None:
        return require.model_copy(update={"memory_scope": FAILING.memory_scope}), -1
    spot -= 1
    for key, inside in (
        ("all_of", require.all_of),
        ("any_of", require.any_of),
        ("at_least", require.at_least.of if require.at_least is not None else None),
    ):
        if inside is None:
            continue
        if spot == 0:
            return with_inside(require, key, (*inside, FAILING)), -1
        spot -= 1
        found = []
        for each in inside:
            changed, spot = added(each, spot) if spot >= 0 else (each, spot)
            found.append(changed)
        require = with_inside(require, key, tuple(found))
    return require, spot


def with_inside(require: Requirement, key: str, inside: tuple[Requirement, ...]) -> Requirement:
    if key == "at_least" and require.at_least is not None:
        return require.model_copy(update={key: require.at_least.model_copy(update={"of": inside})})
    return require.model_copy(update={key: inside})


@settings(quick, max_examples=examples(100))
@given(matters(), st.integers(0, 7), st.integers(0, 12))
def test_a_failing_condition_more_turns_no_red_verdict_green(matter, which, spot):
    rules = matter.governance["rules"]
    assert isinstance(rules, tuple)
    if which >= len(rules):
        more = (*rules, Rule(name="more", require=FAILING))
    else:
        require, _ = added(rules[which].require, spot)
        changed = rules[which].model_copy(update={"require": require})
        more = (*rules[:which], changed, *rules[which + 1 :])
    after = matter.governed(rules=more).tree()
    assert matter.tree().passes or not after.passes


RESULT = st.sampled_from(Result)
LEAF = st.builds(lambda r: leaf("leaf", r, "because"), RESULT)
TREE = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.builds(lambda c: all_of("all", tuple(c)), st.lists(inner, max_size=4)),
        st.builds(lambda c: any_of("any", tuple(c)), st.lists(inner, max_size=4)),
        st.builds(
            lambda n, c: at_least("some", n, tuple(c)),
            st.integers(1, 4),
            st.lists(inner, max_size=4),
        ),
    ),
    max_leaves=12,
)


def spoiled(tree: Condition, result: Result, picks: list[bool]) -> Condition:
    """Make the leaves that are picked as bad as this, and everything above follow."""
    if not tree.children:
        bad = (picks.pop() if picks else False) and tree.passes
        return leaf(tree.name, result, "spoiled") if bad else tree
    children = tuple(spoiled(child, result, picks) for child in tree.children)
    if tree.mode == "all_of":
        return all_of(tree.name, children)
    return at_least(
        tree.name, tree.need, children, "any_of" if tree.mode == "any_of" else "at_least"
    )


BAD = st.sampled_from(sorted(set(Result) - PASSING))


@quick
@given(TREE, BAD, st.lists(st.booleans(), max_size=12))
def test_what_passes_no_more_turns_no_tree_green(tree, result, picks):
    assert recomputed(tree) is tree.result
    assert tree.passes or not spoiled(tree, result, picks).passes


@quick
@given(TREE)
def test_a_tree_without_a_pass_does_not_pass(tree):
    def without(node: Condition) -> Condition:
        return spoiled(node, Result.NO_DATA, [True] * 40)

    assert not without(tree).passes


def test_a_matter_is_replaced_and_never_changed():
    matter = ready()
    assert replace(matter) == matter
    assert matter.tree().passes
