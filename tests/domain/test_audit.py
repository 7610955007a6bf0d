import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.domain.audit import AuditFault, split_lines, verify_store_lines
from grace.domain.ledger import LedgerFault
from grace.domain.ledger_verify import HeadFault, sign_head


def lines_of(entries):
    return [entry.line for entry in entries]


def kinds(report):
    return [f.kind for f in report.findings]


def test_a_good_store_is_good_and_says_what_was_verified(sample_ledger, key, keys):
    entries = sample_ledger(5)
    report = verify_store_lines(lines_of(entries), keys, sign_head(entries[4].head, key))
    assert report.ok
    assert (report.entries, report.signatures, report.head) == (5, 6, entries[4].head)
    assert report.lines() == [
        "log forge.test/7: 5 entries, 6 signatures verified, 0 mission commits",
        f"head: forge.test/7 5 {entries[4].hash}",
        "good",
    ]


def test_a_cut_tail_is_found_with_a_checkpoint_and_only_then(sample_ledger, key, keys):
    entries = sample_ledger(5)
    checkpoint = sign_head(entries[4].head, key)
    assert verify_store_lines(lines_of(entries[:4]), keys).ok
    report = verify_store_lines(lines_of(entries[:4]), keys, checkpoint)
    assert [(f.seq, f.kind) for f in report.findings] == [(5, HeadFault.TRUNCATED)]
    assert report.lines()[-1] == "BAD: 1 findings"


def test_a_checkpoint_of_an_unknown_key_is_found(sample_ledger, keys):
    entries = sample_ledger(2)
    report = verify_store_lines(
        lines_of(entries), keys, sign_head(entries[1].head, Ed25519Key(bytes(32)))
    )
    assert kinds(report) == [HeadFault.HEAD_UNKNOWN_KEY]
    assert report.signatures == 2


def test_an_empty_store_is_not_good(keys):
    report = verify_store_lines([], keys)
    assert kinds(report) == [AuditFault.EMPTY]
    assert report.lines() == [
        "log: 0 entries, 0 signatures verified, 0 mission commits",
        "the log has no entry [empty]",
        "BAD: 1 findings",
    ]


def test_a_store_under_another_key_has_no_good_entry(sample_ledger):
    report = verify_store_lines(
        lines_of(sample_ledger(2)), PublicKeys(Ed25519Key(bytes(32)).public)
    )
    assert kinds(report) == [LedgerFault.UNKNOWN_KEY] * 2
    assert (report.entries, report.signatures, report.head) == (0, 0, None)


def test_redacted_payloads_and_commits_by_the_forge_are_reported(sample_ledger, keys):
    entries = sample_ledger(3)
    report = verify_store_lines([*lines_of(entries[:2]), entries[2].redacted().line], keys)
    assert report.ok
    assert report.redacted == (3,)
    report = dataclasses.replace(report, by_trailer=("abc",))
    assert "payload redacted: entries 3" in report.lines()
    assert "made by the forge, proven by trailer: abc" in report.lines()


@given(data=st.data())
def test_any_changed_byte_of_a_stored_file_is_found(sample_ledger, keys, data):
    content = bytearray(b"\n".join((*lines_of(sample_ledger(3)), b"")))
    content[data.draw(st.integers(0, len(content) - 2))] ^= data.draw(st.integers(1, 255))
    assert not verify_store_lines(split_lines(bytes(content)), keys).ok
