"""What each webhook that a person causes means to the missions of its repository."""

from typing import Any

import pytest

from grace.adapters.github.ours import Ours, TranslationError
from grace.adapters.github.translate import translate
from grace.domain.events import (
    CommandGiven,
    Dequeued,
    IssueClosed,
    IssueSeen,
    PullSeen,
    ReviewSeen,
    ReviewState,
)

BRANCH = "grace/mission_20260301_001"
UID = "0f8fad5b-d9cb-469f-a165-70867728950e"
MARKED = f"filed\n<!-- grace:{UID}:mission -->"


@pytest.mark.parametrize("action", ["opened", "edited", "labeled", "reopened"])
def test_labelled_issue_makes_a_mission(read: Any, payloads: Any, action: str) -> None:
    target, event = read("issues", action, issue=payloads.issue())
    assert (target.issue, target.create, target.uid) == (3, True, None)
    assert isinstance(event, IssueSeen)
    assert (event.title, event.author.login, event.sender.login) == (
        "p95 is too high",
        "ada",
        "ada",
    )


@pytest.mark.parametrize("action", ["opened", "labeled"])
def test_issue_without_the_label_is_nobodys(read: Any, payloads: Any, action: str) -> None:
    issue = payloads.issue(labels=[{"name": "bug"}])
    assert "no label mission" in read("issues", action, issue=issue)


@pytest.mark.parametrize("action", ["edited", "reopened"])
def test_issue_that_lost_its_label_still_tells_its_mission(
    read: Any, payloads: Any, action: str
) -> None:
    target, _ = read("issues", action, issue=payloads.issue(labels=[], body=None))
    assert (target.issue, target.create) == (3, False)


@pytest.mark.parametrize("action", ["unlabeled", "assigned", "pinned"])
def test_other_doings_change_no_mission(read: Any, payloads: Any, action: str) -> None:
    assert "changes no mission" in read("issues", action, issue=payloads.issue())


@pytest.mark.parametrize("action", ["closed", "deleted", "transferred"])
def test_issue_that_ends_is_closed(read: Any, payloads: Any, action: str) -> None:
    target, event = read("issues", action, issue=payloads.issue(state="closed"))
    assert (target.issue, target.create) == (3, False)
    assert event == IssueClosed(number=3, sender=event.sender)


def test_issue_that_we_filed_names_its_mission(read: Any, payloads: Any) -> None:
    issue = payloads.issue(user=payloads.bot(), body=MARKED)
    target, event = read("issues", "opened", issue=issue, sender=payloads.bot())
    assert (str(target.uid), target.create) == (UID, False)
    assert isinstance(event, IssueSeen)
    target, _ = read("issues", "edited", issue=issue)
    assert str(target.uid) == UID


def test_marker_of_a_stranger_means_nothing(read: Any, payloads: Any) -> None:
    target, _ = read("issues", "opened", issue=payloads.issue(body=MARKED))
    assert (target.uid, target.issue, target.create) == (None, 3, True)


@pytest.mark.parametrize("action", ["labeled", "closed", "edited"])
def test_what_we_do_to_an_issue_is_not_news(read: Any, payloads: Any, action: str) -> None:
    note = read("issues", action, issue=payloads.issue(), sender=payloads.bot())
    assert "our own doing" in note


def test_capa_that_we_filed_is_not_a_mission(read: Any, payloads: Any) -> None:
    issue = payloads.issue(user=payloads.bot(), body=f"<!-- grace:{UID}:capa -->")
    assert "our own" in read("issues", "opened", issue=issue, sender=payloads.bot())


def test_body_longer_than_github_allows_is_an_error(read: Any, payloads: Any) -> None:
    with pytest.raises(TranslationError, match="longer than 65536"):
        read("issues", "opened", issue=payloads.issue(body="x" * 65_537))


def test_command_is_told_with_the_comments_id(read: Any, payloads: Any) -> None:
    comment = payloads.comment("/grace approve security")
    target, event = read("issue_comment", "created", issue=payloads.issue(), comment=comment)
    assert (target.issue, target.pull) == (3, None)
    assert event == CommandGiven(
        id="501",
        name="approve",
        argument="security",
        actor=event.actor,
        at=event.at,
        comment="501",
        number=3,
    )
    assert (event.actor.login, event.actor.id) == ("ada", 11)


def test_command_on_a_pull_request_is_routed_by_its_number(read: Any, payloads: Any) -> None:
    issue = payloads.issue(number=4, pull_request={"url": "u"})
    comment = payloads.comment("/grace start")
    target, _ = read("issue_comment", "created", issue=issue, comment=comment)
    assert (target.issue, target.pull) == (None, 4)


def test_two_commands_of_one_comment_have_two_ids(payloads: Any, ours: Ours) -> None:
    body = payloads.envelope(
        "created", issue=payloads.issue(), comment=payloads.comment("/grace start\n/grace help")
    )
    routed, _ = translate(payloads.delivery("issue_comment", body), ours)
    assert [r.event.id for r in routed if isinstance(r.event, CommandGiven)] == ["501", "501-2"]


@pytest.mark.parametrize(
    ("action", "change", "why"),
    [
        ("edited", {}, "only new comments"),
        ("deleted", {}, "only new comments"),
        ("created", {"user": {"login": "dependabot[bot]", "type": "Bot"}}, "bots command nothing"),
        ("created", {"user": None}, "bots command nothing"),
        ("created", {"user": {"login": "Grace[bot]", "type": "Bot"}}, "our own doing"),
        ("created", {"performed_via_github_app": {"id": 7}}, "our own doing"),
        ("created", {"body": "thanks"}, "no command"),
        ("created", {"body": None}, "no command"),
    ],
)
def test_comment_that_commands_nothing(
    read: Any, payloads: Any, action: str, change: Any, why: str
) -> None:
    comment = payloads.comment("/grace start") | change
    note = read("issue_comment", action, issue=payloads.issue(), comment=comment)
    assert why in note


@pytest.mark.parametrize(
    "action", ["opened", "synchronize", "edited", "closed", "converted_to_draft"]
)
def test_pull_request_of_ours_is_routed_by_branch(read: Any, payloads: Any, action: str) -> None:
    target, event = read(
        "pull_request", action, pull_request=payloads.pull(), sender=payloads.bot()
    )
    assert (target.branch, target.pull) == (BRANCH, None)
    assert isinstance(event, PullSeen)
    assert (event.head_sha, event.base_sha) == ("a" * 40, "b" * 40)
    assert event.merge_sha is None


def test_merge_commit_is_told_once_merged(read: Any, payloads: Any) -> None:
    pull = payloads.pull(state="closed", merged=True)
    _, event = read("pull_request", "closed", pull_request=pull)
    assert (event.state, event.merged, event.merge_sha) == ("closed", True, "c" * 40)


def test_pull_request_that_left_the_merge_queue_says_why_and_when(
    payloads: Any, ours: Ours
) -> None:
    body = payloads.envelope("dequeued", pull_request=payloads.pull(), reason="MERGE_CONFLICT")
    (seen, left), _ = translate(payloads.delivery("pull_request", body), ours)
    assert isinstance(seen.event, PullSeen)
    assert left.target == seen.target
    assert left.event == Dequeued(number=4, reason="MERGE_CONFLICT", at=seen.event.at)


@pytest.mark.parametrize("reason", ["MERGE", "ALREADY_MERGED"])
def test_pull_request_that_lands_leaves_the_queue_as_merged(
    read: Any, payloads: Any, reason: str
) -> None:
    _, event = read("pull_request", "dequeued", pull_request=payloads.pull(), reason=reason)
    assert isinstance(event, PullSeen)


def test_pull_request_of_a_person_is_routed_by_number(read: Any, payloads: Any) -> None:
    target, _ = read("pull_request", "opened", pull_request=payloads.pull("feature"))
    assert (target.branch, target.pull) == (None, 4)


@pytest.mark.parametrize("repo", [None, {"id": 100}])
@pytest.mark.parametrize("event", ["pull_request", "pull_request_review"])
def test_fork_is_ignored_whatever_its_branch_is_called(
    read: Any, payloads: Any, event: str, repo: Any
) -> None:
    pull = payloads.pull(head={"ref": BRANCH, "sha": "a" * 40, "repo": repo})
    note = read(event, "submitted", pull_request=pull, review=payloads.review())
    assert "its head is a fork" in note


@pytest.mark.parametrize(
    ("action", "state", "expected"),
    [
        ("submitted", "approved", ReviewState.APPROVED),
        ("submitted", "changes_requested", ReviewState.CHANGES_REQUESTED),
        ("edited", "commented", ReviewState.COMMENTED),
        ("dismissed", "dismissed", ReviewState.DISMISSED),
    ],
)
def test_review_is_of_its_author_and_commit(
    read: Any, payloads: Any, action: str, state: str, expected: ReviewState
) -> None:
    target, event = read(
        "pull_request_review", action, pull_request=payloads.pull(), review=payloads.review(state)
    )
    assert target.branch == BRANCH
    assert isinstance(event, ReviewSeen)
    assert (event.state, event.actor.login, event.sha, event.pull) == (expected, "rex", "a" * 40, 4)


@pytest.mark.parametrize(
    ("action", "change", "why"),
    [
        ("requested", {}, "changes no review"),
        ("submitted", {"user": {"login": "grace[bot]"}}, "our own doing"),
        ("submitted", {"commit_id": None}, "not submitted"),
        ("submitted", {"state": "pending"}, "not submitted"),
    ],
)
def test_review_that_says_nothing(
    read: Any, payloads: Any, action: str, change: Any, why: str
) -> None:
    review = payloads.review() | change
    note = read("pull_request_review", action, pull_request=payloads.pull(), review=review)
    assert why in note


@pytest.mark.parametrize("event", ["workflow_job", "ping", "whatever"])
def test_event_that_is_not_used_is_not_even_parsed(payloads: Any, ours: Ours, event: str) -> None:
    routed, note = translate(payloads.delivery(event, b"\xff not json"), ours)
    assert routed == ()
    assert event in note


def test_delivery_of_a_repository_hook_has_no_installation(payloads: Any, ours: Ours) -> None:
    body = payloads.envelope("opened", issue=payloads.issue())
    del body["installation"]
    routed, _ = translate(payloads.delivery("issues", body), ours)
    assert routed[0].target.ref.installation_id is None


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "body: Invalid JSON"),
        (b"{", "body: Invalid JSON"),
        (b"\xff\xfe", "body: Invalid JSON"),
        (b"[" * 100_000, "body: Invalid JSON"),
        (b"[]", "body: Input should be an object"),
        (b'{"action": "opened"}', "repository: Field required; issue: Field required"),
    ],
)
def test_malformed_delivery_is_an_error_that_says_where(
    payloads: Any, ours: Ours, body: bytes, named: str
) -> None:
    with pytest.raises(TranslationError) as caught:
        translate(payloads.delivery("issues", body), ours)
    assert "delivery d-1 (issues)" in caught.value.sentence
    assert named in caught.value.sentence


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"head": {"ref": "x", "sha": "short", "repo": {"id": 99}}}, "pull_request.head.sha"),
        ({"number": 2**63}, "pull_request.number"),
        ({"updated_at": "2026-03-01T11:58:00"}, "pull_request.updated_at"),
        ({"user": {"login": ""}}, "pull_request.user.login"),
    ],
)
def test_value_that_does_not_fit_is_named(
    read: Any, payloads: Any, change: Any, field: str
) -> None:
    with pytest.raises(TranslationError, match=field):
        read("pull_request", "opened", pull_request=payloads.pull() | change)
