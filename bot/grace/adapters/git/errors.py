"""What can go wrong with git, as one tree with the data on the exception."""

from grace.domain.ranges import listed


class GitError(Exception):
    """Say that git failed; `detail` is its own text, scrubbed of secrets and bounded."""

    def __init__(self, sentence: str, *, detail: str = "") -> None:
        super().__init__(f"{sentence} git said: {detail}" if detail else sentence)
        self.sentence = sentence
        self.detail = detail


class GitTimeout(GitError):
    def __init__(self, command: str, seconds: float) -> None:
        super().__init__(f"git {command} took longer than {seconds:g} s and was stopped.")
        self.command = command
        self.seconds = seconds


class OutputTooLarge(GitError):
    def __init__(self, command: str, limit: int) -> None:
        super().__init__(f"git {command} printed more than {limit} bytes and was stopped.")
        self.command = command
        self.limit = limit


class InvalidName(GitError):
    """Say that a value is no branch, commit or repository name; nothing was run with it."""

    def __init__(self, kind: str, value: str) -> None:
        super().__init__(f"{value!r} is not a valid {kind}.")
        self.kind = kind
        self.value = value


class UnknownCommit(GitError):
    def __init__(self, commit: str, *, detail: str = "") -> None:
        super().__init__(f"The repository has no commit {commit}.", detail=detail)
        self.commit = commit


class NotAFile(GitError):
    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not a regular file.")
        self.path = path


class SignerChangedCommit(GitError):
    def __init__(self) -> None:
        super().__init__("The signer changed more of the commit than its signature header.")


class RepositoryCorrupt(GitError):
    def __init__(self, *, detail: str = "") -> None:
        super().__init__("The local mirror is damaged and has to be cloned again.", detail=detail)


class PushRejected(GitError):
    """Say that the remote did not take a ref; `stale` when it has moved away from `expected`."""

    def __init__(self, ref: str, reason: str, *, stale: bool) -> None:
        super().__init__(f"The push to {ref} was rejected: {reason}.")
        self.ref = ref
        self.reason = reason
        self.stale = stale


class RevertConflict(GitError):
    def __init__(self, paths: tuple[str, ...]) -> None:
        super().__init__(f"The revert conflicts with later changes in {listed(paths)}.")
        self.paths = paths


class NothingToRevert(GitError):
    """Say that reverting `landed` would change nothing: somebody has done it already.

    `before_tree`: the tree before it. `differing`: its paths that are not as they were there.
    """

    def __init__(self, landed: str, before_tree: str, differing: tuple[str, ...]) -> None:
        but = f", but {listed(differing)} differ from before it" if differing else ""
        super().__init__(f"The changes of {landed} are no longer in the branch{but}.")
        self.landed = landed
        self.before_tree = before_tree
        self.differing = differing


class RevertRefused(GitError):
    def __init__(self, landed: str, reason: str) -> None:
        super().__init__(f"{landed} cannot be reverted: {reason}.")
        self.landed = landed
        self.reason = reason


class RemoteError(GitError):
    """Group what the remote did; `RemoteUnavailable` alone is worth a retry."""


class RemoteGone(RemoteError):
    def __init__(self, *, detail: str = "") -> None:
        super().__init__("The remote repository does not exist (any more).", detail=detail)


class RemoteDenied(RemoteError):
    def __init__(self, *, detail: str = "") -> None:
        super().__init__("The remote refused the credentials.", detail=detail)


class RemoteMoved(RemoteError):
    """Say that the remote redirects: credentials never follow, so read its new address first."""

    def __init__(self, *, detail: str = "") -> None:
        super().__init__("The remote repository has moved to another address.", detail=detail)


class RemoteUnavailable(RemoteError):
    def __init__(self, *, detail: str = "") -> None:
        super().__init__("The remote could not be reached or failed.", detail=detail)
