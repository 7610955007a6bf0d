"""What a job's token must prove of the report that it brings, each point alone."""

from datetime import UTC, datetime

import pytest

from grace.app.inlets import from_ci
from grace.domain.events import ResultsReported
from grace.domain.results import CIReport
from grace.ports import Delivery
from grace.web.intake import Claims, Reported, check_claims
from grace.web.problems import Refused
from support.reports import BASE, make_report

HEAD, TREE, MERGE = "a" * 40, "c" * 40, "d" * 40
CI = ".github/workflows/ci.yml"
GROUP = "refs/heads/gh-readonly-queue/main/pr-3-" + "b" * 40
WORKFLOWS = (CI, ".github/workflows/grace.yml")
BASES = frozenset({"main", "release"})


def claims(**changes: object) -> Claims:
    proven: dict[str, object] = {
        "host": "forge.test",
        "repository": "acme/mesh",
        "repository_id": 1,
        "head_ref": "grace/mission_20261122_001",
        "base_ref": "main",
        "event": "pull_request",
        "run_id": 1,
        "run_attempt": 1,
        "workflow": f"acme/mesh/{CI}@refs/pull/3/merge",
        "sha": MERGE,
        "ref": "refs/pull/3/merge",
    }
    return Claims.model_validate(proven | changes)


def group(**changes: object) -> Claims:
    ref = "refs/heads/gh-readonly-queue/main/pr-3-x"
    proven = {"event": "merge_group", "head_ref": "", "base_ref": "", "ref": ref, "sha": HEAD}
    return claims(**{**proven, "workflow": f"acme/mesh/{CI}@{ref}", **changes})


def report(**changes: object) -> CIReport:
    return make_report(HEAD, TREE, base=BASE).model_copy(update=changes)


def refused(given: Claims, said: CIReport) -> Refused:
    with pytest.raises(Refused) as caught:
        check_claims(given, said, WORKFLOWS, BASES)
    assert caught.value.status == 403
    return caught.value


@pytest.mark.parametrize("given", [claims(), group()], ids=["pull request", "merge group"])
def test_the_report_of_the_token_s_own_run_is_taken(given):
    check_claims(given, report(), WORKFLOWS, BASES)


@pytest.mark.parametrize("given", [claims, group], ids=["pull request", "merge group"])
@pytest.mark.parametrize(
    ("proven", "field"),
    [
        ({"repository": "mallory/mesh", "workflow": f"mallory/mesh/{CI}@main"}, "repository"),
        ({"run_id": 2}, "run_id"),
        ({"run_attempt": 2}, "run_attempt"),
        ({"workflow": "acme/mesh/.github/workflows/mine.yml@refs/pull/3/merge"}, "workflow"),
        ({"workflow": f"mallory/tool/{CI}@main"}, "workflow"),
    ],
)
def test_a_token_of_another_repository_workflow_run_or_attempt_brings_nothing(given, proven, field):
    assert field in [error["field"] for error in refused(given(**proven), report()).errors]


def test_a_workflow_that_governance_does_not_list_brings_nothing():
    mine = ".github/workflows/mine.yml"
    given = claims(workflow=f"acme/mesh/{mine}@refs/pull/3/merge")
    assert "may not report" in refused(given, report(workflow=mine)).sentence


@pytest.mark.parametrize("sha", [MERGE, ""])
def test_a_merge_group_s_token_speaks_of_its_own_commit_alone(sha):
    (error,) = refused(group(sha=sha), report()).errors
    assert error["field"] == "head_sha"


@pytest.mark.parametrize(
    "proven",
    [
        *({"event": name} for name in ("push", "workflow_dispatch", "pull_request_target", "")),
        {"event": "schedule", "head_ref": "", "sha": HEAD},
        {"event": "pull_request", "head_ref": ""},
    ],
)
def test_a_run_of_another_event_brings_nothing(proven):
    assert "is of a pull request's run" in refused(claims(**proven), report()).sentence


def test_a_pull_request_s_token_proves_its_number():
    assert claims().pull == 3
    assert group().pull is None


@pytest.mark.parametrize(
    "ref",
    ["", "refs/heads/main", "refs/pull/3/head", "refs/pull/03/merge", "refs/pull/3/merge/x", "3"],
)
def test_a_token_that_names_no_pull_request_brings_nothing(ref):
    given = claims(ref=ref)
    assert given.pull is None
    assert "does not say which pull request" in refused(given, report()).sentence


@pytest.mark.parametrize("base", ["evil", "", "Main"])
def test_a_pull_request_into_a_branch_that_no_mission_changes_brings_nothing(base):
    """Its workflow is what that branch says, and whoever can push may make one."""
    assert "which no mission changes" in refused(claims(base_ref=base), report()).sentence


def test_the_report_is_told_with_the_number_of_its_pull_request():
    for given, pull in ((claims(), 3), (group(ref=GROUP), None)):
        body = Reported(claims=given, report=report()).model_dump_json().encode()
        at = datetime(2026, 11, 22, tzinfo=UTC)
        (routed,), _ = from_ci(Delivery("ci", "1/1/x", "results", body, at))
        assert isinstance(routed.event, ResultsReported)
        assert routed.event.pull == pull
    assert routed.target.pull == 3
