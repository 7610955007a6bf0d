import hashlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.domain.ledger import Entry, Envelope, Head, LedgerError, LedgerFault, append, draft
from grace.domain.ledger_verify import (
    Broken,
    HeadFault,
    Verified,
    check_head,
    check_signature,
    parse_checkpoint,
    sign_head,
    verify_entries,
)
from grace.domain.signing import Context, canonical
from support.examples import examples


def lines_of(entries):
    return [entry.line for entry in entries]


def faults(result):
    assert isinstance(result, Broken)
    return [(f.seq, f.kind) for f in result.findings]


def resigned(entry, key, **fields):
    """The entry with other envelope fields, signed rightly by the key."""
    envelope = Envelope.model_validate({**json.loads(entry.text), **fields})
    text = canonical(envelope.model_dump())
    signature = key.sign(Context.ENTRY.value + text)
    return Entry(envelope, text, entry.payload, entry.salt, signature)


def test_a_good_log_verifies_and_ends_at_its_last_entry(sample_ledger, keys):
    entries = sample_ledger(6)
    result = verify_entries(lines_of(entries), keys)
    assert result == Verified(tuple(entries), entries[-1].head)


def test_a_log_verifies_from_a_head_in_its_middle(sample_ledger, keys):
    entries = sample_ledger(6)
    result = verify_entries(lines_of(entries[3:]), keys, entries[2].head)
    assert isinstance(result, Verified)
    assert faults(verify_entries(lines_of(entries[3:]), keys, entries[1].head)) == [
        (3, LedgerFault.MISSING)
    ]


def test_no_lines_verify_to_the_start(keys):
    assert verify_entries([], keys) == Verified((), None)


def test_redacted_entries_still_verify_as_a_chain(sample_ledger, keys):
    entries = sample_ledger(4)
    lines = [entries[0].line, entries[1].redacted().line, *lines_of(entries[2:])]
    result = verify_entries(lines, keys)
    assert isinstance(result, Verified)
    assert result.entries[1].payload is None


@settings(max_examples=examples(500))
@given(data=st.data())
def test_any_changed_byte_of_any_line_is_found_at_its_entry(sample_ledger, keys, data):
    lines = lines_of(sample_ledger(4))
    index = data.draw(st.integers(0, 3))
    position = data.draw(st.integers(0, len(lines[index]) - 1))
    mask = data.draw(st.integers(1, 255))
    line = bytearray(lines[index])
    line[position] ^= mask
    lines[index] = bytes(line)
    assert [seq for seq, _ in faults(verify_entries(lines, keys))] == [index + 1]


def test_a_changed_log_name_of_the_first_entry_blames_no_other_entry(sample_ledger, keys):
    lines = lines_of(sample_ledger(3))
    lines[0] = lines[0].replace(b"forge.test/7", b"forge.test/8")
    assert faults(verify_entries(lines, keys)) == [(1, LedgerFault.BAD_SIGNATURE)]


@given(data=st.data())
def test_an_inserted_or_deleted_byte_is_found(sample_ledger, keys, data):
    lines = lines_of(sample_ledger(3))
    index = data.draw(st.integers(0, 2))
    at = data.draw(st.integers(0, len(lines[index]) - 1))
    extra = data.draw(st.sampled_from([b"", b" ", b"0", b"\n", b"\\", b'"']))
    line = lines[index]
    lines[index] = line[:at] + extra + line[at + (not extra) :]
    assert [seq for seq, _ in faults(verify_entries(lines, keys))] == [index + 1]


@given(dropped=st.integers(0, 4))
def test_a_dropped_entry_is_named(sample_ledger, keys, dropped):
    lines = lines_of(sample_ledger(6))
    del lines[dropped]
    assert faults(verify_entries(lines, keys)) == [(dropped + 1, LedgerFault.MISSING)]


@given(st.lists(st.integers(0, 5), min_size=2, max_size=2, unique=True))
def test_swapped_entries_are_found(sample_ledger, keys, pair):
    a, b = sorted(pair)
    lines = lines_of(sample_ledger(6))
    lines[a], lines[b] = lines[b], lines[a]
    found = faults(verify_entries(lines, keys))
    assert (a + 1, LedgerFault.MISSING) in found
    assert (a + 1, LedgerFault.REPEATED) in found


@given(repeated=st.integers(0, 5), at=st.integers(0, 6))
def test_a_repeated_entry_is_named(sample_ledger, keys, repeated, at):
    lines = lines_of(sample_ledger(6))
    lines.insert(at, lines[repeated])
    found = faults(verify_entries(lines, keys))
    assert (repeated + 1, LedgerFault.REPEATED) in found


def test_an_unknown_key_is_found(sample_ledger):
    other = PublicKeys(Ed25519Key(bytes(32)).public)
    found = faults(verify_entries(lines_of(sample_ledger(2)), other))
    assert found == [(1, LedgerFault.UNKNOWN_KEY), (2, LedgerFault.UNKNOWN_KEY)]


def test_an_entry_of_another_key_that_claims_the_known_one_is_found(sample_ledger, key, keys):
    entries = sample_ledger(3)
    forged = resigned(entries[1], Ed25519Key(bytes(32)))
    found = faults(verify_entries(lines_of([entries[0], forged, entries[2]]), keys))
    assert found == [(2, LedgerFault.BAD_SIGNATURE)]


def test_an_entry_of_another_log_is_found(sample_ledger, keys):
    entries, others = sample_ledger(3), sample_ledger(3, log="bot")
    found = faults(verify_entries(lines_of([entries[0], others[1], entries[2]]), keys))
    assert found == [(2, LedgerFault.WRONG_LOG)]


def test_another_log_than_the_starts_is_found(sample_ledger, keys):
    found = faults(verify_entries(lines_of(sample_ledger(1, log="bot")), keys, Head.empty("x")))
    assert found == [(1, LedgerFault.WRONG_LOG)]


def test_decreasing_time_and_a_wrong_prev_are_found_even_when_signed(sample_ledger, key, keys):
    entries = sample_ledger(2)
    early = resigned(entries[1], key, time="2026-11-22T09:29:59.000000Z")
    assert faults(verify_entries(lines_of([entries[0], early]), keys)) == [
        (2, LedgerFault.TIME_DECREASED)
    ]
    loose = resigned(entries[1], key, prev="f" * 64)
    assert faults(verify_entries(lines_of([entries[0], loose]), keys)) == [
        (2, LedgerFault.BROKEN_CHAIN)
    ]


def test_a_first_entry_that_builds_on_something_is_found(sample_ledger, key, keys):
    loose = resigned(sample_ledger(1)[0], key, prev="f" * 64)
    assert faults(verify_entries([loose.line], keys)) == [(1, LedgerFault.BROKEN_CHAIN)]


def test_findings_are_sentences_that_name_the_entry(sample_ledger, keys):
    entries = sample_ledger(4)
    result = verify_entries(lines_of([entries[0], entries[2], entries[3]]), keys)
    assert isinstance(result, Broken)
    assert [str(f) for f in result.findings] == [
        "entry 2: is missing: entry 3 stands in its place [missing]"
    ]


def test_a_signed_head_reads_back_and_verifies(sample_ledger, key, keys):
    entry = sample_ledger(3)[2]
    checkpoint = sign_head(entry.head, key)
    assert parse_checkpoint(checkpoint.text) == checkpoint
    assert checkpoint.head == entry.head
    assert check_signature(checkpoint, keys) == ()
    assert sign_head(entry.head, key, table_sha256="a" * 64).verifies(keys)


def test_the_head_of_an_empty_log_cannot_be_signed(key):
    with pytest.raises(LedgerError, match="no entry yet"):
        sign_head(Head.empty("bot"), key)


@settings(max_examples=examples(200))
@given(data=st.data())
def test_any_changed_byte_of_a_signed_head_is_found(sample_ledger, key, keys, data):
    text = bytearray(sign_head(sample_ledger(3)[2].head, key).text)
    text[data.draw(st.integers(0, len(text) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        checkpoint = parse_checkpoint(bytes(text))
    except LedgerError:
        return
    assert check_signature(checkpoint, keys) != ()


def test_a_cut_tail_and_another_history_show_against_a_signed_head(sample_ledger, key, keys):
    entries = sample_ledger(4)
    checkpoint = sign_head(entries[3].head, key)
    by_seq = {e.envelope.seq: e for e in entries}
    assert check_head(checkpoint, by_seq) == ()
    cut = check_head(checkpoint, {n: e for n, e in by_seq.items() if n < 4})
    assert [(f.seq, f.kind) for f in cut] == [(4, HeadFault.TRUNCATED)]
    salt, at = hashlib.sha256(b"x").digest()[:16], datetime(2026, 11, 23, tzinfo=UTC)
    other = append(entries[2].head, draft("mission.closed", "grace", {}), salt, at, key)
    fork = check_head(checkpoint, {**by_seq, 4: other})
    assert [(f.seq, f.kind) for f in fork] == [(4, HeadFault.FORKED)]


def test_a_head_of_an_unknown_key_is_found(sample_ledger, key):
    checkpoint = sign_head(sample_ledger(1)[0].head, key)
    other = PublicKeys(Ed25519Key(bytes(32)).public)
    assert [f.kind for f in check_signature(checkpoint, other)] == [HeadFault.HEAD_UNKNOWN_KEY]


def test_a_head_with_another_spelling_is_refused(sample_ledger, key):
    text = canonical({**json.loads(sign_head(sample_ledger(1)[0].head, key).text),
                      "table_sha256": None})  # fmt: skip
    with pytest.raises(LedgerError, match="one spelling"):
        parse_checkpoint(text)
