import hashlib
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.domain.audit import AuditFault
from grace.domain.audit_comment import MARKER, audit_comment, audit_table, render_audit
from grace.domain.ledger import Head, append, draft
from grace.domain.ledger_verify import HeadFault, sign_head
from support.examples import examples


@pytest.fixture(scope="module")
def comment(sample_ledger, key):
    entries = sample_ledger(4)
    return f"Hello @alice\n\n{render_audit(entries[1:], entries[3].head, key)}"


def test_a_comment_ends_with_the_table_and_the_signed_head(comment, sample_ledger):
    entries = sample_ledger(4)
    hashes = [e.hash[:12] for e in entries[1:]]
    assert re.findall(r"`([0-9a-f]{12})` \|", comment) == hashes
    assert "| seq | kind | actor | time | hash |" in comment
    assert "| 2 | `mission.step_taken` | octo-cat | 2026-11-22T09:30:01.000000Z |" in comment
    assert comment.endswith("\n```")


def test_a_saved_comment_is_good(comment, keys, sample_ledger):
    report = audit_comment(comment, keys)
    assert report.ok
    assert (report.entries, report.signatures) == (3, 1)
    assert report.head == sample_ledger(4)[3].head


@pytest.mark.parametrize("forge", [lambda t: t.replace("\n", "\r\n"), lambda t: t + "\r\n\n"])
def test_line_ends_are_the_forges_to_choose(comment, keys, forge):
    assert audit_comment(forge(comment), keys).ok


@settings(max_examples=examples(400))
@given(data=st.data())
def test_any_changed_byte_from_the_marker_on_is_found(comment, keys, data):
    raw = bytearray(comment.encode())
    start = comment.encode().index(MARKER.encode())
    raw[data.draw(st.integers(start, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    assert not audit_comment(raw.decode("utf-8", "surrogateescape"), keys).ok


@given(data=st.data())
def test_any_dropped_swapped_or_repeated_line_is_found(comment, keys, data):
    head, marker, tail = comment.partition(MARKER + "\n")
    lines = tail.split("\n")
    a, b = data.draw(st.lists(st.integers(0, len(lines) - 1), min_size=2, max_size=2, unique=True))
    changed = data.draw(
        st.sampled_from(
            [
                [line for i, line in enumerate(lines) if i != a],
                [lines[b] if i == a else lines[a] if i == b else x for i, x in enumerate(lines)],
                [*lines[: a + 1], lines[a], *lines[a + 1 :]],
            ]
        )
    )
    if changed != lines:
        assert not audit_comment(head + marker + "\n".join(changed), keys).ok


def test_a_comment_without_audit_says_so(keys):
    report = audit_comment("just words", keys)
    assert [(f.kind, f.sentence) for f in report.findings] == [
        (AuditFault.COMMENT, "there is no audit table in this comment")
    ]


def test_words_behind_the_head_are_found_and_words_in_front_are_free(comment, keys):
    assert not audit_comment(comment + "\n\nApproved!", keys).ok
    assert audit_comment("| seq | kind |\n" + MARKER + "\n" + comment, keys).ok


def test_a_table_under_another_signed_head_is_found(comment, keys, key, sample_ledger):
    entries = sample_ledger(4)
    other = render_audit(entries[:2], entries[3].head, key)
    mixed = other.partition("```json")[0] + "```json" + comment.partition("```json")[2]
    assert [f.kind for f in audit_comment(mixed, keys).findings] == [AuditFault.COMMENT]
    plain = comment.replace(
        comment.split("```json\n")[1].split("\n")[0], sign_head(entries[3].head, key).text.decode()
    )
    assert [f.kind for f in audit_comment(plain, keys).findings] == [AuditFault.COMMENT]


def test_a_comment_signed_by_another_key_is_found(comment):
    report = audit_comment(comment, PublicKeys(Ed25519Key(bytes(32)).public))
    assert [f.kind for f in report.findings] == [HeadFault.HEAD_UNKNOWN_KEY]
    assert report.signatures == 0


@given(actor=st.text(min_size=1, max_size=30).filter(str.isprintable))
def test_no_actor_can_leave_its_cell(key, keys, actor):
    salt = hashlib.sha256(actor.encode()).digest()[:16]
    at = datetime(2026, 11, 22, tzinfo=UTC)
    entry = append(Head.empty("bot"), draft("mission.filed", actor, {}), salt, at, key)
    row = audit_table([entry]).split("\n")[2]
    bare = re.sub(r"\\.", "", row)
    assert bare.count("|") == 6
    assert bare.count("`") == 4
    assert "<" not in bare
    assert re.search(r"@\w", bare) is None
    assert audit_comment(render_audit([entry], entry.head, key), keys).ok
