"""Ask a remote and push to it; what the remote answers decides, not what we remember."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from grace.adapters.git.classify import classify
from grace.adapters.git.errors import GitError, InvalidName, PushRejected
from grace.adapters.git.model import PushOutcome, PushResult
from grace.adapters.git.paths import branch_ref, commit_id
from grace.adapters.git.process import Call, Completed, Credentials, Git
from grace.adapters.git.repository import Repository

_REASON = re.compile(r"\((.*)\)\s*$")


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote's address, checked: http(s) or file, and without a name or token in it."""

    url: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https", "file"} or parts.username is not None:
            raise InvalidName(
                "remote address", parts._replace(netloc=parts.hostname or "").geturl()
            )
        if not self.url.isprintable() or " " in self.url:
            raise InvalidName("remote address", self.url)


async def ls_remote(
    git: Git, remote: Remote, branch: str, credentials: Credentials | None = None
) -> str | None:
    """Return the commit that the remote's branch points to now, or None; needs no mirror."""
    ref = branch_ref(branch)
    call = Call(credentials=credentials)
    listed = await git.run(("ls-remote", "--heads", "--", remote.url, ref), call)
    return _listed(listed.text, ref)


def _listed(text: str, ref: str) -> str | None:
    for line in text.splitlines():
        sha, _, name = line.partition("\t")
        if name == ref:
            return commit_id(sha)
    return None


async def push(
    repository: Repository, remote: Remote, sha: str, branch: str, expected: str | None
) -> PushOutcome:
    """Move the remote's branch to `sha` if it is at `expected` (None: does not exist).

    A branch that is at `sha` already is success: an earlier push whose answer was lost.
    Raises PushRejected with what the remote said.
    """
    ref = branch_ref(branch)
    lease = f"--force-with-lease={ref}:{commit_id(expected) if expected is not None else ''}"
    spec = f"{commit_id(sha)}:{ref}"
    answer = await repository.run(
        "push", "--porcelain", "--no-verify", lease, "--", remote.url, spec, accept=(0, 1)
    )
    try:
        return PushOutcome(ref, sha, _said(answer, spec, ref))
    except PushRejected as rejected:
        # Where a connection breaks, curl sends again what the remote may have done by then.
        if rejected.stale and await _tip(repository, remote, ref) == sha:
            return PushOutcome(ref, sha, PushResult.ALREADY_THERE)
        raise


async def _tip(repository: Repository, remote: Remote, ref: str) -> str | None:
    listed = await repository.run("ls-remote", "--heads", "--", remote.url, ref)
    return _listed(listed.text, ref)


def _said(answer: Completed, spec: str, ref: str) -> PushResult:
    """Read what became of a push; what nothing is said of may have happened or not."""
    for line in answer.text.splitlines():
        flag, _, rest = line.partition("\t")
        if rest.startswith(f"{spec}\t"):
            return _result(flag, rest.split("\t", 1)[1], ref)
    error = classify("push", answer.code, answer.stderr)
    if type(error) is not GitError:
        raise error
    raise GitError(f"The push to {ref} got no answer.", detail=answer.stderr)


def _result(flag: str, summary: str, ref: str) -> PushResult:
    match flag:
        case "=":
            return PushResult.ALREADY_THERE
        case "*":
            return PushResult.CREATED
        case " " | "+":
            return PushResult.UPDATED
        case _:
            found = _REASON.search(summary)
            raise PushRejected(ref, found[1] if found else summary, stale=_stale(summary))


def _stale(summary: str) -> bool:
    """Tell a lost race (ours or the server's own lock on the ref) from a refusal."""
    return any(
        words in summary
        for words in (
            "stale info",
            "fetch first",
            "non-fast-forward",
            "cannot lock ref",
            "failed to update ref",
            "reference already exists",
            "incorrect old value",
        )
    )
