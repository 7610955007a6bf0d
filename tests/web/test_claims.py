"""What a job's token must prove of the report that it brings, each point alone."""

import pytest

from grace.domain.results import CIReport
from grace.web.intake import Claims, Refused, check_claims
from support.reports import BASE, make_report

HEAD, TREE, MERGE = "a" * 40, "c" * 40, "d" * 40
CI = ".github/workflows/ci.yml"
WORKFLOWS = (CI, ".github/workflows/grace.yml")


def claims(**changes: object) -> Claims:
    proven: dict[str, object] = {
        "host": "forge.test",
        "repository": "acme/mesh",
        "repository_id": 1,
        "head_ref": "grace/mission_20261122_001",
        "event": "pull_request",
        "run_id": 1,
        "run_attempt": 1,
        "workflow": f"acme/mesh/{CI}@refs/pull/3/merge",
        "sha": MERGE,
    }
    return Claims.model_validate(proven | changes)


def group(**changes: object) -> Claims:
    ref = "refs/heads/gh-readonly-queue/main/pr-3-x"
    proven = {"event": "merge_group", "head_ref": "", "sha": HEAD}
    return claims(**{**proven, "workflow": f"acme/mesh/{CI}@{ref}", **changes})


def report(**changes: object) -> CIReport:
    return make_report(HEAD, TREE, base=BASE).model_copy(update=changes)


def refused(given: Claims, said: CIReport) -> Refused:
    with pytest.raises(Refused) as caught:
        check_claims(given, said, WORKFLOWS)
    assert caught.value.status == 403
    return caught.value


@pytest.mark.parametrize("given", [claims(), group()], ids=["pull request", "merge group"])
def test_the_report_of_the_token_s_own_run_is_taken(given):
    check_claims(given, report(), WORKFLOWS)


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
