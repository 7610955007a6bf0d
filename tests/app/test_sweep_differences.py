"""Each kind of difference between what a mission knows and what the forge shows."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from grace.app.differences import SOMEBODY, differences
from grace.domain import events as ev
from grace.domain.facts import Facts, fold
from grace.domain.mission import Attempt, Landing, Mission, MissionRef, PullRef
from grace.domain.phase import Phase
from grace.ports import ChangeState, LiveState

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HEAD, BASE, FOREIGN, LANDED = "a" * 40, "b" * 40, "c" * 40, "d" * 40
BOT, ADA = ev.Actor(login="grace[bot]"), ev.Actor(login="ada")
MISSION = Mission(
    uid=UUID(int=1),
    name="mission_20261122_001",
    ref=MissionRef(host="forge.test", repository_id=1, repository="acme/mesh"),
    created_at=NOW,
    issue=1,
    phase=Phase.GATING,
    pull=PullRef(number=2, url=""),
    attempts=(Attempt(number=1, candidate="x", agent="a", base=BASE, head=HEAD, tree=BASE),),
)
OBSERVED = MISSION.with_(
    phase=Phase.OBSERVING, landing=Landing(sha=LANDED, tree=BASE, at=NOW - timedelta(minutes=5))
)
PULL = ev.PullSeen(
    number=2,
    head_ref="grace/mission_20261122_001",
    head_sha=HEAD,
    base_sha=BASE,
    state="open",
    sender=BOT,
    at=NOW,
)
REVIEW = ev.ReviewSeen(id="5", pull=2, state=ev.ReviewState.APPROVED, sha=HEAD, actor=ADA, at=NOW)
CHECK = ev.CheckSeen(id="7", name="unit", sha=HEAD, app_id=15, conclusion="success", at=NOW)
STATUS = ev.CheckSeen(id="status:lint", name="lint", sha=HEAD, conclusion="failure", at=NOW)
RELEASE = ev.DeploymentSeen(sha=LANDED, environment="production", state="success", at=NOW)
LATER = NOW + timedelta(minutes=1)


def test_another_name_of_the_same_repository_is_news_once():
    seen = LiveState(uid=MISSION.uid, repository="acme/renamed")
    assert differences(MISSION, Facts(), seen, NOW) == (
        ev.RepositoryRenamed(repository="acme/renamed"),
    )
    renamed = MISSION.with_(ref=MISSION.ref.model_copy(update={"repository": "acme/renamed"}))
    assert differences(renamed, Facts(), seen, NOW) == ()
    assert differences(MISSION, Facts(), LiveState(uid=MISSION.uid), NOW) == ()


def known(*events: ev.Event) -> Facts:
    facts = Facts()
    for event in events:
        facts = fold(facts, event, NOW)
    return facts


def shown(*events: ev.Event, pull: ev.PullSeen = PULL) -> LiveState:
    """Say what a sweep shows: reviews, checks and deployments, beside the pull request."""
    change = ChangeState(
        pull=pull,
        reviews=tuple(e for e in events if isinstance(e, ev.ReviewSeen)),
        checks=tuple(e for e in events if isinstance(e, ev.CheckSeen)),
    )
    released = tuple(e for e in events if isinstance(e, ev.DeploymentSeen))
    return LiveState(uid=MISSION.uid, changes=(change,), deployments=released)


def news(state: LiveState, facts: Facts, mission: Mission = MISSION) -> tuple[ev.Event, ...]:
    return differences(mission, facts, state, LATER)


@pytest.mark.parametrize("event", [REVIEW, CHECK, STATUS], ids=lambda e: e.kind)
def test_what_is_not_known_is_told_and_then_known(event: ev.Event) -> None:
    assert news(shown(event), known(PULL)) == (event,)
    assert news(shown(event), known(PULL, event)) == ()


def test_deployment_of_the_landing_is_told_once() -> None:
    assert news(shown(RELEASE), known(PULL), OBSERVED) == (RELEASE,)
    assert news(shown(RELEASE), known(PULL, RELEASE), OBSERVED) == ()


def test_later_deployment_of_another_commit_may_contain_the_landing() -> None:
    later = RELEASE.model_copy(update={"sha": FOREIGN})
    earlier = later.model_copy(update={"at": NOW - timedelta(hours=1)})
    assert news(shown(later), known(PULL), OBSERVED) == (later,)
    assert news(shown(earlier), known(PULL), OBSERVED) == ()


def test_deployment_that_was_replaced_says_nothing() -> None:
    replaced = RELEASE.model_copy(update={"state": "inactive", "at": LATER})
    assert news(shown(replaced), known(PULL, RELEASE), OBSERVED) == ()


def test_before_the_merge_the_newest_release_of_the_environment_is_told() -> None:
    newest = RELEASE.model_copy(update={"sha": FOREIGN, "state": "failure", "at": LATER})
    assert news(shown(newest, RELEASE), known(PULL), MISSION) == (newest,)
    assert news(shown(newest, RELEASE), known(PULL, newest), MISSION) == ()


def test_deployment_that_failed_after_all_is_told() -> None:
    failed = RELEASE.model_copy(update={"state": "failure", "at": LATER})
    assert news(shown(RELEASE, failed), known(PULL, RELEASE), OBSERVED) == (failed,)


@pytest.mark.parametrize(
    "change",
    [
        {"draft": True},
        {"state": "closed", "merged": True, "merge_sha": LANDED, "sender": ADA},
    ],
)
def test_each_change_of_a_pull_request_is_told(change: dict[str, object]) -> None:
    seen = PULL.model_copy(update={**change, "at": LATER})
    assert news(shown(pull=seen), known(PULL)) == (seen,)


@pytest.mark.parametrize("change", [{"state": "closed"}, {"head_sha": FOREIGN}])
def test_who_closed_or_pushed_is_not_taken_for_the_author(change: dict[str, object]) -> None:
    seen = PULL.model_copy(update={**change, "at": LATER})
    told = seen.model_copy(update={"sender": SOMEBODY})
    assert news(shown(pull=seen), known(PULL)) == (told,)


def test_new_head_while_grace_herself_may_push_is_not_called_somebody_elses() -> None:
    seen = PULL.model_copy(update={"head_sha": FOREIGN, "at": LATER})
    patching = MISSION.with_(phase=Phase.PATCHING)
    assert news(shown(pull=seen), known(PULL), patching) == (seen,)


def test_time_link_and_sender_alone_are_no_news() -> None:
    moved = PULL.model_copy(update={"at": LATER, "sender": ADA})
    linked = CHECK.model_copy(update={"at": LATER, "url": "https://ci/7"})
    assert news(shown(linked, pull=moved), known(PULL, CHECK)) == ()


def test_what_the_facts_know_better_is_no_news() -> None:
    merged = PULL.model_copy(update={"state": "closed", "merged": True, "merge_sha": LANDED})
    newer = CHECK.model_copy(update={"id": "8", "conclusion": "failure", "at": LATER})
    changed = REVIEW.model_copy(
        update={"id": "6", "state": ev.ReviewState.CHANGES_REQUESTED, "at": LATER}
    )
    assert news(shown(CHECK, REVIEW), known(merged, newer, changed)) == ()


def test_of_two_runs_of_a_job_the_newer_is_told() -> None:
    rerun = CHECK.model_copy(update={"id": "10", "conclusion": None, "at": NOW})
    first = CHECK.model_copy(update={"id": "9"})
    assert news(shown(rerun, first), known(PULL)) == (rerun,)
    assert news(shown(first, rerun), known(PULL, rerun)) == ()


def test_queued_runs_without_a_time_are_told_once() -> None:
    def queued(at: datetime) -> tuple[ev.CheckSeen, ev.CheckSeen]:
        empty = {"conclusion": None, "at": at}
        return (
            CHECK.model_copy(update={**empty, "id": "9"}),
            CHECK.model_copy(update={**empty, "id": "10"}),
        )

    assert news(shown(*queued(NOW)), known(PULL)) == (queued(NOW)[1],)
    assert news(shown(*queued(LATER)), known(PULL, queued(NOW)[1])) == ()


def test_comment_after_an_approval_takes_nothing_back() -> None:
    said = REVIEW.model_copy(update={"id": "6", "state": ev.ReviewState.COMMENTED, "at": LATER})
    assert news(shown(REVIEW, said), known(PULL)) == (REVIEW,)
    dismissed = REVIEW.model_copy(update={"state": ev.ReviewState.DISMISSED})
    assert news(shown(dismissed, said), known(PULL, REVIEW)) == (dismissed,)


def test_webhook_and_sweep_make_the_same_facts() -> None:
    merged = PULL.model_copy(
        update={"state": "closed", "merged": True, "merge_sha": LANDED, "sender": ADA}
    )
    told = news(shown(REVIEW, CHECK, STATUS, pull=merged), known(PULL))
    assert known(PULL, *told) == known(PULL, CHECK, STATUS, REVIEW, merged)
