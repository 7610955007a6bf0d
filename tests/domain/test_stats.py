"""How much ran without a person."""

from datetime import timedelta

import pytest

from grace.domain.mission import Mission
from grace.domain.phase import Outcome, Phase, Severity
from grace.domain.stats import Deed, by_a_person, figures, together
from support.cases import make_mission
from support.reports import START

APPROVED = Deed("mission.reviewed", "rita", {"state": "approved"})
STARTED = Deed("mission.command", "rita", {"command": "start"})
PHASE = Deed("mission.phase", "grace", {})


def ended(outcome: Outcome | None, severity: Severity = Severity.LOW, days: int = 0) -> Mission:
    mission = make_mission()
    assert mission.request is not None
    return mission.with_(
        request=mission.request.model_copy(update={"severity": severity}),
        phase=Phase.CLOSED,
        outcome=outcome,
        closed_at=None if outcome is None else START - timedelta(days=days),
    )


@pytest.mark.parametrize(
    ("deed", "person"),
    [
        (APPROVED, True),
        (STARTED, True),
        (PHASE, False),
        (Deed("mission.filed", "alice", {"contract_hash": "x"}), True),
        (Deed("mission.filed", "detector", {"fingerprint": "x"}), False),
        (Deed("mission.released", "rita", {"how": "start"}), False),
        (Deed("mission.released", "rita", {"how": "ready"}), True),
        (Deed("mission.reviewed", "rita", None), True),
    ],
)
def test_what_people_did_is_told_from_what_grace_did(deed: Deed, *, person: bool) -> None:
    assert by_a_person(deed) is person


def test_shares_are_by_severity_and_of_missions_that_ended_well() -> None:
    found = figures(
        [
            (ended(Outcome.FIXED), [PHASE]),
            (ended(Outcome.SELF_RECOVERED), []),
            (ended(Outcome.FIXED), [STARTED, APPROVED]),
            (ended(Outcome.ROLLED_BACK), []),
            (ended(Outcome.FAILED, Severity.HIGH), [STARTED]),
            (ended(Outcome.CANCELLED), [STARTED]),
            (ended(None), [STARTED]),
        ]
    )
    low = found[Severity.LOW]
    assert (low.missions, low.fixed, low.recovered, low.rolled_back) == (4, 2, 1, 1)
    assert low.share_alone == 0.5
    assert low.actions_each == 0.5
    assert found[Severity.HIGH].share_alone == 0
    assert found[Severity.CRITICAL].share_alone is None
    assert found[Severity.CRITICAL].actions_each is None
    whole = together(found.values())
    assert (whole.missions, whole.actions, whole.failed) == (5, 3, 1)


def test_a_fix_that_did_not_hold_is_no_success() -> None:
    lost = ended(Outcome.FIXED).with_(effective=False)
    found = figures([(lost, []), (ended(Outcome.FIXED), [])])[Severity.LOW]
    assert (found.fixed, found.came_back, found.alone) == (2, 1, 1)


def test_older_missions_can_be_left_out() -> None:
    missions = [(ended(Outcome.FIXED, days=n), []) for n in (1, 5, 9)]
    found = figures(missions, START - timedelta(days=6))
    assert found[Severity.LOW].missions == 2
