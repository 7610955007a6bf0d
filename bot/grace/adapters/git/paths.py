"""Names that git is given: branches, refs and commits; nothing else reaches a command line."""

from grace.adapters.git.errors import InvalidName
from grace.domain.patch_bounds import is_branch, is_object_id


def branch_ref(branch: str) -> str:
    """Return `refs/heads/BRANCH`; raise InvalidName for what git's check-ref-format refuses."""
    if not is_branch(branch):
        raise InvalidName("branch name", branch)
    return f"refs/heads/{branch}"


def full_ref(ref: str) -> str:
    """Return a ref that begins with `refs/` and is well formed; raise InvalidName otherwise."""
    if not ref.startswith("refs/"):
        raise InvalidName("ref", ref)
    branch_ref(ref)
    return ref


def commit_id(value: str) -> str:
    """Return a full hexadecimal object id; raise InvalidName for anything else."""
    if not is_object_id(value):
        raise InvalidName("commit id", value)
    return value
