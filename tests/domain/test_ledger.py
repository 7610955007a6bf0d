import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.domain.ledger import (
    GENESIS_HASH,
    EntryDraft,
    Head,
    LedgerError,
    LedgerFault,
    append,
    draft,
    parse_line,
    timestamp,
)
from grace.domain.signing import NotCanonicalError, canonical, parse_canonical

SALT = bytes(range(16))
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
EMPTY = Head.empty("bot")

scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    scalars | numbers, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=8
)
payloads = st.dictionaries(st.text(), json_values)


def test_first_entry_builds_on_zeros_and_its_hash_is_the_next_ones_prev(key):
    first = append(EMPTY, draft("mission.filed", "alice", {"n": 1}), SALT, NOW, key)
    second = append(first.head, draft("mission.closed", "grace", {}), SALT, NOW, key)
    assert (first.envelope.seq, first.envelope.prev) == (1, GENESIS_HASH)
    assert (second.envelope.seq, second.envelope.prev) == (2, first.hash)
    assert first.envelope.time == "2026-11-22T09:30:00.000000Z"
    assert first.envelope.key == key.key_id


def test_time_never_decreases(key):
    first = append(EMPTY, draft("mission.filed", "alice", {}), SALT, NOW, key)
    early = NOW - timedelta(hours=1)
    second = append(first.head, draft("mission.closed", "grace", {}), SALT, early, key)
    assert second.envelope.time == first.envelope.time


def test_timestamp_is_utc_with_microseconds_and_refuses_a_naive_time():
    at = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=2)))
    assert timestamp(at) == "2026-01-02T01:04:05.000006Z"
    with pytest.raises(LedgerError, match="time zone"):
        timestamp(datetime(2026, 1, 2))  # noqa: DTZ001 - the naive time is the point


@given(payload=payloads)
def test_every_json_payload_comes_back_from_its_line(key, payload):
    entry = append(EMPTY, draft("mission.filed", "alice", payload), SALT, NOW, key)
    back = parse_line(entry.line)
    assert back == entry
    assert back.line == entry.line
    assert canonical(back.payload) == canonical(payload)
    assert back.hash == entry.hash


@pytest.mark.parametrize(
    "payload", [{"n": 2**53}, {"n": float("nan")}, {"n": float("inf")}, {"s": "\ud800"}]
)
def test_a_payload_without_canonical_form_is_refused(payload):
    with pytest.raises(LedgerError, match=r"mission\.filed"):
        draft("mission.filed", "alice", payload)


@pytest.mark.parametrize(
    ("kind", "actor", "mission"),
    [("filed", "alice", None), ("mission.Filed", "alice", None), ("mission.filed", "", None),
     ("mission.filed", "a\nb", None), ("mission.filed", "alice", "m\u2028")],
)  # fmt: skip
def test_an_envelope_that_breaks_its_form_is_refused(key, kind, actor, mission):
    with pytest.raises(LedgerError):
        append(EMPTY, EntryDraft(kind, actor, b"{}", mission), SALT, NOW, key)


def test_a_short_salt_is_refused(key):
    with pytest.raises(LedgerError, match="16 bytes"):
        append(EMPTY, draft("mission.filed", "alice", {}), b"short", NOW, key)


def test_a_redacted_entry_keeps_its_hash_and_reads_back(sample_ledger):
    entry = sample_ledger(2)[1]
    back = parse_line(entry.redacted().line)
    assert back.payload is None
    assert back.hash == entry.hash


def changed(entry, **fields):
    return canonical({**json.loads(entry.line), **fields})


def envelope_with(entry, **fields):
    return canonical({**json.loads(entry.text), **fields}).decode()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"payload": None}, "both be null"),
        ({"salt": None}, "both be null"),
        ({"payload": []}, "both be null"),
        ({"salt": "zz"}, "not hexadecimal"),
        ({"salt": "ab"}, "lower-case hexadecimal"),
        ({"salt": "AB" * 16}, "lower-case hexadecimal"),
        ({"signature": "AA=="}, "64 bytes"),
        ({"signature": "é"}, "base64"),
        ({"signature": "A"}, "base64"),
        ({"signature": 7}, "not a string"),
        ({"envelope": {}}, "not a string"),
        ({"envelope": "[]"}, "not an object"),
        ({"envelope": "{"}, "not JSON"),
        ({"extra": 1}, "exactly the fields"),
    ],
)
def test_a_record_that_is_no_entry_says_why(sample_ledger, fields, sentence):
    with pytest.raises(LedgerError, match=sentence):
        parse_line(changed(sample_ledger(2)[1], **fields))


def test_a_signature_has_one_spelling(sample_ledger):
    entry = sample_ledger(2)[1]
    text = json.loads(entry.line)["signature"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    same_bytes = text[:85] + alphabet[alphabet.index(text[85]) ^ 1] + "=="
    with pytest.raises(LedgerError, match="canonical base64"):
        parse_line(changed(entry, signature=same_bytes))


@pytest.mark.parametrize("version", [2, 0, "1", True, None])
def test_an_unknown_version_is_named_as_such(sample_ledger, version):
    entry = sample_ledger(2)[1]
    with pytest.raises(LedgerError, match="newer grace") as caught:
        parse_line(changed(entry, envelope=envelope_with(entry, v=version)))
    assert caught.value.fault is LedgerFault.UNKNOWN_VERSION


@pytest.mark.parametrize(
    "fields",
    [{"seq": 0}, {"seq": "2"}, {"time": "2026-11-22T09:30:00.000000"}, {"prev": "00"},
     {"time": "2026-13-22T09:30:00.000000Z"}, {"log": "a b"}, {"key": "rsa:1"}, {"more": 1},
     {"time": "20261122T093000.0000000000Z"}],
)  # fmt: skip
def test_an_envelope_with_a_wrong_field_says_which(sample_ledger, fields):
    entry = sample_ledger(2)[1]
    with pytest.raises(LedgerError, match=next(iter(fields))):
        parse_line(changed(entry, envelope=envelope_with(entry, **fields)))


def test_a_changed_payload_is_its_own_fault(sample_ledger):
    with pytest.raises(LedgerError) as caught:
        parse_line(changed(sample_ledger(2)[1], payload={"step": 2}))
    assert caught.value.fault is LedgerFault.PAYLOAD_CHANGED


@pytest.mark.parametrize(
    "text", [b"", b"[1, 2]", b'{"b":1,"a":2}', b'{"a":1,"a":1}', b"\xff", b"NaN", b"1.0", b"-0",
             b"[" * 100_000, b"9" * 5000],
)  # fmt: skip
def test_other_spellings_and_things_that_are_not_json_are_refused(text):
    with pytest.raises(NotCanonicalError):
        parse_canonical(text)


@pytest.mark.parametrize("number", [1e20, 2.0**53, -1e18, 1e-7, 5e-324, 1.7976931348623157e308])
def test_large_and_small_floats_read_back_from_their_canonical_form(number):
    assert parse_canonical(canonical(number)) == number
