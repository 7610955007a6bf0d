"""The ledger as others see it: the table in a comment, and the branch in the repository."""

import asyncio
from collections import defaultdict

from grace.domain.audit_comment import render_audit
from grace.domain.audit_layout import CHECKPOINT, LEDGER_BRANCH, branch_files, file_start
from grace.domain.ledger import LedgerError, parse_line
from grace.domain.ledger_verify import parse_checkpoint, sign_head
from grace.domain.mission import MissionRef
from grace.domain.signing import Signer
from grace.domain.sshsig import sign_commit
from grace.ports import Clock, CommitOrder, Job, Repositories, Store

AUDIT_ROWS = 200
PAGE = 1000


class Publication:
    """Show the ledger of the store; publications of one log wait for each other."""

    def __init__(
        self, store: Store, repositories: Repositories, signer: Signer, clock: Clock
    ) -> None:
        self._store = store
        self._repositories = repositories
        self._signer = signer
        self._clock = clock
        self._publishing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def table(self, job: Job) -> str:
        """Render the mission's newest entries and the signed head of its log."""
        ref = job.mission.ref
        entries = await self._store.mission_entries(ref.log, job.mission.name)
        head = await self._store.head(ref.log) or job.entry
        return render_audit(entries[-AUDIT_ROWS:], head, self._signer)

    async def publish(self, ref: MissionRef) -> None:
        """Publish what the branch does not have yet, in whole files; the branch only grows."""
        async with self._publishing[ref.log]:
            standing = await self._repositories.read(ref, LEDGER_BRANCH, CHECKPOINT)
            first = file_start(_published(standing) + 1)
            lines = await self._lines_from(ref.log, first)
            if not lines:
                return
            head = parse_line(lines[-1]).head
            files = branch_files(lines, sign_head(head, self._signer), first=first)
            order = CommitOrder(
                message=lambda _tree: f"Publish the ledger up to entry {head.seq}\n",
                sign=lambda raw: sign_commit(raw, self._signer),
                at=self._clock.now(),
            )
            await self._repositories.publish(ref, LEDGER_BRANCH, files, order)

    async def _lines_from(self, log: str, first: int) -> list[bytes]:
        """Read a log's records from one entry to its end, page by page, as they are stored."""
        lines: list[bytes] = []
        while page := await self._store.lines(log, first - 1 + len(lines), PAGE):
            lines += page
        return lines


def _published(checkpoint: bytes | None) -> int:
    """Read up to which entry a branch goes; one that somebody broke is written anew."""
    if checkpoint is None:
        return 0
    try:
        return parse_checkpoint(checkpoint.removesuffix(b"\n")).seq
    except LedgerError:
        return 0
