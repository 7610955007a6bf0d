"""What follows from a ref that moved, whoever moved it: git, the API or a merge."""

from dataclasses import dataclass

from grace.localforge.changes import close_mentioned
from grace.localforge.core import Core, Json
from grace.localforge.db import Row
from grace.localforge.diff import diff_files
from grace.localforge.events import Act, Event, emit, payload
from grace.localforge.gitrepo import EMPTY_TREE, ZERO, CommitObject
from grace.localforge.issues import set_state
from grace.localforge.pulls import close_pull, head_moved, open_pulls, pull_event
from grace.localforge.shapes.repos import html_url, push_commit_json, pusher_json

HEADS = "refs/heads/"
MAX_COMMITS = 20


@dataclass(frozen=True, slots=True)
class RefChange:
    """A ref's move; `before` or `after` is ZERO when it was made or deleted."""

    ref: str
    before: str
    after: str

    @property
    def branch(self) -> str | None:
        """Return the branch's name, None for tags."""
        return self.ref.removeprefix(HEADS) if self.ref.startswith(HEADS) else None


async def ref_moved(core: Core, repo: Row, change: RefChange, sender: Row) -> None:
    """Tell of the move, follow it in pull requests and issues, and start workflows."""
    core.db.update("repositories", repo["id"], pushed_at=core.now(), updated_at=core.now())
    repo = core.db.get("repositories", repo["id"])
    branch = change.branch
    short = branch or change.ref.removeprefix("refs/tags/")
    named: Json = {
        "ref": short,
        "ref_type": "branch" if branch else "tag",
        "pusher_type": "user",
    }
    if change.before == ZERO:
        described = {**named, "master_branch": repo["default_branch"], "description": None}
        emit(core, Event("create", sender, repo, body=described))
    if change.after == ZERO:
        emit(core, Event("delete", sender, repo, body=named))
    commits = await _new_commits(core, repo, change)
    event = Event("push", sender, repo, body=await _push_body(core, repo, change, commits, sender))
    emit(core, event)
    if branch is None:
        return
    await _follow_heads(core, repo, change, sender)
    await _follow_bases(core, repo, change, sender)
    if branch == repo["default_branch"]:
        for commit in reversed(commits):
            await close_mentioned(core, repo, commit.message, sender)
    if change.after != ZERO and core.actions is not None:
        core.spawn(
            core.actions.push(repo, change, payload(core, event), sender), f"workflows of {short}"
        )


async def _new_commits(core: Core, repo: Row, change: RefChange) -> list[CommitObject]:
    """Return what a push brought, newest first, bounded as in GitHub's payload."""
    if change.after == ZERO:
        return []
    git = core.git(repo)
    if change.before != ZERO:
        wanted = [change.after, f"^{change.before}"]
    elif change.branch == repo["default_branch"]:
        wanted = [change.after]
    else:
        wanted = [change.after, f"^{HEADS}{repo['default_branch']}"]
        if await git.ref(f"{HEADS}{repo['default_branch']}") is None:
            wanted.pop()
    if await git.kind(change.after) != "commit":
        return []
    return await git.commits("-n", str(MAX_COMMITS), *wanted)


async def _push_body(
    core: Core, repo: Row, change: RefChange, commits: list[CommitObject], sender: Row
) -> Json:
    git = core.git(repo)
    shaped = []
    for commit in reversed(commits):
        parent = commit.parents[0] if commit.parents else EMPTY_TREE
        files = await diff_files(git, parent, commit.sha)
        shaped.append(push_commit_json(core, repo, commit, files))
    both = ZERO not in (change.before, change.after)
    forced = both and not await git.is_ancestor(change.before, change.after)
    return {
        "ref": change.ref,
        "before": change.before,
        "after": change.after,
        "base_ref": None,
        "created": change.before == ZERO,
        "deleted": change.after == ZERO,
        "forced": forced,
        "compare": f"{html_url(core, repo)}/compare/{change.before[:12]}...{change.after[:12]}",
        "commits": shaped,
        "head_commit": shaped[-1] if shaped else None,
        "pusher": pusher_json(sender),
    }


async def _follow_heads(core: Core, repo: Row, change: RefChange, sender: Row) -> None:
    """Update the pull requests whose head this branch is; a deleted head closes them."""
    for pull in open_pulls(
        core, "p.head_repository_id=? AND p.head_ref=?", repo["id"], change.branch
    ):
        base_repo = core.db.get("repositories", pull["repository_id"])
        if change.after == ZERO:
            await close_pull(core, base_repo, pull, sender)
        elif pull["head_sha"] != change.after:
            await head_moved(core, base_repo, pull, change.after, sender)


async def _follow_bases(core: Core, repo: Row, change: RefChange, sender: Row) -> None:
    """Close pull requests whose base is gone, and mark as merged what the base now contains."""
    git = core.git(repo)
    for pull in open_pulls(core, "p.repository_id=? AND p.base_ref=?", repo["id"], change.branch):
        if change.after == ZERO:
            await close_pull(core, repo, pull, sender)
        elif await git.is_ancestor(pull["head_sha"], change.after):
            await merged(core, repo, pull, change.after, sender)


async def merged(core: Core, repo: Row, pull: Row, sha: str, sender: Row) -> Row:
    """Record that a pull request landed as `sha`, and close what its text says it closes."""
    mark_merged(core, pull, sha, sender)
    return await tell_merged(core, repo, pull, sender)


def mark_merged(core: Core, pull: Row, sha: str, sender: Row) -> None:
    """Write a merge into the rows, so that following the base does not see it again."""
    with core.db.transaction():
        core.db.update(
            "pulls",
            pull["id"],
            merged=1,
            merged_at=core.now(),
            merged_by=sender["id"],
            merge_sha=sha,
        )
        set_state(core, core.db.get("issues", pull["issue_id"]), "closed", None, sender)


async def tell_merged(core: Core, repo: Row, pull: Row, sender: Row) -> Row:
    """Tell of a merge that is recorded, and close what its text says it closes."""
    pull = core.db.get("pulls", pull["id"])
    await pull_event(core, repo, pull, Act("closed", sender))
    if pull["base_ref"] == repo["default_branch"]:
        issue = core.db.get("issues", pull["issue_id"])
        await close_mentioned(core, repo, f"{issue['title']}\n{issue['body'] or ''}", sender)
    return pull
