"""Names that git is given: branches, commits, and the paths that a patch may touch."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from grace.adapters.git.errors import InvalidName, PatchOutOfBounds
from grace.adapters.git.model import PatchBounds

MAX_PATH_BYTES = 1024

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BAD_IN_BRANCH = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^-|^/|/$|\.$|(?:^|/)\.|\.lock(?:/|$)"
)

_REFUSED_NAMES = frozenset({".gitattributes", ".gitmodules", ".gitlab-ci.yml"})
_REFUSED_FOLDERS = (".github/workflows/", ".github/actions/")
_GIT_FOLDER_NAMES = frozenset({".git", "git~1"})
# Control, format (bidirectional overrides among them), surrogate, private, unassigned, separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def branch_ref(branch: str) -> str:
    """Return `refs/heads/BRANCH`; raise InvalidName for what git's check-ref-format refuses."""
    if not branch or branch == "@" or _BAD_IN_BRANCH.search(branch) or not branch.isprintable():
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
    if _COMMIT.fullmatch(value) is None:
        raise InvalidName("commit id", value)
    return value


def check_path(path: str, bounds: PatchBounds) -> None:
    """Raise PatchOutOfBounds with a sentence if a patch within `bounds` may not touch `path`."""
    reason = well_formed(path) or _refused(path) or _outside(path, bounds)
    if reason is not None:
        raise PatchOutOfBounds(reason, path)


def well_formed(path: str) -> str | None:
    """Return why `path` is no clean relative path inside a repository, or None."""
    if not path:
        return "The patch names an empty path."
    if any(unicodedata.category(c) in _UNSEEN for c in path):
        return f"The path {path!a} holds a character that cannot be seen."
    if "\\" in path:
        return f"The path {path} holds a backslash."
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return f"The path {path} is absolute."
    if len(path.encode()) > MAX_PATH_BYTES:
        return f"The path {path[:80]}... is longer than {MAX_PATH_BYTES} bytes."
    parts = path.split("/")
    if ".." in parts:
        return f"The path {path} leaves the repository."
    if "" in parts or "." in parts:
        return f"The path {path} is not written in its plain form."
    if any(_means_git_folder(part) for part in parts):
        return f"The path {path} reaches into git's own folder."
    return None


def _means_git_folder(part: str) -> bool:
    """Tell whether some file system takes `part` for `.git` (case, NTFS short names, streams)."""
    return part.partition(":")[0].rstrip(". ").casefold() in _GIT_FOLDER_NAMES


def _refused(path: str) -> str | None:
    folded = path.casefold()
    if folded.startswith(_REFUSED_FOLDERS) or folded.rsplit("/", 1)[-1] in _REFUSED_NAMES:
        return f"The path {path} steers CI or git itself; a patch may never touch it."
    return None


def _outside(path: str, bounds: PatchBounds) -> str | None:
    if matches(path.casefold(), (glob.casefold() for glob in bounds.protected)):
        return f"The path {path} is protected."
    if bounds.allowed and not matches(path, bounds.allowed):
        return f"The path {path} is outside the paths that this patch may touch."
    return None


def matches(path: str, globs: Iterable[str]) -> bool:
    """Tell whether one of `globs` matches the whole of `path`."""
    return any(_compiled(glob).fullmatch(path) is not None for glob in globs)


@lru_cache(maxsize=512)
def _compiled(glob: str) -> re.Pattern[str]:
    """Translate: `**/` any folders or none, `**` anything, `*` and `?` within one name."""
    pattern, glob = "", glob.removeprefix("/")
    if glob.endswith("/"):
        glob += "**"
    for token in re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", glob):
        match token:
            case "**/":
                pattern += "(?:[^/]+/)*"
            case "**":
                pattern += ".*"
            case "*":
                pattern += "[^/]*"
            case "?":
                pattern += "[^/]"
            case _:
                pattern += re.escape(token)
    return re.compile(pattern, re.DOTALL)
