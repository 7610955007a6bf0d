"""A bare repository, read and written through the `git` binary."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ZERO = "0" * 40
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


class GitError(Exception):
    """A git command failed; `stderr` is what it said and `code` its exit status."""

    def __init__(self, args: Sequence[str], code: int, stderr: str) -> None:
        super().__init__(f"git {' '.join(args)}: {stderr.strip()}")
        self.code = code
        self.stderr = stderr


@dataclass(frozen=True, slots=True)
class Identity:
    """Who and when, as a commit records it."""

    name: str
    email: str
    at: datetime

    @property
    def raw(self) -> str:
        """The form of git's GIT_*_DATE: seconds and offset."""
        return f"{int(self.at.timestamp())} {self.at.strftime('%z') or '+0000'}"


@dataclass(frozen=True, slots=True)
class CommitObject:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Identity
    committer: Identity
    message: str
    signature: str | None


@dataclass(frozen=True, slots=True)
class TreeEntry:
    mode: str
    kind: str
    sha: str
    size: int | None
    path: str


def git_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which git reads no configuration but the repository's."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        **(extra or {}),
    }


class GitRepository:
    def __init__(self, path: Path) -> None:
        self.path = path

    async def run(
        self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> bytes:
        """Run git in the repository and return stdout; GitError when it fails."""
        process = await asyncio.create_subprocess_exec(
            "git",
            *args,
            cwd=self.path,
            env=git_environment(env),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin)
        if process.returncode:
            raise GitError(
                args,
                process.returncode,
                err.decode(errors="replace") or out.decode(errors="replace"),
            )
        return out

    async def text(self, *args: str) -> str:
        """Run git and return stdout as stripped text."""
        return (await self.run(*args)).decode(errors="replace").strip()

    async def create(self, default_branch: str) -> None:
        """Make the bare repository and allow what partial clones and CI checkouts ask for."""
        self.path.mkdir(parents=True)
        await self.run("init", "-q", "--bare", "-b", default_branch)
        for name, value in (
            ("http.receivepack", "true"),
            ("uploadpack.allowFilter", "true"),
            ("uploadpack.allowAnySHA1InWant", "true"),
            ("receive.hideRefs", "refs/pull"),
            ("gc.auto", "0"),
        ):
            await self.run("config", name, value)

    async def resolve(self, revision: str) -> str | None:
        """Return the commit a branch, tag, ref or SHA names, or None."""
        for candidate in (revision, f"refs/heads/{revision}", f"refs/tags/{revision}"):
            if candidate.startswith("-"):
                return None
            try:
                return await self.text("rev-parse", "-q", "--verify", f"{candidate}^{{commit}}")
            except GitError:
                continue
        return None

    async def ref(self, name: str) -> str | None:
        """Return the SHA of a full ref name, or None."""
        try:
            return await self.text("rev-parse", "-q", "--verify", name)
        except GitError:
            return None

    async def refs(self, prefix: str) -> list[tuple[str, str, str]]:
        """Return (ref, type, sha) of every ref that begins with the prefix."""
        out = await self.text("for-each-ref", "--format=%(refname) %(objecttype) %(objectname)")
        rows = (line.split(" ") for line in out.splitlines())
        return [(name, kind, sha) for name, kind, sha in rows if name.startswith(prefix)]

    async def update_ref(self, name: str, new: str, old: str) -> None:
        """Move a ref from `old` (ZERO: it does not exist) to `new`; GitError when it moved."""
        await self.run("update-ref", name, new, old)

    async def delete_ref(self, name: str) -> None:
        await self.run("update-ref", "-d", name)

    async def kind(self, sha: str) -> str | None:
        """Return the type of an object, or None when there is no such object."""
        try:
            return await self.text("cat-file", "-t", sha)
        except GitError:
            return None

    async def blob(self, sha: str) -> bytes:
        return await self.run("cat-file", "blob", sha)

    async def commit(self, sha: str) -> CommitObject:
        """Return one commit; GitError when there is none."""
        return parse_commit(sha, await self.run("cat-file", "commit", sha))

    async def commits(self, *rev_list: str) -> list[CommitObject]:
        """Return the commits `git rev-list` lists, newest first."""
        shas = await self.run("rev-list", *rev_list)
        if not shas:
            return []
        data = await self.run("cat-file", "--batch", stdin=shas)
        found, at = [], 0
        while at < len(data):
            end = data.index(b"\n", at)
            sha, _, size = data[at:end].decode().split(" ")
            found.append(parse_commit(sha, data[end + 1 : end + 1 + int(size)]))
            at = end + int(size) + 2
        return found

    async def count(self, *rev_list: str) -> int:
        return int(await self.text("rev-list", "--count", *rev_list))

    async def is_ancestor(self, older: str, newer: str) -> bool:
        """Tell whether `older` is reachable from `newer`."""
        try:
            await self.run("merge-base", "--is-ancestor", older, newer)
        except GitError as error:
            if error.code == 1:
                return False
            raise
        return True

    async def merge_base(self, one: str, other: str) -> str | None:
        try:
            return await self.text("merge-base", one, other)
        except GitError:
            return None

    async def tree(self, treeish: str, *, recursive: bool = False) -> list[TreeEntry]:
        """Return the entries of a tree; a recursive listing includes the folders."""
        flags = ["-r", "-t"] if recursive else []
        out = await self.run("ls-tree", "-z", "-l", *flags, treeish)
        entries = []
        for line in out.split(b"\0"):
            if line:
                head, path = line.decode(errors="replace").split("\t", 1)
                mode, kind, sha, size = head.split()
                entries.append(TreeEntry(mode, kind, sha, None if size == "-" else int(size), path))
        return entries

    async def entry(self, commit: str, path: str) -> TreeEntry | None:
        """Return what lies at a path of a commit's tree, or None."""
        out = await self.run("ls-tree", "-z", "-l", commit, "--", path)
        line = out.split(b"\0")[0].decode(errors="replace")
        if not line:
            return None
        head, name = line.split("\t", 1)
        mode, kind, sha, size = head.split()
        return TreeEntry(mode, kind, sha, None if size == "-" else int(size), name)

    async def write_blob(self, content: bytes) -> str:
        return (await self.run("hash-object", "-w", "--stdin", stdin=content)).decode().strip()

    async def write_tree(
        self, base: str | None, changes: Sequence[tuple[str, str, str | None]]
    ) -> str:
        """Return a tree made from `base` with (mode, path, blob or None to delete) applied."""
        index = self.path / f"index-{os.getpid()}-{id(changes):x}"
        env = {"GIT_INDEX_FILE": str(index)}
        lines = [
            f"{mode} {sha}\t{path}" if sha else f"0 {ZERO}\t{path}" for mode, path, sha in changes
        ]
        try:
            await self.run("read-tree", base or "--empty", env=env)
            await self.run(
                "update-index", "--add", "--index-info", stdin="\n".join(lines).encode(), env=env
            )
            return (await self.run("write-tree", env=env)).decode().strip()
        finally:
            index.unlink(missing_ok=True)

    async def write_commit(
        self, tree: str, parents: Sequence[str], message: str, people: tuple[Identity, Identity]
    ) -> str:
        """Write a commit with the message exactly as given; `people` is (author, committer)."""
        author, committer = people
        env = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_AUTHOR_DATE": author.raw,
            "GIT_COMMITTER_NAME": committer.name,
            "GIT_COMMITTER_EMAIL": committer.email,
            "GIT_COMMITTER_DATE": committer.raw,
        }
        links = [word for parent in parents for word in ("-p", parent)]
        out = await self.run("commit-tree", tree, *links, stdin=message.encode(), env=env)
        return out.decode().strip()


def parse_commit(sha: str, raw: bytes) -> CommitObject:
    """Parse git's text of a commit object; continuation lines begin with a space."""
    head, _, message = raw.decode(errors="replace").partition("\n\n")
    fields: list[tuple[str, str]] = []
    for line in head.split("\n"):
        if line.startswith(" "):
            name, value = fields[-1]
            fields[-1] = (name, f"{value}\n{line[1:]}")
        else:
            name, _, value = line.partition(" ")
            fields.append((name, value))
    single = dict(fields)
    return CommitObject(
        sha=sha,
        tree=single["tree"],
        parents=tuple(value for name, value in fields if name == "parent"),
        author=_identity(single["author"]),
        committer=_identity(single["committer"]),
        message=message,
        signature=single.get("gpgsig"),
    )


def _identity(text: str) -> Identity:
    who, _, when = text.rpartition("> ")
    name, _, email = who.partition("<")
    seconds = int(when.split(" ")[0]) if when else 0
    return Identity(name.strip(), email, datetime.fromtimestamp(seconds, UTC))
