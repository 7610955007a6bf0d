"""How a ledger lies on the branch `grace-ledger`, and that a newer version only appends.

entries/000000.jsonl   entries 1 to 999, one record a line
entries/000001.jsonl   entries 1000 to 1999, and so on
checkpoint.json        the signed head
README.md              what this is
"""

from collections.abc import Mapping, Sequence
from typing import Final

from grace.domain.audit import AuditFault, split_lines
from grace.domain.ledger import LedgerError, parse_line
from grace.domain.ledger_verify import Checkpoint, Finding

LEDGER_BRANCH: Final = "grace-ledger"
CHECKPOINT: Final = "checkpoint.json"
README: Final = "README.md"
ENTRIES: Final = "entries/"
ENTRIES_A_FILE: Final = 1000

_README_TEXT: Final = b"""# Ledger

Every decision that Grace took in this repository, one signed entry a line, each chained to the one
before it by its hash. The branch only grows. To verify it offline, with nothing but the public key:

    grace audit verify --repo . --key key.pub
"""


def path_of(seq: int) -> str:
    """Name the file that holds an entry."""
    return f"{ENTRIES}{seq // ENTRIES_A_FILE:06d}.jsonl"


def file_start(seq: int) -> int:
    """Return the number of the first entry in the file that holds entry `seq`."""
    return max(1, seq // ENTRIES_A_FILE * ENTRIES_A_FILE)


def layout(lines: Sequence[bytes], *, first: int = 1) -> dict[str, bytes]:
    """Lay out records; `first` is the number of the first and must begin a file.

    A publisher passes the lines from `file_start` of its oldest unpublished entry on.
    """
    if first != file_start(first):
        raise LedgerError(f"entry {first} does not begin a file: start at {file_start(first)}")
    files: dict[str, list[bytes]] = {}
    for seq, line in enumerate(lines, first):
        files.setdefault(path_of(seq), []).append(line)
    return {path: b"\n".join((*part, b"")) for path, part in files.items()}


def branch_files(
    lines: Sequence[bytes], checkpoint: Checkpoint, *, first: int = 1
) -> dict[str, bytes]:
    """Return every file to write on the branch: entries, the signed head, the explanation."""
    return {
        **layout(lines, first=first),
        CHECKPOINT: checkpoint.text + b"\n",
        README: _README_TEXT,
    }


def read_layout(files: Mapping[str, bytes]) -> list[bytes]:
    """Collect the records of all entry files in order."""
    paths = sorted(path for path in files if path.startswith(ENTRIES))
    return [line for path in paths for line in split_lines(files[path])]


def check_layout(files: Mapping[str, bytes]) -> tuple[Finding, ...]:
    """Say whether the entry files are exactly where and how their records are laid out."""
    due = layout(read_layout(files))
    found = {path: content for path, content in files.items() if path.startswith(ENTRIES)}
    odd = sorted(p for p in due.keys() | found.keys() if due.get(p) != found.get(p))
    return tuple(Finding(AuditFault.LAYOUT, f"{p} is not laid out as it should be") for p in odd)


def check_appends(
    older: Mapping[str, bytes], newer: Mapping[str, bytes], commit: str
) -> tuple[Finding, ...]:
    """Say whether `newer` keeps every record of `older`; a redacted payload counts as kept."""
    findings = []
    for path, before in older.items():
        after = newer.get(path, b"")
        if not path.startswith(ENTRIES) or after.startswith(before):
            continue
        old, new = split_lines(before), split_lines(after)
        kept = (_kept(a, new[i] if i < len(new) else b"") for i, a in enumerate(old))
        first = next((i for i, good in enumerate(kept) if not good), None)
        if first is not None:
            what = f"rewrites line {first + 1} of {path}: the ledger only ever appends"
            findings.append(Finding(AuditFault.REWRITTEN, what, commit=commit))
    return tuple(findings)


def _kept(before: bytes, after: bytes) -> bool:
    if before == after:
        return True
    try:
        return parse_line(before).redacted() == parse_line(after)
    except LedgerError:
        return False
