"""A sweep: one query for many missions, and what its whole, partial or missing answer means."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from grace.domain.events import ReviewState
from grace.ports import ForgeRefused, ForgeUnavailable, LiveQuery

GRAPHQL = "https://github.test/api/graphql"
HEAD, BASE, LANDED = "a" * 40, "b" * 40, "c" * 40
AT = "2026-03-01T11:00:00Z"
BOT = {"__typename": "Bot", "login": "grace", "databaseId": 12}
ADA = {"__typename": "User", "login": "ada", "databaseId": 11}


def contexts() -> list[Any]:
    run = {
        "__typename": "CheckRun",
        "databaseId": 701,
        "name": "unit",
        "status": "COMPLETED",
        "conclusion": "SUCCESS",
        "detailsUrl": "https://ci/701",
        "startedAt": AT,
        "completedAt": "2026-03-01T11:05:00Z",
        "checkSuite": {"app": {"databaseId": 15368}},
    }
    ours = run | {"databaseId": 702, "checkSuite": {"app": {"databaseId": 7}}}
    waiting = run | {"databaseId": 703, "status": "QUEUED", "conclusion": None, "checkSuite": None}
    status = {
        "__typename": "StatusContext",
        "context": "ci/old",
        "state": "ERROR",
        "targetUrl": None,
        "createdAt": AT,
        "creator": ADA,
    }
    odd = status | {"context": "odd", "state": "NEW"}
    return [
        run,
        ours,
        waiting,
        None,
        status,
        odd,
        status | {"context": "mission/x", "creator": BOT},
    ]


def pull(**more: Any) -> dict[str, Any]:
    review = {
        "databaseId": 601,
        "state": "APPROVED",
        "submittedAt": AT,
        "commit": {"oid": HEAD},
        "author": ADA,
    }
    rollup = {"contexts": {"nodes": contexts()}}
    return {
        "number": 4,
        "state": "MERGED",
        "merged": True,
        "isDraft": False,
        "headRefName": "grace/mission_20260301_001",
        "headRefOid": HEAD,
        "baseRefOid": BASE,
        "updatedAt": AT,
        "mergeCommit": {"oid": LANDED},
        "author": BOT,
        "mergedBy": ADA,
        "reviews": {
            "nodes": [
                review,
                review | {"state": "PENDING", "submittedAt": None},
                review | {"databaseId": 602, "author": BOT},
            ]
        },
        "commits": {"nodes": [{"commit": {"oid": HEAD, "statusCheckRollup": rollup}}]},
        **more,
    }


def repository(**more: Any) -> dict[str, Any]:
    return {"databaseId": 99, "issue": {"state": "OPEN"}, "p4": pull(), **more}


def query(github: Any, **more: Any) -> LiveQuery:
    return LiveQuery(**({"ref": github.ref, "uid": uuid4(), "issue": 3, "pulls": (4,)} | more))


def answer(github: Any, data: Any, *errors: Any, status: int = 200) -> Any:
    route = github.router.post(GRAPHQL)
    return route.respond(status, json={"data": data, **({"errors": errors} if errors else {})})


def missing(*path: str, kind: str = "NOT_FOUND") -> dict[str, Any]:
    return {"type": kind, "path": list(path), "message": "Could not resolve"}


async def test_whole_state_of_a_mission_is_read_in_one_call(github: Any) -> None:
    states = [{"state": "IN_PROGRESS", "createdAt": AT}, None]
    release = {"commitOid": LANDED, "environment": "production"}
    landed = {"deployments": {"nodes": [release | {"latestStatus": s} for s in states]}}
    route = answer(github, {"m0": repository(landed=landed)})
    wanted = query(github, landed=LANDED)
    [state] = await github.forge.read_live([wanted])
    assert (state.uid, state.gone, state.issue_closed) == (wanted.uid, False, False)
    assert state.repository == ""
    [change] = state.changes
    assert (change.pull.merged, change.pull.merge_sha, change.pull.state) == (
        True,
        LANDED,
        "closed",
    )
    assert (change.pull.sender.login, change.pull.sender.id) == ("ada", 11)
    [review] = change.reviews
    assert (review.id, review.state, review.sha) == ("601", ReviewState.APPROVED, HEAD)
    assert [(c.id, c.name, c.app_id, c.conclusion) for c in change.checks] == [
        ("701", "unit", 15368, "success"),
        ("703", "unit", None, None),
        ("status:ci/old", "ci/old", None, "failure"),
    ]
    assert change.checks[0].at == datetime(2026, 3, 1, 11, 5, tzinfo=UTC)
    [deployment] = state.deployments
    assert (deployment.sha, deployment.state) == (LANDED, "in_progress")
    assert github.purposes() == ["app", "installation token", "sweep"]
    assert github.calls[-1].path == "/graphql"
    assert f'landed: object(oid: "{LANDED}")' in github.sent(route)["query"]


async def test_newest_deployments_to_an_environment_are_read_whatever_they_deploy(
    github: Any,
) -> None:
    status = {"state": "SUCCESS", "createdAt": AT}
    release = {"commitOid": LANDED, "environment": "production", "latestStatus": status}
    nodes = [release, release | {"commitOid": HEAD}]
    data = repository(
        landed={"deployments": {"nodes": nodes[:1]}}, deployments={"nodes": [*nodes, None]}
    )
    route = answer(github, {"m0": data})
    wanted = query(github, landed=LANDED, environment='prod "eu"')
    [state] = await github.forge.read_live([wanted])
    assert [(d.sha, d.state) for d in state.deployments] == [(LANDED, "success"), (HEAD, "success")]
    asked = github.sent(route)["query"]
    assert r'deployments(last: 10, environments: ["prod \"eu\""]) { nodes { ...release } }' in asked
    assert asked.count("fragment release on Deployment") == 1


async def test_fifty_missions_are_one_call_and_two_installations_are_two(github: Any) -> None:
    github.on("POST", "/app/installations/6/access_tokens").respond(
        201, json={"token": "ghs_other", "expires_at": "2026-03-01T13:00:00Z"}
    )
    route = answer(github, {f"m{n}": {"databaseId": 99} for n in range(50)})
    many = [query(github, issue=None, pulls=()) for _ in range(49)]
    other = github.ref.model_copy(update={"installation_id": 6})
    found = await github.forge.read_live([*many, query(github, ref=other)])
    assert len(found) == 50
    assert route.call_count == 2
    assert route.calls[1].request.headers["authorization"] == "token ghs_other"
    assert "fragment" not in github.sent(route, 0)["query"]
    assert (
        len(re.findall(r"^  m\d+: repository", github.sent(route, 0)["query"], re.MULTILINE)) == 49
    )
    with pytest.raises(ValueError, match="at most 50"):
        await github.forge.read_live([*many, *many])


async def test_unmerged_pull_request_of_the_bot_has_the_bots_full_name(github: Any) -> None:
    unmerged = pull(state="OPEN", merged=False, mergedBy=None)
    answer(github, {"m0": repository(p4=unmerged)})
    [state] = await github.forge.read_live([query(github)])
    seen = state.changes[0].pull
    assert (seen.sender.login, seen.state, seen.merge_sha) == ("grace[bot]", "open", None)


async def test_closed_or_deleted_issue_is_closed(github: Any) -> None:
    data = {"m0": repository(issue={"state": "CLOSED"}), "m1": repository(issue=None)}
    answer(github, data, missing("m1", "issue"))
    found = await github.forge.read_live([query(github), query(github)])
    assert [state.issue_closed for state in found] == [True, True]


async def test_repository_that_is_lost_is_gone_and_the_rest_is_kept(github: Any) -> None:
    wanted = [query(github) for _ in range(4)]
    data = {"m0": None, "m1": repository(databaseId=100), "m2": None, "m3": repository(p4=None)}
    failed = missing("m2", kind="SERVICE_UNAVAILABLE")
    answer(github, data, missing("m0"), failed, missing("m3", "p4"))
    found = {state.uid: state for state in await github.forge.read_live(wanted)}
    assert found[wanted[0].uid].gone
    assert found[wanted[1].uid].gone
    assert wanted[2].uid not in found
    assert (found[wanted[3].uid].gone, found[wanted[3].uid].changes) == (False, ())


async def test_lost_installation_makes_its_missions_gone(github: Any) -> None:
    github.on("POST", "/app/installations/5/access_tokens").respond(404, json={"message": "x"})
    uid = UUID(int=1)
    [state] = await github.forge.read_live([query(github, uid=uid)])
    assert (state.uid, state.gone) == (uid, True)


async def test_graphql_that_is_missing_says_nothing_about_the_repository(github: Any) -> None:
    answer(github, None, status=404)
    with pytest.raises(ForgeRefused, match="no GraphQL"):
        await github.forge.read_live([query(github)])


@pytest.mark.parametrize(
    ("errors", "wait"),
    [
        ([{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}], 60.0),
        ([{"type": "RATE_LIMIT", "code": "graphql_rate_limit", "message": "exceeded"}], 60.0),
        ([], None),
    ],
)
async def test_no_answer_at_all_is_tried_again(github: Any, errors: Any, wait: Any) -> None:
    answer(github, None, *errors)
    with pytest.raises(ForgeUnavailable) as caught:
        await github.forge.read_live([query(github)])
    assert caught.value.retry_after == wait


async def test_name_of_a_repository_cannot_leave_its_string(github: Any) -> None:
    ref = github.ref.model_copy(update={"repository": 'a"){x}/b\\'})
    route = answer(github, {"m0": None})
    await github.forge.read_live([query(github, ref=ref)])
    assert '(owner: "a\\"){x}", name: "b\\\\")' in github.sent(route)["query"]


def queued(*, inside: bool = False, head: str = HEAD) -> dict[str, Any]:
    return {
        "repository": {"pullRequest": {"id": "PR_x", "headRefOid": head, "isInMergeQueue": inside}}
    }


def graph(github: Any, *answers: Any) -> Any:
    route = github.router.post(GRAPHQL)
    route.side_effect = [httpx.Response(200, json=found) for found in answers]
    return route


async def test_pull_request_is_enqueued_with_its_expected_head(github: Any) -> None:
    entry = {"enqueuePullRequest": {"mergeQueueEntry": {"position": 1, "state": "QUEUED"}}}
    route = graph(github, {"data": queued()}, {"data": entry})
    await github.forge.enqueue(github.ref, 4, HEAD)
    mutation = github.sent(route)["query"]
    assert f'pullRequestId: "PR_x", expectedHeadOid: "{HEAD}"' in mutation
    assert github.purposes() == ["installation token", "find queue entry", "enqueue"]


async def test_pull_request_in_the_queue_stays_there(github: Any) -> None:
    route = graph(github, {"data": queued(inside=True)})
    await github.forge.enqueue(github.ref, 4, HEAD)
    assert route.call_count == 1


@pytest.mark.parametrize(
    ("answers", "status", "words"),
    [
        ([{"data": queued(head=BASE)}], 409, "moved"),
        (
            [{"data": {"repository": {"pullRequest": None}}, "errors": [missing("repository")]}],
            404,
            "Could not resolve",
        ),
        (
            [
                {"data": queued()},
                {"data": {"enqueuePullRequest": None}, "errors": [{"message": "not mergeable"}]},
            ],
            422,
            "not mergeable",
        ),
    ],
)
async def test_pull_request_that_cannot_be_enqueued_says_why(
    github: Any, answers: Any, status: int, words: str
) -> None:
    graph(github, *answers)
    with pytest.raises(ForgeRefused, match=words) as caught:
        await github.forge.enqueue(github.ref, 4, HEAD)
    assert caught.value.status == status


async def test_present_name_of_a_repository_is_told(github: Any) -> None:
    """GitHub follows a renamed one's old name to the same repository."""
    route = answer(github, {"m0": repository(nameWithOwner="acme/renamed")})
    [state] = await github.forge.read_live([query(github)])
    assert (state.repository, state.gone) == ("acme/renamed", False)
    assert "nameWithOwner" in route.calls[0].request.content.decode()
