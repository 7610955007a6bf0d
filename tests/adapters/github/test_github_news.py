"""What is read without webhooks is what webhooks would have told."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from githubkit_schemas.latest import models

from grace.adapters.github.translate import translate
from grace.domain.events import CommandGiven, IssueClosed, IssueSeen
from grace.ports import ForgeUnavailable

SINCE = datetime(2026, 3, 1, 11, 0, 0, 500_000, tzinfo=UTC)
UID = "0f8fad5b-d9cb-469f-a165-70867728950e"
REX = {"__typename": "User", "login": "rex", "databaseId": 11}


def said(payloads: Any, body: str, **more: Any) -> dict[str, Any]:
    at = "2026-03-01T11:30:00Z"
    where = {"issue_url": "https://github.test/api/v3/repos/acme/mesh/issues/3"}
    page = {"html_url": "https://github.test/acme/mesh/issues/3#issuecomment-501"}
    return payloads.comment(body, created_at=at, updated_at=at, **where, **page) | more


GRAPHQL = "https://github.test/api/graphql"


def ticket(number: int = 8, **more: Any) -> dict[str, Any]:
    closed = {"__typename": "ClosedEvent", "createdAt": "2026-03-01T11:40:00Z", "actor": REX}
    return {
        "number": number,
        "body": f"<!-- grace:{UID}:capa -->\n## CAPA",
        "author": {"__typename": "Bot", "login": "grace", "databaseId": 12},
        "timelineItems": {"nodes": [closed]},
        **more,
    }


def serve(
    github: Any,
    issues: list[Any],
    comments: list[Any],
    capas: Any = (),
    reviews: Any = (),
    **answer: Any,
) -> tuple[Any, Any]:
    """Answer the listings, and questions of the graph: about tickets, and who edited an issue."""

    def asked(request: httpx.Request) -> httpx.Response:
        if "capa: issues" not in json.loads(request.content)["query"]:
            return httpx.Response(200, json=answer)
        found = {"capa": {"nodes": [*capas]}, "review": {"nodes": [*reviews]}}
        return httpx.Response(200, json={"data": {"repository": found}})

    github.router.post(GRAPHQL).mock(side_effect=asked)
    return (
        github.repo("GET", "/issues").respond(json=issues),
        github.repo("GET", "/issues/comments").respond(json=comments),
    )


async def test_issue_and_comment_are_read_as_their_webhooks_are(
    github: Any, payloads: Any, ours: Any
) -> None:
    issue, comment = payloads.issue(), said(payloads, "/grace start\n/grace help")
    issues, comments = serve(github, [issue], [comment])
    found = await github.forge.news(github.ref, "mission", SINCE)
    webhooks = [
        payloads.delivery("issues", payloads.envelope("opened", issue=issue)),
        payloads.delivery(
            "issue_comment", payloads.envelope("created", issue=issue, comment=comment)
        ),
    ]
    assert found == tuple(routed for d in webhooks for routed in translate(d, ours)[0])
    asked = dict(issues.calls[0].request.url.params)
    assert asked["since"] == "2026-03-01T11:00:00Z"
    assert (asked["labels"], asked["state"], asked["direction"]) == ("mission", "all", "asc")
    assert dict(comments.calls[0].request.url.params)["since"] == "2026-03-01T11:00:00Z"
    assert github.purposes() == [
        "app",
        "installation token",
        "news of issues",
        "news of comments",
        "news of tickets",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"updated_at": "2026-03-01T11:31:00Z"},
        {"created_at": "2026-03-01T10:59:59Z", "updated_at": "2026-03-01T10:59:59Z"},
        {"user": {"login": "dependabot[bot]", "type": "Bot"}},
        {"user": {"login": "grace[bot]", "type": "Bot"}},
        {"performed_via_github_app": {"id": 7}},
        {"body": "> /grace start"},
        {"issue_url": "https://elsewhere"},
    ],
)
async def test_comment_that_is_edited_old_or_no_persons_commands_nothing(
    github: Any, payloads: Any, change: Any
) -> None:
    serve(github, [], [said(payloads, "/grace start") | change])
    assert await github.forge.news(github.ref, "mission", SINCE) == ()


async def test_comment_on_a_pull_request_is_routed_by_it(github: Any, payloads: Any) -> None:
    page = "https://github.test/acme/mesh/pull/3#issuecomment-501"
    serve(github, [], [said(payloads, "/grace start", html_url=page)])
    [routed] = await github.forge.news(github.ref, "mission", SINCE)
    assert (routed.target.pull, routed.target.issue) == (3, None)
    assert isinstance(routed.event, CommandGiven)


async def test_closed_issue_names_who_closed_it_even_if_that_takes_a_call(
    github: Any, payloads: Any
) -> None:
    told = payloads.issue(state="closed", closed_by=payloads.user("rex"))
    untold = payloads.issue(state="closed", number=5)
    ours = payloads.issue(state="closed", number=6, closed_by=payloads.bot())
    serve(github, [told, untold, ours], [])
    github.repo("GET", "/issues/5").respond(json=untold | {"closed_by": payloads.user("eve")})
    found = await github.forge.news(github.ref, "mission", SINCE)
    closed = [
        (r.event.number, r.event.sender.login) for r in found if isinstance(r.event, IssueClosed)
    ]
    assert closed == [(3, "rex"), (5, "eve")]
    assert not any(routed.target.create for routed in found)


async def test_issue_of_ours_names_its_mission_and_a_pull_request_none(
    github: Any, payloads: Any
) -> None:
    body = f"filed\n<!-- grace:{UID}:mission -->"
    ours = payloads.issue(user=payloads.bot(), body=body)
    serve(github, [ours, payloads.issue(number=4, pull_request={"url": "u"})], [])
    [routed] = await github.forge.news(github.ref, "mission", SINCE)
    assert (str(routed.target.uid), routed.target.create) == (UID, False)
    assert isinstance(routed.event, IssueSeen)


@pytest.mark.parametrize("reaction", ["eyes", "+1", "-1", "confused"])
@pytest.mark.parametrize("status", [200, 201])
async def test_reaction_is_made_or_there_already(github: Any, reaction: Any, status: int) -> None:
    route = github.repo("POST", "/issues/comments/501/reactions").respond(status, json={"id": 1})
    await github.forge.react(github.ref, "501", reaction)
    body = github.sent(route)
    models.ReposOwnerRepoIssuesCommentsCommentIdReactionsPostBody.model_validate(body)
    assert body == {"content": reaction}


async def test_who_edited_an_issue_last_is_asked_and_named(github: Any, payloads: Any) -> None:
    """Who writes a contract may not approve it, also where no webhook told of the edit."""
    edited = payloads.issue(created_at="2026-03-01T11:00:00Z")
    rita = {"__typename": "User", "login": "rita", "databaseId": 12}
    data = {"repository": {"i3": edits(rita, rita, MAX, None)}}
    serve(github, [edited, payloads.issue(number=4)], [], data=data)
    found = await github.forge.news(github.ref, "mission", SINCE)
    told = [(routed.event.sender.login, routed.event.edited) for routed in found]
    assert told == [("rita", True), ("max", True), ("ghost", True), ("ada", False)]
    assert {routed.event.updated_at.minute for routed in found[:3]} == {45}
    [asked, _] = [
        call.request.content.decode()
        for call in github.router.calls
        if call.request.url.path.endswith("/graphql")
    ]
    assert "issue(number: 3)" in asked
    assert "issue(number: 4)" not in asked


MAX = {"__typename": "User", "login": "max", "databaseId": 13}


def edits(last: Any, *all_of_them: Any, at: str | None = "2026-03-01T11:45:00Z") -> dict[str, Any]:
    nodes = [{"editor": editor} for editor in all_of_them]
    return {"lastEditedAt": at, "editor": last, "userContentEdits": {"nodes": nodes}}


async def test_comment_or_label_does_not_make_a_contract_younger(
    github: Any, payloads: Any
) -> None:
    """They move an issue's time, and a `/grace start` before them would be void."""
    data = {"repository": {"i3": edits(None, at=None)}}
    serve(github, [payloads.issue(created_at="2026-03-01T11:00:00Z")], [], data=data)
    [routed] = await github.forge.news(github.ref, "mission", SINCE)
    assert routed.event.updated_at == datetime(2026, 3, 1, 11, 0, tzinfo=UTC)
    assert (routed.event.sender.login, routed.event.edited) == ("ada", False)


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {"repository": None}, "errors": [{"message": "timeout", "path": ["repository"]}]},
        {"data": {"repository": None}},
        {"data": {"repository": {}}},
        {"data": {"repository": {"i3": None}}},
        {
            "data": {"repository": {"i3": {"lastEditedAt": None, "editor": None}}},
            "errors": [{"message": "timeout", "path": ["repository", "i3", "userContentEdits"]}],
        },
    ],
)
async def test_where_it_is_not_told_who_edited_nothing_is_told(
    github: Any, payloads: Any, answer: Any
) -> None:
    """To take the author for the editor would let an editor approve what he wrote."""
    serve(github, [payloads.issue(created_at="2026-03-01T11:00:00Z")], [], **answer)
    with pytest.raises(ForgeUnavailable, match="who edited"):
        await github.forge.news(github.ref, "mission", SINCE)


async def test_ticket_that_was_closed_or_opened_again_is_told_to_its_mission(github: Any) -> None:
    again = {"__typename": "ReopenedEvent", "createdAt": "2026-03-01T11:41:00Z", "actor": None}
    reopened = {
        "body": f"<!-- grace:{UID}:review -->",
        "timelineItems": {"nodes": [again]},
    }
    serve(github, [], [], [ticket()], [ticket(9, **reopened)])
    capa, review = await github.forge.news(github.ref, "mission", SINCE)
    assert (str(capa.target.uid), capa.target.create) == (UID, False)
    said = [(e.purpose, e.number, e.open, e.actor.login) for e in (capa.event, review.event)]
    assert said == [("capa", 8, False, "rex"), ("review", 9, True, "ghost")]
    assert capa.event.at == datetime(2026, 3, 1, 11, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    "change",
    [
        {"author": REX},
        {"author": None},
        {"author": {"__typename": "User", "login": "grace", "databaseId": 66}},
        {"body": f"see\n<!-- grace:{UID}:capa -->"},
        {"body": f"<!-- grace:{UID}:mission -->"},
        {"timelineItems": {"nodes": []}},
    ],
)
async def test_issue_of_a_stranger_or_one_that_nobody_closed_is_no_closed_ticket(
    github: Any, change: Any
) -> None:
    serve(github, [], [], [ticket(**change)])
    assert await github.forge.news(github.ref, "mission", SINCE) == ()


async def test_heads_of_others_open_pull_requests_are_listed(github: Any, payloads: Any) -> None:
    fork = payloads.pull(number=9)
    fork["head"]["repo"] = None
    pulls = [payloads.pull(number=4), payloads.pull("grace/typo", number=8), fork]
    listing = github.repo("GET", "/pulls").respond(json=pulls)
    heads = await github.forge.open_heads(github.ref)
    assert [(head.pull, head.sha, head.ref) for head in heads] == [
        (8, "a" * 40, github.ref),
        (9, "a" * 40, github.ref),
    ]
    asked = dict(listing.calls[0].request.url.params)
    assert (asked["state"], asked["sort"], asked["direction"]) == ("open", "updated", "desc")


async def test_no_more_than_ten_pages_of_pull_requests_are_read(github: Any) -> None:
    link = '<https://github.test/api/v3/repos/acme/mesh/pulls?page=2>; rel="next"'
    listing = github.repo("GET", "/pulls").respond(json=[], headers={"link": link})
    assert await github.forge.open_heads(github.ref) == ()
    assert listing.call_count == 10
