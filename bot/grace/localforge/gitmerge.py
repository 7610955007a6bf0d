"""Merging in a bare repository: three-way, squash and rebase, without a work tree."""

from dataclasses import dataclass

from grace.localforge.gitrepo import CommitObject, GitError, GitRepository, Identity


@dataclass(frozen=True, slots=True)
class Conflict:
    """The two sides do not merge; `detail` is what git said of it."""

    detail: str


async def merge_tree(git: GitRepository, ours: str, theirs: str) -> str | Conflict:
    """Return the tree of the merge of two commits."""
    try:
        out = await git.run("merge-tree", "--write-tree", "--no-messages", ours, theirs)
    except GitError as error:
        if error.code == 1:
            return Conflict(error.stderr)
        if "unrelated histories" in error.stderr:
            return Conflict(error.stderr)
        raise
    return out.decode().split("\n", 1)[0].strip()


async def rebase(git: GitRepository, base: str, head: str, committer: Identity) -> str | Conflict:
    """Replay the commits of base..head on base; authors are kept, merges are left out."""
    tip = base
    for commit in reversed(await git.commits("--no-merges", f"{base}..{head}")):
        tree = await _pick(git, tip, commit)
        if isinstance(tree, Conflict):
            return tree
        tip = await git.write_commit(tree, [tip], commit.message, (commit.author, committer))
    return tip


async def _pick(git: GitRepository, tip: str, commit: CommitObject) -> str | Conflict:
    if not commit.parents or tip == commit.parents[0]:
        return commit.tree
    # A stand-in for the tip whose only parent is the commit's own makes that parent the merge base.
    people = (commit.author, commit.committer)
    stand_in = await git.write_commit(f"{tip}^{{tree}}", [commit.parents[0]], "stand-in", people)
    return await merge_tree(git, stand_in, commit.sha)
