"""What a patch may touch: paths, modes and sizes, whoever made it and however it is committed."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

MAX_PATH_BYTES: Final = 1024

_OBJECT_ID: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BAD_IN_BRANCH: Final = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^-|^/|/$|\.$|(?:^|/)\.|\.lock(?:/|$)"
)
_REFUSED_NAMES: Final = frozenset({".gitattributes", ".gitmodules", ".gitlab-ci.yml"})
_REFUSED_FOLDERS: Final = (".github/workflows/", ".github/actions/")
_GIT_FOLDER_NAMES: Final = frozenset({".git", "git~1"})
# Control, format (bidirectional overrides among them), surrogate, private, unassigned, separators.
# A run of `**/` at the start of a name, with or without bare stars behind it; or of bare stars.
_GLOBSTARS: Final = re.compile(r"((?:(?<![^/])(?:\*\*/)+(?:\*\*+)?)|\*\*+)")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class PatchError(Exception):
    """A patch that becomes no commit; `sentence` is for a person."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class PatchDoesNotApply(PatchError):
    """Say where a patch failed; `hunk` is the patch's own text (bounded), empty when unknown."""

    def __init__(self, file: str, hunk: str, reason: str) -> None:
        super().__init__(f"The patch does not apply to {file}: {reason}.")
        self.file = file
        self.hunk = hunk
        self.reason = reason


class PatchOutOfBounds(PatchError):
    """Say why a patch may not be applied; `reason` is a sentence, `path` empty when global."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path


@dataclass(frozen=True, slots=True)
class PatchBounds:
    """What a patch may touch. Globs know `*`, `?` and `**`; no `allowed` glob allows all.

    A glob ending in `/` stands for everything below. Some paths are refused whatever the
    bounds say: see `check_path`.
    """

    max_bytes: int = 200_000
    max_files: int = 50
    max_lines: int = 5_000
    allowed: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()


def check_path(path: str, bounds: PatchBounds) -> None:
    """Raise PatchOutOfBounds with a sentence if a patch within `bounds` may not touch `path`."""
    reason = well_formed(path) or _refused(path) or _outside(path, bounds)
    if reason is not None:
        raise PatchOutOfBounds(reason, path)


def check_mode(mode: str, path: str) -> None:
    """Raise PatchOutOfBounds unless `mode` is that of a plain or executable file."""
    match mode:
        case "100644" | "100755":
            return
        case "120000":
            raise PatchOutOfBounds(f"{path} is a symbolic link; a patch may not touch one.", path)
        case "160000":
            raise PatchOutOfBounds(f"{path} is a submodule; a patch may not touch one.", path)
        case _:
            raise PatchOutOfBounds(f"{path} has the mode {mode}, which no file may have.", path)


def check_bytes(size: int, bounds: PatchBounds) -> None:
    """Raise PatchOutOfBounds when a patch is too large to be looked at."""
    if size > bounds.max_bytes:
        raise PatchOutOfBounds(
            f"The patch has {size} bytes; {bounds.max_bytes} are allowed at most."
        )


def check_counts(files: int, lines: int, bounds: PatchBounds) -> None:
    """Raise PatchOutOfBounds when a patch touches too much."""
    if files > bounds.max_files:
        raise PatchOutOfBounds(
            f"The patch touches {files} files; {bounds.max_files} are allowed at most."
        )
    if lines > bounds.max_lines:
        raise PatchOutOfBounds(
            f"The patch changes {lines} lines; {bounds.max_lines} are allowed at most."
        )


def check_text(path: str, *, binary: bool) -> None:
    """Raise PatchOutOfBounds for a file that is binary, before or after."""
    if binary:
        raise PatchOutOfBounds(f"{path} is binary; a patch may only change text.", path)


def check_changed(*, changed: bool) -> None:
    """Raise PatchOutOfBounds when the tree that came out is the one that went in."""
    if not changed:
        raise PatchOutOfBounds("The patch changes nothing.")


def is_branch(name: str) -> bool:
    """Tell whether git's check-ref-format takes `name` for a branch."""
    return bool(name and name != "@" and not _BAD_IN_BRANCH.search(name) and name.isprintable())


def is_object_id(value: str) -> bool:
    """Tell whether `value` is a full hexadecimal object id."""
    return _OBJECT_ID.fullmatch(value) is not None


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
    return any(compiled(glob).fullmatch(path) is not None for glob in globs)


@lru_cache(maxsize=4096)
def compiled(glob: str) -> re.Pattern[str]:
    """Translate: `**/` any folders or none, `**` anything, `*` and `?` within one name.

    What stands between two `**` is matched where it is found first, and never tried elsewhere:
    if the rest matches at all, it matches from there. So no glob takes longer than the square of
    a path's length, whoever writes it.
    """
    glob = glob.removeprefix("/")
    if glob.endswith("/"):
        glob += "**"
    first, *others = _GLOBSTARS.split(glob)
    stars, pieces = others[::2], others[1::2]
    if not stars:
        return re.compile(_names(first), re.DOTALL)
    pattern = _first_match("", first)
    for star, piece in zip(stars[:-1], pieces[:-1], strict=True):
        pattern += _first_match(_folders(star), piece)
    return re.compile(pattern + _folders(stars[-1]) + _names(pieces[-1]), re.DOTALL)


def _folders(star: str) -> str:
    """Translate a run of `**/` to folders, and one with a bare `**` to anything."""
    return "(?:[^/]+/)*?" if not star.replace("**/", "") else ".*?"


def _first_match(star: str, piece: str) -> str:
    """Match a piece where it is found first, and go back to it never."""
    return f"(?>{star}{_names(piece)})"


def _names(piece: str) -> str:
    """Translate what has no `**`; all stars but the last are matched as early as possible."""
    first, *others = piece.split("*")
    pattern = _plain(first)
    for other in others[:-1]:
        pattern += f"(?>[^/]*?{_plain(other)})"
    return pattern + (f"[^/]*?{_plain(others[-1])}" if others else "")


def _plain(text: str) -> str:
    return re.escape(text).replace(r"\?", "[^/]")
