"""Which word of CI keeps a revert from landing by a machine."""

from datetime import timedelta

import pytest

from grace.domain import events as ev
from grace.domain import reverts as words
from grace.domain.facts import Facts
from grace.domain.phase import Phase
from grace.domain.policy import Rollback, Tests
from grace.domain.surroundings import JobFact, Rival
from support.reverted import BEFORE, OTHER_TREE, assert_left, merges, regressed
from support.world import CI_APP, World, make_policy, sha

# CI of the revert


def untested(**rollback):
    return regressed(policy=make_policy(rollback=Rollback(**rollback)), revert=OTHER_TREE)


def test_the_tree_before_the_merge_lands_at_once_and_another_waits_for_ci():
    assert len(merges(regressed())) == 1
    world = untested()
    assert merges(world) == []
    assert world.mission.revert.waits_for == words.CI_AWAITED
    assert world.wake_at == world.mission.revert.pushed_at + timedelta(minutes=15)
    world.jobs(None, "unit", head=sha("revert")).jobs("success", "integration", head=sha("revert"))
    assert merges(world) == []
    world.jobs("success", "unit", head=sha("revert"))
    assert len(merges(world)) == 1


def test_ci_may_be_awaited_always():
    world = regressed(policy=make_policy(rollback=Rollback(wait_for_ci="always")))
    assert merges(world) == []
    world.jobs("success", "unit integration lint", head=sha("revert"))
    assert len(merges(world)) == 1


def test_a_tree_of_which_it_is_not_known_what_was_before_waits_for_ci():
    assert merges(regressed(revert={"before": None, "before_tree": None})) == []


def test_the_jobs_are_those_that_governance_names():
    world = untested()
    rules = Tests(ci_app_ids=(CI_APP,), jobs={"unit": ("py311", "py312")})
    world.policy = make_policy(tests=rules)
    world.jobs("success", "py311 integration unit", head=sha("revert"))
    assert merges(world) == []
    world.jobs("success", "py312", head=sha("revert"))
    assert len(merges(world)) == 1


def test_a_revert_whose_ci_fails_is_a_persons():
    world = untested()
    world.jobs("failure", "integration", head=sha("revert"))
    assert_left(world, words.ci_failed("integration", "failure"))


def test_a_revert_of_which_ci_says_nothing_is_a_persons():
    world = untested(ci_minutes=5)
    world.tick((world.wake_at - world.now).total_seconds() - 1)
    assert world.mission.phase is Phase.REVERTING
    assert_left(world.tick(1), words.ci_silent(5))


def test_a_job_that_governance_does_not_name_keeps_no_revert():
    world = untested()
    world.jobs("failure", "lint", head=sha("revert"))
    world.jobs("success", "unit integration", head=sha("revert"))
    assert len(merges(world)) == 1


def test_the_check_of_a_revert_that_ci_fails_lets_a_person_land_it():
    world = untested()
    world.jobs("failure", "unit", head=sha("revert"))
    said = world.checks("governance", sha("revert"))[-1]
    assert said.conclusion == "neutral"
    assert "CI job unit of the revert ended with failure" in said.summary


# a CI that is broken for everybody


def seen(name, conclusion, at, on=BEFORE):
    return ev.CheckSeen(
        id=f"{name}-{on}", name=name, sha=on, app_id=CI_APP, conclusion=conclusion, at=at
    )


@pytest.mark.parametrize(
    ("name", "conclusion", "sentence"),
    [
        ("unit", "failure", words.ci_red_before("unit")),
        ("unit", "timed_out", words.ci_broken("unit")),
        ("lint", "failure", None),
        ("unit", "success", None),
    ],
)
def test_a_ci_that_was_broken_before_the_change_lands_no_revert(name, conclusion, sentence):
    at = World().now
    world = regressed(revert={"checks": (seen(name, conclusion, at),)})
    if sentence is None:
        assert len(merges(world)) == 1
    else:
        assert_left(world, sentence)


def rival(number, conclusion="failure", base=BEFORE, ago=60):
    at = World().now + timedelta(minutes=10) - timedelta(seconds=ago)
    return Rival(
        uid=f"00000000-0000-0000-0000-0000000000{number}",
        name=f"mission_20261122_0{number}",
        phase=Phase.TESTING,
        paths=(),
        urgency=(3, at, "z"),
        base=base,
        ci=(
            JobFact(name="unit", conclusion=conclusion, at=at),
            JobFact(name="x", conclusion=None, at=at),
        ),
    )


@pytest.mark.parametrize(
    ("rivals", "broken"),
    [
        ((rival(10), rival(11)), True),
        ((rival(10),), False),
        ((rival(10), rival(11), rival(12, "success", ago=30)), False),
        ((rival(10), rival(11), rival(12, "success", ago=90)), True),
        ((rival(10), rival(11, base=sha("merge work"))), False),
        ((rival(10), rival(11, ago=2 * 3600)), False),
        ((rival(10), rival(11, None)), False),
    ],
)
def test_a_ci_that_fails_for_others_without_the_change_lands_no_revert(rivals, broken):
    world = World(follows=False).file().ci().review().deploy()
    world.now += timedelta(minutes=10)
    world.facts = world.facts.model_copy(update={"rivals": rivals})
    world.command("rollback", "rita")
    if broken:
        names = ("mission_20261122_010", "mission_20261122_011")
        assert_left(world, words.ci_red_elsewhere("unit", names))
    else:
        assert len(merges(world)) == 1


def test_what_stands_in_the_facts_for_a_revert_is_stored():
    facts = Facts(contains_revert={sha("x"): True})
    assert Facts.model_validate_json(facts.stored().model_dump_json()) == facts
