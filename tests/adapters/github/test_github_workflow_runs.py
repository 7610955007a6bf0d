"""The runs of CI as figures are made of them: since a moment, bounded, and free where unchanged."""

from datetime import UTC, datetime
from typing import Any

import httpx

from grace.ports import WorkflowRun

SINCE = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)


def run(number: int = 70, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "run_attempt": 2,
        "path": ".github/workflows/ci.yml@main",
        "head_sha": "a" * 40,
        "status": "completed",
        "conclusion": "success",
        "created_at": "2026-03-01T11:00:00Z",
        "run_started_at": "2026-03-01T11:00:30Z",
        "updated_at": "2026-03-01T11:05:00Z",
        **more,
    }


def listed(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"total_count": len(runs), "workflow_runs": list(runs)}


async def test_runs_are_read_in_their_newest_attempt(github: Any) -> None:
    going = run(71, status="in_progress", conclusion=None, run_started_at=None)
    route = github.repo("GET", "/actions/runs").respond(json=listed(run(), going))
    first, second = await github.forge.workflow_runs(github.ref, SINCE)
    at = datetime(2026, 3, 1, 11, tzinfo=UTC)
    ended = at.replace(minute=5)
    workflow = ".github/workflows/ci.yml"
    assert first == WorkflowRun(
        70, workflow, "a" * 40, 2, "success", at, at.replace(second=30), ended
    )
    assert (second.conclusion, second.began) == (None, at)
    # From the full hour, so that the address stays the same for an hour.
    assert dict(route.calls.last.request.url.params) == {
        "created": ">=2026-03-01T10:00:00Z",
        "per_page": "50",
    }


async def test_runs_from_before_the_moment_are_left_out(github: Any) -> None:
    early = run(1, created_at="2026-03-01T10:29:59Z")
    exact = run(2, created_at="2026-03-01T10:30:00Z")
    github.repo("GET", "/actions/runs").respond(json=listed(early, exact))
    assert [r.id for r in await github.forge.workflow_runs(github.ref, SINCE)] == [2]


async def test_no_more_than_ten_pages_are_read(github: Any) -> None:
    link = {"link": '<https://github.test/api/v3/more>; rel="next"'}
    github.repo("GET", "/actions/runs").respond(json=listed(run(0)), headers=link)
    more = github.on("GET", "/more").respond(json=listed(run(1)), headers=link)
    found = await github.forge.workflow_runs(github.ref, SINCE)
    assert [r.id for r in found] == [0] + [1] * 9
    assert more.call_count == 9


async def test_what_did_not_change_is_free(github: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers.get("if-none-match") == '"one"':
            return httpx.Response(304)
        return httpx.Response(200, json=listed(run()), headers={"etag": '"one"'})

    github.repo("GET", "/actions/runs").mock(side_effect=answer)
    for minute in (30, 45):
        since = SINCE.replace(minute=minute)
        assert [r.id for r in await github.forge.workflow_runs(github.ref, since)] == [70]
    assert [c.status for c in github.calls if c.purpose == "list workflow runs"] == [200, 304]
