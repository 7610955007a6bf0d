"""Each method of the port: what is asked of GitHub, and what is made of its answer."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from grace.domain.events import Permission, ReviewState
from grace.ports import (
    ChangeDraft,
    CheckDraft,
    ForgeRefused,
    ForgeUnavailable,
    MergeDraft,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DRAFT = ChangeDraft(
    head_branch="grace/mission_20260301_001", base_branch="main", title="Fix", body="Refs #3"
)
MERGE = MergeDraft(number=4, head="a" * 40, method="squash", subject="Fix (#4)", message="Why")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"permission": "admin", "role_name": "admin"}, Permission.ADMIN),
        ({"permission": "write", "role_name": "maintain"}, Permission.MAINTAIN),
        ({"permission": "read", "role_name": "triage"}, Permission.TRIAGE),
        ({"permission": "write", "role_name": "release captain"}, Permission.WRITE),
        ({"permission": "read"}, Permission.READ),
        ({"permission": "none", "role_name": ""}, Permission.NONE),
    ],
)
async def test_permission_tells_roles_apart(github: Any, answer: Any, expected: Any) -> None:
    github.repo("GET", "/collaborators/ada/permission").respond(json=answer)
    assert await github.forge.permission(github.ref, "ada") is expected


@pytest.mark.parametrize(
    ("whose", "expected"), [(0, Permission.ADMIN), (7, Permission.ADMIN), (8, Permission.NONE)]
)
async def test_a_login_that_is_another_s_now_may_nothing(
    github: Any, whose: int, expected: Any
) -> None:
    answer = {"permission": "admin", "role_name": "admin", "user": {"login": "ada", "id": 7}}
    github.repo("GET", "/collaborators/ada/permission").respond(json=answer)
    assert await github.forge.permission(github.ref, "ada", whose) is expected


async def test_permission_of_a_person_who_does_not_exist_is_none(github: Any) -> None:
    github.repo("GET", "/collaborators/nobody/permission").respond(404, json={"message": "x"})
    assert await github.forge.permission(github.ref, "nobody") is Permission.NONE
    assert github.purposes() == ["installation token", "permission"]


async def test_permission_that_is_not_known_is_an_error(github: Any) -> None:
    github.repo("GET", "/collaborators/ada/permission").respond(json={"permission": "owner"})
    with pytest.raises(ForgeRefused, match="not known: 'owner'"):
        await github.forge.permission(github.ref, "ada")


async def test_comment_is_posted_and_edited_in_place(github: Any) -> None:
    posted = github.repo("POST", "/issues/3/comments").respond(201, json={"id": 77})
    edited = github.repo("PATCH", "/issues/comments/77").respond(json={"id": 77})
    assert await github.forge.post_comment(github.ref, 3, "hello") == "77"
    await github.forge.edit_comment(github.ref, "77", "hello again")
    assert github.sent(posted) == {"body": "hello"}
    assert github.sent(edited) == {"body": "hello again"}


async def test_comment_is_found_on_the_second_page_and_only_if_it_is_ours(
    github: Any, payloads: Any
) -> None:
    marker = "<!-- grace:x:pull -->"
    forged = payloads.comment(f"hi {marker}", id=1)
    ours = payloads.comment(f"state {marker}", id=2, user=payloads.bot())
    more = {"link": '<https://github.test/api/v3/page2>; rel="next"'}
    github.repo("GET", "/issues/3/comments").respond(json=[forged], headers=more)
    github.on("GET", "/page2").respond(json=[ours])
    assert await github.forge.find_comment(github.ref, 3, marker) == "2"


async def test_comment_without_the_marker_is_not_found(github: Any, payloads: Any) -> None:
    github.repo("GET", "/issues/3/comments").respond(
        json=[payloads.comment("plain", user=payloads.bot()), payloads.comment(None, id=502)]
    )
    assert await github.forge.find_comment(github.ref, 3, "<!-- grace:x:pull -->") is None


async def test_listing_past_its_bound_is_an_error_not_an_absence(
    github: Any, payloads: Any
) -> None:
    more = {"link": '<https://github.test/api/v3/again>; rel="next"'}
    page = [payloads.comment("plain")]
    github.repo("GET", "/issues/3/comments").respond(json=page, headers=more)
    github.on("GET", "/again").respond(json=page, headers=more)
    with pytest.raises(ForgeRefused, match="more than 2000 entries"):
        await github.forge.find_comment(github.ref, 3, "marker")


async def test_next_page_on_another_host_gets_no_token(github: Any, payloads: Any) -> None:
    more = {"link": '<https://elsewhere.test/api/v3/page2>; rel="next"'}
    github.repo("GET", "/issues/3/comments").respond(json=[], headers=more)
    stolen = github.router.route(host="elsewhere.test").respond(json=[])
    with pytest.raises(ForgeRefused, match=r"another host \(elsewhere.test\)"):
        await github.forge.find_comment(github.ref, 3, "marker")
    assert not stolen.called


async def test_change_is_opened_in_one_call(github: Any, payloads: Any) -> None:
    route = github.repo("POST", "/pulls").respond(201, json=payloads.pull())
    change = await github.forge.open_change(github.ref, DRAFT)
    assert (change.number, change.head_sha) == (4, "a" * 40)
    assert github.sent(route) == {
        "head": DRAFT.head_branch,
        "base": "main",
        "title": "Fix",
        "body": "Refs #3",
    }
    assert github.purposes() == ["installation token", "open pull request"]


async def test_change_that_exists_is_looked_up_by_its_head(github: Any, payloads: Any) -> None:
    said = {"message": "A pull request already exists for acme:grace/mission_20260301_001."}
    github.repo("POST", "/pulls").respond(
        422, json={"message": "Validation Failed", "errors": [said]}
    )
    fork = payloads.pull(number=8)
    fork["head"]["repo"] = {"id": 1234}
    route = github.repo("GET", "/pulls").respond(json=[fork, payloads.pull(number=9)])
    assert (await github.forge.open_change(github.ref, DRAFT)).number == 9
    query = dict(route.calls[0].request.url.params)
    assert query["head"] == "acme:grace/mission_20260301_001"
    assert query["state"] == "open"


async def test_change_that_cannot_be_opened_says_why(github: Any) -> None:
    errors = [{"resource": "PullRequest", "message": "No commits between main and grace/x"}]
    github.repo("POST", "/pulls").respond(
        422, json={"message": "Validation Failed", "errors": errors}
    )
    with pytest.raises(ForgeRefused, match="Validation Failed; No commits between") as caught:
        await github.forge.open_change(github.ref, DRAFT)
    assert caught.value.status == 422


async def test_change_is_read_in_three_calls_without_our_own_checks(
    github: Any, payloads: Any
) -> None:
    pull = payloads.pull(state="closed", merged=True, merged_by=payloads.user("rex"), draft=None)
    github.repo("GET", "/pulls/4").respond(json=pull)
    reviews = [
        payloads.review("APPROVED"),
        payloads.review("PENDING", id=602, submitted_at=None),
        payloads.review("DISMISSED", id=603, user=None),
    ]
    github.repo("GET", "/pulls/4/reviews").respond(json=reviews)
    runs = [
        payloads.check(),
        payloads.check(id=702, name="mission/gates", app={"id": 7}),
        payloads.check(
            id=703,
            name="stress",
            status="queued",
            conclusion=None,
            completed_at=None,
            started_at=None,
        ),
    ]
    github.repo("GET", f"/commits/{payloads.sha}/check-runs").respond(
        json={"total_count": 3, "check_runs": runs}
    )
    state = await github.forge.read_change(github.ref, 4)
    assert state.pull.merged
    assert state.pull.merge_sha == "c" * 40
    assert state.pull.sender.login == "rex"
    assert [(r.id, r.state, r.actor.login) for r in state.reviews] == [
        ("601", ReviewState.APPROVED, "rex"),
        ("603", ReviewState.DISMISSED, "ghost"),
    ]
    assert [(c.name, c.conclusion) for c in state.checks] == [("unit", "success"), ("stress", None)]
    assert state.checks[1].at == NOW
    assert len(github.calls) == 4


async def test_change_is_closed(github: Any) -> None:
    route = github.repo("PATCH", "/pulls/4").respond(json={})
    await github.forge.close_change(github.ref, 4)
    assert github.sent(route) == {"state": "closed"}


def check_draft(**changes: Any) -> CheckDraft:
    fields: dict[str, Any] = {
        "name": "mission/gates",
        "sha": "a" * 40,
        "external_id": "x:gates",
        "conclusion": None,
        "title": "waiting",
        "summary": "for CI",
        "at": NOW,
    }
    return CheckDraft(**(fields | changes))


async def test_check_is_created_in_progress_then_completed(github: Any) -> None:
    created = github.repo("POST", "/check-runs").respond(201, json={"id": 55})
    updated = github.repo("PATCH", "/check-runs/55").respond(json={"id": 55})
    assert await github.forge.publish_check(github.ref, check_draft(), None) == "55"
    first = github.sent(created)
    assert (first["status"], first["head_sha"]) == ("in_progress", "a" * 40)
    assert "conclusion" not in first
    done = check_draft(conclusion="success", summary="x" * 70_000)
    assert await github.forge.publish_check(github.ref, done, "55") == "55"
    second = github.sent(updated)
    assert (second["status"], second["conclusion"]) == ("completed", "success")
    assert second["completed_at"] == "2026-03-01T12:00:00+00:00"
    assert "head_sha" not in second
    assert len(second["output"]["summary"]) == 65_535
    assert second["output"]["summary"].endswith("GitHub shows no more)")


async def test_check_is_found_by_external_id_among_our_own(github: Any, payloads: Any) -> None:
    runs = [
        payloads.check(id=9, external_id="x:gates", app={"id": 8}),
        payloads.check(id=2, external_id="x:gates", app={"id": 7}),
        payloads.check(id=3, external_id="y:gates", app={"id": 7}),
    ]
    github.repo("GET", f"/commits/{payloads.sha}/check-runs").respond(
        json={"total_count": 3, "check_runs": runs}
    )
    assert await github.forge.find_check(github.ref, payloads.sha, "x:gates") == "2"
    assert await github.forge.find_check(github.ref, payloads.sha, "z:gates") is None


async def test_review_is_requested_of_people_and_teams(github: Any) -> None:
    route = github.repo("POST", "/pulls/4/requested_reviewers").respond(201, json={})
    await github.forge.request_review(github.ref, 4, ["rex", "acme/core"])
    assert github.sent(route) == {"reviewers": ["rex"], "team_reviewers": ["core"]}


async def test_labels_are_added_at_once_and_removed_even_if_absent(github: Any) -> None:
    added = github.repo("POST", "/issues/3/labels").respond(json=[])
    removed = github.router.route(method="DELETE", url__regex=r"labels/mission%2Finvalid$")
    removed.respond(404, json={"message": "Label does not exist"})
    await github.forge.set_labels(github.ref, 3, ["a", "b"], ["mission/invalid"])
    assert github.sent(added) == {"labels": ["a", "b"]}
    assert removed.call_count == 1
    assert github.purposes() == ["installation token", "add labels", "remove label"]


async def test_merge_carries_the_expected_head(github: Any) -> None:
    route = github.repo("PUT", "/pulls/4/merge").respond(
        json={"sha": "d" * 40, "merged": True, "message": "Pull Request successfully merged"}
    )
    answer = await github.forge.merge(github.ref, MERGE)
    assert (answer.sha, answer.status) == ("d" * 40, 200)
    assert github.sent(route) == {
        "sha": "a" * 40,
        "merge_method": "squash",
        "commit_title": "Fix (#4)",
        "commit_message": "Why",
    }


async def test_answer_that_says_not_merged_is_no_merge(github: Any) -> None:
    github.repo("PUT", "/pulls/4/merge").respond(json={"sha": "d" * 40, "merged": False})
    assert (await github.forge.merge(github.ref, MERGE)).sha is None


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (405, "Pull Request is not mergeable"),
        (405, "Base branch was modified. Review and try the merge again."),
        (405, 'Required status check "unit" is expected.'),
        (405, "Changes must be made through the merge queue"),
        (409, "Head branch was modified."),
        (422, "Validation Failed"),
    ],
)
async def test_merge_that_is_not_allowed_is_an_answer(
    github: Any, status: int, message: str
) -> None:
    github.repo("PUT", "/pulls/4/merge").respond(status, json={"message": message})
    answer = await github.forge.merge(github.ref, MERGE)
    assert (answer.sha, answer.status, answer.message) == (None, status, message)


@pytest.mark.parametrize("outcome", [502, httpx.ReadTimeout("slow")])
async def test_merge_without_an_answer_is_asked_once(github: Any, outcome: Any) -> None:
    route = github.repo("PUT", "/pulls/4/merge")
    if isinstance(outcome, int):
        route.respond(outcome)
    else:
        route.mock(side_effect=outcome)
    with pytest.raises(ForgeUnavailable):
        await github.forge.merge(github.ref, MERGE)
    assert route.call_count == 1


async def test_issue_is_filed_found_and_closed(github: Any, payloads: Any) -> None:
    marker = "<!-- grace:x:capa -->"
    filed = github.repo("POST", "/issues").respond(201, json=payloads.issue(number=12))
    change = await github.forge.file_issue(github.ref, "CAPA", f"why {marker}", ["capa"])
    assert (change.number, change.head_sha) == (12, "")
    assert github.sent(filed) == {"title": "CAPA", "body": f"why {marker}", "labels": ["capa"]}

    listed = github.repo("GET", "/issues").respond(
        json=[
            payloads.issue(number=13, body=marker),
            payloads.issue(number=14, body=marker, user=payloads.bot(), pull_request={"url": "u"}),
            payloads.issue(number=12, body=marker, performed_via_github_app={"id": 7}),
        ]
    )
    found = await github.forge.find_issue(github.ref, "capa", marker)
    assert found is not None
    assert found.number == 12
    assert dict(listed.calls[0].request.url.params)["labels"] == "capa"

    closed = github.repo("PATCH", "/issues/12").respond(json={})
    await github.forge.close_issue(github.ref, 12, "completed")
    assert github.sent(closed) == {"state": "closed", "state_reason": "completed"}


async def test_git_access_shows_its_token_to_git_alone(github: Any) -> None:
    access = await github.forge.git_access(github.ref)
    assert access.url == "https://github.test/acme/mesh.git"
    assert (access.username, access.token) == ("x-access-token", "ghs_1")
    assert "ghs_1" not in repr(access)


async def test_resolve_finds_id_and_installation(github: Any, payloads: Any) -> None:
    github.repo("GET", "/installation").respond(json={"id": 5})
    github.repo("GET", "").respond(json=payloads.repository())
    assert await github.forge.resolve("github.test", "acme/mesh") == github.ref


async def test_resolve_says_where_to_install_the_app(github: Any) -> None:
    github.repo("GET", "/installation").respond(404, json={"message": "Not Found"})
    with pytest.raises(ForgeRefused, match="not installed on acme/mesh"):
        await github.forge.resolve("github.test", "acme/mesh")
    with pytest.raises(ForgeRefused, match=r"gitlab.test is not the configured GitHub"):
        await github.forge.resolve("gitlab.test", "acme/mesh")


async def test_installation_is_looked_up_once_where_it_is_not_known(github: Any) -> None:
    lookup = github.repo("GET", "/installation").respond(json={"id": 5})
    github.repo("POST", "/issues/3/comments").respond(201, json={"id": 1})
    ref = github.ref.model_copy(update={"installation_id": None})
    await github.forge.post_comment(ref, 3, "a")
    await github.forge.post_comment(ref, 3, "b")
    assert lookup.call_count == 1


async def test_reach_says_who_we_are(github: Any) -> None:
    assert await github.forge.reach() == "GitHub at github.test knows the app Grace (grace, id 7)"
    assert (await github.forge.identity()).bot_login == "grace[bot]"


async def test_reach_notices_the_key_of_another_app(github: Any) -> None:
    github.on("GET", "/app").respond(json={"id": 8, "slug": "other", "name": "Other"})
    with pytest.raises(ForgeRefused, match=r"belongs to the GitHub App other \(8\), not to 7"):
        await github.forge.reach()


async def test_each_call_is_observed_with_template_mission_and_status(github: Any) -> None:
    github.repo("GET", "/issues/3/comments").respond(json=[])
    await github.forge.find_comment(github.ref, 3, "marker")
    token, listing = github.calls
    assert token.path == "/app/installations/{installation}/access_tokens"
    assert (listing.method, listing.status) == ("GET", 200)
    assert listing.path == "/repos/{owner}/{repo}/issues/{number}/comments"
    assert listing.mission == "mission_20260301_001"


async def test_renamed_repository_is_followed_with_method_and_body(github: Any) -> None:
    there = "https://github.test/api/v3/repositories/99/issues/3/comments"
    github.repo("POST", "/issues/3/comments").respond(307, headers={"location": there})
    moved = github.on("POST", "/repositories/99/issues/3/comments").respond(201, json={"id": 6})
    assert await github.forge.post_comment(github.ref, 3, "hello") == "6"
    assert github.sent(moved) == {"body": "hello"}
    assert [call.status for call in github.calls] == [201, 307, 201]
