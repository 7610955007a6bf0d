"""The adapter against a forge that answers over real sockets and real git: one change, whole."""

import asyncio
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from grace.adapters.github.commits import ApiCommit, FileState
from grace.domain.events import (
    BasePushed,
    CommandGiven,
    IssueSeen,
    LabelSeen,
    Permission,
    PullSeen,
    ReviewSeen,
)
from grace.ports import (
    ChangeDraft,
    CheckDraft,
    ForgeGone,
    ForgeRefused,
    GitAccess,
    LiveQuery,
    MergeDraft,
)
from support.tour import Tour

BRANCH = "grace/mission_20260301_001"


async def git(folder: Path, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "git", "-C", str(folder), *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode().strip()


async def push_change(folder: Path, access: GitAccess) -> str:
    """Clone with the installation's token, commit, push the work branch; return its SHA."""
    url = access.url.replace("://", f"://{access.username}:{access.token}@")
    await git(folder, "clone", "-q", url, "work")
    work = folder / "work"
    await git(work, "switch", "-q", "-c", BRANCH)
    (work / "fix.txt").write_text("faster\n")
    await git(work, "add", "fix.txt")
    who = ("-c", "user.name=Grace", "-c", "user.email=grace@example.org")
    await git(work, *who, "commit", "-q", "-m", "Make it faster")
    await git(work, "push", "-q", "origin", BRANCH)
    return await git(work, "rev-parse", "HEAD")


def check(head: str, *, done: bool) -> CheckDraft:
    return CheckDraft(
        name="mission/gates",
        sha=head,
        external_id="uid:gates",
        conclusion="success" if done else None,
        title="gates",
        summary="all of them",
        at=datetime.now(UTC),
    )


async def test_mission_issue_and_command_are_heard(tour: Tour) -> None:
    await tour.person("eve", "POST", "/issues", title="slow", body="x", labels=[])
    await tour.person("ada", "POST", "/issues/1/labels", labels=["mission"])
    await tour.person("ada", "POST", "/issues/1/comments", body="Please\n\n/grace start")
    routed, _ = await tour.heard()
    made = next(r for r in routed if isinstance(r.event, IssueSeen))
    assert (made.target.issue, made.target.create, made.target.ref) == (1, True, tour.ref)
    told = next(r.event for r in routed if isinstance(r.event, CommandGiven))
    assert (told.name, told.actor.login) == ("start", "ada")
    assert await tour.forge.permission(tour.ref, "ada") is Permission.ADMIN
    assert await tour.forge.permission(tour.ref, "rex") is Permission.MAINTAIN
    assert not (await tour.forge.permission(tour.ref, "eve")).may_write


async def test_issue_that_we_file_is_found_and_makes_no_second_mission(tour: Tour) -> None:
    uid = "0f8fad5b-d9cb-469f-a165-70867728950e"
    marker = f"<!-- grace:{uid}:mission -->"
    filed = await tour.forge.file_issue(tour.ref, "Alert", f"why\n{marker}", ["mission"])
    assert await tour.forge.find_issue(tour.ref, "mission", marker) == filed
    assert await tour.forge.find_issue(tour.ref, "mission", "<!-- other -->") is None
    comment = await tour.forge.post_comment(tour.ref, filed.number, "state <!-- sticky -->")
    await tour.forge.edit_comment(tour.ref, comment, "new state <!-- sticky -->")
    assert await tour.forge.find_comment(tour.ref, filed.number, "<!-- sticky -->") == comment
    await tour.forge.set_labels(tour.ref, filed.number, ["a"], ["a", "never there"])
    await tour.forge.close_issue(tour.ref, filed.number, "completed")
    routed, notes = await tour.heard()
    assert {str(r.target.uid) for r in routed} == {uid}
    assert not any(r.target.create for r in routed)
    labels = [r.event for r in routed if isinstance(r.event, LabelSeen)]
    assert [(e.label, e.present) for e in labels] == [("mission", True), ("a", True), ("a", False)]
    assert {e.actor.login for e in labels if e.actor is not None} == {tour.ours.bot_login}
    assert [note for note in notes if "issues." in note]
    assert all("our own doing" in note for note in notes if "issues." in note)


async def test_change_goes_from_branch_to_merge(tour: Tour, tmp_path: Path) -> None:
    forge, ref = tour.forge, tour.ref
    assert "Grace" in await forge.reach()
    head = await push_change(tmp_path, await forge.git_access(ref))
    draft = ChangeDraft(head_branch=BRANCH, base_branch="main", title="Fix", body="Refs #1")
    change = await forge.open_change(ref, draft)
    assert change.head_sha == head
    assert await forge.open_change(ref, draft) == change

    number = await forge.publish_check(ref, check(head, done=False), None)
    assert await forge.publish_check(ref, check(head, done=True), number) == number
    assert await forge.find_check(ref, head, "uid:gates") == number
    await forge.request_review(ref, change.number, ["rex"])
    path = f"/pulls/{change.number}/reviews"
    await tour.person("rex", "POST", path, event="APPROVE", commit_id=head)

    state = await forge.read_change(ref, change.number)
    assert (state.pull.head_sha, state.pull.state, state.pull.merged) == (head, "open", False)
    assert [(review.actor.login, review.sha) for review in state.reviews] == [("rex", head)]
    assert state.checks == ()

    merge = MergeDraft(
        number=change.number, head="f" * 40, method="merge", subject="Fix", message="Mission: x"
    )
    stale = await forge.merge(ref, merge)
    assert (stale.sha, stale.status) == (None, 409)
    landed = await forge.merge(ref, merge.model_copy(update={"head": head}))
    assert landed.sha is not None
    assert (await forge.merge(ref, merge.model_copy(update={"head": head}))).status == 405
    assert (await forge.read_change(ref, change.number)).pull.merge_sha == landed.sha

    routed, _ = await tour.heard()
    pulls = [r for r in routed if isinstance(r.event, PullSeen)]
    assert {r.target.branch for r in pulls} == {BRANCH}
    assert any(r.event.merge_sha == landed.sha for r in pulls if isinstance(r.event, PullSeen))
    assert any(isinstance(r.event, ReviewSeen) and r.event.sha == head for r in routed)
    assert any(r.event == BasePushed(branch="main", sha=landed.sha) for r in routed)


async def test_change_is_closed_and_lost_repository_is_gone(tour: Tour, tmp_path: Path) -> None:
    await push_change(tmp_path, await tour.forge.git_access(tour.ref))
    draft = ChangeDraft(head_branch=BRANCH, base_branch="main", title="Fix", body="")
    change = await tour.forge.open_change(tour.ref, draft)
    await tour.forge.close_change(tour.ref, change.number)
    assert (await tour.forge.read_change(tour.ref, change.number)).pull.state == "closed"
    await tour.local.uninstall_app(tour.installation)
    with pytest.raises(ForgeGone):
        await tour.forge.post_comment(tour.ref, change.number, "hello?")


async def test_every_call_that_the_forge_counts_was_observed(tour: Tour) -> None:
    await tour.forge.permission(tour.ref, "ada")
    counted = [(call.method, call.status) for call in await tour.local.calls()]
    assert [(call.method, call.status) for call in tour.calls] == counted


async def test_commit_by_api_is_made_once_and_moved_once(tour: Tour, tmp_path: Path) -> None:
    base = await head_of(tour, tmp_path)
    files = {"fix.txt": FileState(b"faster\n"), "a.bin": FileState(b"\xff"), "README.md": None}
    first = ApiCommit(base, BRANCH, files, "Make it faster\n")
    made = await tour.forge.commit(tour.ref, first)
    work = tmp_path / "clone"
    await git(work, "fetch", "-q", "origin", BRANCH)
    assert await git(work, "ls-tree", "--name-only", made.tree) == "a.bin\nfix.txt"
    assert await tour.forge.commit(tour.ref, first) == made
    other = ApiCommit(base, BRANCH, {"fix.txt": FileState(b"fastest\n", "100755")}, "Again")
    with pytest.raises(ForgeRefused, match="left alone"):
        await tour.forge.commit(tour.ref, other)
    moved = await tour.forge.commit(tour.ref, replace(other, expected=made.sha))
    await git(work, "fetch", "-q", "origin", BRANCH)
    assert await git(work, "rev-parse", "FETCH_HEAD", "FETCH_HEAD^", "FETCH_HEAD^{tree}") == (
        f"{moved.sha}\n{base}\n{moved.tree}"
    )
    assert (await git(work, "ls-tree", moved.tree, "fix.txt")).startswith("100755 blob")


async def test_news_are_what_the_webhooks_told(tour: Tour) -> None:
    since = datetime.now(UTC)
    await tour.person("ada", "POST", "/issues", title="slow", body="x", labels=[])
    await tour.person("ada", "POST", "/issues/1/labels", labels=["mission"])
    await tour.person("ada", "POST", "/issues/1/comments", body="/grace start")
    told, _ = await tour.heard()
    read = await tour.forge.news(tour.ref, "mission", since)
    commands = [r.event for r in read if isinstance(r.event, CommandGiven)]
    assert commands == [r.event for r in told if isinstance(r.event, CommandGiven)]
    assert commands
    seen = [r.event.number for r in read if isinstance(r.event, IssueSeen)]
    assert seen == [1]
    await tour.forge.react(tour.ref, commands[0].id, "eyes")
    await tour.forge.react(tour.ref, commands[0].id, "eyes")


async def test_sweep_is_what_three_calls_read(tour: Tour, tmp_path: Path) -> None:
    head = await push_change(tmp_path, await tour.forge.git_access(tour.ref))
    draft = ChangeDraft(head_branch=BRANCH, base_branch="main", title="Fix", body="Refs #1")
    change = await tour.forge.open_change(tour.ref, draft)
    await tour.forge.publish_check(tour.ref, check(head, done=True), None)
    path = f"/pulls/{change.number}/reviews"
    await tour.person("rex", "POST", path, event="APPROVE", commit_id=head)
    await tour.person("ada", "POST", f"/statuses/{head}", state="success", context="ci/old")
    lost = tour.ref.model_copy(update={"repository": "ada/never"})
    wanted = [
        LiveQuery(ref=tour.ref, uid=UUID(int=1), issue=77, pulls=(change.number,), landed=head),
        LiveQuery(ref=lost, uid=UUID(int=2), issue=1),
    ]
    before = len(tour.calls)
    here, gone = await tour.forge.read_live(wanted)
    assert [(call.path, call.status) for call in tour.calls[before:]][-1] == ("/graphql", 200)
    assert (gone.gone, here.gone, here.issue_closed) == (True, False, True)
    read = await tour.forge.read_change(tour.ref, change.number)
    assert here.changes[0].pull == read.pull
    assert here.changes[0].reviews == read.reviews
    assert [seen.name for seen in here.changes[0].checks] == ["ci/old"]


async def head_of(tour: Tour, folder: Path) -> str:
    access = await tour.forge.git_access(tour.ref)
    url = access.url.replace("://", f"://{access.username}:{access.token}@")
    await git(folder, "clone", "-q", url, "clone")
    return await git(folder / "clone", "rev-parse", "HEAD")
