import json

import pytest

from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.domain.following import Following, unframed
from grace.domain.ledger import Entry, Envelope, LedgerFault
from grace.domain.signing import Context, canonical


def faults(following, entries):
    heard = [
        following.hear(n, e if isinstance(e, bytes) else e.line) for n, e in enumerate(entries)
    ]
    return [None if h.finding is None else h.finding.kind for h in heard]


def resigned(entry, key, **fields):
    envelope = Envelope.model_validate({**json.loads(entry.text), **fields})
    text = canonical(envelope.model_dump())
    return Entry(envelope, text, entry.payload, entry.salt, key.sign(Context.ENTRY.value + text))


def test_entries_of_several_logs_verify_each_by_its_own_chain(sample_ledger, keys):
    first, second = sample_ledger(4), sample_ledger(4, log="forge.test/8")
    mixed = [entry for pair in zip(first, second, strict=True) for entry in pair]
    following = Following(keys, whole=True)
    heard = [following.hear(n, entry.line) for n, entry in enumerate(mixed)]
    assert [h.entry for h in heard] == mixed
    assert {h.finding for h in heard} == {None}


def test_following_may_begin_anywhere(sample_ledger, keys):
    assert faults(Following(keys, whole=True), sample_ledger(6)[3:]) == [None, None, None]


@pytest.mark.parametrize(("whole", "fault"), [(True, LedgerFault.MISSING), (False, None)])
def test_an_entry_left_out_shows_where_all_are_expected(sample_ledger, keys, whole, fault):
    entries = sample_ledger(6)
    left = [*entries[:2], *entries[3:]]
    assert faults(Following(keys, whole=whole), left) == [None, None, fault, None, None]


@pytest.mark.parametrize("whole", [True, False])
def test_a_changed_payload_shows_and_the_rest_goes_on(sample_ledger, keys, whole):
    entries = sample_ledger(4)
    record = json.loads(entries[2].line)
    record["payload"]["step"] = 99
    lines = [*(e.line for e in entries[:2]), canonical(record), entries[3].line]
    assert faults(Following(keys, whole=whole), lines) == [
        None,
        None,
        LedgerFault.PAYLOAD_CHANGED,
        None,
    ]


def test_another_spelling_is_no_entry(sample_ledger, keys):
    line = sample_ledger(1)[0].line
    heard = Following(keys, whole=True).hear(7, line.replace(b":", b": ", 1))
    assert (heard.position, heard.entry) == (7, None)
    assert heard.finding is not None
    assert heard.finding.kind is LedgerFault.MALFORMED


def test_a_strangers_key_and_a_wrong_signature_show(sample_ledger, keys, key):
    entries = sample_ledger(3)
    stranger = Ed25519Key(bytes(32))
    forged = Entry(
        entries[1].envelope, entries[1].text, entries[1].payload, entries[1].salt, bytes(64)
    )
    assert faults(Following(PublicKeys(stranger.public), whole=True), entries[:1]) == [
        LedgerFault.UNKNOWN_KEY
    ]
    assert faults(Following(keys, whole=True), [entries[0], forged, entries[1]]) == [
        None,
        LedgerFault.BAD_SIGNATURE,
        None,
    ]


def test_what_was_heard_before_changes_nothing(sample_ledger, keys):
    entries = sample_ledger(4)
    again = [*entries[:3], entries[1], entries[3]]
    assert faults(Following(keys, whole=True), again) == [
        *(None, None, None),
        LedgerFault.REPEATED,
        None,
    ]


def test_another_history_shows(sample_ledger, keys, key):
    entries = sample_ledger(3)
    other = resigned(entries[1], key, prev="1" * 64)
    early = resigned(entries[1], key, time="2026-11-22T09:00:00.000000Z")
    assert faults(Following(keys, whole=True), [entries[0], other]) == [
        None,
        LedgerFault.BROKEN_CHAIN,
    ]
    assert faults(Following(keys, whole=True), [entries[0], early]) == [
        None,
        LedgerFault.TIME_DECREASED,
    ]


def test_a_message_gives_back_the_very_line(sample_ledger):
    line = sample_ledger(2)[1].line
    assert unframed(b'{"position":12,"entry":' + line + b"}") == (12, line)
    assert unframed(b'{"hello":{}}') is None


def test_what_proves_nothing_excuses_no_more_than_itself(sample_ledger, keys):
    entries = sample_ledger(6)
    lines = [entries[0].line, b"{}", entries[3].line, entries[5].line]
    assert faults(Following(keys, whole=True), lines) == [
        None,
        LedgerFault.MALFORMED,
        LedgerFault.MISSING,
        LedgerFault.MISSING,
    ]
