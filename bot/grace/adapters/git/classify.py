"""Read from git's own words what went wrong; git has no other way to tell."""

import re
import unicodedata
from collections.abc import Callable, Iterable

from grace.adapters.git.errors import (
    GitError,
    RemoteDenied,
    RemoteGone,
    RemoteMoved,
    RemoteUnavailable,
    RepositoryCorrupt,
)

DETAIL_CHARACTERS = 2000

_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
_HEADER = re.compile(r"(authorization|extraheader)(\s*[:=]\s*).*", re.IGNORECASE)
_HTTP_STATUS = re.compile(r"(?:The requested URL returned error:|RPC failed; HTTP) (\d{3})")

_GONE = re.compile(
    r"repository '.*' (?:not found|does not exist)"
    r"|does not appear to be a git repository"
    r"|Repository not found"
)
# The mirror's own configuration is lost: the remote was never asked.
_NO_ORIGIN = "'origin' does not appear to be a git repository"
_DENIED = re.compile(
    r"could not read (?:Username|Password) for"
    r"|Authentication failed for"
    r"|terminal prompts disabled"
)
_UNAVAILABLE = re.compile(
    r"Could not resolve host|Failed to connect|Couldn't connect|Connection (?:refused|reset)"
    r"|Connection timed out|Operation timed out|Operation too slow|Empty reply from server"
    r"|hung up (?:unexpectedly|upon initial contact)|early EOF|RPC failed|SSL|gnutls"
    r"|unexpected disconnect|Could not read from remote repository|Recv failure|Send failure"
    r"|transfer closed"
    # The answer was cut short.
    r"|expected flush after|bytes of body are still expected|bad line length character"
)
_CORRUPT = re.compile(
    r"is corrupt|corrupt(?:ed)? (?:loose|pack|index)|inflate: |not a git repository"
    r"|bad config|bad object refs/|bad object HEAD|garbage at end of loose object"
    r"|unable to unpack|object file .* is empty|packfile .* (?:is|cannot|index|far|claims)"
    r"|index file .* (?:is too small|too small|corrupt)|wrong index v|non-monotonic index"
    r"|broken ref|reference broken|unable to resolve reference|bad ref for|unknown object type"
    r"|does not point to a valid object|hash mismatch|not a GIT packfile"
)


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Remove secrets, userinfo of URLs and control characters; bound the length.

    Both ends are kept, because git says first what failed and last why it gave up.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = _HEADER.sub(r"\1\2***", _USERINFO.sub("***@", text))
    text = "".join(c if c == "\n" or unicodedata.category(c)[0] != "C" else " " for c in text)
    text = text.strip()
    if len(text) <= DETAIL_CHARACTERS:
        return text
    half = DETAIL_CHARACTERS // 2
    return f"{text[:half]}\n...\n{text[-half:]}"


def classify(command: str, code: int, detail: str) -> GitError:
    """Return the error that `detail`, the scrubbed standard error of `git command`, tells of."""
    kind = _remote(detail) or _local(detail)
    if kind is not None:
        return kind(detail=detail)
    return GitError(f"git {command} failed with exit code {code}.", detail=detail)


def _remote(detail: str) -> Callable[..., GitError] | None:
    if _NO_ORIGIN in detail:
        return RepositoryCorrupt
    status = _HTTP_STATUS.search(detail)
    if status is not None:
        return _by_status(int(status[1]))
    if _GONE.search(detail):
        return RemoteGone
    if _DENIED.search(detail):
        return RemoteDenied
    return RemoteUnavailable if _UNAVAILABLE.search(detail) else None


def _by_status(status: int) -> Callable[..., GitError] | None:
    match status:
        case 401 | 403:
            return RemoteDenied
        case 404 | 410 | 451:
            return RemoteGone
        case 408 | 425 | 429:
            return RemoteUnavailable
        case _ if status // 100 == 3:  # noqa: PLR2004 - the class of redirects
            return RemoteMoved
        case _ if status >= 500:  # noqa: PLR2004 - the class of server errors
            return RemoteUnavailable
        case _:
            return None


def _local(detail: str) -> Callable[..., GitError] | None:
    """Look for damage in our own words only: a remote could say anything."""
    ours = "\n".join(line for line in detail.splitlines() if not line.startswith("remote:"))
    return RepositoryCorrupt if _CORRUPT.search(ours) else None
