"""Which workflow run a check run is a job of, by its addresses alone."""

from datetime import UTC, datetime

import pytest

from grace.adapters.github.payloads import CheckRun
from grace.adapters.github.seen import check_seen, status_seen

NOW = datetime(2026, 3, 1, tzinfo=UTC)
JOB = "https://github.test/acme/mesh/actions/runs/77/job/5"


def run_of(details: str | None, page: str | None) -> int | None:
    run = CheckRun(
        id=5,
        name="unit",
        head_sha="a" * 40,
        status="queued",
        details_url=details,
        html_url=page,
    )
    return check_seen(run, NOW).run_id


@pytest.mark.parametrize(
    ("details", "page", "run"),
    [
        (JOB, JOB, 77),
        (JOB, None, 77),
        (None, JOB, 77),
        (JOB, "https://github.test/acme/mesh/runs/5", 77),
        ("http://127.0.0.1:8000/acme/mesh/actions/runs/3", None, 3),
        ("https://github.test/acme/mesh/actions/runs/3?pr=9", None, 3),
        (None, "https://github.test/acme/mesh/runs/5", 0),
        ("https://ci.test/build/5", None, 0),
        ("https://evil.test/?x=/acme/mesh/actions/runs/77/job/5", None, 0),
        ("https://evil.test/a/acme/mesh/actions/runs/77/job/5", None, 0),
        ("https://github.test/acme/mesh/actions/runs/77x", None, 0),
        ("https://github.test/acme/mesh/actions/runs/" + "7" * 19, None, 0),
        ("http://[", "no address", 0),
        (None, None, 0),
    ],
)
def test_a_check_run_is_a_job_of_the_run_in_its_address(details, page, run):
    assert run_of(details, page) == run


def test_a_commit_status_is_of_no_run():
    seen = status_seen("a" * 40, "unit", "success", NOW)
    assert seen is not None
    assert (seen.app_id, seen.run_id) == (None, None)
