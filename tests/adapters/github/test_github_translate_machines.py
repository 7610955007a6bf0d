"""What checks, pushes, deployments and lost repositories mean to missions."""

from typing import Any

import pytest

from grace.adapters.github.ours import Ours
from grace.adapters.github.translate import translate
from grace.domain.events import (
    Actor,
    AgentRunEnded,
    BasePushed,
    CheckSeen,
    CommandGiven,
    DeploymentSeen,
    GroupSeen,
    RepositoryGone,
    RepositoryRenamed,
)

BRANCH = "grace/mission_20260301_001"


def test_check_run_is_routed_by_branch_of_ours_else_by_commit(read: Any, payloads: Any) -> None:
    target, event = read("check_run", "completed", check_run=payloads.check())
    assert (target.branch, target.sha) == (BRANCH, None)
    assert isinstance(event, CheckSeen)
    assert (event.id, event.name, event.app_id, event.conclusion) == (
        "701",
        "unit",
        15368,
        "success",
    )
    for suite in (None, {"head_branch": None}, {"head_branch": "main"}):
        target, _ = read("check_run", "completed", check_run=payloads.check(check_suite=suite))
        assert (target.branch, target.sha) == (None, "a" * 40)


def test_check_run_that_is_not_completed_has_no_conclusion(read: Any, payloads: Any) -> None:
    run = payloads.check(
        status="in_progress", conclusion="success", completed_at=None, started_at=None, app=None
    )
    _, event = read("check_run", "created", check_run=run)
    assert (event.conclusion, event.app_id) == (None, None)
    assert event.at.isoformat() == "2026-03-01T12:00:00+00:00"


def test_our_own_check_and_a_wish_to_run_again_are_ignored(read: Any, payloads: Any) -> None:
    assert "our own check" in read(
        "check_run", "completed", check_run=payloads.check(app={"id": 7})
    )
    assert "comes with the run" in read("check_run", "rerequested", check_run=payloads.check())


@pytest.mark.parametrize("name", ["approve", "retry", "rollback"])
def test_button_on_our_check_is_a_command_of_who_pressed_it(
    read: Any, payloads: Any, name: str
) -> None:
    run = payloads.check(app={"id": 7}, name="mission/governance")
    pressed = {"check_run": run, "requested_action": {"identifier": name}}
    target, event = read("check_run", "requested_action", **pressed)
    assert (target.branch, target.sha) == (BRANCH, None)
    assert event == CommandGiven(
        id=f"action-701-{name}-d-1",
        name=name,
        actor=Actor(login="ada", id=11),
        at=event.at,
        sha="a" * 40,
    )
    run = run | {"check_suite": {"head_branch": "main"}}
    target, _ = read("check_run", "requested_action", **(pressed | {"check_run": run}))
    assert (target.branch, target.sha) == (None, "a" * 40)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"check_run": {"app": {"id": 15368}}}, "not a check of ours"),
        ({"check_run": {"app": None}}, "not a check of ours"),
        ({"requested_action": {"identifier": "cancel"}}, "not a button of ours"),
        ({"requested_action": None}, "not a button of ours"),
        ({"sender": {"login": "some[bot]", "type": "Bot"}}, "bots command nothing"),
        ({"sender": {"login": "grace[bot]"}}, "bots command nothing"),
    ],
)
def test_button_that_commands_nothing(read: Any, payloads: Any, change: Any, why: str) -> None:
    body = {"check_run": payloads.check(app={"id": 7}), "requested_action": {"identifier": "retry"}}
    run = body["check_run"] | change.get("check_run", {})
    assert why in read("check_run", "requested_action", **(body | change | {"check_run": run}))


QUEUE_REF = f"refs/heads/gh-readonly-queue/main/pr-4-{'b' * 40}"


@pytest.mark.parametrize(
    ("action", "more", "ended"),
    [
        ("checks_requested", {}, None),
        ("destroyed", {"reason": "invalidated"}, "invalidated"),
        ("destroyed", {}, "destroyed"),
    ],
)
def test_merge_group_is_of_the_pull_request_on_top(
    read: Any, action: str, more: dict[str, str], ended: str | None
) -> None:
    group = {"head_sha": "d" * 40, "head_ref": QUEUE_REF, "base_sha": "b" * 40}
    target, event = read("merge_group", action, merge_group=group, **more)
    assert target.pull == 4
    assert event == GroupSeen(pull=4, head="d" * 40, base="b" * 40, ended=ended)


def test_merge_group_that_names_no_pull_request_is_ignored(read: Any) -> None:
    group = {"head_sha": "d" * 40, "head_ref": "x", "base_sha": "b" * 40}
    assert "names no pull request" in read("merge_group", "checks_requested", merge_group=group)


@pytest.mark.parametrize(
    ("state", "conclusion"),
    [("success", "success"), ("failure", "failure"), ("error", "failure"), ("pending", None)],
)
def test_commit_status_is_a_check(read: Any, state: str, conclusion: str | None) -> None:
    body = {
        "id": 1,
        "sha": "a" * 40,
        "context": "ci/old",
        "state": state,
        "target_url": None,
        "branches": [
            {"name": "grace/other", "commit": {"sha": "b" * 40}},
            {"name": BRANCH, "commit": {"sha": "a" * 40}},
        ],
        "updated_at": "2026-03-01T11:00:00+00:00",
    }
    target, event = read("status", **body)
    assert target.branch == BRANCH
    assert (event.id, event.name, event.conclusion) == ("status:ci/old", "ci/old", conclusion)
    target, _ = read("status", **(body | {"branches": []}))
    assert (target.branch, target.sha) == (None, "a" * 40)


def test_commit_status_that_is_ours_or_odd_is_ignored(read: Any, payloads: Any) -> None:
    body: dict[str, Any] = {"sha": "a" * 40, "context": "x", "updated_at": "2026-03-01T11:00:00Z"}
    assert "not known" in read("status", **body, state="maybe")
    assert "our own" in read("status", **body, state="success", sender=payloads.bot())


@pytest.mark.parametrize("branch", ["main", "release"])
def test_push_to_a_base_concerns_everyone_even_if_we_merged(
    read: Any, payloads: Any, branch: str
) -> None:
    target, event = read(
        "push", ref=f"refs/heads/{branch}", after="d" * 40, deleted=False, sender=payloads.bot()
    )
    assert target.everyone
    assert event == BasePushed(branch=branch, sha="d" * 40)


@pytest.mark.parametrize(
    ("ref", "after", "why"),
    [
        ("refs/tags/main", "d" * 40, "not a branch"),
        (f"refs/heads/{BRANCH}", "d" * 40, "pull request tells it"),
        ("refs/heads/grace-ledger", "d" * 40, "our ledger"),
        ("refs/heads/feature", "d" * 40, "not a base branch"),
        ("refs/heads/main", "0" * 40, "was deleted"),
    ],
)
def test_other_pushes_are_ignored(read: Any, ref: str, after: str, why: str) -> None:
    assert why in read("push", ref=ref, after=after)


def test_deployment_is_told_to_everyone_for_it_may_contain_other_landings(read: Any) -> None:
    target, event = read(
        "deployment_status",
        "created",
        deployment={"id": 1, "sha": "d" * 40, "environment": "production"},
        deployment_status={"state": "success", "created_at": "2026-03-01T11:00:00Z"},
    )
    assert (target.sha, target.everyone) == (None, True)
    assert isinstance(event, DeploymentSeen)
    assert (event.sha, event.environment, event.state) == ("d" * 40, "production", "success")


@pytest.mark.parametrize("action", ["deleted", "transferred", "archived"])
def test_lost_repository_concerns_everyone(read: Any, action: str) -> None:
    target, event = read("repository", action)
    assert target.everyone
    assert isinstance(event, RepositoryGone)
    assert action in event.reason


def test_renamed_repository_goes_on_under_its_number(read: Any) -> None:
    target, event = read("repository", "renamed")
    assert target.everyone
    assert event == RepositoryRenamed(repository="acme/mesh")


@pytest.mark.parametrize("action", ["publicized", "edited", "unarchived"])
def test_repository_that_stays_is_ignored(read: Any, action: str) -> None:
    assert "stays where it is" in read("repository", action)


@pytest.mark.parametrize(
    ("event", "action", "key"),
    [
        ("installation", "deleted", "repositories"),
        ("installation", "suspend", "repositories"),
        ("installation_repositories", "removed", "repositories_removed"),
    ],
)
def test_lost_installation_tells_each_repository(
    payloads: Any, ours: Ours, event: str, action: str, key: str
) -> None:
    body = {
        "action": action,
        "installation": {"id": 5},
        key: [{"id": 99, "full_name": "acme/mesh"}, {"id": 98, "full_name": "acme/web"}],
    }
    routed, note = translate(payloads.delivery(event, body), ours)
    assert note == ""
    assert [r.target.ref.repository_id for r in routed] == [99, 98]
    assert routed[0].target.ref.installation_id == 5
    assert all(r.target.everyone and isinstance(r.event, RepositoryGone) for r in routed)


@pytest.mark.parametrize(
    ("event", "action"), [("installation", "created"), ("installation", "deleted")]
)
def test_installation_that_loses_nothing_is_ignored(
    payloads: Any, ours: Ours, event: str, action: str
) -> None:
    body = {"action": action, "installation": {"id": 5}}
    routed, note = translate(payloads.delivery(event, body), ours)
    assert routed == ()
    assert note.startswith("ignored: ")


def agent_run(payloads: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": 70,
        "path": ".github/workflows/grace-patch.yml@refs/heads/main",
        "event": "workflow_dispatch",
        "display_title": "grace patch mission_20260301_001/ask/2",
        "actor": payloads.bot(),
        "updated_at": "2026-03-01T12:00:00Z",
        **more,
    }


def test_the_end_of_a_run_that_we_ordered_is_told_to_its_mission(read: Any, payloads: Any) -> None:
    target, event = read("workflow_run", "completed", workflow_run=agent_run(payloads))
    assert target.branch == BRANCH
    assert isinstance(event, AgentRunEnded)
    assert (event.request, event.run) == ("mission_20260301_001/ask/2", 70)
    assert event.at.isoformat() == "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize(
    ("action", "more", "why"),
    [
        ("requested", {}, "it goes on"),
        ("in_progress", {}, "it goes on"),
        ("completed", {"actor": {"login": "rex"}}, "not ordered by us"),
        ("completed", {"actor": None}, "not ordered by us"),
        ("completed", {"path": ".github/workflows/ci.yml"}, "its check runs"),
        ("completed", {"event": "pull_request"}, "its check runs"),
        ("completed", {"display_title": "grace-patch"}, "names no request"),
        ("completed", {"display_title": "mission_20260301_001/../" + "x" * 200}, "no request"),
    ],
)
def test_other_runs_tell_a_mission_nothing(
    read: Any, payloads: Any, action: str, more: Any, why: str
) -> None:
    assert why in read("workflow_run", action, workflow_run=agent_run(payloads, **more))
