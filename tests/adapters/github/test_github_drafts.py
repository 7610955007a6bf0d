"""Draft pull requests: opened where the plan has them, and made ready by GraphQL."""

from typing import Any

import httpx
import pytest

from grace.ports import ChangeDraft, ForgeRefused

DRAFT = ChangeDraft(head_branch="grace/x", base_branch="main", title="t", body="b", unfinished=True)
NO_DRAFTS = "Draft pull requests are not supported in this repository."


def graph(github: Any, *answers: Any) -> Any:
    route = github.router.post("https://github.test/api/graphql")
    route.side_effect = [httpx.Response(200, json={"data": found}) for found in answers]
    return route


def found(*, draft: bool) -> dict[str, Any]:
    return {"repository": {"pullRequest": {"id": "PR_x", "isDraft": draft}}}


async def test_where_the_plan_has_no_drafts_it_is_opened_as_it_is(
    github: Any, payloads: Any
) -> None:
    route = github.repo("POST", "/pulls")
    refused = {"message": "Validation Failed", "errors": [{"message": NO_DRAFTS}]}
    route.side_effect = [
        httpx.Response(422, json=refused),
        httpx.Response(201, json=payloads.pull()),
    ]
    assert (await github.forge.open_change(github.ref, DRAFT)).number == 4
    assert route.call_count == 2
    assert "draft" not in github.sent(route)


async def test_a_draft_is_marked_ready_and_what_is_none_is_left_alone(github: Any) -> None:
    ready = {"markPullRequestReadyForReview": {"pullRequest": {"id": "PR_x"}}}
    route = graph(github, found(draft=True), ready, found(draft=False))
    await github.forge.mark_ready(github.ref, 4)
    assert 'pullRequestId: "PR_x"' in github.sent(route)["query"]
    await github.forge.mark_ready(github.ref, 4)
    assert route.call_count == 3


async def test_a_pull_request_that_is_not_there_cannot_be_marked(github: Any) -> None:
    graph(github, {"repository": {"pullRequest": None}})
    with pytest.raises(ForgeRefused, match="does not find pull request #4"):
        await github.forge.mark_ready(github.ref, 4)
