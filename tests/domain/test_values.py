"""Phases, verdicts, policy, packages, schedule and facts: the small values."""

import json
from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import ValidationError

from grace.domain import events as ev
from grace.domain.catalog import MetricDefinition
from grace.domain.facts import MAX_SHAS, Facts, Rival, check_key, fold
from grace.domain.ledger import Entry
from grace.domain.mission import Landing
from grace.domain.package import MetricTarget, MissionPackage
from grace.domain.phase import STAGES, Outcome, Phase, Severity, Status, status_of
from grace.domain.policy import Approvals
from grace.domain.results import CIReport, SuiteReport
from grace.domain.schedule import diff_paths, held_back_by, paths_of
from grace.domain.verdict import Result, Verdict, all_of, leaf
from grace.domain.views import package_of
from support.phases import alert, world_in
from support.world import DIFF, METRIC, START, World, issue_body, make_policy, make_report, sha


@pytest.mark.parametrize(
    ("phase", "outcome", "status"),
    [
        *((p, None, Status.OPEN) for p in (Phase.FILED, Phase.INVALID, Phase.AWAITING_START)),
        *((p, None, Status.IN_PROGRESS) for p in (Phase.PLANNING, Phase.PATCHING, Phase.TESTING)),
        *((p, None, Status.IN_PROGRESS) for p in (Phase.GATING, Phase.MERGING, Phase.REVERTING)),
        (Phase.OBSERVING, None, Status.OBSERVING),
        *((Phase.CLOSED, o, Status.RESOLVED) for o in (Outcome.FIXED, Outcome.CANCELLED)),
        (Phase.CLOSED, Outcome.SELF_RECOVERED, Status.RESOLVED),
        *((Phase.CLOSED, o, Status.ESCALATED) for o in (Outcome.FAILED, Outcome.ROLLED_BACK)),
    ],
)
def test_the_status_follows_from_phase_and_outcome(phase, outcome, status):
    assert status_of(phase, outcome) is status


def test_every_stage_of_the_pipeline_belongs_to_a_phase():
    assert set(STAGES) == set(Phase)
    named = [stage for stages in STAGES.values() for stage in stages]
    assert len(set(named)) == 14
    assert [s.rank for s in Severity] == [0, 1, 2, 3]


def conditions(*results):
    return tuple(leaf(r.value, r, "why", "who") for r in results)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ((Result.PASS, Result.SKIPPED, Result.DEFERRED), Result.PASS),
        ((Result.PASS, Result.PENDING), Result.PENDING),
        ((Result.PENDING, Result.NO_DATA), Result.NO_DATA),
        ((Result.NO_DATA, Result.PENDING, Result.FAIL), Result.FAIL),
    ],
)
def test_the_worst_child_decides(results, expected):
    tree = all_of("all", conditions(*results))
    assert tree.result is expected
    assert (tree.holding() is None) is tree.passes


def test_nothing_configured_never_passes():
    assert all_of("none", ()).result is Result.FAIL
    assert all_of("none", ()).holding().name == "none"


def test_the_holding_leaf_is_the_deepest_worst_one():
    inner = all_of("inner", conditions(Result.PASS, Result.FAIL))
    tree = all_of("outer", (*conditions(Result.PENDING), inner))
    assert tree.holding().name == "fail"
    assert tree.reason == "failed: inner"


def test_a_verdict_is_hashed_by_what_it_says_and_not_by_when():
    root = all_of("all", conditions(Result.PASS))
    made = [
        Verdict(root=root, facts_hash=f"f{n}", policy_hash="p", at=START + timedelta(n))
        for n in (1, 2)
    ]
    assert made[0].digest() == made[1].digest()
    assert made[0].result is Result.PASS


def test_the_digest_of_a_policy_changes_with_its_rules():
    assert make_policy().digest() == make_policy().digest()
    assert make_policy().digest() != make_policy(max_attempts=1).digest()
    assert [Approvals().needed(s) for s in Severity] == [2, 1, 1, 1]


def test_guards_take_the_catalogs_own_thresholds():
    (guard,) = make_policy().guards("trigger_mesh", 7)
    assert (str(guard), guard.rolling_window_minutes) == ("error_rate < 5", 7)
    assert not MetricDefinition(target=1, comparator="<", unit="").measurable


@pytest.mark.parametrize(
    ("comparator", "held"),
    [
        ("<", (True, False, False)),
        ("<=", (True, True, False)),
        (">", (False, False, True)),
        (">=", (False, True, True)),
        ("==", (False, True, False)),
    ],
)
def test_each_comparator_compares(comparator, held):
    target = MetricTarget(metric_id="m", comparator=comparator, target=5)
    assert tuple(target.holds(v) for v in (4.0, 5.0, 6.0)) == held


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_target_is_a_number(bad):
    with pytest.raises(ValidationError):
        MetricTarget(metric_id="m", comparator="<", target=bad)


def test_the_schema_names_every_field_of_the_package():
    schema = MissionPackage.model_json_schema()
    named = (
        "mission_id subsystem_id severity status outcome mission_type parent_id detected_by "
        "assigned_to created_at resolved_at context symptoms evidence acceptance_criteria "
        "workspace trust_requirements remediation_history crypto_signatures"
    )
    assert set(named.split()) <= set(schema["properties"])
    assert schema["additionalProperties"] is False


def test_a_report_that_miscounts_or_that_json_cannot_carry_is_refused():
    with pytest.raises(ValidationError, match="counts do not agree"):
        SuiteReport(suite="unit", job="unit", passed=1, failed=0, skipped=0, duration_s=1)
    raw = make_report(sha("h"), sha("t")).model_dump(mode="json")
    with pytest.raises(ValidationError):
        CIReport.model_validate(raw | {"run_id": 2**53})


# schedule


def rival(phase, paths, urgency=0):
    return Rival(
        uid=UUID(int=2),
        name="mission_20261122_000",
        phase=phase,
        paths=paths,
        urgency=(urgency, START, "mission_20261122_000"),
    )


def test_what_is_more_urgent_or_under_way_goes_first():
    mission = World().file().mission
    assert held_back_by(mission, (), 5) is None
    assert held_back_by(mission, (rival(Phase.PLANNING, ("mesh.py",), 3),), 5) is None
    for other in (rival(Phase.PLANNING, ("mesh.py",)), rival(Phase.OBSERVING, ("mesh.py",), 3)):
        assert "works on mesh.py first" in held_back_by(mission, (other,), 5)
    assert held_back_by(mission, (rival(Phase.TESTING, ("other",)),), 2) is None
    assert "are more urgent" in held_back_by(mission, (rival(Phase.TESTING, ("other",)),), 1)


def test_critical_goes_before_older():
    world = World()
    older = world.file().mission
    critical = older.with_(request=alert(world).request, created_at=START + timedelta(1))
    assert critical.urgency() < older.urgency()
    assert world_in(Phase.FILED).mission.severity is Severity.LOW


def test_the_paths_of_a_mission_are_its_patch_or_all_that_it_may_try():
    assert paths_of(World().mission) == ()
    assert paths_of(world_in(Phase.PLANNING).mission) == ("mesh.py",)
    assert paths_of(world_in(Phase.TESTING).mission) == ("mesh.py",)
    mission = world_in(Phase.OBSERVING).mission
    lost = mission.with_attempt(failure="x", paths=("a",))
    assert paths_of(lost) == ("a",)
    assert paths_of(lost.with_(landing=None)) == ("mesh.py",)
    assert isinstance(mission.landing, Landing)
    renamed = '--- a/old.py\t2026\n+++ "b/new.py"\n--- /dev/null\n+++ b/x\n'
    assert diff_paths(DIFF + renamed) == ("mesh.py", "old.py", "new.py", "x")


# facts


def check(**changes):
    told = {"id": "1", "name": "unit", "sha": sha("h"), "conclusion": "success", "at": START}
    return ev.CheckSeen(**(told | changes))


def conclusion(*events):
    facts = Facts()
    for event in events:
        facts = fold(facts, event, START)
    return facts.checks[sha("h")][check_key("unit", None)].conclusion


def test_the_newest_word_about_a_check_counts_in_any_order():
    later = START + timedelta(1)
    running, other = check(conclusion=None), check(id="2", conclusion="failure", at=later)
    assert conclusion(check(), running) == conclusion(running, check()) == "success"
    assert conclusion(check(), other) == conclusion(other, check()) == "failure"
    again = check(id="status:unit", conclusion=None, at=later)
    assert conclusion(check(id="status:unit"), again) is None


def test_only_the_newest_commits_are_kept():
    facts = Facts()
    for n in range(MAX_SHAS + 5):
        facts = fold(facts, check(sha=sha(str(n))), START)
    assert len(facts.checks) == MAX_SHAS
    assert sha("0") not in facts.checks


def test_a_merged_pull_request_stays_merged_and_old_words_are_dropped():
    world = World()
    merged = world.pull(merged=True, state="closed", at=START + timedelta(1))
    facts = fold(Facts(), merged, START)
    for late in (world.pull(at=START), world.pull(at=START + timedelta(2))):
        assert fold(facts, late, START).pulls == facts.pulls


def test_an_older_alert_or_review_does_not_replace_the_newer():
    world = World()
    late = alert(world, "resolved").model_copy(update={"at": START + timedelta(1)})
    facts = fold(fold(Facts(), late, START), alert(world), START)
    assert facts.alert.status == "resolved"


def test_what_the_store_knows_is_not_folded():
    facts = Facts(kill_switch=True, landed_reverts=(START,))
    assert facts.stored() == Facts()
    assert fold(facts, ev.Ticked(), START) is facts


# views


def test_the_package_tells_a_mission_as_the_world_sees_it(sample_ledger):
    mission = world_in(Phase.CLOSED).mission
    entries = sample_ledger(3)
    package = package_of(mission, entries)
    assert package.mission_id == mission.name
    assert (package.status, package.outcome) == (Status.RESOLVED, Outcome.FIXED)
    assert [e.ledger_entry for e in package.remediation_history] == [1, 2, 3]
    assert package.crypto_signatures[0].key_id == entries[0].envelope.key
    assert isinstance(entries[0], Entry)
    assert (
        json.loads(package.model_dump_json())["acceptance_criteria"]["metric_targets"][0][
            "metric_id"
        ]
        == METRIC
    )
    assert package_of(World().mission, entries) is None
    assert issue_body()
