"""Who approves, and how many are asked for."""

import pytest

from grace.domain import approving
from grace.domain import events as ev
from grace.domain.judging import people_gates
from grace.domain.people import Permission
from grace.domain.phase import Severity
from grace.domain.policy import Approvals
from grace.domain.verdict import Result
from support.cases import HEAD, make_mission, ready
from support.world import BOT, make_policy, sha

RELAXED = {"approvals": Approvals(critical=2, low=0)}


def gate(matter):
    return people_gates(matter.case())[0]


def needed(matter):
    return approving.approvals_needed(matter.case())


def test_how_many_approvals_are_needed():
    critical = ready().governed(**RELAXED).asks(severity=Severity.CRITICAL)
    assert needed(critical) == 2
    assert needed(critical.trusts(required_trust_score=0.1)) == 3
    assert needed(critical.on(strange_authors=3)) == 3
    low = critical.asks(severity=Severity.LOW)
    assert needed(low) == 0
    assert gate(low.alone()).result is Result.SKIPPED
    assert needed(low.trusts(requires_governance_approval=True)) == 1


CRITICAL = ready().alone().asks(severity=Severity.CRITICAL)


def both(**changes):
    return CRITICAL.reviewed("rita", **changes).reviewed("sam", **changes)


@pytest.mark.parametrize(
    ("matter", "result"),
    [
        (both(), Result.PASS),
        (CRITICAL.reviewed("rita"), Result.PENDING),
        (CRITICAL.reviewed("rita").reviewed("alice"), Result.PENDING),
        (CRITICAL.reviewed("rita").reviewed("ALICE"), Result.PENDING),
        (CRITICAL.reviewed("rita").reviewed(BOT), Result.PENDING),
        (both(sha=sha("other")), Result.PENDING),
        (both(permission=Permission.TRIAGE), Result.PENDING),
        (both().knows(permissions={}), Result.PENDING),
        (CRITICAL.reviewed("rita", state=ev.ReviewState.CHANGES_REQUESTED), Result.FAIL),
        (
            CRITICAL.reviewed("rita", Permission.READ, state=ev.ReviewState.CHANGES_REQUESTED),
            Result.PENDING,
        ),
    ],
)
def test_the_approvals_gate_in_every_outcome(matter, result):
    assert gate(matter).result is result


def test_the_approvals_gate_says_who_and_how_many():
    assert gate(CRITICAL.reviewed("rita")).reason == f"1 of 2 approvals of {HEAD[:10]}: rita"
    objecting = both(state=ev.ReviewState.CHANGES_REQUESTED)
    assert gate(objecting).reason == "rita, sam asked for changes"
    assert gate(objecting).who == "rita, sam"


def roles(matter):
    return people_gates(matter.case())[1]


def test_the_roles_gate_in_every_outcome():
    assert roles(ready()).result is Result.SKIPPED
    assert roles(ready().trusts(allowed_roles=("developer",))).result is Result.PASS
    assert roles(ready().trusts(allowed_roles=("surgeon",))).result is Result.FAIL
    nobody = ready().trusts(allowed_roles=("developer",)).tried(agent="unheard of")
    assert "without a role" in roles(nobody).reason


def test_who_wrote_edited_or_started_a_contract_does_not_approve_it():
    policy = make_policy()
    nobody = make_mission().with_(requester=None, authors=(), started_by=None)
    assert approving.proposers(nobody, policy) == {"grace[bot]"}
    made = nobody.with_(requester=ev.Actor(login="Alice"), authors=("Eve",), started_by="Rita")
    assert approving.proposers(made, policy) == {"grace[bot]", "alice", "eve", "rita"}


def test_who_operates_the_agent_does_not_approve_its_work():
    policy = make_policy(agent_operators={"candidate": ("Olga",)})
    assert "olga" in approving.proposers(make_mission(), policy)
