"""Strict clients that other people wrote work against the forge."""

import asyncio
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import github
import pytest
from githubkit import GitHub
from githubkit.exception import RequestFailed

from localforge.forge_world import World


async def test_githubkit_goes_from_issue_to_deployment(world: World) -> None:  # noqa: PLR0915 - one tour
    bot = GitHub(await world.installation_token(), base_url=world.forge.api_url)
    person = GitHub(world.tokens["bob"], base_url=world.forge.api_url)
    rest, repo = bot.rest, {"owner": "ann", "repo": "app"}
    full = (await rest.repos.async_get(**repo)).parsed_data
    assert full.full_name == "ann/app"
    issue = (
        await person.rest.issues.async_create(**repo, title="Slow", body="p95", labels=["mission"])
    ).parsed_data
    assert issue.labels[0].name == "mission"
    await rest.reactions.async_create_for_issue(**repo, issue_number=issue.number, content="eyes")
    comment = (
        await rest.issues.async_create_comment(**repo, issue_number=issue.number, body="On it")
    ).parsed_data
    await rest.issues.async_update_comment(**repo, comment_id=comment.id, body="On it!")
    listed = (await rest.issues.async_list_comments(**repo, issue_number=issue.number)).parsed_data
    assert [c.body for c in listed] == ["On it!"]
    assert listed[0].user
    assert listed[0].user.login == "grace[bot]"

    main = (await rest.git.async_get_ref(**repo, ref="heads/main")).parsed_data.object_.sha
    commit = (await rest.git.async_get_commit(**repo, commit_sha=main)).parsed_data
    blob = (await rest.git.async_create_blob(**repo, content="fixed\n")).parsed_data
    assert (await rest.git.async_get_blob(**repo, file_sha=blob.sha)).parsed_data.size == 6
    entry = {"path": "a.txt", "mode": "100644", "type": "blob", "sha": blob.sha}
    tree = (
        await rest.git.async_create_tree(**repo, base_tree=commit.tree.sha, tree=[entry])
    ).parsed_data
    made = (
        await rest.git.async_create_commit(**repo, message="Fix it", tree=tree.sha, parents=[main])
    ).parsed_data
    await rest.git.async_create_ref(**repo, ref="refs/heads/fix", sha=made.sha)
    pull = (
        await rest.pulls.async_create(**repo, title="Fix", head="fix", base="main", body="Refs #1")
    ).parsed_data
    assert pull.mergeable is None
    files = (await rest.pulls.async_list_files(**repo, pull_number=pull.number)).parsed_data
    assert [file.filename for file in files] == ["a.txt"]
    assert (await rest.pulls.async_list_commits(**repo, pull_number=pull.number)).parsed_data
    assert (await rest.pulls.async_list(**repo, head="ann:fix")).parsed_data[0].number == 2
    await rest.pulls.async_request_reviewers(**repo, pull_number=2, reviewers=["bob"])
    review = (
        await person.rest.pulls.async_create_review(**repo, pull_number=2, event="APPROVE")
    ).parsed_data
    assert review.state == "APPROVED"
    assert (await rest.pulls.async_list_reviews(**repo, pull_number=2)).parsed_data

    check = (
        await rest.checks.async_create(
            **repo,
            name="mission",
            head_sha=made.sha,
            status="in_progress",
            external_id="m1",
            output={"title": "t", "summary": "s"},
        )
    ).parsed_data
    done = (
        await rest.checks.async_update(
            **repo,
            check_run_id=check.id,
            conclusion="success",
            completed_at=datetime.now(UTC),
        )
    ).parsed_data
    assert (done.status, done.conclusion) == ("completed", "success")
    runs = (await rest.checks.async_list_for_ref(**repo, ref=made.sha)).parsed_data
    assert [run.name for run in runs.check_runs] == ["mission"]
    suites = (await rest.checks.async_list_suites_for_ref(**repo, ref="fix")).parsed_data
    assert suites.check_suites[0].conclusion == "success"
    await rest.repos.async_create_commit_status(**repo, sha=made.sha, state="success")
    combined = (await rest.repos.async_get_combined_status_for_ref(**repo, ref="fix")).parsed_data
    assert combined.state == "success"

    assert (await rest.pulls.async_get(**repo, pull_number=2)).parsed_data.mergeable is None
    await world.forge.idle()
    ready = (await rest.pulls.async_get(**repo, pull_number=2)).parsed_data
    assert (ready.mergeable, ready.mergeable_state) == (True, "clean")
    merged = (await rest.pulls.async_merge(**repo, pull_number=2, sha=made.sha)).parsed_data
    landed = (await rest.repos.async_get_commit(**repo, ref="main")).parsed_data
    assert landed.sha == merged.sha
    assert landed.files
    compared = (
        await rest.repos.async_compare_commits(**repo, basehead=f"{main}...main")
    ).parsed_data
    assert (compared.status, compared.total_commits) == ("ahead", 2)
    deployment = (
        await rest.repos.async_create_deployment(
            **repo, ref=merged.sha, environment="production", required_contexts=[]
        )
    ).parsed_data
    await rest.repos.async_create_deployment_status(
        **repo, deployment_id=deployment.id, state="success"
    )
    states = (
        await rest.repos.async_list_deployment_statuses(**repo, deployment_id=deployment.id)
    ).parsed_data
    assert states[0].state == "success"
    permission = (
        await rest.repos.async_get_collaborator_permission_level(**repo, username="bob")
    ).parsed_data
    assert (permission.permission, permission.role_name) == ("write", "write")
    closed = (await rest.issues.async_update(**repo, issue_number=1, state="closed")).parsed_data
    assert closed.state_reason == "completed"
    with pytest.raises(RequestFailed) as failed:
        await rest.issues.async_get(**repo, issue_number=99)
    assert failed.value.response.status_code == 404


async def test_githubkit_reads_apps_hooks_branches_and_protection(world: World) -> None:
    await world.protect(
        required_status_checks={"strict": True, "contexts": [], "checks": [{"context": "ci"}]},
        required_pull_request_reviews={"required_approving_review_count": 1},
    )
    repo = {"owner": "ann", "repo": "app"}
    app = GitHub(world.jwt(), base_url=world.forge.api_url)
    assert (await app.rest.apps.async_get_authenticated()).parsed_data
    installations = (await app.rest.apps.async_list_installations()).parsed_data
    assert installations[0].id == world.installation
    found = (await app.rest.apps.async_get_repo_installation(**repo)).parsed_data
    assert found.app_slug == "grace"
    await world.forge.idle()
    deliveries = (await app.rest.apps.async_list_webhook_deliveries()).parsed_data
    one = (await app.rest.apps.async_get_webhook_delivery(delivery_id=deliveries[0].id)).parsed_data
    assert one.request.headers
    client = GitHub(world.tokens["ann"], base_url=world.forge.api_url)
    ann = client.rest
    assert (await ann.users.async_get_authenticated()).parsed_data.login == "ann"
    assert (await ann.users.async_get_by_username(username="bob")).parsed_data.login == "bob"
    protection = (await ann.repos.async_get_branch_protection(**repo, branch="main")).parsed_data
    assert protection.required_status_checks
    assert protection.required_status_checks.contexts == ["ci"]
    branch = (await ann.repos.async_get_branch(**repo, branch="main")).parsed_data
    assert branch.protected
    assert (await ann.repos.async_list_branches(**repo)).parsed_data[0].name == "main"
    assert (await ann.repos.async_list_commits(**repo)).parsed_data
    tree = (await ann.git.async_get_tree(**repo, tree_sha="main", recursive="1")).parsed_data
    assert {entry.path for entry in tree.tree} == {"a.txt", "src", "src/run.sh"}
    content = (await ann.repos.async_get_content(**repo, path="a.txt")).parsed_data
    assert content
    hook = (
        await ann.repos.async_create_webhook(
            **repo, config={"url": world.receiver.url, "secret": "s"}, events=["push"]
        )
    ).parsed_data
    assert (await ann.repos.async_get_webhook(**repo, hook_id=hook.id)).parsed_data.active
    people = (await ann.repos.async_list_collaborators(**repo)).parsed_data
    assert [p.login for p in people] == ["ann", "bob"]
    labels = (await ann.issues.async_list_labels_for_repo(**repo)).parsed_data
    assert "bug" in [label.name for label in labels]
    assert (await ann.rate_limit.async_get()).parsed_data.resources.core.limit == 5000


async def test_pygithub_goes_from_issue_to_merge(world: World) -> None:
    def tour(url: str, token: str) -> tuple[int, str, str]:
        client = github.Github(
            base_url=url,
            auth=github.Auth.Token(token),
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )
        repo = client.get_repo("ann/app")
        issue = repo.create_issue("Slow", body="b", labels=["bug"])
        issue.create_comment("hello").edit("hello!")
        issue.add_to_labels("mission")
        repo.create_git_ref("refs/heads/fix", repo.get_branch("main").commit.sha)
        repo.create_file("new/b.txt", "add b", "b\n", branch="fix")
        pull = repo.create_pull(base="main", head="fix", title="Fix", body=f"Fixes #{issue.number}")
        assert pull.get_files()[0].filename == "new/b.txt"
        with pytest.raises(github.GithubException) as refused:
            pull.create_review(event="APPROVE")
        assert refused.value.status == 422
        repo.get_commit(pull.head.sha).create_status("success", context="ci")
        result = pull.merge(merge_method="squash", commit_title="Fix it")
        assert result.merged
        deployment = repo.create_deployment("main", required_contexts=[])
        deployment.create_status("success")
        message = repo.get_commit("main").commit.message
        client.close()
        return pull.number, message, repo.get_issue(issue.number).state

    number, message, state = await asyncio.to_thread(tour, world.forge.api_url, world.tokens["ann"])
    assert number == 2
    assert message.startswith("Fix it")
    assert state == "closed"


@pytest.mark.skipif(shutil.which("gh") is None, reason="the GitHub CLI is not installed")
async def test_gh_api_talks_to_the_forge_over_a_unix_socket(world: World, tmp_path: Path) -> None:
    config = tmp_path / "gh"
    config.mkdir()
    socket = tmp_path / "s"
    (config / "config.yml").write_text(f"version: 1\nhttp_unix_socket: {socket}\n")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GH_CONFIG_DIR": str(config),
        "GH_HOST": "github.localhost",
        "GH_TOKEN": world.tokens["ann"],
        "GH_NO_UPDATE_NOTIFIER": "1",
    }
    process = await asyncio.create_subprocess_exec(
        "gh",
        "api",
        "repos/ann/app/issues",
        "-f",
        "title=From gh",
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, err.decode()
    assert json.loads(out)["title"] == "From gh"
