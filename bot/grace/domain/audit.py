"""What an audit reports, and the audit of a store's own lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from grace.domain.ledger import Entry, Head
from grace.domain.ledger_verify import (
    Broken,
    Checkpoint,
    Finding,
    Verified,
    check_head,
    check_signature,
    verify_entries,
)
from grace.domain.signing import Verifier


class AuditFault(StrEnum):
    """What can be wrong besides a single entry or a signed head."""

    EMPTY = "empty"
    NO_GENESIS = "no_genesis"
    NO_LEDGER = "no_ledger"
    INCOMPLETE_CLONE = "incomplete_clone"
    OBJECT_CHANGED = "object_changed"
    LAYOUT = "layout"
    REWRITTEN = "rewritten"
    LEDGER_COMMIT_UNSIGNED = "ledger_commit_unsigned"
    STALE_HEAD = "stale_head"
    TRAILERS = "trailers"
    TRAILER_SIGNATURE = "trailer_signature"
    TRAILER_ENTRY = "trailer_entry"
    COMMIT_SIGNATURE = "commit_signature"
    MERGE_MISSING = "merge_missing"
    MERGE_TREE = "merge_tree"
    MERGE_TRAILERS = "merge_trailers"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of one audit. `signatures` counts those that verified.

    `by_trailer` are commits the forge made, without an SSHSIG of a trusted key, that their
    Mission-Signature proves. `redacted` are entries whose payload was taken out lawfully.
    """

    subject: str
    entries: int = 0
    signatures: int = 0
    commits: int = 0
    by_trailer: tuple[str, ...] = ()
    redacted: tuple[int, ...] = ()
    head: Head | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.findings

    def lines(self) -> list[str]:
        """Write the report for a terminal: counts first, then one line a finding."""
        counts = (
            f"{self.subject}: {self.entries} entries, {self.signatures} signatures verified, "
            f"{self.commits} mission commits"
        )
        lines = [counts]
        if self.head is not None:
            lines.append(f"head: {self.head.log} {self.head.seq} {self.head.hash}")
        if self.by_trailer:
            lines.append(f"made by the forge, proven by trailer: {', '.join(self.by_trailer)}")
        if self.redacted:
            lines.append(f"payload redacted: entries {', '.join(map(str, self.redacted))}")
        lines.extend(str(finding) for finding in self.findings)
        lines.append("good" if self.ok else f"BAD: {len(self.findings)} findings")
        return lines


def redacted(entries: Iterable[Entry]) -> tuple[int, ...]:
    """List the entries whose payload is not there."""
    return tuple(e.envelope.seq for e in entries if e.payload is None)


def by_seq(entries: Iterable[Entry]) -> dict[int, Entry]:
    """Index entries by their number."""
    return {e.envelope.seq: e for e in entries}


def split_lines(content: bytes) -> list[bytes]:
    """Split stored lines; a last line without its newline keeps standing as one."""
    lines = content.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def verify_store_lines(
    lines: Sequence[bytes], verifier: Verifier, checkpoint: Checkpoint | None = None
) -> AuditReport:
    """Audit one whole log from its stored lines, and against a signed head kept elsewhere.

    Without a checkpoint a tail that was cut cannot be seen.
    """
    entries, head, findings = check_chain(lines, verifier)
    signatures = len(entries)
    if checkpoint is not None:
        bad = check_signature(checkpoint, verifier)
        signatures += not bad
        findings = (*findings, *bad, *check_head(checkpoint, by_seq(entries)))
    return AuditReport(
        subject=f"log {head.log}" if head else "log",
        entries=len(entries),
        signatures=signatures,
        redacted=redacted(entries),
        head=head,
        findings=findings,
    )


def check_chain(
    lines: Sequence[bytes], verifier: Verifier
) -> tuple[tuple[Entry, ...], Head | None, tuple[Finding, ...]]:
    """Verify a whole log that must have at least one entry."""
    result = verify_entries(lines, verifier)
    match result:
        case Verified(entries=entries, head=head):
            empty = Finding(AuditFault.EMPTY, "the log has no entry")
            return entries, head, () if entries else (empty,)
        case Broken(findings=findings, entries=entries):
            return entries, entries[-1].head if entries else None, findings
        case _:
            assert_never(result)
