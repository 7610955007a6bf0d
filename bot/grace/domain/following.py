"""Verify entries one by one while they happen: of several logs, and perhaps not all of a log."""

import re
from dataclasses import dataclass
from typing import Final

from grace.domain.ledger import Entry, Head, LedgerError, LedgerFault, parse_line
from grace.domain.ledger_verify import Finding
from grace.domain.signing import Verifier

# The stored line stands in the message byte for byte.
_FRAME: Final = re.compile(rb'\{"position":([0-9]{1,16}),"entry":(\{.*\})\}', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Heard:
    """One entry as it came: what it says, if it can be read, and what is wrong with it, if it is.

    An entry with a finding may say anything: somebody may have made it up.
    """

    position: int
    entry: Entry | None
    finding: Finding | None


def unframed(message: bytes) -> tuple[int, bytes] | None:
    """Take position and stored line out of a live message; None: it is another message."""
    found = _FRAME.fullmatch(message)
    return None if found is None else (int(found[1]), found[2])


class Following:
    """What is known of each log. `whole`: every entry of a log is expected, from the first heard.

    Without `whole` numbers may be left out, and the chain is checked where two entries touch.
    """

    def __init__(self, verifier: Verifier, *, whole: bool) -> None:
        self._verifier = verifier
        self._whole = whole
        self._heads: dict[str, tuple[Head, int]] = {}
        self._unproven = 0

    def hear(self, position: int, line: bytes) -> Heard:
        """Verify the next entry; the chain is taken up again behind one that is well signed."""
        # 1. The line is an entry, in its one spelling, with the payload that its envelope names.
        try:
            entry = parse_line(line)
        except LedgerError as error:
            self._unproven += 1
            return Heard(position, None, Finding(error.fault, str(error)))
        envelope = entry.envelope
        # 2. The key is one of those trusted, and its signature covers exactly this envelope.
        unsigned = self._unsigned(entry)
        if unsigned is not None:
            self._unproven += 1
            return _bad(position, entry, *unsigned)
        # 3. It follows what was heard of its log before.
        found = self._misplaced(entry)
        if found is None or found[0] is not LedgerFault.REPEATED:
            self._heads[envelope.log] = (entry.head, self._unproven)
        return Heard(position, entry, None) if found is None else _bad(position, entry, *found)

    def _unsigned(self, entry: Entry) -> tuple[LedgerFault, str] | None:
        key = entry.envelope.key
        if not self._verifier.knows(key):
            return LedgerFault.UNKNOWN_KEY, f"is signed by {key}, which is not trusted"
        if not self._verifier(key, entry.signed, entry.signature):
            return LedgerFault.BAD_SIGNATURE, "has a signature that does not match its envelope"
        return None

    def _misplaced(self, entry: Entry) -> tuple[LedgerFault, str] | None:
        envelope = entry.envelope
        known = self._heads.get(envelope.log)
        if known is None:
            return None
        head, unproven = known
        if envelope.seq <= head.seq:
            return LedgerFault.REPEATED, f"stands where entry {head.seq + 1} is due"
        if envelope.seq == head.seq + 1:
            if envelope.prev != head.hash:
                return LedgerFault.BROKEN_CHAIN, "does not build on the entry before it"
        elif self._whole and envelope.seq - head.seq - 1 > self._unproven - unproven:
            # As many as proved nothing since then may have stood between: each was told of.
            return (
                LedgerFault.MISSING,
                f"stands where entry {head.seq + 1} is due, which is missing",
            )
        if head.time is not None and envelope.time < head.time:
            what = f"is dated {envelope.time}, before an entry in front of it"
            return LedgerFault.TIME_DECREASED, what
        return None


def _bad(position: int, entry: Entry, fault: LedgerFault, sentence: str) -> Heard:
    return Heard(position, entry, Finding(fault, sentence, seq=entry.envelope.seq))
