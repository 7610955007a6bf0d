"""Read and write objects of one bare repository; no work tree, no ref is moved here."""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TypedDict, Unpack

from grace.adapters.git.errors import (
    GitError,
    InvalidName,
    NotAFile,
    OutputTooLarge,
    SignerChangedCommit,
    UnknownCommit,
)
from grace.adapters.git.model import CommitDraft, DiffStat, Ident
from grace.adapters.git.paths import commit_id
from grace.adapters.git.process import Call, Completed, Credentials, Git
from grace.domain.patch_bounds import well_formed

SCRATCH = "grace-scratch"
MAX_FILE_BYTES = 4 * 1024 * 1024
_NO_SUCH_OBJECT = re.compile(
    r"not our ref|Not a valid object name|bad object [0-9a-f]|Needed a single revision"
    r"|could not fetch [0-9a-f]+ from promisor|not a tree object|not a valid commit"
    r"|Not a valid commit name|unadvertised object|not a commit|bad file|invalid object name"
    r"|unknown revision"
)


class _Options(TypedDict, total=False):
    stdin: bytes
    index: Path
    accept: tuple[int, ...]
    timeout: float
    max_output: int


@dataclass(frozen=True, slots=True)
class Change:
    """One path of a tree diff as git stores it; a mode of 000000 means absent."""

    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    path: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A bare repository on disk; the credentials are for blobs that git fetches on demand."""

    git: Git
    path: Path
    credentials: Credentials | None = None

    async def run(self, *args: str, **options: Unpack[_Options]) -> Completed:
        """Run one git command in this repository."""
        call = Call(repository=self.path, credentials=self.credentials, **options)
        return await self.git.run(args, call)

    async def about(self, commit: str, *args: str, **options: Unpack[_Options]) -> Completed:
        """Run a command about `commit`; a commit that nobody has is UnknownCommit."""
        try:
            return await self.run(*args, **options)
        except GitError as error:
            if type(error) is GitError and _NO_SUCH_OBJECT.search(error.detail):
                raise UnknownCommit(commit, detail=error.detail) from error
            raise

    async def ref(self, ref: str) -> str | None:
        """Return the commit that `ref` points to here, or None."""
        found = await self.run(
            "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", accept=(0, 1)
        )
        return found.text or None

    async def tree(self, commit: str) -> str:
        """Return the tree of `commit`; raise UnknownCommit."""
        spec = f"{commit_id(commit)}^{{tree}}"
        return (await self.about(commit, "rev-parse", "--verify", spec)).text

    async def parents(self, commit: str) -> tuple[str, ...]:
        """Return the parents of `commit` in their order; raise UnknownCommit."""
        header, _ = await self._commit(commit)
        lines = header.decode("utf-8", "replace").splitlines()
        return tuple(line.removeprefix("parent ") for line in lines if line.startswith("parent "))

    async def message(self, commit: str) -> str:
        """Return the whole message of `commit`, trailers included; raise UnknownCommit."""
        return (await self._commit(commit))[1].decode("utf-8", "replace")

    async def _commit(self, commit: str) -> tuple[bytes, bytes]:
        raw = await self.about(commit, "cat-file", "commit", commit_id(commit))
        header, _, message = raw.stdout.partition(b"\n\n")
        return header, message

    async def contains(self, head: str, base: str) -> bool:
        """Tell whether `base` is `head` or one of its ancestors; raise UnknownCommit."""
        args = ("merge-base", "--is-ancestor", commit_id(base), commit_id(head))
        try:
            return (await self.run(*args, accept=(0, 1))).code == 0
        except GitError as error:
            if type(error) is not GitError or not _NO_SUCH_OBJECT.search(error.detail):
                raise
            missing = head if head in error.detail else base
            raise UnknownCommit(missing, detail=error.detail) from error

    async def changes(self, old: str, new: str) -> tuple[Change, ...]:
        """Return what differs between two trees or commits, by path, renames not guessed."""
        args = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev")
        raw = await self.about(new, *args, commit_id(old), commit_id(new))
        fields = raw.stdout.split(b"\0")[:-1]
        found: list[Change] = []
        for meta, path in zip(fields[::2], fields[1::2], strict=True):
            old_mode, new_mode, old_blob, new_blob, _ = meta.decode().lstrip(":").split(" ")
            found.append(Change(old_mode, new_mode, old_blob, new_blob, decode_path(path)))
        return tuple(found)

    async def stat(self, old: str, new: str) -> tuple[DiffStat, str | None]:
        """Count changed files and lines; name the first path that git takes for binary."""
        args = ("diff-tree", "-r", "-z", "--numstat", "--no-renames")
        raw = await self.about(new, *args, commit_id(old), commit_id(new))
        files = added = deleted = 0
        binary: str | None = None
        for line in raw.stdout.split(b"\0")[:-1]:
            plus, minus, path = line.split(b"\t", 2)
            files += 1
            if plus == b"-":
                binary = binary or decode_path(path)
            else:
                added, deleted = added + int(plus), deleted + int(minus)
        return DiffStat(files, added, deleted), binary

    async def read_file(self, commit: str, path: str, limit: int) -> bytes | None:
        """Return the bytes of a regular file, None if absent; raise NotAFile, OutputTooLarge."""
        if well_formed(path) is not None:
            raise InvalidName("path", path)
        listed = await self.about(commit, "ls-tree", "-z", commit_id(commit), "--", path)
        if not listed.stdout:
            return None
        mode, _, blob = listed.stdout.split(b"\t")[0].decode().split(" ")
        if mode not in {"100644", "100755"}:
            raise NotAFile(path)
        try:
            return (await self.run("cat-file", "blob", blob, max_output=limit)).stdout
        except OutputTooLarge as error:
            raise OutputTooLarge(f"cat-file ({path})", limit) from error

    async def write_tree(self, index: Path) -> str:
        """Write the index as a tree without asking the remote for blobs that we lack."""
        return (await self.run("write-tree", "--missing-ok", index=index)).text

    async def write_commit(self, tree: str, parents: tuple[str, ...], draft: CommitDraft) -> str:
        """Write a signed commit object and return its id."""
        raw = commit_bytes(tree, parents, draft)
        signed = draft.sign(raw)
        header, message = raw.split(b"\n\n", 1)
        if not signed.startswith(header) or not signed.endswith(b"\n\n" + message):
            raise SignerChangedCommit
        return await self.write_raw_commit(signed)

    async def write_raw_commit(self, raw: bytes) -> str:
        """Write commit bytes as they are and return their id."""
        return (await self.run("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw)).text

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a path for an index of one's own; what a crash leaves is swept at the next start."""
        folder = self.path / SCRATCH
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as own:
            yield Path(own) / "index"


def commit_bytes(tree: str, parents: tuple[str, ...], draft: CommitDraft) -> bytes:
    """Return the raw commit object (git's own format, UTC), unsigned."""
    if draft.at.tzinfo is None:
        raise ValueError("the time of a commit must know its zone")
    message = draft.message if isinstance(draft.message, str) else draft.message(tree)
    if not message.strip() or "\0" in message:
        raise InvalidName("commit message", message[:80])
    seconds = int(draft.at.astimezone(UTC).timestamp())
    lines = [
        f"tree {tree}",
        *(f"parent {parent}" for parent in parents),
        f"author {_stamp(draft.author, seconds)}",
        f"committer {_stamp(draft.committer or draft.author, seconds)}",
    ]
    return ("\n".join(lines) + "\n\n" + message.rstrip("\n") + "\n").encode()


def _stamp(ident: Ident, seconds: int) -> str:
    return f"{ident.name.strip()} <{ident.email.strip()}> {seconds} +0000"


def decode_path(path: bytes) -> str:
    """Decode a path of the repository; bytes that are no UTF-8 survive as surrogates."""
    return path.decode("utf-8", "surrogateescape")
