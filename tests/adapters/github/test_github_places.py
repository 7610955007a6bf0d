"""Where a pull request stands in a merge queue: read in a sweep, and left on request."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from grace.ports import ForgeRefused, LiveQuery, QueuePlace

GRAPHQL = "https://github.test/api/graphql"
HEAD, BASE, GROUP = "a" * 40, "b" * 40, "c" * 40
AT = "2026-03-01T11:00:00Z"
NONE: dict[str, Any] = {"nodes": []}


def checked(sha: str, *runs: int) -> dict[str, Any]:
    nodes = [
        {
            "__typename": "CheckRun",
            "databaseId": run,
            "name": "unit",
            "status": "COMPLETED",
            "conclusion": "SUCCESS",
            "detailsUrl": None,
            "startedAt": AT,
            "completedAt": AT,
            "checkSuite": {"app": {"databaseId": 15368}},
        }
        for run in runs
    ]
    return {"oid": sha, "statusCheckRollup": {"contexts": {"nodes": nodes}}}


def pull(**more: Any) -> dict[str, Any]:
    return {
        "number": 4,
        "state": "OPEN",
        "merged": False,
        "isDraft": False,
        "headRefName": "grace/mission_20260301_001",
        "headRefOid": HEAD,
        "baseRefOid": BASE,
        "updatedAt": AT,
        "author": None,
        "reviews": NONE,
        "commits": {"nodes": [{"commit": checked(HEAD, 1)}]},
        **more,
    }


def graph(github: Any, *answers: Any) -> Any:
    route = github.router.post(GRAPHQL)
    route.side_effect = [httpx.Response(200, json=found) for found in answers]
    return route


async def read(github: Any, data: dict[str, Any], *, places: bool = True) -> Any:
    route = graph(github, {"data": {"m0": {"databaseId": 99, "p4": data}}})
    query = LiveQuery(ref=github.ref, uid=uuid4(), pulls=(4,), places=places)
    [state] = await github.forge.read_live([query])
    return state.changes[0], github.sent(route)["query"]


async def test_group_of_a_queued_pull_request_is_read_with_its_checks(github: Any) -> None:
    entry = {"headCommit": checked(GROUP, 2), "baseCommit": {"oid": BASE}}
    change, asked = await read(github, pull(isInMergeQueue=True, mergeQueueEntry=entry))
    assert change.place == QueuePlace(inside=True, head=GROUP, base=BASE)
    assert [(c.sha, c.id) for c in change.checks] == [(HEAD, "1"), (GROUP, "2")]
    assert "p4: pullRequest(number: 4) { ...pull ...pullLabels ...place }" in asked


@pytest.mark.parametrize("entry", [None, {"headCommit": None, "baseCommit": None}])
async def test_place_without_a_group_is_a_place(github: Any, entry: Any) -> None:
    change, _ = await read(github, pull(isInMergeQueue=True, mergeQueueEntry=entry))
    assert change.place == QueuePlace(inside=True)


async def test_pull_request_outside_the_queue_is_outside(github: Any) -> None:
    change, _ = await read(github, pull(isInMergeQueue=False, mergeQueueEntry=None))
    assert change.place == QueuePlace(inside=False)


async def test_place_is_not_asked_for_where_nothing_was_enqueued(github: Any) -> None:
    """A GitHub that is too old for merge queues would refuse the whole question."""
    change, asked = await read(github, pull(), places=False)
    assert change.place is None
    assert "isInMergeQueue" not in asked


def found(*, inside: bool) -> dict[str, Any]:
    place = {"id": "PR_x", "headRefOid": HEAD, "isInMergeQueue": inside}
    return {"data": {"repository": {"pullRequest": place}}}


LEFT = {"data": {"dequeuePullRequest": {"mergeQueueEntry": {"id": "MQE_x"}}}}
REFUSED = {"data": {"dequeuePullRequest": None}, "errors": [{"message": "it is locked"}]}


@pytest.mark.parametrize("inside", [True, False])
async def test_whether_a_pull_request_is_in_the_queue_is_one_query(
    github: Any, inside: bool
) -> None:
    route = graph(github, found(inside=inside))
    assert await github.forge.in_queue(github.ref, 4) is inside
    assert route.call_count == 1


async def test_pull_request_is_taken_out_of_the_queue(github: Any) -> None:
    route = graph(github, found(inside=True), LEFT)
    assert await github.forge.dequeue(github.ref, 4)
    assert 'dequeuePullRequest(input: { id: "PR_x" })' in github.sent(route)["query"]
    assert github.purposes() == ["installation token", "find queue entry", "dequeue"]


async def test_pull_request_that_is_in_no_queue_is_left_alone(github: Any) -> None:
    route = graph(github, found(inside=False))
    assert not await github.forge.dequeue(github.ref, 4)
    assert route.call_count == 1


async def test_pull_request_that_left_meanwhile_is_out(github: Any) -> None:
    graph(github, found(inside=True), REFUSED, found(inside=False))
    assert not await github.forge.dequeue(github.ref, 4)


async def test_pull_request_that_may_not_be_taken_out_says_why(github: Any) -> None:
    graph(github, found(inside=True), REFUSED, found(inside=True))
    with pytest.raises(ForgeRefused, match="it is locked"):
        await github.forge.dequeue(github.ref, 4)
