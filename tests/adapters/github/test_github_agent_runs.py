"""Agents' runs: ordered by hand of one workflow, found by their title, read only where ours."""

import random
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from grace.adapters.github.agent_runs import MAX_PROPOSAL, names
from grace.ports import ForgeGone, ForgeRefused, ForgeUnavailable, ProposalQuery
from support.zips import zipped

KEY = "mission_20260301_001/ask/1"
SINCE = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
WANTED = ProposalQuery(KEY, "grace-patch.yml", "main", SINCE)
PLACE = "/actions/workflows/grace-patch.yml"
BODY = b'{"v": 1}'


def run(number: int = 70, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "run_attempt": 1,
        "path": ".github/workflows/grace-patch.yml",
        "event": "workflow_dispatch",
        "head_sha": "a" * 40,
        "head_branch": "main",
        "status": "completed",
        "conclusion": "success",
        "display_title": f"grace patch {KEY}",
        "created_at": "2026-03-01T12:01:00Z",
        "run_started_at": "2026-03-01T12:02:00Z",
        "actor": {"login": "grace[bot]", "id": 12, "type": "Bot"},
        "triggering_actor": {"login": "grace[bot]", "id": 12, "type": "Bot"},
        "head_repository": {"id": 99},
        "repository": {"id": 99, "full_name": "acme/mesh"},
        **more,
    }


def artifact(number: int = 900, **more: Any) -> dict[str, Any]:
    at = "2026-03-01T12:05:00Z"
    return {"id": number, "name": "grace-patch", "expired": False, "created_at": at, **more}


def serve(github: Any, runs: list[Any], artifacts: dict[int, list[Any]], body: bytes) -> Any:
    listing = github.repo("GET", f"{PLACE}/runs")
    listing.respond(json={"workflow_runs": runs, "total_count": len(runs)})
    for number, listed in artifacts.items():
        github.repo("GET", f"/actions/runs/{number}/artifacts").respond(json={"artifacts": listed})
    github.repo("GET", "/actions/artifacts/900/zip").respond(content=body)
    return listing


async def read(github: Any, runs: list[Any], listed: list[Any], body: bytes) -> Any:
    serve(github, runs, {70: listed}, body)
    return await github.forge.read_proposal(github.ref, WANTED)


async def test_an_order_names_workflow_branch_and_inputs(github: Any) -> None:
    route = github.repo("POST", f"{PLACE}/dispatches").respond(204)
    inputs = {"request": KEY, "task": '{"v":1}'}
    await github.forge.run_workflow(github.ref, "grace-patch.yml", "main", inputs)
    assert github.sent(route) == {"ref": "main", "inputs": inputs}
    assert github.purposes()[-1] == "run workflow"


@pytest.mark.parametrize(
    ("status", "said", "sentence"),
    [
        (404, "Not Found", "grace-patch.yml is not on branch main: run `grace init` again and"),
        (422, 'Unexpected inputs provided: ["task"]', 'inputs provided: ["task"]; see that it is'),
        (403, "Resource not accessible by integration", "needs the permission Actions, read and"),
        (400, "Problems parsing JSON", r"refused run workflow (400): Problems parsing JSON"),
    ],
)
async def test_a_refused_order_says_what_to_do(
    github: Any, status: int, said: str, sentence: str
) -> None:
    github.repo("POST", f"{PLACE}/dispatches").respond(status, json={"message": said})
    github.repo("GET", "").respond(json={"id": 99, "full_name": "acme/mesh"})
    with pytest.raises(ForgeRefused) as refused:
        await github.forge.run_workflow(github.ref, "grace-patch.yml", "main", {})
    assert sentence in refused.value.sentence
    assert refused.value.status == status


async def test_no_order_to_a_repository_that_is_gone_or_a_forge_that_is_down(github: Any) -> None:
    route = github.repo("POST", f"{PLACE}/dispatches").respond(404, json={"message": "Not Found"})
    github.repo("GET", "").respond(404, json={"message": "Not Found"})
    with pytest.raises(ForgeGone):
        await github.forge.run_workflow(github.ref, "grace-patch.yml", "main", {})
    route.respond(502)
    with pytest.raises(ForgeUnavailable):
        await github.forge.run_workflow(github.ref, "grace-patch.yml", "main", {})


async def test_the_proposal_of_our_own_run_is_read(github: Any) -> None:
    body = zipped({"proposal.json": BODY, "patch.diff": b"x"})
    listing = serve(github, [run()], {70: [artifact(901, name="logs"), artifact()]}, body)
    found = await github.forge.read_proposal(github.ref, WANTED)
    assert found is not None
    assert (found.run, found.conclusion, found.body) == (70, "success", BODY)
    asked = dict(listing.calls[0].request.url.params)
    assert (asked["branch"], asked["event"]) == ("main", "workflow_dispatch")
    assert asked["created"] == ">=2026-03-01T11:55:00Z"
    assert github.purposes()[-3:] == ["find agent runs", "find artifact", "download artifact"]


@pytest.mark.parametrize(
    "more",
    [
        {"actor": {"login": "rex", "id": 3}},
        {"actor": None},
        {"actor": {"login": "grace", "id": 3}},
        {"head_branch": "rex/copy"},
        {"head_branch": None},
        {"path": ".github/workflows/mine.yml"},
        {"event": "push"},
        {"head_repository": {"id": 1234}},
        {"display_title": f"grace patch {KEY}1"},
        {"display_title": f"grace patch x{KEY}"},
        {"display_title": "grace-patch"},
        {"created_at": "2026-03-01T11:54:00Z"},
    ],
)
async def test_a_run_that_is_not_ours_or_not_of_this_request_counts_for_nothing(
    github: Any, more: Any
) -> None:
    body = zipped({"proposal.json": BODY})
    assert await read(github, [run(**more)], [artifact()], body) is None
    assert github.purposes()[-1] == "find agent runs"


async def test_a_run_that_goes_on_has_no_conclusion_and_is_asked_no_further(github: Any) -> None:
    for status in ("queued", "in_progress", None):
        found = await read(github, [run(status=status, conclusion=None)], [artifact()], b"")
        assert found is not None
        assert (found.run, found.conclusion, found.body) == (70, None, None)
    assert "find artifact" not in github.purposes()


@pytest.mark.parametrize(
    ("listed", "body"),
    [
        ([], zipped({"proposal.json": BODY})),
        ([artifact(name="grace-patch-2")], zipped({"proposal.json": BODY})),
        ([artifact(expired=True)], zipped({"proposal.json": BODY})),
        ([artifact(created_at="2026-03-01T12:01:30Z")], zipped({"proposal.json": BODY})),
        ([artifact()], zipped({"report.json": BODY})),
        ([artifact()], zipped({"proposal.json": b"0" * (MAX_PROPOSAL + 1)})),
        (
            [artifact()],
            zipped({"noise": random.Random(1).randbytes(6 * 2**20), "proposal.json": BODY}),
        ),
        ([artifact()], b"PK"),
    ],
)
async def test_a_run_that_left_nothing_within_bounds_has_no_proposal(
    github: Any, listed: Any, body: bytes
) -> None:
    found = await read(github, [run(conclusion="failure")], listed, body)
    assert found is not None
    assert (found.conclusion, found.body) == ("failure", None)


async def test_of_two_runs_by_the_same_order_the_older_one_is_the_answer(github: Any) -> None:
    """It stays the answer when a second one is seen later, so that what was read stays read."""
    body = zipped({"proposal.json": BODY})
    listed = {70: [artifact()], 71: [artifact(901)]}
    serve(github, [run(71, status="queued"), run()], listed, body)
    found = await github.forge.read_proposal(github.ref, WANTED)
    assert found is not None
    assert (found.run, found.body) == (70, BODY)


async def test_whoever_runs_our_order_again_runs_our_order(github: Any) -> None:
    again = run(run_attempt=2, triggering_actor={"login": "rex", "id": 3})
    found = await read(github, [again], [artifact()], zipped({"proposal.json": BODY}))
    assert found is not None
    assert found.body == BODY


async def test_a_workflow_that_is_gone_meanwhile_says_what_to_do(github: Any) -> None:
    github.repo("GET", f"{PLACE}/runs").respond(404, json={"message": "Not Found"})
    github.repo("GET", "").respond(json={"id": 99, "full_name": "acme/mesh"})
    with pytest.raises(ForgeRefused, match="run `grace init` again"):
        await github.forge.read_proposal(github.ref, WANTED)


async def test_strangers_runs_on_the_first_page_hide_none_of_ours(github: Any) -> None:
    place = f"https://github.test/api/v3/repos/acme/mesh{PLACE}/runs?page=2"
    first = {"workflow_runs": [run(100 + n, actor={"login": "rex"}) for n in range(100)]}
    second = {"workflow_runs": [run()]}
    answers = iter([(first, {"link": f'<{place}>; rel="next"'}), (second, {})])
    listing = serve(github, [], {70: [artifact()]}, zipped({"proposal.json": BODY}))

    def page(_: Any) -> Any:
        body, headers = next(answers)
        return httpx.Response(200, json=body, headers=headers)

    listing.mock(side_effect=page)
    found = await github.forge.read_proposal(github.ref, WANTED)
    assert found is not None
    assert found.run == 70


def test_a_key_is_found_as_a_whole_word_alone() -> None:
    assert names(f"grace patch {KEY}", KEY)
    assert not names(f"grace patch {KEY}2", KEY)
    assert not names("", KEY)
