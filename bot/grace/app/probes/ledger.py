"""Probes of the ledger: every entry is verified, bit by bit, and the keys are as they should be."""

import asyncio
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from grace.app.probes.findings import Finding, counted, degraded, unhealthy, well
from grace.app.probes.world import KeySide
from grace.domain.health import HealthPart, HealthState
from grace.domain.ledger import Entry, Head, LedgerError, parse_line
from grace.domain.ledger_verify import Broken, verify_entries
from grace.ports import Clock
from grace.ports.hub import FeedFilter
from grace.ports.probing import ProbedStore

_SLICE: Final = 100
_BUDGET_S: Final = 0.25
_ANEW: Final = timedelta(days=1)


@dataclass(slots=True)
class _Walk:
    """How far a log was verified, and what was found first."""

    head: Head | None = None
    fault: str | None = None


@dataclass(slots=True)
class _Round:
    """One way through all logs."""

    since: datetime
    walks: dict[str, _Walk] = field(default_factory=dict)


class Ledger:
    """Verify new entries of every log in small slices; a day later, all of them anew.

    What was found bad stays so until a way through all logs finds it good.
    """

    def __init__(
        self, store: ProbedStore, clock: Clock, keys: KeySide, budget_s: float = _BUDGET_S
    ) -> None:
        self._store = store
        self._clock = clock
        self._keys = keys
        self._budget_s = budget_s
        self._round: _Round | None = None
        self._faults: dict[str, str] = {}

    async def __call__(self) -> Finding:
        now = self._clock.now()
        if self._round is None or abs(now - self._round.since) > _ANEW:
            self._round = _Round(now)
        logs = await self._store.logs()
        until = asyncio.get_running_loop().time() + self._budget_s
        parts = []
        # The one that was verified least goes first, so that a long one holds up no other.
        for log in sorted(logs, key=self._seq):
            await self._advance(log, until)
            parts.append(await self._part(log))
        bad = [part for part in parts if part.state is HealthState.UNHEALTHY]
        if bad:
            return unhealthy(
                f"{len(bad)} of {len(parts)} logs do not verify: stop Grace by the kill switch, "
                "keep a copy of the store, and compare it with the published branch (grace audit).",
                parts,
            )
        verified = sum(self._seq(log) for log in logs)
        return well(
            f"{counted(verified, 'entry', 'entries')} of {counted(len(logs), 'log')} verified",
            parts,
        )

    async def _advance(self, log: str, until: float) -> None:
        """Verify slices of a log until it ends, or time is up, or an entry is bad."""
        assert self._round is not None  # begun before
        walk = self._round.walks.setdefault(log, _Walk())
        loop = asyncio.get_running_loop()
        while walk.fault is None and loop.time() < until:
            after = 0 if walk.head is None else walk.head.seq
            lines = await self._store.lines(log, after, _SLICE)
            if not lines:
                await self._lost(log, walk)
                return
            found = await asyncio.to_thread(verify_entries, lines, self._keys.trusted, walk.head)
            if isinstance(found, Broken):
                walk.fault = self._faults[log] = str(found.findings[0])
                return
            walk.head = found.head

    async def _lost(self, log: str, walk: _Walk) -> None:
        """See that the newest entry that was verified is still there, at the end of a walk."""
        head = await self._store.head(log)
        if walk.head is not None and (head is None or head.seq < walk.head.seq):
            walk.fault = self._faults[log] = f"entry {walk.head.seq} was there and is not any more"
        else:
            self._faults.pop(log, None)

    async def _part(self, log: str) -> HealthPart:
        fault, head = self._faults.get(log), await self._store.head(log)
        seq, end = self._seq(log), 0 if head is None else head.seq
        state = HealthState.HEALTHY if fault is None else HealthState.UNHEALTHY
        sentence = f"verified up to entry {seq} of {end}" if fault is None else fault
        return HealthPart(name=log, state=state, sentence=sentence, log=log)

    def _seq(self, log: str) -> int:
        walk = None if self._round is None else self._round.walks.get(log)
        return 0 if walk is None or walk.head is None else walk.head.seq


class Keys:
    """Look at the signing key's file, load it anew, and compare with what signed last."""

    def __init__(self, store: ProbedStore, keys: KeySide) -> None:
        self._store = store
        self._keys = keys

    async def __call__(self) -> Finding:
        trouble = await asyncio.to_thread(self._of_file)
        if trouble is not None:
            return trouble
        newest = await self._store.feed_back(FeedFilter(), limit=1)
        try:
            entries: Sequence[Entry] = [parse_line(found.line) for found in newest]
        except LedgerError:
            return unhealthy(
                "the newest entry of the ledger cannot be read: see the ledger's probe."
            )
        for entry in entries:
            signed_by = entry.envelope.key
            if signed_by == self._keys.key_id:
                continue
            if not self._keys.knows(signed_by):
                return unhealthy(
                    f"the newest entry is signed by {signed_by}, which is not trusted: add its "
                    "public key to GRACE_ALLOWED_SIGNERS, or find out who wrote it."
                )
            return well(
                f"{self._keys.key_id} signs; the newest entry is by the earlier {signed_by}"
            )
        return well(f"{self._keys.key_id} signs")

    def _of_file(self) -> Finding | None:
        if self._keys.file is not None:
            try:
                mode = self._keys.file.stat().st_mode
            except OSError as error:
                return degraded(
                    f"the signing key's file cannot be found ({type(error).__name__}): put it back "
                    "from its backup, for the next start needs it."
                )
            if not stat.S_ISREG(mode) or mode & 0o077:
                return unhealthy(
                    "the signing key's file can be read by others than its owner: chmod 600, and "
                    "rotate the key if somebody may have read it."
                )
        try:
            loaded = self._keys.load()
        except Exception as error:  # noqa: BLE001 - whatever a key may be wrong with; never its text
            return degraded(
                f"the signing key cannot be loaded anew ({type(error).__name__}): put it back from "
                "its backup, for the next start needs it."
            )
        if loaded != self._keys.key_id:
            return degraded(
                f"the signing key that would be loaded is {loaded}, and {self._keys.key_id} signs "
                "now: restart to use the new one, or put the old one back."
            )
        return None
