"""The end of the sticky comment: the audit table and the signed ledger head, made and checked.

The head's signature covers the SHA-256 of the table's exact text, so neither can be edited alone.
Line ends are the forge's to choose: they are line feeds before anything is hashed.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from grace.domain.audit import AuditFault, AuditReport
from grace.domain.ledger import Entry, Head, LedgerError
from grace.domain.ledger_verify import (
    Checkpoint,
    Finding,
    check_signature,
    parse_checkpoint,
    sign_head,
)
from grace.domain.signing import Signer, Verifier

MARKER: Final = "<!-- grace-audit -->"
_HEADER: Final = ("| seq | kind | actor | time | hash |", "| ---: | --- | --- | --- | --- |")
_FENCE: Final = "```"
_SHORT: Final = 12
_ACTIVE: Final = re.compile(r"([\\`*_{}\[\]<>()#!|~&$])")
_SUBJECT: Final = "comment"


def audit_table(entries: Sequence[Entry]) -> str:
    """Write the table, without a newline at its end. Actors cannot break out of their cell."""
    rows = [_row(entry) for entry in entries]
    return "\n".join((*_HEADER, *rows))


def render_audit(entries: Sequence[Entry], head: Head, signer: Signer) -> str:
    """Write what the sticky comment ends with. The caller bounds `entries` to what fits."""
    table = audit_table(entries)
    return _section(table, sign_head(head, signer, table_sha256=_digest(table)))


def audit_comment(text: str, verifier: Verifier) -> AuditReport:
    """Audit a saved comment: the section behind the last marker, to the end of the text."""
    _, marker, tail = text.replace("\r\n", "\n").rpartition(MARKER)
    section = f"{marker}{tail}".rstrip()
    # 1. There is a section, of table and head, and nothing behind it.
    if not marker:
        return _bad("there is no audit table in this comment")
    table, _, block = tail.strip("\n").partition(f"\n\n{_FENCE}json\n")
    # 2. The head is in its one spelling.
    try:
        head = parse_checkpoint(block.partition("\n")[0].encode("utf-8", "surrogatepass"))
    except LedgerError as error:
        return _bad(str(error))
    # 3. Table and head are all there is: written again they give the same text.
    if _section(table, head) != section:
        return _bad("there is something between, or behind, the audit table and the signed head")
    # 4. A trusted key signed this head.
    findings = list(check_signature(head, verifier))
    # 5. The head names this table.
    if head.table_sha256 != _digest(table):
        what = "the audit table is not the one that the signed head names"
        findings.append(Finding(AuditFault.COMMENT, what, seq=head.seq))
    return AuditReport(
        subject=_SUBJECT,
        entries=max(0, table.count("\n") + 1 - len(_HEADER)),
        signatures=0 if findings else 1,
        head=head.head,
        findings=tuple(findings),
    )


def _row(entry: Entry) -> str:
    envelope = entry.envelope
    actor = _ACTIVE.sub(r"\\\1", envelope.actor).replace("@", "@\u200b")
    return (
        f"| {envelope.seq} | `{envelope.kind}` | {actor} | {envelope.time} "
        f"| `{entry.hash[:_SHORT]}` |"
    )


def _section(table: str, head: Checkpoint) -> str:
    return f"{MARKER}\n\n{table}\n\n{_FENCE}json\n{head.text.decode()}\n{_FENCE}"


def _digest(table: str) -> str:
    return hashlib.sha256(table.encode("utf-8", "surrogatepass")).hexdigest()


def _bad(sentence: str) -> AuditReport:
    return AuditReport(subject=_SUBJECT, findings=(Finding(AuditFault.COMMENT, sentence),))
