"""What a mission leaves when it ends."""

from datetime import timedelta

import pytest

from grace.domain.asked import Ask, Offered, PlaybookTry
from grace.domain.memory.recollection import MAX_REUSED_DIFF, Result
from grace.domain.memory.remembered import Lesson
from grace.domain.memory.remembering import remedy_of, remember
from grace.domain.mission import Attempt, Landing, Revert, Window
from grace.domain.package import MemoryScope, PatchCandidate, TrustRequirements
from grace.domain.phase import Outcome, Phase
from grace.domain.policy import Governance
from grace.domain.proposals import Refusal, Usage
from grace.domain.results import CIReport, TestOutcome
from support.phases import world_in
from support.reports import make_report, sha

GOVERNANCE = Governance()


@pytest.fixture
def world():
    return world_in(Phase.CLOSED)


def left(world, **changes):
    mission = world.mission.with_(**changes)
    return remember(mission, world.facts, world.policy.governance, world.now)


def with_trust(world, **trust):
    request = world.mission.request
    trusted = request.model_copy(update={"trust_requirements": TrustRequirements(**trust)})
    return {"request": trusted}


def attempt(number, candidate="patch-1", failure=None, agent="candidate"):
    return Attempt(number=number, candidate=candidate, agent=agent, failure=failure)


def test_a_fixed_mission_leaves_all_that_a_later_one_can_use(world):
    found = left(world)
    mission = world.mission
    assert (found.mission, found.log, found.outcome) == (mission.name, mission.ref.log, "fixed")
    assert found.subsystem == "trigger_mesh"
    assert [t.result for t in found.tried] == [Result.HELD]
    assert found.tried[0].remedy == "candidate:patch-1"
    assert found.patch.diff == mission.request.workspace.patch_candidates[0].diff
    assert found.patch.sha == mission.landing.sha
    assert found.tests
    assert found.lesson is Lesson.PROPOSED
    assert found.seconds == (world.now - mission.started_at).total_seconds()
    assert found.held


def test_a_mission_without_a_contract_leaves_its_title():
    world = world_in(Phase.INVALID)
    found = left(world, outcome=Outcome.CANCELLED, title="no contract")
    assert (found.summary, found.subsystem, found.tried, found.lesson) == (
        *("no contract", "", (), Lesson.NONE),
    )


def test_what_landed_and_was_undone_is_remembered_as_such(world):
    for changes in (
        {"outcome": Outcome.ROLLED_BACK},
        {"outcome": Outcome.FAILED, "revert": Revert(reason="worse")},
        {"outcome": Outcome.FAILED, "window": Window(verdict="regress")},
    ):
        found = left(world, **changes)
        assert found.reverted
        assert found.tried[-1].result is Result.REVERTED
        assert found.lesson is Lesson.NONE


def test_what_landed_and_ended_otherwise_is_not_decided(world):
    found = left(world, outcome=Outcome.CANCELLED)
    assert found.tried[-1].result is Result.UNDECIDED


def test_each_patch_is_tried_once_however_often_it_was_made_again(world):
    tries = (
        attempt(1, "c1", failure="unit: 2 failed"),
        attempt(2, "c2", failure="the base moved; the same patch is made again"),
        attempt(3, "c2"),
    )
    found = left(world, attempts=tries, landing=None, outcome=Outcome.CANCELLED)
    assert [(t.remedy, t.result) for t in found.tried] == [
        ("candidate:c1", Result.FAILED),
        ("candidate:c2", Result.UNDECIDED),
    ]
    assert found.tried[0].why == "unit: 2 failed"
    assert found.patch is None


def ask(world, number, refusal=None, measured=False):
    at = world.now
    return Ask(
        number=number,
        agent="repair",
        record="agent:repair",
        request=f"{world.mission.name}/ask/{number}",
        base=sha("1"),
        evidence=0,
        minutes=5,
        money_usd=2,
        asked_at=at,
        ends_at=at + timedelta(minutes=5),
        answered_at=at,
        candidate=None if refusal else "repair-1",
        refusal=refusal,
        sentence="" if refusal is None else "no patch was found",
        usage=Usage(money_usd=0.5, measured=measured),
    )


def test_a_run_that_left_no_patch_counts_against_its_agent_unless_it_could_not_run(world):
    asks = (
        ask(world, 1, Refusal.NO_PATCH, measured=True),
        ask(world, 2, Refusal.NO_SANDBOX),
        ask(world, 3),
    )
    found = left(world, asks=asks)
    assert [(t.remedy, t.result) for t in found.tried[:-1]] == [
        ("agent:repair", Result.FAILED),
        ("agent:repair", Result.UNDECIDED),
    ]
    assert found.money_usd == 4.5


def test_an_offered_patch_is_kept_with_its_diff(world):
    offered = Offered(
        candidate=PatchCandidate(name="repair-1", diff="+x\n"),
        agent="agent:repair",
        origin="agent",
        lines=1,
    )
    found = left(
        world, offered=(offered,), attempts=(attempt(1, "repair-1", agent="agent:repair"),)
    )
    assert (found.patch.diff, found.patch.remedy) == ("+x\n", "agent:repair")


def test_a_patch_that_is_too_long_or_a_commit_is_named_and_not_kept(world):
    long = PatchCandidate(name="long", diff="+" * (MAX_REUSED_DIFF + 1))
    offered = Offered(candidate=long, agent="agent:x", origin="agent", lines=1)
    found = left(world, offered=(offered,), attempts=(attempt(1, "long"),))
    assert (found.patch.diff, found.lesson) == (None, Lesson.NONE)
    assert found.patch.digest is not None
    unknown = left(world, attempts=(attempt(1, "elsewhere"),))
    assert (unknown.patch.diff, unknown.patch.digest) == (None, None)


def playbook(**changes):
    return PlaybookTry(
        number=1, playbook="locked", version=2, target="db", kind="sqlite", risk="low", **changes
    )


@pytest.mark.parametrize(
    ("changes", "outcome", "result"),
    [
        ({}, Outcome.FIXED, Result.HELD),
        ({}, Outcome.SELF_RECOVERED, Result.UNDECIDED),
        ({"failure": "the lock stayed"}, Outcome.FAILED, Result.FAILED),
        ({"undoing": "it got worse"}, Outcome.ROLLED_BACK, Result.REVERTED),
    ],
)
def test_a_playbook_is_a_remedy(world, changes, outcome, result):
    found = left(world, tries=(playbook(**changes),), attempts=(), landing=None, outcome=outcome)
    assert [(t.remedy, t.result) for t in found.tried] == [("playbook:locked", result)]


@pytest.mark.parametrize(
    ("agent", "candidate", "remedy"),
    [
        ("candidate", "c1", "candidate:c1"),
        ("remedy:cache@0123abcd", "cache", "remedy:cache"),
        ("agent:repair", "x", "agent:repair"),
        ("memory:mission_20261122_001", "x", "memory:reapply"),
        ("playbook:locked@2", "x", "playbook:locked"),
        ("somebody", "x", "agent:somebody"),
        ("robot:x y", "x", "agent:robot-x-y"),
        ("agent:", "x", "agent:agent-"),
        ("agent:***", "x", "agent:unnamed"),
    ],
)
def test_a_remedy_is_named_without_its_version(agent, candidate, remedy):
    assert remedy_of(agent, candidate) == remedy


@pytest.mark.parametrize(
    ("trust", "lesson"),
    [
        ({"memory_write_scope": MemoryScope.READ_ONLY}, Lesson.WITHHELD),
        ({"memory_write_scope": MemoryScope.PROPOSE}, Lesson.PROPOSED),
        ({"memory_write_scope": MemoryScope.PERSIST}, Lesson.KEPT),
        (
            {"memory_write_scope": MemoryScope.PERSIST, "required_trust_score": 0.9},
            Lesson.PROPOSED,
        ),
        (
            {"memory_write_scope": MemoryScope.PERSIST, "allowed_roles": ("auditor",)},
            Lesson.PROPOSED,
        ),
        (
            {"memory_write_scope": MemoryScope.PERSIST, "allowed_roles": ("developer",)},
            Lesson.KEPT,
        ),
    ],
)
def test_the_scope_decides_what_becomes_of_the_patch(world, trust, lesson):
    found = left(world, **with_trust(world, **trust))
    assert found.lesson is lesson
    assert found.scope is trust["memory_write_scope"]


def test_tests_that_failed_on_the_base_are_what_is_searched_by(world):
    report = make_report(sha("1"), tree=sha("2"))
    suite = report.suites[0]
    failing = suite.cases[0].model_copy(
        update={
            "outcome": TestOutcome.FAILED,
            "message": "KeyError: 'DE'",
            "name": "tests.t.test_tax",
        }
    )
    based = suite.model_copy(
        update={"subject": "base", "cases": (failing,), "failed": 1, "passed": 0}
    )
    again = CIReport.model_construct(**{**dict(report), "suites": (based,)})
    world.facts = world.facts.model_copy(update={"reports": {sha("1"): again}})
    found = left(world)
    assert "tests.t.test_tax" in found.tests
    assert found.errors == ("KeyError",)
    assert "KeyError" in found.details


def test_a_landing_without_an_attempt_leaves_no_patch(world):
    landing = Landing(sha=sha("4"), tree=sha("5"), at=world.now)
    found = left(world, attempts=(), landing=landing, outcome=Outcome.FAILED)
    assert (found.patch, found.tried) == (None, ())
