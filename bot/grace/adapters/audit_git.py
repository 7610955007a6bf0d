"""Audit a plain clone or a bare repository offline, reading it through the `git` binary.

Nothing is fetched, checked out or run: refs, commits, trees and blobs are read as objects.
Replacement refs and grafts, by which a clone can show other objects than it has, are off.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final

from grace.domain.audit import AuditFault, AuditReport
from grace.domain.audit_layout import CHECKPOINT, ENTRIES, LEDGER_BRANCH
from grace.domain.audit_repository import FoundCommit, LedgerCommit, RepositoryAudit
from grace.domain.signing import Verifier

_TIMEOUT_S: Final = 300
_ENVIRONMENT: Final = MappingProxyType(
    {
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }
)


class CloneError(Exception):
    """A path that is not a readable clone; the text says what git said."""


def audit_repository(path: Path, keys: Verifier, ref: str = LEDGER_BRANCH) -> AuditReport:
    """Audit the ledger branch, the mission commits and the merges of the clone at `path`."""
    clone = _Clone(path)
    audit = RepositoryAudit(str(path), keys)
    if clone.text("rev-parse", "--is-shallow-repository").strip() == "true":
        what = "the clone is shallow, so history is missing: run git fetch --unshallow"
        audit.note(AuditFault.INCOMPLETE_CLONE, what)
    ledger = clone.ledger(ref)
    for other in ledger[1:]:
        if not clone.contains(ledger[0], other):
            what = f"{other} and {ledger[0]} are two different ledgers"
            audit.note(AuditFault.REWRITTEN, what)
    with clone.objects() as objects:
        if ledger:
            history = clone.lines("rev-list", "--reverse", "--topo-order", ledger[0], "--")
            for version in _history(objects, history):
                audit.ledger_commit(version)
        audit.close_ledger()
        own = clone.own_commits()
        for sha in clone.mission_commits():
            audit.mission_commit(FoundCommit(sha, objects.need(sha), own=sha in own))
        for landing in audit.landings():
            audit.landed(landing, objects.commit(landing.sha))
    return audit.report()


class _Clone:
    """The refs and the history of a clone."""

    def __init__(self, path: Path) -> None:
        # GIT_DIR and its like would have another repository read than the one that was named.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        self._environment: Mapping[str, str] = {**inherited, **_ENVIRONMENT}
        self._command = ("git", "-c", "log.showSignature=false", "-C", str(path))
        self.text("rev-parse", "--git-dir")

    def text(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode != 0:
            raise CloneError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode("utf-8", "surrogateescape")

    def lines(self, *arguments: str) -> list[str]:
        return self.text(*arguments).splitlines()

    def ledger(self, name: str) -> list[str]:
        """List the refs of the ledger branch; the first is the one that is furthest ahead."""
        refs = self.lines("for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes")
        local = f"refs/heads/{name}"
        origin = f"refs/remotes/origin/{name}"
        remote = [r for r in refs if r.startswith("refs/remotes/") and r.endswith(f"/{name}")]
        wanted = [r for r in (local, origin) if r in refs]
        wanted += [r for r in remote if r not in wanted]
        ahead = [r for r in wanted if all(self.contains(r, other) for other in wanted)]
        return sorted(wanted, key=lambda r: (r not in ahead[:1], wanted.index(r)))

    def contains(self, newer: str, older: str) -> bool:
        done = self._run("merge-base", "--is-ancestor", older, newer)
        if done.returncode not in {0, 1}:
            raise CloneError(f"git merge-base: {done.stderr.decode(errors='replace').strip()}")
        return done.returncode == 0

    def mission_commits(self) -> list[str]:
        """List commits of all branches with a line that may be a `Mission:` trailer."""
        pattern = "--grep=^mission[[:space:]]*:"
        return self.lines("rev-list", "--reverse", "-i", pattern, "--branches", "--remotes", "--")

    def own_commits(self) -> frozenset[str]:
        """List commits that are on branches `grace/*` and on no other branch."""
        own = ("--branches=grace/*", "--remotes=*/grace/*")
        others = ("--exclude=grace/*", "--branches", "--exclude=*/grace/*", "--remotes")
        return frozenset(self.lines("rev-list", *own, "--not", *others, "--"))

    @contextmanager
    def objects(self) -> Iterator["_Objects"]:
        """Open the object store for reading."""
        command = [*self._command, "cat-file", "--batch"]
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        with subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=null, env=self._environment
        ) as process:
            if process.stdin is None or process.stdout is None:
                raise CloneError("git cat-file has no pipes")
            yield _Objects(process.stdin, process.stdout)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self._command, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )


class _Objects:
    """Objects by id, from one `git cat-file --batch`."""

    def __init__(self, ask: IO[bytes], answer: IO[bytes]) -> None:
        self._ask = ask
        self._answer = answer

    def read(self, name: str) -> tuple[str, bytes] | None:
        """Return type and content, or None when the clone has no such object."""
        if "\n" in name:
            return None
        self._ask.write(name.encode("utf-8", "surrogateescape") + b"\n")
        self._ask.flush()
        head = self._answer.readline().rstrip(b"\n")
        if not head or head.endswith((b" missing", b" ambiguous")):
            return None
        kind, size = head.split(b" ")[-2:]
        content = self._answer.read(int(size) + 1)
        return kind.decode(), content[:-1]

    def commit(self, sha: str) -> bytes | None:
        """Return a raw commit; None when there is none by exactly this id."""
        if set(sha) - set("0123456789abcdef"):
            return None
        found = self.read(sha)
        return found[1] if found is not None and found[0] == "commit" else None

    def need(self, name: str) -> bytes:
        found = self.read(name)
        if found is None:
            raise CloneError(
                f"object {name} is missing: the clone is partial or damaged, make a full one"
            )
        return found[1]

    def files(self, tree: str, width: int, prefix: str = "") -> Iterator[tuple[str, str]]:
        """Yield path and blob id of every file below a tree; ids have `width` bytes."""
        content = self.need(tree)
        while content:
            head, _, rest = content.partition(b"\x00")
            mode, _, name = head.partition(b" ")
            oid, content = rest[:width].hex(), rest[width:]
            path = prefix + name.decode("utf-8", "surrogateescape")
            if mode == b"40000":
                yield from self.files(oid, width, f"{path}/")
            elif mode != b"160000":
                yield path, oid


def _history(objects: _Objects, shas: list[str]) -> Iterator[LedgerCommit]:
    """Read versions of the ledger branch; a blob that did not change is not read again."""
    known: dict[str, bytes] = {}
    for sha in shas:
        raw = objects.need(sha)
        listed = objects.files(f"{sha}^{{tree}}", width=len(sha) // 2)
        wanted = {
            path: oid for path, oid in listed if path.startswith(ENTRIES) or path == CHECKPOINT
        }
        known = {oid: known.get(oid) or objects.need(oid) for oid in wanted.values()}
        yield LedgerCommit(sha, raw, {path: known[oid] for path, oid in wanted.items()})
