"""Other people's pull requests and merge groups: where our required check says `not a mission`."""

from collections.abc import Callable
from typing import Any

import pytest

from grace.adapters.github.ours import Courtesy, Ours, TranslationError
from grace.adapters.github.translate import courtesies, translate
from grace.domain.mission import MissionRef

REF = MissionRef(host="github.test", repository_id=99, repository="acme/mesh", installation_id=5)
QUEUE = "refs/heads/gh-readonly-queue/main/pr-8-" + "b" * 40
Owed = Callable[..., tuple[Courtesy, ...]]


@pytest.fixture
def owed(payloads: Any, ours: Ours) -> Owed:
    def one(event: str, action: str, **body: Any) -> tuple[Courtesy, ...]:
        return courtesies(payloads.delivery(event, payloads.envelope(action, **body)), ours)

    return one


def group(message: str | None = "Add a page (#8)", **more: Any) -> dict[str, Any]:
    commit = None if message is None else {"id": "d" * 40, "message": message}
    shape = {"head_sha": "d" * 40, "head_ref": QUEUE, "base_sha": "b" * 40, "head_commit": commit}
    return shape | more


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened"])
def test_other_peoples_pull_request_is_answered(owed: Owed, payloads: Any, action: str) -> None:
    pull = payloads.pull("feature", number=8)
    expected = Courtesy(REF, "a" * 40, "#8 is not a mission", 8)
    assert owed("pull_request", action, pull_request=pull) == (expected,)


def test_our_own_pull_request_is_not(owed: Owed, payloads: Any) -> None:
    assert owed("pull_request", "opened", pull_request=payloads.pull()) == ()


@pytest.mark.parametrize("action", ["closed", "edited", "labeled"])
def test_pull_request_without_a_new_head_is_not(owed: Owed, payloads: Any, action: str) -> None:
    assert owed("pull_request", action, pull_request=payloads.pull("feature")) == ()


@pytest.mark.parametrize("repo", [{"id": 1234}, None])
def test_fork_with_a_branch_of_our_name_is_never_ours(
    owed: Owed, read: Any, payloads: Any, repo: Any
) -> None:
    pull = payloads.pull()
    pull["head"]["repo"] = repo
    assert [c.pull for c in owed("pull_request", "opened", pull_request=pull)] == [4]
    assert "its head is a fork" in read("pull_request", "opened", pull_request=pull)


@pytest.mark.parametrize("message", ["Add a page (#8)", "Merge pull request #8 from eve/x", None])
def test_merge_group_of_others_is_answered(owed: Owed, message: str | None) -> None:
    found = owed("merge_group", "checks_requested", merge_group=group(message))
    assert found == (Courtesy(REF, "d" * 40, "the group of #8 is not a mission", 8, "b" * 40),)


@pytest.mark.parametrize(
    "message",
    [
        "Merge pull request #8 from acme/grace/mission_20260301_001\n\nFix",
        "Fix (#8)\n\nMission: mission_20260301_001\nMission-Signature: x",
    ],
)
def test_merge_group_with_a_mission_is_not(owed: Owed, message: str) -> None:
    assert owed("merge_group", "checks_requested", merge_group=group(message)) == ()


def test_merge_group_that_ended_or_is_none_of_the_queue_is_not(owed: Owed) -> None:
    assert owed("merge_group", "destroyed", merge_group=group()) == ()
    assert owed("merge_group", "checks_requested", merge_group=group(head_ref="x")) == ()


def test_other_events_owe_nothing_and_malformed_ones_say_so(payloads: Any, ours: Ours) -> None:
    assert courtesies(payloads.delivery("issues", b"not json"), ours) == ()
    for event in ("pull_request", "merge_group"):
        with pytest.raises(TranslationError, match=event):
            courtesies(payloads.delivery(event, b"{}"), ours)
        with pytest.raises(TranslationError, match=event):
            translate(payloads.delivery(event, b"{}"), ours)
