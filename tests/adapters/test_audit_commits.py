from datetime import UTC, datetime

import pytest

from grace.adapters.audit_git import audit_repository
from grace.domain.audit import AuditFault
from grace.domain.ledger import append, draft, genesis
from support.audited import MISSION, STRANGER, Forge, found, step


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
