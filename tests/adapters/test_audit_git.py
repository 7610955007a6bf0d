import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grace.adapters.audit_git import CloneError, audit_repository
from grace.adapters.keys import PublicKeys
from grace.domain.audit import AuditFault
from grace.domain.ledger import LedgerFault
from grace.domain.ledger_verify import HeadFault
from support.audited import ENVIRONMENT, STRANGER, found, kinds, step


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
