"""Other people's pull requests and merge groups: where our required check says `not a mission`."""

from collections.abc import Callable
from typing import Any

import pytest

from grace.adapters.github.ours import Ours, TranslationError
from grace.adapters.github.translate import courtesies, translate
from grace.domain.events import CheckRequested
from grace.domain.mission import MissionRef
from grace.ports import Courtesy, Target

REF = MissionRef(host="github.test", repository_id=99, repository="acme/mesh", installation_id=5)
QUEUE = "refs/heads/gh-readonly-queue/main/pr-8-" + "b" * 40
Owed = Callable[..., tuple[Courtesy, ...]]


@pytest.fixture
def owed(payloads: Any, ours: Ours) -> Owed:
    def one(event: str, action: str, **body: Any) -> tuple[Courtesy, ...]:
        return courtesies(payloads.delivery(event, payloads.envelope(action, **body)), ours)

    return one


def group(message: str = "Add a page (#8)", **more: Any) -> dict[str, Any]:
    commit = {"id": "d" * 40, "message": message}
    shape = {"head_sha": "d" * 40, "head_ref": QUEUE, "base_sha": "b" * 40, "head_commit": commit}
    return shape | more


def asked_again(payloads: Any, event: str, **more: Any) -> dict[str, Any]:
    """Return what GitHub sends when a person presses `Re-run` on a check or suite of ours."""
    app = {"id": 7, "slug": "grace"}
    if event == "check_suite":
        suite = {"id": 1, "head_branch": "feature", "head_sha": "a" * 40, "app": app}
        return {"check_suite": suite | more}
    suite = {"id": 1, "head_branch": "feature"}
    shown = {"name": "mission/governance", "status": "queued", "conclusion": None, "app": app}
    return {"check_run": payloads.check(**{"check_suite": suite, **shown, **more})}


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


@pytest.mark.parametrize(
    "message",
    ["Add a page (#8)", "Improve docs (#8)\n\nMission: better docs\nMission-Signature: x"],
)
def test_merge_group_is_answered_whatever_its_message_says(owed: Owed, message: str) -> None:
    """Its number is known to the store, which drops a mission's; its words are anybody's."""
    found = owed("merge_group", "checks_requested", merge_group=group(message))
    assert found == (Courtesy(REF, "d" * 40, "the group of #8 is not a mission", 8),)


@pytest.mark.parametrize(
    ("branch", "work"),
    [
        ("grace/mission_20260301_001", True),
        ("grace/mission_20260301_1000-revert", True),
        ("grace/fix-typo", False),
        ("grace/mission_20260301_001-mine", False),
        ("grace/mission_20260301_001\n", False),
        ("feature/grace/mission_20260301_001", False),
    ],
)
def test_only_a_work_branch_is_ours_and_no_other_below_our_name(
    owed: Owed, payloads: Any, branch: str, work: bool
) -> None:
    owing = owed("pull_request", "opened", pull_request=payloads.pull(branch))
    assert (owing == ()) is work


@pytest.mark.parametrize("event", ["check_run", "check_suite"])
def test_check_that_somebody_asks_for_again_is_owed_again_and_told(
    owed: Owed, read: Any, payloads: Any, event: str
) -> None:
    body = asked_again(payloads, event)
    (courtesy,) = owed(event, "rerequested", **body)
    assert (courtesy.ref, courtesy.sha, courtesy.again) == (REF, "a" * 40, True)
    target, told = read(event, "rerequested", **body)
    assert target == Target(ref=REF, sha="a" * 40)
    name = "mission/governance" if event == "check_run" else None
    assert told == CheckRequested(id="d-1", sha="a" * 40, name=name)
    ours = asked_again(payloads, event, head_branch="grace/mission_20260301_001")
    if event == "check_suite":
        assert read(event, "rerequested", **ours)[0].branch == "grace/mission_20260301_001"


@pytest.mark.parametrize("event", ["check_run", "check_suite"])
def test_nothing_is_owed_again_on_others_checks_and_for_other_actions(
    owed: Owed, read: Any, payloads: Any, event: str
) -> None:
    others = asked_again(payloads, event, app={"id": 15368})
    assert owed(event, "rerequested", **others) == ()
    assert "ignored" in read(event, "rerequested", **others)
    assert owed(event, "completed", **asked_again(payloads, event)) == ()
    assert "ignored" in read(event, "completed", **asked_again(payloads, event))
    if event == "check_run":
        metrics = asked_again(payloads, event, name="mission/metrics")
        assert owed(event, "rerequested", **metrics) == ()


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
