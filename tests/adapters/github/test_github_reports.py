"""The report that CI left: from the newest finished run of our own, and never a bomb."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.adapters.github.artifacts import unpacked
from grace.ports import ReportQuery
from support.zips import zipped

HEAD, BRANCH, PULL = "a" * 40, "grace/mission_20260301_001", 4
WORKFLOWS = (".github/workflows/ci.yml", ".github/workflows/grace.yml")
WANTED = ReportQuery(head=HEAD, branch=BRANCH, pull=PULL, workflows=WORKFLOWS)
FILE = "report.json"
STORAGE = "https://storage.test/report.zip?signature=x"


def run(number: int = 70, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "run_attempt": 2,
        "path": ".github/workflows/ci.yml@main",
        "event": "pull_request",
        "head_sha": HEAD,
        "head_branch": BRANCH,
        "status": "completed",
        "conclusion": "success",
        "created_at": "2026-03-01T10:00:00Z",
        "run_started_at": "2026-03-01T11:00:00Z",
        "head_repository": {"id": 99},
        "repository": {"id": 99, "full_name": "acme/mesh"},
        **more,
    }


def artifact(number: int = 900, **more: Any) -> dict[str, Any]:
    at = "2026-03-01T11:05:00Z"
    return {"id": number, "name": "grace-report", "expired": False, "created_at": at, **more}


def serve(github: Any, runs: list[Any], artifacts: dict[int, list[Any]]) -> Any:
    github.repo("GET", "/actions/runs").respond(json={"workflow_runs": runs, "total_count": 1})
    for number, listed in artifacts.items():
        github.repo("GET", f"/actions/runs/{number}/artifacts").respond(json={"artifacts": listed})
    github.repo("GET", "/pulls").respond(json=[{"number": PULL, "state": "open"}])
    github.repo("GET", "/actions/artifacts/900/zip").respond(302, headers={"location": STORAGE})
    storage = github.router.route(host="storage.test")
    storage.respond(content=zipped({"report.json": b'{"v": 1}', "other.txt": b"x"}))
    return storage


async def test_report_is_fetched_from_storage_without_our_token(github: Any) -> None:
    storage = serve(github, [run()], {70: [artifact(901, name="logs"), artifact()]})
    found = await github.forge.read_report(github.ref, WANTED)
    assert found is not None
    assert (found.body, found.run_id, found.run_attempt) == (b'{"v": 1}', 70, 2)
    assert found.workflow == ".github/workflows/ci.yml"
    assert (found.head_sha, found.head_branch) == (HEAD, "grace/mission_20260301_001")
    assert "authorization" not in storage.calls[0].request.headers
    assert found.repository == "acme/mesh"
    called = ["find runs", "find artifact", "pulls of our branch", "download artifact"]
    assert github.purposes()[1:] == called


async def test_bytes_that_github_serves_itself_are_taken(github: Any) -> None:
    serve(github, [run()], {70: [artifact()]})
    direct = zipped({"report.json": b"{}"})
    github.repo("GET", "/actions/artifacts/900/zip").respond(content=direct)
    found = await github.forge.read_report(github.ref, WANTED)
    assert found is not None
    assert found.body == b"{}"


async def test_newest_run_with_a_report_counts(github: Any) -> None:
    older = run(69, run_started_at="2026-03-01T10:30:00Z")
    lint = run(71, run_started_at="2026-03-01T11:01:00Z")
    serve(github, [older, lint, run()], {71: [], 70: [artifact()]})
    found = await github.forge.read_report(github.ref, WANTED)
    assert found is not None
    assert found.run_id == 70


@pytest.mark.parametrize(
    ("runs", "artifacts"),
    [
        ([], []),
        ([run(head_repository={"id": 1234})], [artifact()]),
        ([run(head_repository=None)], [artifact()]),
        ([run(head_sha="b" * 40)], [artifact()]),
        ([run(status="in_progress")], [artifact()]),
        ([run(event="push")], [artifact()]),
        ([run(event="workflow_dispatch")], [artifact()]),
        ([run(event="pull_request_target")], [artifact()]),
        ([run(head_branch="rita/copy")], [artifact()]),
        ([run(head_branch=None)], [artifact()]),
        ([run(path=".github/workflows/mine.yml")], [artifact()]),
        ([run()], [artifact(expired=True)]),
        ([run()], [artifact(created_at="2026-03-01T10:59:00Z")]),
        ([run()], [artifact(name="grace-report-2")]),
    ],
)
async def test_no_report_of_our_own_newest_attempt_is_none(
    github: Any, runs: Any, artifacts: Any
) -> None:
    storage = serve(github, runs, {70: artifacts})
    assert await github.forge.read_report(github.ref, WANTED) is None
    assert not storage.called


@pytest.mark.parametrize(
    "pulls", [[{"number": PULL}, {"number": 99}], [{"number": 99, "state": "closed"}], []]
)
async def test_report_is_not_read_where_another_pull_request_had_our_branch(
    github: Any, pulls: list[Any]
) -> None:
    """Its base may be a branch of somebody who wrote its workflow; the run looks like ours."""
    storage = serve(github, [run()], {70: [artifact()]})
    listing = github.repo("GET", "/pulls").respond(json=pulls)
    assert await github.forge.read_report(github.ref, WANTED) is None
    asked = dict(listing.calls[0].request.url.params)
    assert (asked["head"], asked["state"]) == (f"acme:{BRANCH}", "all")
    assert not storage.called


async def test_another_workflow_s_newer_artifact_does_not_hide_the_report(github: Any) -> None:
    mine = run(71, run_started_at="2026-03-01T11:01:00Z", path=".github/workflows/mine.yml@main")
    serve(github, [mine, run()], {71: [artifact(901)], 70: [artifact()]})
    found = await github.forge.read_report(github.ref, WANTED)
    assert found is not None
    assert found.run_id == 70


async def test_a_merge_group_s_run_is_of_no_pull_request(github: Any) -> None:
    queue = "gh-readonly-queue/main/pr-4-" + "b" * 40
    serve(github, [run(event="merge_group", head_branch=queue)], {70: [artifact()]})
    github.repo("GET", "/pulls").respond(json=[{"number": 99}])
    assert await github.forge.read_report(github.ref, WANTED) is not None


@pytest.mark.parametrize("status", [404, 410])
async def test_report_that_expired_meanwhile_is_none(github: Any, status: int) -> None:
    serve(github, [run()], {70: [artifact()]})
    github.repo("GET", "/actions/artifacts/900/zip").respond(status, json={"message": "expired"})
    assert await github.forge.read_report(github.ref, WANTED) is None


@pytest.mark.parametrize("place", ["http://169.254.169.254/x", "file:///etc/passwd", "https:///x"])
async def test_odd_place_is_not_visited(github: Any, place: str) -> None:
    serve(github, [run()], {70: [artifact()]})
    github.repo("GET", "/actions/artifacts/900/zip").respond(302, headers={"location": place})
    with pytest.raises(Exception, match="not fetched"):
        await github.forge.read_report(github.ref, WANTED)


async def test_download_that_is_too_large_is_not_read_to_its_end(github: Any) -> None:
    serve(github, [run()], {70: [artifact()]})
    github.router.route(host="storage.test").respond(content=b"x" * (25 * 2**20 + 1))
    with pytest.raises(Exception, match="larger than"):
        await github.forge.read_report(github.ref, WANTED)


def test_bomb_is_not_unpacked() -> None:
    bomb = zipped({"report.json": b"0" * 10_000_000})
    assert len(bomb) < 20_000
    assert unpacked(bomb, FILE, 1_000_000) is None
    assert unpacked(bomb, FILE, 10_000_000) is not None


def test_header_that_lies_about_the_size_changes_nothing() -> None:
    whole = zipped({"report.json": b"0" * 5000})
    lying = whole.replace((5000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != whole
    assert unpacked(lying, FILE, 1000) in {None, b"0" * 10}


def test_zip_without_the_report_or_with_a_password_is_none() -> None:
    assert unpacked(zipped({"other.json": b"{}"}), FILE, 1000) is None
    assert unpacked(b"PK", FILE, 1000) is None
    locked = bytearray(zipped({"report.json": b"{}"}))
    for start in (locked.index(b"PK\x03\x04") + 6, locked.index(b"PK\x01\x02") + 8):
        locked[start] |= 1
    assert unpacked(bytes(locked), FILE, 1000) is None


@given(st.data())
def test_any_damage_to_a_zip_is_answered(data: st.DataObject) -> None:
    damaged = bytearray(zipped({"report.json": b'{"v": 1}' * 9}))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    found = unpacked(bytes(damaged), FILE, 1000)
    assert found is None or isinstance(found, bytes)
