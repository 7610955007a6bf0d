import pytest

from grace.domain.audit import AuditFault
from grace.domain.audit_layout import (
    branch_files,
    check_appends,
    check_layout,
    file_start,
    layout,
    path_of,
    read_layout,
)
from grace.domain.ledger import LedgerError
from grace.domain.ledger_verify import parse_checkpoint, sign_head


def numbered(first, last):
    return [b"%d" % n for n in range(first, last + 1)]


def test_a_file_holds_a_thousand_entries_by_their_number():
    files = layout(numbered(1, 2000))
    assert list(files) == ["entries/000000.jsonl", "entries/000001.jsonl", "entries/000002.jsonl"]
    assert files["entries/000000.jsonl"].splitlines() == numbered(1, 999)
    assert files["entries/000001.jsonl"].splitlines() == numbered(1000, 1999)
    assert files["entries/000002.jsonl"] == b"2000\n"
    assert read_layout(files) == numbered(1, 2000)
    assert check_layout(files) == ()


@pytest.mark.parametrize(("seq", "start"), [(1, 1), (999, 1), (1000, 1000), (2500, 2000)])
def test_a_publisher_may_begin_at_any_file(seq, start):
    assert file_start(seq) == start
    whole, part = layout(numbered(1, 2500)), layout(numbered(start, 2500), first=start)
    assert {path: whole[path] for path in part} == part
    assert path_of(seq) in part


def test_a_publisher_may_not_begin_inside_a_file():
    with pytest.raises(LedgerError, match="start at 1000"):
        layout(numbered(1500, 1501), first=1500)


def test_the_branch_has_entries_a_signed_head_and_an_explanation(sample_ledger, key):
    entries = sample_ledger(3)
    checkpoint = sign_head(entries[2].head, key)
    files = branch_files([e.line for e in entries], checkpoint)
    assert sorted(files) == ["README.md", "checkpoint.json", "entries/000000.jsonl"]
    assert parse_checkpoint(files["checkpoint.json"][:-1]) == checkpoint
    assert b"grace audit verify" in files["README.md"]


@pytest.mark.parametrize(
    "change",
    [
        lambda f: {**f, "entries/000000.jsonl": f["entries/000000.jsonl"][:-1]},
        lambda f: {**f, "entries/extra.jsonl": b"x\n"},
        lambda f: {**f, "entries/000000.jsonl": b"1\n", "entries/000001.jsonl": b"2\n3\n"},
        lambda f: {"entries/000001.jsonl": f["entries/000000.jsonl"]},
    ],
)
def test_another_layout_of_the_same_records_is_found(change):
    found = check_layout(change({**layout(numbered(1, 3)), "README.md": b""}))
    assert {f.kind for f in found} == {AuditFault.LAYOUT}


def test_appending_and_redacting_keep_every_record(sample_ledger):
    entries = sample_ledger(4)
    lines = [e.line for e in entries]
    older = {**layout(lines[:3]), "README.md": b"old"}
    assert check_appends(older, layout(lines), "c1") == ()
    redacted = [lines[0], entries[1].redacted().line, *lines[2:]]
    assert check_appends(older, layout(redacted), "c1") == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:2],
        lambda lines: [lines[0], lines[2]],
        lambda lines: [lines[0], b"not an entry", lines[2]],
        lambda lines: [lines[0], lines[2], lines[1]],
    ],
)
def test_a_version_that_rewrites_is_found(sample_ledger, change):
    entries = sample_ledger(4)
    lines = [e.line for e in entries]
    (found,) = check_appends(layout(lines[:3]), layout(change(lines[:3])), "c1")
    assert (found.kind, found.commit) == (AuditFault.REWRITTEN, "c1")
    assert "line 2" in found.sentence or "line 3" in found.sentence


def test_a_redaction_cannot_be_taken_back(sample_ledger):
    entries = sample_ledger(2)
    before, after = [e.redacted().line for e in entries], [e.line for e in entries]
    assert check_appends(layout(before), layout(after), "c1") != ()


def test_a_file_that_is_gone_is_found():
    assert check_appends(layout(numbered(1, 3)), {}, "c1") != ()
