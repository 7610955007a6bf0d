"""The merge button: who may press it, what it makes, and how it is refused."""

from dataclasses import dataclass
from typing import Final

from grace.localforge.branches import RefChange, mark_merged, ref_moved, tell_merged
from grace.localforge.core import Core
from grace.localforge.db import Row
from grace.localforge.errors import ApiError, unprocessable
from grace.localforge.gitmerge import Conflict, merge_tree, rebase
from grace.localforge.gitrepo import GitError, GitRepository
from grace.localforge.protection import THROUGH_QUEUE, queue_method
from grace.localforge.pulls import base_tip, may_bypass, open_pulls, standing
from grace.localforge.shapes.people import identity, web_flow

METHODS: Final = ("merge", "squash", "rebase")
HEAD_MOVED: Final = "Head branch was modified. Review and try the merge again."
BASE_MOVED: Final = "Base branch was modified. Review and try the merge again."
NOT_MERGEABLE: Final = "Pull Request is not mergeable"
BEHIND: Final = "Head branch is not up to date with the base branch; update it and try again."


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """What the caller asks for; None takes the forge's own words."""

    method: str
    sha: str | None
    title: str | None
    message: str | None


async def merge_pull(core: Core, repo: Row, pull: Row, sender: Row, asked: MergeRequest) -> str:
    """Merge a pull request and return the SHA that landed.

    409 when the head moved, 405 when the merge is not allowed now. Runs under the repository lock.
    """
    tip = await _allowed(core, repo, pull, sender, asked)
    git = core.git(repo)
    landed = await make_commit(core, repo, pull, tip, (sender, asked))
    try:
        await git.update_ref(f"refs/heads/{pull['base_ref']}", landed, tip)
    except GitError as error:
        raise ApiError(405, BASE_MOVED) from error
    mark_merged(core, pull, landed, sender)
    change = RefChange(f"refs/heads/{pull['base_ref']}", tip, landed)
    await ref_moved(core, repo, change, sender)
    await tell_merged(core, repo, pull, sender)
    if repo["settings_json"]["delete_branch_on_merge"]:
        await delete_head(core, repo, pull, sender)
    return landed


async def _allowed(core: Core, repo: Row, pull: Row, sender: Row, asked: MergeRequest) -> str:
    """Return the tip of the base; refuse in the order GitHub does."""
    issue = core.db.get("issues", pull["issue_id"])
    if pull["merged"] or issue["state"] == "closed":
        raise ApiError(405, NOT_MERGEABLE)
    if asked.sha is not None and asked.sha != pull["head_sha"]:
        raise ApiError(409, HEAD_MOVED)
    if pull["draft"]:
        raise ApiError(405, "Pull Request is still a draft")
    if queue_method(core, repo, pull["base_ref"]) is not None:
        raise ApiError(405, THROUGH_QUEUE)
    setting = {"merge": "allow_merge_commit", "squash": "allow_squash_merge"}
    if not repo["settings_json"][setting.get(asked.method, "allow_rebase_merge")]:
        noun = {"merge": "Merge commits", "squash": "Squash merges"}
        words = noun.get(asked.method, "Rebase merges")
        raise ApiError(405, f"{words} are not allowed on this repository.")
    tip = await base_tip(core, repo, pull)
    if tip is None:
        raise ApiError(405, NOT_MERGEABLE)
    found = await standing(core, repo, pull, tip)
    if found.protection is not None and not may_bypass(core, repo, sender, found.protection):
        problems = list(found.problems)
        if found.behind and found.protection.strict:
            problems.append(BEHIND)
        if problems:
            raise ApiError(405, " ".join(problems))
    return tip


async def make_commit(
    core: Core, repo: Row, pull: Row, tip: str, how: tuple[Row, MergeRequest]
) -> str:
    """Write what a merge on `tip` by (sender, request) makes, and return it; 405 on conflicts."""
    sender, asked = how
    git, head = core.git(repo), pull["head_sha"]
    if asked.method == "rebase":
        landed = await rebase(git, tip, head, web_flow(core))
        if isinstance(landed, Conflict):
            raise ApiError(405, "This branch can't be rebased")
        return landed
    tree = await merge_tree(git, tip, head)
    if isinstance(tree, Conflict):
        raise ApiError(405, NOT_MERGEABLE)
    parents = [tip] if asked.method == "squash" else [tip, head]
    author = sender
    if asked.method == "squash":
        author = core.user(core.db.get("issues", pull["issue_id"])["user_id"])
    message = await _message(core, repo, git, pull, asked)
    people = (identity(core, author), web_flow(core))
    return await git.write_commit(tree, parents, message, people)


async def _message(
    core: Core, repo: Row, git: GitRepository, pull: Row, asked: MergeRequest
) -> str:
    title_of_pull = core.db.get("issues", pull["issue_id"])["title"]
    if asked.method == "squash":
        title, message = f"{title_of_pull} (#{pull['number']})", ""
        if asked.message is None:
            commits = await git.commits(f"{pull['base_sha']}..{pull['head_sha']}")
            message = "\n\n".join(f"* {c.message.strip()}" for c in reversed(commits))
    else:
        head_repo = core.db.one("SELECT * FROM repositories WHERE id=?", pull["head_repository_id"])
        owner = (head_repo or repo)["owner"]
        title = f"Merge pull request #{pull['number']} from {owner}/{pull['head_ref']}"
        message = title_of_pull
    title = title if asked.title is None else asked.title
    message = message if asked.message is None else asked.message
    return f"{title}\n\n{message}" if message else title


async def delete_head(core: Core, repo: Row, pull: Row, sender: Row) -> None:
    """Delete the branch of a merged pull request, unless it is a fork's or another one's too."""
    ref = f"refs/heads/{pull['head_ref']}"
    shared = open_pulls(
        core, "p.head_repository_id=? AND p.head_ref=?", repo["id"], pull["head_ref"]
    )
    if pull["head_repository_id"] != repo["id"] or shared:
        return
    await core.git(repo).delete_ref(ref)
    await ref_moved(core, repo, RefChange(ref, pull["head_sha"], "0" * 40), sender)


async def update_branch(core: Core, repo: Row, pull: Row, sender: Row) -> str:
    """Merge the base into the head of a pull request and return the new head."""
    head_repo = core.db.get("repositories", pull["head_repository_id"])
    tip = await base_tip(core, repo, pull)
    if tip is None:
        raise unprocessable("base branch does not exist")
    git = core.git(head_repo)
    if head_repo["id"] != repo["id"]:
        await git.run("fetch", "-q", "--no-tags", str(core.bare(repo)), tip)
    if await git.is_ancestor(tip, pull["head_sha"]):
        raise unprocessable("There are no new commits on the base branch.")
    tree = await merge_tree(git, pull["head_sha"], tip)
    if isinstance(tree, Conflict):
        raise unprocessable("merge conflict between base and head")
    message = f"Merge branch '{pull['base_ref']}' into {pull['head_ref']}"
    people = (identity(core, sender), web_flow(core))
    sha = await git.write_commit(tree, [pull["head_sha"], tip], message, people)
    ref = f"refs/heads/{pull['head_ref']}"
    await git.update_ref(ref, sha, pull["head_sha"])
    await ref_moved(core, head_repo, RefChange(ref, pull["head_sha"], sha), sender)
    return sha
