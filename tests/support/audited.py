"""A repository with a ledger branch and mission commits, made by plain git, for the audit's tests."""

import hashlib
import os
import subprocess
from datetime import UTC, datetime

from grace.adapters.keys import Ed25519Key
from grace.domain.audit_layout import branch_files
from grace.domain.ledger import Head, append, draft
from grace.domain.ledger_verify import sign_head
from grace.domain.sshsig import sign_commit
from grace.domain.trailers import Approval, LedgerRef, MissionMessage, MissionTrailers, Place, seal

MISSION = "mission_20261122_001"
STRANGER = Ed25519Key(bytes(32))
WHO = "Grace <grace@example.test> 1790000000 +0000"
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "LC_ALL": "C",
}


class Forge:
    """A bare repository with a mission that was merged, and its ledger branch."""

    def __init__(self, folder, key):
        self.key, self.path = key, folder / "mesh.git"
        self.entries, self.head, self.ledger = [], Head.empty("forge.test/7"), None
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", self.path], check=True)
        self.base = self.commit(self.tree({"app.py": b"slow\n"}), "First version\n")
        self.ref("heads/main", self.base)

    def git(self, *arguments, data=None):
        done = subprocess.run(
            ["git", "-C", self.path, *arguments],
            input=data,
            capture_output=True,
            check=True,
            env=ENVIRONMENT,
        )
        return done.stdout.decode().strip()

    def tree(self, files):
        rows, folders = [], {}
        for path, content in files.items():
            folder, _, name = path.rpartition("/")
            if folder:
                folders.setdefault(folder, {})[name] = content
            else:
                blob = self.git("hash-object", "-w", "--stdin", data=content)
                rows.append(f"100644 blob {blob}\t{path}\n")
        rows += [f"040000 tree {self.tree(part)}\t{name}\n" for name, part in folders.items()]
        return self.git("mktree", data="".join(rows).encode())

    def commit(self, tree, message, parents=(), signer=None):
        lines = [f"tree {tree}", *(f"parent {p}" for p in parents)]
        raw = "\n".join((*lines, f"author {WHO}", f"committer {WHO}", "", message)).encode()
        raw = raw if signer is None else sign_commit(raw, signer)
        return self.git("hash-object", "-t", "commit", "-w", "--stdin", data=raw)

    def ref(self, name, sha):
        self.git("update-ref", f"refs/{name}", sha)

    def enter(self, entry):
        seq = len(self.entries) + 1
        salt = hashlib.sha256(b"%d" % seq).digest()[:16]
        at = datetime(2026, 11, 22, 9, 30, seq, tzinfo=UTC)
        self.entries.append(append(self.head, entry, salt, at, self.key))
        self.head = self.entries[-1].head
        return self.entries[-1]

    def sealed(self, subject, tree, entry, *, signer=None, mission=MISSION):
        trailers = MissionTrailers(
            mission=mission,
            issue="octo/mesh#12",
            agent="candidate/first",
            entry=LedgerRef(seq=entry.envelope.seq, hash=entry.hash),
            approved_by=(Approval(login="bob", gate="review"),),
        )
        place = Place("octo/mesh", "forge.test/7", tree)
        return seal(MissionMessage.of(subject, trailers, refs=12), place, signer or self.key)

    @property
    def lines(self):
        return [entry.line for entry in self.entries]

    def publish(self, lines=None, *, head=None, signer=None, parents=None, change=None):
        """Commit a version of the ledger branch; everything can be done wrongly."""
        checkpoint = sign_head(head or self.head, signer or self.key)
        files = branch_files(self.lines if lines is None else lines, checkpoint)
        tree = self.tree(files if change is None else change(files))
        above = parents if parents is not None else [self.ledger] if self.ledger else []
        self.ledger = self.commit(tree, "Append\n", above, signer=signer or self.key)
        self.ref("heads/grace-ledger", self.ledger)


def step(kind="mission.step_taken", payload=None):
    return draft(kind, "grace", payload or {"ok": True}, mission=MISSION)


def found(report):
    return {(f.kind, f.seq if f.seq is not None else f.commit) for f in report.findings}


def kinds(report):
    return {f.kind for f in report.findings}
