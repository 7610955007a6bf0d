"""Pull requests: open, read, change, merge."""

from typing import Final

from grace.localforge.api import Body, Call, Need, Reply, Route
from grace.localforge.core import Json, has_role
from grace.localforge.db import Row
from grace.localforge.diff import diff_files
from grace.localforge.errors import ApiError, forbidden, invalid, not_found, unprocessable
from grace.localforge.events import Act
from grace.localforge.gitrepo import EMPTY_TREE
from grace.localforge.issues import next_number, set_state
from grace.localforge.merging import METHODS, MergeRequest, merge_pull, update_branch
from grace.localforge.pulls import import_head, mergeability, open_pulls, pull_event
from grace.localforge.routes.issues import text_of
from grace.localforge.routes.repos import R
from grace.localforge.shapes.people import user_json
from grace.localforge.shapes.pulls import pull_json, simple_pull_json
from grace.localforge.shapes.repos import api_url, commit_json, file_json


def pull_of(call: Call) -> Row:
    """Return the pull request of the path; 404 when there is none."""
    row = call.core.db.one(
        "SELECT * FROM pulls WHERE repository_id=? AND number=?",
        call.repo["id"],
        call.number("number"),
    )
    if row is None:
        raise not_found()
    return row


def _head_repository(call: Call, head: str) -> tuple[Row, str]:
    """Return (repository, branch) of `branch` or `owner:branch`."""
    owner, colon, branch = head.partition(":")
    if not colon:
        return call.repo, head
    user = call.core.user_named(owner)
    if user is not None and user["id"] == call.repo["owner_id"]:
        return call.repo, branch
    fork = user and call.core.db.one(
        "SELECT * FROM repositories WHERE owner_id=? AND parent_id=?", user["id"], call.repo["id"]
    )
    if not fork:
        raise invalid("PullRequest", "head")
    return fork, branch


def _custom(message: str) -> ApiError:
    error = {"resource": "PullRequest", "code": "custom", "message": message}
    return ApiError(422, "Validation Failed", [error])


async def create_pull(call: Call) -> Reply:
    """Open a pull request; 422 when the head is unknown, is empty or has one already."""
    core, repo, body = call.core, call.repo, call.body("PullRequest")
    base, title, text = body.text("base"), body.text("title"), text_of(body, "body")
    head_repo, head = _head_repository(call, body.text("head"))
    if head_repo["id"] == repo["id"] and not _may_push(call):
        raise forbidden("You must have push access to this repository to do this.")
    async with core.lock(repo):
        head_sha = await core.git(head_repo).ref(f"refs/heads/{head}")
        base_sha = await core.git(repo).ref(f"refs/heads/{base}")
        for name, sha in (("head", head_sha), ("base", base_sha)):
            if sha is None:
                raise invalid("PullRequest", name)
        pull = await _insert(
            call,
            {
                "head_repository_id": head_repo["id"],
                "head_ref": head,
                "head_sha": head_sha,
                "base_ref": base,
                "base_sha": base_sha,
                "draft": int(body.flag("draft")),
            },
            (title, text),
        )
    await pull_event(core, repo, pull, Act("opened", call.user))
    return Reply(await pull_json(core, repo, pull, (None, "unknown")), 201)


def _may_push(call: Call) -> bool:
    if call.actor.kind == "installation":
        return True
    return has_role(call.core.role(call.repo, call.user), "write")


async def _insert(call: Call, columns: Json, texts: tuple[str, str | None]) -> Row:
    core, repo = call.core, call.repo
    owner = core.db.get("repositories", columns["head_repository_id"])["owner"]
    if open_pulls(
        core,
        "p.repository_id=? AND p.head_repository_id=? AND p.head_ref=? AND p.base_ref=?",
        repo["id"],
        columns["head_repository_id"],
        columns["head_ref"],
        columns["base_ref"],
    ):
        raise _custom(f"A pull request already exists for {owner}:{columns['head_ref']}.")
    number = core.db.get("repositories", repo["id"])["next_number"]
    draft_row: Row = {**columns, "number": number, "repository_id": repo["id"]}
    await import_head(core, repo, draft_row)
    git = core.git(repo)
    if not await git.count(f"{columns['base_sha']}..{columns['head_sha']}"):
        words = f"No commits between {columns['base_ref']} and {columns['head_ref']}"
        raise _custom(words)
    now = core.now()
    with core.db.transaction():
        number = next_number(core, repo)
        issue = core.db.insert(
            "issues",
            repository_id=repo["id"],
            number=number,
            title=texts[0],
            body=texts[1],
            user_id=call.user["id"],
            labels_json=[],
            assignees_json=[],
            is_pull=1,
            created_at=now,
            updated_at=now,
        )
        made = core.db.insert(
            "pulls",
            repository_id=repo["id"],
            number=number,
            issue_id=issue,
            reviewers_json=[],
            **columns,
        )
    return core.db.get("pulls", made)


async def list_pulls(call: Call) -> Reply:
    """List pull requests by state, head (`owner:branch`) and base; newest first."""
    rows = call.core.db.all(
        "SELECT p.*, i.state FROM pulls p JOIN issues i ON i.id=p.issue_id"
        " WHERE p.repository_id=? ORDER BY p.number DESC",
        call.repo["id"],
    )
    if (state := call.query("state", "open")) != "all":
        rows = [row for row in rows if row["state"] == state]
    if head := call.query("head"):
        owner, _, branch = head.rpartition(":")
        rows = [row for row in rows if row["head_ref"] == branch]
        if owner:
            rows = [row for row in rows if _head_owner(call, row) == owner.lower()]
    if base := call.query("base"):
        rows = [row for row in rows if row["base_ref"] == base]
    if call.query("direction") == "asc":
        rows.reverse()
    return call.page(rows, lambda row: simple_pull_json(call.core, call.repo, row))


def _head_owner(call: Call, pull: Row) -> str:
    repo = call.core.db.one("SELECT * FROM repositories WHERE id=?", pull["head_repository_id"])
    return str(repo["owner"]).lower() if repo else ""


async def get_pull(call: Call) -> Reply:
    """Return a pull request; `mergeable` is null at the first read after a change."""
    pull = pull_of(call)
    state = await mergeability(call.core, call.repo, pull)
    return Reply(await pull_json(call.core, call.repo, pull, state))


async def edit_pull(call: Call) -> Reply:
    """Change title, text, base or state."""
    core, repo, body, pull = call.core, call.repo, call.body("PullRequest"), pull_of(call)
    issue = core.db.get("issues", pull["issue_id"])
    if issue["user_id"] != call.user["id"] and not _may_push(call):
        raise forbidden("Must have admin rights to Repository.")
    changed: Json = {}
    if "title" in body and body.text("title") != issue["title"]:
        changed["title"] = body.text("title")
    if "body" in body and text_of(body, "body") != issue["body"]:
        changed["body"] = text_of(body, "body")
    before: Json = {name: {"from": issue[name] or ""} for name in changed}
    if changed:
        core.db.update("issues", issue["id"], **changed, updated_at=core.now())
    if "base" in body and body.text("base") != pull["base_ref"]:
        before["base"] = {"ref": {"from": pull["base_ref"]}, "sha": {"from": pull["base_sha"]}}
        pull = await _change_base(call, pull, body.text("base"))
    if before:
        await pull_event(core, repo, pull, Act("edited", call.user, {"changes": before}))
    if "state" in body:
        await _change_state(call, pull, body)
    return Reply(await pull_json(core, repo, core.db.get("pulls", pull["id"]), (None, "unknown")))


async def _change_base(call: Call, pull: Row, base: str) -> Row:
    sha = await call.core.git(call.repo).ref(f"refs/heads/{base}")
    if sha is None:
        raise invalid("PullRequest", "base")
    return call.core.db.update("pulls", pull["id"], base_ref=base, base_sha=sha)


async def _change_state(call: Call, pull: Row, body: Body) -> None:
    core, repo = call.core, call.repo
    state = body.choice("state", ("open", "closed"))
    issue = core.db.get("issues", pull["issue_id"])
    if state == issue["state"]:
        return
    if state == "open":
        if pull["merged"]:
            raise invalid("PullRequest", "state", "custom", "A merged pull request stays closed")
        head_repo = core.db.get("repositories", pull["head_repository_id"])
        sha = await core.git(head_repo).ref(f"refs/heads/{pull['head_ref']}")
        if sha is None:
            message = "state cannot be changed. The head branch has been deleted."
            raise invalid("PullRequest", "state", "invalid", message)
        pull = core.db.update("pulls", pull["id"], head_sha=sha)
        await import_head(core, repo, pull)
    set_state(core, issue, state, None, call.user)
    action = "closed" if state == "closed" else "reopened"
    await pull_event(core, repo, pull, Act(action, call.user))


async def list_files(call: Call) -> Reply:
    """List the files a pull request changes, with patches."""
    pull, git = pull_of(call), call.core.git(call.repo)
    base = await git.merge_base(pull["base_sha"], pull["head_sha"])
    files = await diff_files(git, base or EMPTY_TREE, pull["head_sha"], patches=True)
    sha = pull["head_sha"]
    return call.page(files, lambda file: file_json(call.core, call.repo, sha, file))


async def list_commits(call: Call) -> Reply:
    """List a pull request's commits, oldest first."""
    pull, git = pull_of(call), call.core.git(call.repo)
    commits = await git.commits(f"{pull['base_sha']}..{pull['head_sha']}")
    commits.reverse()
    return call.page(commits, lambda commit: commit_json(call.core, call.repo, commit))


async def is_merged(call: Call) -> Reply:
    """Answer 204 when the pull request is merged."""
    if not pull_of(call)["merged"]:
        raise not_found()
    return Reply(status=204)


async def merge(call: Call) -> Reply:
    """Merge; 405 when it is not allowed, 409 when `sha` is not the head."""
    body = call.body("PullRequest")
    method = body.choice("merge_method", METHODS, "merge")
    sha, title = body.optional("sha"), body.optional("commit_title")
    asked = MergeRequest(method, sha, title, body.optional("commit_message"))
    pull_of(call)
    async with call.core.lock(call.repo):
        landed = await merge_pull(call.core, call.repo, pull_of(call), call.user, asked)
    message = "Pull Request successfully merged"
    return Reply({"sha": landed, "merged": True, "message": message})


async def update(call: Call) -> Reply:
    """Merge the base into the head; 422 when `expected_head_sha` is not the head."""
    pull, body = pull_of(call), call.body("PullRequest")
    expected = body.optional("expected_head_sha")
    if expected is not None and expected != pull["head_sha"]:
        message = "expected head sha didn't match current head ref."
        raise unprocessable(message)
    async with call.core.lock(call.repo):
        await update_branch(call.core, call.repo, pull, call.user)
    url = f"{api_url(call.core, call.repo)}/pulls/{pull['number']}"
    return Reply({"message": "Updating pull request branch.", "url": url}, 202)


async def request_reviewers(call: Call) -> Reply:
    """Ask people for reviews; 422 for the author and for strangers."""
    return await _reviewers(call, add=True)


async def remove_reviewers(call: Call) -> Reply:
    """Take back requests for reviews."""
    return await _reviewers(call, add=False)


async def _reviewers(call: Call, *, add: bool) -> Reply:
    core, repo, pull = call.core, call.repo, pull_of(call)
    author = core.db.get("issues", pull["issue_id"])["user_id"]
    action = "review_requested" if add else "review_request_removed"
    for login in call.body("PullRequest").strings("reviewers"):
        user = core.user_named(login)
        if user is None or core.role(repo, user) == "none" or user["id"] == author:
            words = "Review cannot be requested from pull request author."
            stranger = "Reviews may only be requested from collaborators."
            raise unprocessable(words if user and user["id"] == author else stranger)
        if add and user["id"] != repo["owner_id"] and not _collaborates(call, user):
            raise unprocessable("Reviews may only be requested from collaborators.")
        asked = [i for i in pull["reviewers_json"] if i != user["id"]]
        asked += [user["id"]] if add else []
        if asked == pull["reviewers_json"]:
            continue
        pull = core.db.update("pulls", pull["id"], reviewers_json=asked)
        who = {"requested_reviewer": user_json(core, user)}
        await pull_event(core, repo, pull, Act(action, call.user, who))
    return Reply(simple_pull_json(core, repo, pull), 201 if add else 200)


def _collaborates(call: Call, user: Row) -> bool:
    sql = "SELECT 1 FROM collaborators WHERE repository_id=? AND user_id=?"
    return call.core.db.one(sql, call.repo["id"], user["id"]) is not None


async def list_reviewers(call: Call) -> Reply:
    """List who is asked for a review."""
    users = [call.core.user(i) for i in pull_of(call)["reviewers_json"]]
    return Reply({"users": [user_json(call.core, user) for user in users], "teams": []})


_READ: Final = Need("pull_requests:read")
_WRITE: Final = Need("pull_requests:write")
_PUSH: Final = Need("pull_requests:write", "write")
_PULL: Final = f"{R}/pulls/{{number}}"

ROUTES: Final = (
    Route("GET", f"{R}/pulls", list_pulls, _READ),
    Route("POST", f"{R}/pulls", create_pull, _WRITE),
    Route("GET", _PULL, get_pull, _READ),
    Route("PATCH", _PULL, edit_pull, _WRITE),
    Route("GET", f"{_PULL}/files", list_files, _READ),
    Route("GET", f"{_PULL}/commits", list_commits, _READ),
    Route("GET", f"{_PULL}/merge", is_merged, Need("pull_requests:read|contents:read")),
    Route("PUT", f"{_PULL}/merge", merge, Need("contents:write", "write")),
    Route("PUT", f"{_PULL}/update-branch", update, _PUSH),
    Route("GET", f"{_PULL}/requested_reviewers", list_reviewers, _READ),
    Route("POST", f"{_PULL}/requested_reviewers", request_reviewers, _PUSH),
    Route("DELETE", f"{_PULL}/requested_reviewers", remove_reviewers, _PUSH),
)
