"""The forge's pages: what each shows, who may see it, and what its forms do."""

from collections.abc import AsyncIterator

import pytest

from localforge.forge_world import REPO, World
from localforge.page_visitor import PageVisitor, visitor


@pytest.fixture
async def page(world: World) -> AsyncIterator[PageVisitor]:
    found = visitor(world.forge)
    yield found
    await found.client.aclose()


async def _pull(world: World) -> tuple[int, str]:
    sha = await world.commit("fix/one", "a.txt", "one\n2\nthree\n")
    return await world.pull("fix/one", body="Fixes #1"), sha


async def test_first_page_lists_what_one_may_see_and_whom_one_can_be(
    world: World, page: PageVisitor
) -> None:
    await world.forge.create_repository("ann", "secret", private=True)
    words = await page.words("/")
    assert "ann / app" in words
    assert "secret" not in words
    assert "toy forge that listens on loopback alone" in words
    assert 'value="bob"' in await page.read("/")
    assert "grace[bot]" not in words
    await page.be("ann")
    assert "ann / secret" in await page.words("/")
    await page.send("/logout")
    assert "secret" not in await page.words("/")


async def test_json_is_answered_as_before_where_pages_are(world: World) -> None:
    asked = await world.person("ann").get(
        f"{world.forge.url}/orgs/acme", headers={"Accept": "application/json"}
    )
    assert asked.json()["message"] == "Not Found"


PATHS = (
    "",
    "/issues",
    "/issues/1",
    "/issues/new",
    "/pulls",
    "/pull/2",
    "/actions",
    "/branches",
    "/tree/main",
    "/blob/main/a.txt",
    "/runs/1",
    "/actions/runs/1",
)


async def test_private_repository_is_not_there(world: World, page: PageVisitor) -> None:
    await world.person("ann").post(f"{REPO}/issues", json={"title": "t"})
    _, sha = await _pull(world)
    await world.commit("main", ".github/workflows/ci.yml", "push\nlint")
    await world.check(sha)
    await world.forge.idle()
    await page.be("eve")
    for path in (*PATHS, f"/commit/{sha}"):
        await page.read(f"/ann/app{path}")
    await world.person("ann").patch(REPO, json={"private": True})
    for path in (*PATHS, f"/commit/{sha}"):
        hidden = await page.read(f"/ann/app{path}", 404)
        missing = await page.read(f"/ann/gone{path}", 404)
        assert hidden.replace("/app", "/gone") == missing
    await page.send("/ann/app/issues/1/comments", 404, body="hello?")


async def test_repository_shows_issues_pulls_commits_and_readme(
    world: World, page: PageVisitor
) -> None:
    await world.person("bob").post(f"{REPO}/issues", json={"title": "It is slow"})
    await _pull(world)
    await world.commit("main", "README.md", "# About\n\nsee #1 and <https://example.org>")
    source = await page.read("/ann/app")
    for text in ("It is slow", "Merge fix/one", "put README.md", "<h1>About</h1>"):
        assert text in source
    assert 'href="/ann/app/issues/1"' in source


async def test_issues_are_filtered_by_state_and_label(world: World, page: PageVisitor) -> None:
    ann = world.person("ann")
    await ann.post(f"{REPO}/issues", json={"title": "Slow start", "labels": ["mission"]})
    await ann.post(f"{REPO}/issues", json={"title": "Slow end"})
    await ann.patch(f"{REPO}/issues/2", json={"state": "closed"})
    assert "Slow end" not in await page.words("/ann/app/issues")
    assert "Slow start" not in await page.words("/ann/app/issues?state=closed")
    labelled = await page.words("/ann/app/issues?state=all&label=mission")
    assert ("Slow start" in labelled, "Slow end" in labelled) == (True, False)


async def test_comment_closes_reopens_and_is_told_to_webhooks(
    world: World, page: PageVisitor
) -> None:
    await world.person("bob").post(f"{REPO}/issues", json={"title": "t"})
    await page.be("bob")
    path = "/ann/app/issues/1/comments"
    answer = await page.send(path, body="/retry **now**")
    assert "#issuecomment-" in str(answer.history[-1].headers["location"])
    assert "/retry <strong>now</strong>" in answer.text
    await page.send(path, body="enough", state="closed")
    words = await page.words("/ann/app/issues/1")
    assert "enough" in words
    assert "bob closed this" in words
    await page.send(path, body="", state="open")
    await world.forge.idle()
    names = world.receiver.names()
    assert names.count("issue_comment.created") == 2
    assert ("issues.closed" in names, "issues.reopened" in names) == (True, True)
    assert world.receiver.last("issue_comment.created")["sender"]["login"] == "bob"


async def test_permissions_hold_in_forms(world: World, page: PageVisitor) -> None:
    await world.person("ann").post(f"{REPO}/issues", json={"title": "t"})
    number, sha = await _pull(world)
    await page.be("eve")
    await page.send("/ann/app/issues/1/comments", body="a stranger may comment")
    await page.send("/ann/app/issues/1/comments", 403, state="closed")
    await page.send("/ann/app/issues/1/labels", 403, label="bug")
    refused = await page.send(f"/ann/app/pull/{number}/merge", 403, method="merge", commit=sha)
    assert "You must have push access" in refused.text
    await page.send("/logout")
    await page.send("/ann/app/issues/1/comments", 401, body="nobody may not")
    await page.send(f"/ann/app/pull/{number}/reviews", 401, event="APPROVE")
    assert 'name="body"' not in await page.read("/ann/app/issues/1")


async def test_labels_are_set_by_ticking(world: World, page: PageVisitor) -> None:
    await world.person("ann").post(f"{REPO}/issues", json={"title": "t", "labels": ["bug"]})
    await page.be("bob")
    await page.send("/ann/app/issues/1/labels", label=["wontfix", "question"])
    issue = (await world.person("ann").get(f"{REPO}/issues/1")).json()
    assert {label["name"] for label in issue["labels"]} == {"wontfix", "question"}
    assert "removed the label bug" in await page.words("/ann/app/issues/1")


async def test_pull_request_shows_diff_checks_and_buttons(world: World, page: PageVisitor) -> None:
    number, sha = await _pull(world)
    bot = await world.bot()
    notes = [
        {"path": "a.txt", "start_line": 2, "end_line": 2, "annotation_level": "warning"}
        | {"message": "why a digit?"}
    ]
    output = {"title": "One missing", "summary": "**Ask** rita", "annotations": notes}
    action = {"label": "Hold it", "description": "Stop", "identifier": "hold"}
    body = {"name": "mission/governance", "head_sha": sha, "conclusion": "failure"}
    await bot.post(f"{REPO}/check-runs", json=body | {"output": output, "actions": [action]})
    status = {"state": "pending", "context": "preview", "description": "building"}
    await bot.post(f"{REPO}/statuses/{sha}", json=status)
    source = await page.read(f"/ann/app/pull/{number}")
    assert '<tr class="removed"><td class="number">2</td>' in source
    assert '<tr class="added"><td class="number"></td><td class="number">2</td>' in source
    for text in ("<strong>Ask</strong> rita", "why a digit?", "building", "put a.txt", "a.txt:2"):
        assert text in source
    assert "Hold it" not in source
    await page.be("bob")
    assert "Hold it" in await page.read(f"/ann/app/pull/{number}")
    run = (await bot.get(f"{REPO}/commits/{sha}/check-runs")).json()["check_runs"][0]
    await page.send(f"/ann/app/runs/{run['id']}", 422, identifier="other")
    await page.send(f"/ann/app/runs/{run['id']}", identifier="hold")
    await page.send(f"/ann/app/runs/{run['id']}")
    await world.forge.idle()
    told = world.receiver.last("check_run.requested_action")
    assert (told["requested_action"]["identifier"], told["sender"]["login"]) == ("hold", "bob")
    assert "check_run.rerequested" in world.receiver.names()
    await page.be("eve")
    await page.send(f"/ann/app/runs/{run['id']}", 403, identifier="hold")


async def test_reviews_and_merge_go_by_who_is_signed_in(world: World, page: PageVisitor) -> None:
    await world.protect(required_pull_request_reviews={"required_approving_review_count": 1})
    number, sha = await _pull(world)
    path = f"/ann/app/pull/{number}"
    await page.be("ann")
    assert "Nobody approves their own" in await page.words(path)
    await page.send(f"{path}/reviews", 422, event="APPROVE", commit=sha)
    await page.send(f"{path}/merge", 405, method="merge", commit=sha)
    await page.be("bob")
    await page.send(f"{path}/reviews", 422, event="REQUEST_CHANGES", body="")
    await page.send(f"{path}/reviews", event="REQUEST_CHANGES", body="not yet", commit=sha)
    await page.send(f"{path}/reviews", event="APPROVE", commit=sha)
    words = await page.words(path)
    assert "bob asked for changes" in words
    assert f"bob approved these changes at {sha[:7]}" in words
    await page.send(f"{path}/merge", 409, method="merge", commit="0" * 40)
    merged = await page.send(f"{path}/merge", method="squash", commit=sha)
    assert 'class="state merged"' in merged.text
    await world.forge.idle()
    told = world.receiver.last("pull_request_review.submitted")
    assert (told["review"]["state"], told["review"]["commit_id"]) == ("approved", sha)
    assert world.receiver.last("pull_request.closed")["pull_request"]["merged"] is True


async def test_pull_request_is_opened_closed_and_brought_up_to_date(
    world: World, page: PageVisitor
) -> None:
    sha = await world.commit("fix/one", "a.txt", "one\n2\nthree\n")
    await world.commit("main", "b.txt", "new\n")
    await page.be("bob")
    assert "fix/one" in await page.words("/ann/app/branches")
    await page.send("/ann/app/pulls", head="fix/one", title="Do it", body="please")
    await page.send("/ann/app/pull/1/update", 422, commit="0" * 40)
    await page.send("/ann/app/pull/1/update", commit=sha)
    pull = (await world.person("bob").get(f"{REPO}/pulls/1")).json()
    assert (pull["title"], pull["head"]["sha"] != sha) == ("Do it", True)
    await page.send("/ann/app/pull/1/comments", body="", state="closed")
    assert "Do it" in await page.words("/ann/app/pulls?state=closed")
    assert "Do it" in await page.words("/ann/app/issues/1")


async def test_workflow_run_shows_jobs_logs_and_runs_again(world: World, page: PageVisitor) -> None:
    await world.commit("main", ".github/workflows/ci.yml", "push\nlint badtests")
    await world.forge.idle()
    words = await page.words("/ann/app/actions/runs/1")
    for text in ("hello from lint", "hello from badtests", "failure", "results"):
        assert text in words
    assert "ci #1" in await page.words("/ann/app/actions")
    job = await page.read("/ann/app/actions/runs/1/job/1")
    assert '<details class="box" id="job-1" open>' in job
    await page.read("/ann/app/actions/runs/1/job/99", 404)
    await page.send("/ann/app/actions/runs/1", 401, act="rerun")
    await page.be("bob")
    await page.send("/ann/app/actions/runs/1", act="rerun")
    await world.forge.idle()
    assert "attempt 2" in await page.words("/ann/app/actions/runs/1")
    await page.send("/ann/app/actions/runs/1", 409, act="cancel")


async def test_commits_folders_and_files_are_browsed(world: World, page: PageVisitor) -> None:
    sha = await world.commit("fix/one", "deep/er/new.txt", "first\nsecond\n")
    assert "put deep/er/new.txt" in await page.words(f"/ann/app/commit/{sha}")
    assert "src/" in await page.words("/ann/app/tree/main")
    assert "er/" in await page.words("/ann/app/tree/fix/one/deep")
    assert "second" in await page.words("/ann/app/blob/fix/one/deep/er/new.txt")
    await page.read("/ann/app/blob/main/none.txt", 404)
    await page.read("/ann/app/tree/none", 404)
    await page.read(f"/ann/app/commit/{'0' * 40}", 404)


async def test_addresses_in_the_api_lead_to_pages(world: World, page: PageVisitor) -> None:
    ann = world.person("ann")
    await ann.post(f"{REPO}/issues", json={"title": "t"})
    comment = await ann.post(f"{REPO}/issues/1/comments", json={"body": "b"})
    await world.commit("main", ".github/workflows/ci.yml", "push\nlint")
    number, sha = await _pull(world)
    await world.check(sha)
    await world.forge.idle()
    shapes = [
        (await ann.get(REPO)).json(),
        (await ann.get(f"{REPO}/issues/1")).json(),
        comment.json(),
        (await ann.get(f"{REPO}/pulls/{number}")).json(),
        (await ann.get(f"{REPO}/commits/{sha}")).json(),
        (await ann.get(f"{REPO}/contents/a.txt")).json(),
        (await ann.get(f"{REPO}/commits/{sha}/check-runs")).json()["check_runs"][0],
        (await ann.get(f"{REPO}/actions/runs/1")).json(),
        (await ann.get(f"{REPO}/actions/runs/1/jobs")).json()["jobs"][0],
        (await ann.get("/user")).json(),
        (await world.client(world.jwt()).get("/app")).json(),
    ]
    for shape in shapes:
        await page.read(shape["html_url"])
