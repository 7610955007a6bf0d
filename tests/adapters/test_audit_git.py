import hashlib
import os
import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grace.adapters.audit_git import CloneError, audit_repository
from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.domain.audit import AuditFault
from grace.domain.audit_layout import branch_files
from grace.domain.ledger import Head, LedgerFault, append, draft, genesis
from grace.domain.ledger_verify import HeadFault, sign_head
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


@pytest.fixture
def forge(tmp_path, key):
    made = Forge(tmp_path, key)
    made.enter(genesis("octo/mesh", "forge.test", 7, key.public))
    patched = made.enter(step())
    made.publish()
    tree = made.tree({"app.py": b"fast\n"})
    work = made.commit(tree, made.sealed("Fix --- it", tree, patched), [made.base], signer=key)
    made.ref(f"heads/grace/{MISSION}", work)
    gate = made.enter(step("mission.gate_passed"))
    made.publish()
    landed = made.commit(tree, made.sealed("Merge it", tree, gate), [made.base, work])
    made.ref("heads/main", landed)
    made.enter(step("mission.merged", {"merge_sha": landed, "tree": tree}))
    made.enter(step("mission.resolved"))
    made.publish()
    made.work, made.landed, made.fixed = work, landed, tree
    return made


def found(report):
    return {(f.kind, f.seq if f.seq is not None else f.commit) for f in report.findings}


def kinds(report):
    return {f.kind for f in report.findings}


def test_a_bare_repository_is_good(forge, keys):
    report = audit_repository(forge.path, keys)
    assert report.lines()[-1] == "good", report.lines()
    assert (report.entries, report.commits, report.head) == (5, 2, forge.head)
    assert report.by_trailer == (forge.landed,)
    # 5 entries, 3 ledger commits and 3 heads, 2 Mission-Signatures, 1 signed work commit.
    assert report.signatures == 14


@pytest.mark.parametrize("flags", [[], ["--bare"], ["--mirror"], ["--no-checkout", "-o", "up"]])
def test_a_plain_clone_is_good_with_nothing_but_the_key(forge, keys, tmp_path, flags):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", *flags, forge.path, clone], check=True, env=ENVIRONMENT)
    report = audit_repository(clone, keys)
    assert report.lines()[-1] == "good", report.lines()
    assert (report.entries, report.commits, report.signatures) == (5, 2, 14)


def test_a_clone_whose_own_ledger_branch_is_behind_is_judged_by_the_newer(forge, keys, tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", forge.path, clone], check=True, env=ENVIRONMENT)
    old = f"{forge.ledger}~1"
    command = ["git", "-C", clone, "branch", "-q", "--no-track", "grace-ledger", old]
    subprocess.run(command, check=True, env=ENVIRONMENT)
    assert audit_repository(clone, keys).entries == 5
    assert audit_repository(clone, keys).ok


def test_two_ledgers_in_one_clone_are_found(forge, keys):
    parent = forge.git("rev-parse", f"{forge.ledger}~1")
    tree = forge.git("rev-parse", f"{forge.ledger}^{{tree}}")
    other = forge.commit(tree, "Other\n", [parent], signer=forge.key)
    forge.ref("remotes/origin/grace-ledger", other)
    assert kinds(audit_repository(forge.path, keys)) == {AuditFault.REWRITTEN}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_changed_byte_of_any_entry_is_found_and_named(forge, keys, data):
    previous = forge.ledger
    index = data.draw(st.integers(0, 4))
    line = bytearray(forge.lines[index])
    line[data.draw(st.integers(0, len(line) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        forge.publish([*forge.lines[:index], bytes(line), *forge.lines[index + 1 :]])
        report = audit_repository(forge.path, keys)
    finally:
        forge.ledger = previous
    assert any(f.seq == index + 1 and f.kind in LedgerFault for f in report.findings)
    assert AuditFault.REWRITTEN in kinds(report)


@pytest.mark.parametrize(
    ("change", "due"),
    [
        (lambda x: [*x[:2], *x[3:]], (LedgerFault.MISSING, 3)),
        (lambda x: [*x[:2], x[3], x[2], x[4]], (LedgerFault.MISSING, 3)),
        (lambda x: [*x[:3], x[2], *x[3:]], (LedgerFault.REPEATED, 3)),
        (lambda x: x[:4], (HeadFault.TRUNCATED, 5)),
        (lambda x: [], (AuditFault.EMPTY, None)),
    ],
    ids=["dropped", "swapped", "repeated", "cut", "emptied"],
)  # fmt: skip
def test_a_dropped_swapped_repeated_or_cut_entry_is_found(forge, keys, change, due):
    forge.publish(change(forge.lines))
    assert due in found(audit_repository(forge.path, keys))


def test_a_ledger_whose_history_was_replaced_by_an_older_state_is_found_by_the_commits(forge, keys):
    oldest = forge.git("rev-parse", f"{forge.ledger}~2")
    forge.ref("heads/grace-ledger", oldest)
    assert found(audit_repository(forge.path, keys)) == {
        (AuditFault.TRAILER_ENTRY, forge.landed),
    }


def test_a_redacted_payload_is_reported_and_still_good(forge, keys):
    forge.publish([forge.lines[0], forge.entries[1].redacted().line, *forge.lines[2:]])
    report = audit_repository(forge.path, keys)
    assert report.ok, report.lines()
    assert report.redacted == (2,)


def test_redacting_what_opened_the_log_leaves_nothing_to_judge_by(forge, keys):
    forge.publish([forge.entries[0].redacted().line, *forge.lines[1:]])
    report = audit_repository(forge.path, keys)
    assert (AuditFault.NO_GENESIS, 1) in found(report)
    assert (AuditFault.TRAILER_SIGNATURE, forge.work) in found(report)


def test_a_ledger_commit_by_another_key_or_without_signature_is_found(forge, keys):
    forge.publish(signer=STRANGER)
    tip = forge.ledger
    assert found(audit_repository(forge.path, keys)) == {
        (AuditFault.LEDGER_COMMIT_UNSIGNED, tip),
        (HeadFault.HEAD_UNKNOWN_KEY, 5),
    }


def test_a_ledger_commit_with_two_parents_is_found(forge, keys):
    forge.publish(parents=[forge.ledger, forge.base])
    assert (AuditFault.REWRITTEN, forge.ledger) in found(audit_repository(forge.path, keys))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda f: {k: v for k, v in f.items() if k != "checkpoint.json"}, AuditFault.STALE_HEAD),
        (lambda f: {**f, "checkpoint.json": f["checkpoint.json"][:-1]}, AuditFault.STALE_HEAD),
        (lambda f: {**f, "entries/x.jsonl": b"x\n"}, AuditFault.LAYOUT),
    ],
)
def test_a_branch_laid_out_otherwise_is_found(forge, keys, change, fault):
    forge.publish(change=change)
    assert fault in kinds(audit_repository(forge.path, keys))


def test_entries_behind_the_signed_head_are_found(forge, keys):
    head = forge.head
    forge.enter(step())
    forge.publish(head=head)
    assert found(audit_repository(forge.path, keys)) == {(AuditFault.STALE_HEAD, 6)}


def test_a_repository_without_ledger_and_a_folder_without_repository_say_so(forge, keys, tmp_path):
    forge.git("update-ref", "-d", "refs/heads/grace-ledger")
    report = audit_repository(forge.path, keys)
    assert AuditFault.NO_LEDGER in kinds(report)
    assert not report.ok
    with pytest.raises(CloneError, match="git rev-parse"):
        audit_repository(tmp_path, keys)


def test_a_shallow_clone_is_not_called_good(forge, keys, tmp_path):
    clone = tmp_path / "clone"
    command = [
        "git",
        "clone",
        "-q",
        "--depth",
        "1",
        "--no-single-branch",
        forge.path.as_uri(),
        clone,
    ]
    subprocess.run(command, check=True, env=ENVIRONMENT)
    assert AuditFault.INCOMPLETE_CLONE in kinds(audit_repository(clone, keys))


def test_a_clone_without_its_blobs_says_so(forge, keys, tmp_path):
    clone = tmp_path / "clone"
    forge.git("config", "uploadpack.allowFilter", "true")
    command = ["git", "clone", "-q", "--bare", "--filter=blob:none", forge.path.as_uri(), clone]
    subprocess.run(command, check=True, env=ENVIRONMENT)
    moved = forge.path.with_name("gone.git")
    forge.path.rename(moved)
    with pytest.raises(CloneError, match="make a full one"):
        audit_repository(clone, keys)


def test_the_wrong_key_makes_nothing_good(forge):
    report = audit_repository(forge.path, PublicKeys(STRANGER.public))
    assert (report.signatures, report.entries) == (0, 0)
    assert not report.ok


def test_a_commit_whose_tree_was_exchanged_is_found(forge, keys):
    message = forge.sealed("Merge it", forge.fixed, forge.entries[2])
    other = forge.tree({"app.py": b"evil\n"})
    sha = forge.commit(other, message, [forge.landed])
    forge.ref("heads/main", sha)
    assert found(audit_repository(forge.path, keys)) == {(AuditFault.TRAILER_SIGNATURE, sha)}


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (lambda f: f"Fix\n\nMission: {MISSION}\n", AuditFault.TRAILERS),
        (lambda f: f.sealed("Fix", f.fixed, f.entries[1], signer=STRANGER),
         AuditFault.TRAILER_SIGNATURE),
        (lambda f: f.sealed("Fix", f.fixed, f.entries[1], mission="mission_20261122_002"),
         AuditFault.TRAILER_ENTRY),
        (lambda f: f.sealed("Fix", f.fixed, f.entries[1]).replace("Fix", "Fax"),
         AuditFault.TRAILER_SIGNATURE),
    ],
)  # fmt: skip
def test_a_commit_that_claims_a_mission_wrongly_is_found(forge, keys, message, fault):
    sha = forge.commit(forge.fixed, message(forge), [forge.landed])
    forge.ref("heads/feature", sha)
    assert found(audit_repository(forge.path, keys)) == {(fault, sha)}


def test_a_commit_that_names_an_entry_of_another_history_is_found(forge, keys, key):
    salt, at = bytes(16), datetime(2026, 11, 22, 10, tzinfo=UTC)
    other = append(forge.entries[0].head, step(), salt, at, key)
    assert other.envelope.seq == forge.entries[1].envelope.seq
    sha = forge.commit(forge.fixed, forge.sealed("Fix", forge.fixed, other), [forge.landed])
    forge.ref("heads/feature", sha)
    assert found(audit_repository(forge.path, keys)) == {(AuditFault.TRAILER_ENTRY, sha)}


def test_words_about_a_mission_claim_nothing(forge, keys):
    message = "Talk\n\nMission: impossible, said he.\n\nThe end.\n"
    forge.ref("heads/feature", forge.commit(forge.fixed, message, [forge.landed]))
    assert audit_repository(forge.path, keys).ok


@pytest.mark.parametrize("signer", [None, STRANGER])
def test_a_mission_commit_on_a_branch_of_grace_needs_her_signature(forge, keys, signer):
    message = forge.sealed("Fix", forge.fixed, forge.entries[1])
    sha = forge.commit(forge.fixed, message, [forge.work], signer=signer)
    forge.ref(f"heads/grace/{MISSION}", sha)
    assert found(audit_repository(forge.path, keys)) == {(AuditFault.COMMIT_SIGNATURE, sha)}


def test_a_branch_of_grace_may_begin_at_what_the_forge_merged(forge, keys):
    forge.ref("heads/grace/mission_20261122_002", forge.landed)
    report = audit_repository(forge.path, keys)
    assert report.ok, report.lines()
    assert report.by_trailer == (forge.landed,)


def test_a_signature_that_does_not_match_is_found_on_any_branch(forge, keys, key):
    message = forge.sealed("Fix", forge.fixed, forge.entries[1])
    good = forge.git(
        "cat-file", "commit", forge.commit(forge.fixed, message, [forge.landed], signer=key)
    )
    raw = good.replace("1790000000", "1790000001").encode() + b"\n"
    sha = forge.git("hash-object", "-t", "commit", "-w", "--stdin", data=raw)
    forge.ref("heads/feature", sha)
    assert found(audit_repository(forge.path, keys)) == {(AuditFault.COMMIT_SIGNATURE, sha)}


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        (lambda f: {"merge_sha": "0" * 40, "tree": f.fixed}, AuditFault.MERGE_MISSING),
        (lambda f: {"merge_sha": "main", "tree": f.fixed}, AuditFault.MERGE_MISSING),
        (lambda f: {"merge_sha": f.fixed, "tree": f.fixed}, AuditFault.MERGE_MISSING),
        (lambda f: {"merge_sha": 7}, AuditFault.MERGE_MISSING),
        (lambda f: {"merge_sha": f.landed, "tree": "0" * 40}, AuditFault.MERGE_TREE),
        (lambda f: {"merge_sha": f.base, "tree": f.git("rev-parse", f"{f.base}^{{tree}}")},
         AuditFault.MERGE_TRAILERS),
    ],
)  # fmt: skip
def test_a_merge_that_is_not_what_the_ledger_says_is_found(forge, keys, payload, fault):
    forge.enter(step("mission.merged", payload(forge)))
    forge.publish()
    assert {(f.kind, f.seq) for f in audit_repository(forge.path, keys).findings} == {(fault, 6)}


def test_a_merge_on_no_branch_any_more_is_judged_as_well(forge, keys):
    sha = forge.commit(forge.fixed, forge.sealed("Again", forge.fixed, forge.entries[2]))
    forge.enter(step("mission.merged", {"merge_sha": sha, "tree": forge.fixed}))
    forge.publish()
    report = audit_repository(forge.path, keys)
    assert report.ok
    assert report.by_trailer == (forge.landed, sha)


def test_replacement_refs_cannot_show_another_commit(forge, keys):
    fake = forge.commit(forge.fixed, "Nothing to see\n", [forge.base])
    forge.git("replace", forge.landed, fake)
    report = audit_repository(forge.path, keys)
    assert report.ok
    assert report.by_trailer == (forge.landed,)


def test_a_genesis_entry_that_names_another_key_is_found(tmp_path, key, keys):
    made = Forge(tmp_path, key)
    made.enter(genesis("octo/mesh", "forge.test", 7, STRANGER.public))
    made.publish()
    assert found(audit_repository(made.path, keys)) == {(AuditFault.NO_GENESIS, 1)}


def test_a_log_that_was_opened_oddly_is_found(tmp_path, key, keys):
    made = Forge(tmp_path, key)
    made.enter(draft("crypto.log_opened", "grace", {"repository": "octo/mesh"}))
    made.publish()
    assert found(audit_repository(made.path, keys)) == {(AuditFault.NO_GENESIS, 1)}
