"""The audit of a clone, on commits made in memory: what is good, and each thing that is wrong."""

import json

import pytest

from grace.adapters.keys import Ed25519Key
from grace.domain.attestation import attest
from grace.domain.audit import AuditFault
from grace.domain.audit_layout import CHECKPOINT, branch_files
from grace.domain.audit_repository import FoundCommit, LedgerCommit, RepositoryAudit
from grace.domain.ledger import Head, append, draft, genesis
from grace.domain.ledger_verify import sign_head
from grace.domain.signing import encode64
from grace.domain.sshsig import object_id, sign_commit
from grace.domain.trailers import LedgerRef, MissionMessage, MissionTrailers, Place, seal
from support.world import START, sha

MISSION = "mission_20261122_001"
TREE, OTHER = sha("tree"), sha("other tree")
WHO = "Grace <grace@example.test> 1790000000 +0000"
STRANGER = Ed25519Key(bytes(32))


def commit(message, *, tree=TREE, parents=(), signer=None):
    lines = [f"tree {tree}", *(f"parent {p}" for p in parents)]
    raw = "\n".join((*lines, f"author {WHO}", f"committer {WHO}", "", message)).encode()
    raw = raw if signer is None else sign_commit(raw, signer)
    return object_id(raw, like="0" * 40), raw


def message(entry, key, *, tree=TREE, mission=MISSION, seq=None):
    block = MissionTrailers(
        mission=mission,
        issue="octo/mesh#12",
        agent="candidate/first",
        entry=LedgerRef(seq=seq or entry.envelope.seq, hash=entry.hash),
    )
    place = Place("octo/mesh", "forge.test/7", tree)
    return seal(MissionMessage.of("Fix it", block, refs=12), place, key)


class Clone:
    """A clone whose ledger is good unless a test says otherwise."""

    def __init__(self, entries, key, keys):
        self.key, self.entries = key, entries
        self.audit = RepositoryAudit("clone", keys)

    def attested(self, signer):
        """Publish and patch as it is where the forge makes the commits."""

        def sign(raw):
            return sign_commit(raw, signer)

        files = branch_files(
            [e.line for e in self.entries], sign_head(self.entries[-1].head, self.key)
        )
        self.audit.ledger_commit(LedgerCommit(*commit(attest(TREE, (), "Append\n", sign)), files))
        self.audit.close_ledger()
        return self.found(attest(TREE, (), message(self.entries[1], self.key), sign))

    def publish(self, *, entries=None, head=None, signer=None, commit_signer=None, change=None):
        shown = self.entries if entries is None else entries
        checkpoint = sign_head(head or self.entries[-1].head, signer or self.key)
        files = branch_files([e.line for e in shown], checkpoint)
        name, raw = commit("Append\n", signer=commit_signer or self.key)
        self.audit.ledger_commit(LedgerCommit(name, raw, change(files) if change else files))
        self.audit.close_ledger()
        return self

    def found(self, text, *, own=True, signer=None, tree=TREE):
        name, raw = commit(text, tree=tree, signer=signer)
        self.audit.mission_commit(FoundCommit(name, raw, own=own))
        return self

    @property
    def faults(self):
        return {f.kind for f in self.audit.report().findings}


@pytest.fixture
def clone(sample_ledger, key, keys):
    return Clone(sample_ledger(3), key, keys)


def merged(clone, payload):
    entry = draft("mission.merged", "grace", payload, mission=MISSION)
    last = clone.entries[-1]
    made = append(last.head, entry, bytes(16), START.replace(hour=12), clone.key)
    clone.entries = [*clone.entries, made]
    return clone.publish()


def test_a_good_clone_is_good(clone, key):
    clone.publish().found(message(clone.entries[1], key), signer=key)
    report = clone.audit.report()
    assert report.ok
    assert (report.entries, report.commits, report.signatures) == (3, 1, 7)


def test_a_commit_of_the_forge_is_proven_by_its_trailer_alone(clone, key):
    text = message(clone.entries[1], key)
    clone.publish().found(text, own=False)
    assert clone.audit.report().ok
    assert clone.audit.report().by_trailer == (commit(text)[0],)


def test_commits_of_the_forge_are_ours_where_their_messages_are_signed(clone, key):
    report = clone.attested(key).audit.report()
    assert report.ok
    assert (report.commits, report.signatures, report.by_trailer) == (1, 7, ())


def test_commits_of_the_forge_that_a_stranger_signed_are_found(clone):
    assert clone.attested(STRANGER).faults == {
        AuditFault.LEDGER_COMMIT_UNSIGNED,
        AuditFault.COMMIT_SIGNATURE,
    }


def test_each_wrong_commit_is_found(clone, key):
    entry = clone.entries[1]
    good = message(entry, key)
    wrong = {
        AuditFault.TRAILERS: lambda c: c.found(good.replace("Mission-Agent", "Mission-Agnet")),
        AuditFault.COMMIT_SIGNATURE: lambda c: c.found(good),
        AuditFault.TRAILER_SIGNATURE: lambda c: c.found(good, tree=OTHER, signer=key),
        AuditFault.TRAILER_ENTRY: lambda c: c.found(message(entry, key, seq=3), signer=key),
    }
    clone.publish()
    for fault, do in wrong.items():
        assert fault not in clone.faults
        assert fault in do(clone).faults


def test_an_entry_about_another_mission_is_found(clone, key):
    text = message(clone.entries[1], key, mission="mission_20261122_002")
    assert clone.publish().found(text, signer=key).faults == {AuditFault.TRAILER_ENTRY}


def test_a_seal_by_a_stranger_is_found(clone):
    text = message(clone.entries[1], STRANGER)
    assert clone.publish().found(text, own=False).faults == {AuditFault.TRAILER_SIGNATURE}


def test_a_commit_whose_signature_is_of_other_bytes_is_found(clone, key):
    text = message(clone.entries[1], key)
    _, raw = commit(text, signer=key)
    raw = raw.replace(b"candidate/first", b"candidate/other")
    clone.publish()
    clone.audit.mission_commit(FoundCommit(object_id(raw, like="0" * 40), raw, own=True))
    assert AuditFault.COMMIT_SIGNATURE in clone.faults


def test_without_its_log_no_seal_can_be_judged(clone, key):
    clone.found(message(clone.entries[1], key), signer=key)
    assert AuditFault.TRAILER_SIGNATURE in clone.faults
    assert AuditFault.TRAILER_ENTRY in clone.faults


def test_merges_are_held_against_what_the_ledger_says(clone, key):
    text = message(clone.entries[1], key)
    name, raw = commit(text)
    merged(clone, {"merge_sha": name, "tree": TREE})
    (landing,) = clone.audit.landings()
    clone.audit.landed(landing, raw)
    assert clone.audit.report().ok
    clone.audit.landed(landing, raw)
    assert clone.audit.report().commits == 1
    clone.audit.landed(landing, None)
    assert clone.faults == {AuditFault.MERGE_MISSING}


def test_a_merge_of_another_tree_or_without_its_trailers_is_found(clone):
    name, raw = commit("Merge it\n")
    merged(clone, {"merge_sha": name, "tree": OTHER})
    (landing,) = clone.audit.landings()
    clone.audit.landed(landing, raw)
    assert clone.faults == {AuditFault.MERGE_TREE, AuditFault.MERGE_TRAILERS}


def test_an_entry_that_claims_a_merge_of_nothing_is_found(clone):
    merged(clone, {"merge_sha": None})
    assert clone.audit.landings() == ()
    assert clone.faults == {AuditFault.MERGE_MISSING}


def test_a_ledger_commit_of_a_stranger_or_out_of_line_is_found(clone):
    assert clone.publish(commit_signer=STRANGER).faults == {AuditFault.LEDGER_COMMIT_UNSIGNED}
    assert AuditFault.REWRITTEN in clone.publish().faults


def test_a_ledger_commit_of_other_bytes_is_found(clone, key):
    files = branch_files([e.line for e in clone.entries], sign_head(clone.entries[-1].head, key))
    clone.audit.ledger_commit(LedgerCommit("0" * 40, b"anything", files))
    assert clone.faults == {AuditFault.OBJECT_CHANGED}


@pytest.mark.parametrize("text", [b"", b"no head"])
def test_a_head_that_cannot_be_read_is_found(clone, text):
    assert AuditFault.STALE_HEAD in clone.publish(change=lambda f: f | {CHECKPOINT: text}).faults


def test_a_head_without_its_newline_is_found(clone):
    def cut(files):
        return files | {CHECKPOINT: files[CHECKPOINT].rstrip(b"\n")}

    assert AuditFault.STALE_HEAD in clone.publish(change=cut).faults


def test_a_head_behind_its_log_or_of_a_stranger_is_found(clone):
    assert AuditFault.STALE_HEAD in clone.publish(head=clone.entries[1].head).faults


def test_a_head_signed_by_a_stranger_is_found(clone):
    assert not clone.publish(signer=STRANGER).audit.report().ok


def test_a_log_that_does_not_begin_with_its_opening_is_found(clone):
    assert AuditFault.NO_GENESIS in clone.publish(entries=clone.entries[1:]).faults


@pytest.mark.parametrize("named", ["AAAA", None])
def test_an_opening_that_names_another_key_is_found(clone, key, named):
    other = encode64(STRANGER.public) if named is None else named
    first = genesis("octo/mesh", "forge.test", 7, key.public)
    forged = draft(first.kind, first.actor, {**json.loads(first.payload), "key": other})
    made = append(Head.empty("forge.test/7"), forged, bytes(16), START, key)
    clone.entries = [made]
    assert AuditFault.NO_GENESIS in clone.publish().faults


def test_what_the_reader_saw_is_part_of_the_report(clone):
    clone.audit.note(AuditFault.NO_LEDGER, "the clone is shallow")
    assert clone.faults == {AuditFault.NO_LEDGER}


def test_what_a_merge_queue_made_is_proven_by_its_entry(clone):
    """A queue composes message and tree itself; the entry that names both is signed."""
    name, raw = commit("Merge pull request #2\n")
    merged(clone, {"merge_sha": name, "tree": TREE, "queued": True})
    (landing,) = clone.audit.landings()
    clone.audit.landed(landing, raw)
    assert clone.faults == set()
    clone.audit.landed(landing, None)
    assert clone.faults == {AuditFault.MERGE_MISSING}


def test_trailers_of_another_tree_are_no_fault_of_a_merge_queue(clone, key):
    sealed = message(clone.entries[-1], key, tree=OTHER)
    name, raw = commit(sealed)
    merged(clone, {"merge_sha": name, "tree": TREE, "queued": True})
    clone.audit.mission_commit(FoundCommit(name, raw, own=False))
    (landing,) = clone.audit.landings()
    clone.audit.landed(landing, raw)
    assert clone.faults == set()
