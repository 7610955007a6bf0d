"""What people ask of the store: lists of missions, the feed, claims, answers, what waits."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from grace.adapters.sqlite import answer_rows, backlog, feed_rows, lease_rows, list_reads
from grace.adapters.sqlite.reader import StoreReader
from grace.domain.lease import Lease
from grace.domain.phase import Outcome, Phase
from grace.ports.hub import Answered, FeedEntry, FeedFilter, MissionFilter, MissionPage, MissionRow


class HubReader(StoreReader):
    """The part of `grace.ports.hub.HubStore` that changes nothing."""

    async def mission_page(
        self,
        wanted: MissionFilter,
        order: list_reads.Order,
        now: datetime,
        *,
        after: str | None = None,
        limit: int = 50,
    ) -> MissionPage:
        """List missions, newest first or most urgent first; `BadCursor` for a foreign `after`."""
        wish = list_reads.Wish(wanted, order, now, after, limit)
        return await self._read(lambda c: list_reads.page(c, wish))

    async def mission_row(self, name: str, now: datetime) -> MissionRow | None:
        """Return what lists show of one mission."""
        return await self._read(lambda c: list_reads.one(c, name, now))

    async def mission_counts(
        self, logs: frozenset[str] | None
    ) -> Mapping[tuple[Phase, Outcome | None], int]:
        """Count missions by phase and outcome."""
        return await self._read(lambda c: list_reads.counts(c, logs))

    async def begun_since(self, log: str, since: datetime) -> int:
        """Count the missions of a repository that began after a moment."""
        return await self._read(lambda c: list_reads.begun_since(c, log, since))

    async def same_fingerprint(self, log: str, fingerprint: str, since: datetime) -> Sequence[str]:
        """Name the missions of one problem that began after a moment, oldest first."""
        return await self._read(lambda c: list_reads.same_fingerprint(c, log, fingerprint, since))

    async def feed(self, after: int, limit: int = 500) -> Sequence[FeedEntry]:
        """Return the entries of all logs behind a position, in their order."""
        return await self._read(lambda c: feed_rows.after(c, after, limit))

    async def feed_back(
        self, wanted: FeedFilter, *, before: int | None = None, limit: int = 50
    ) -> Sequence[FeedEntry]:
        """Return the newest entries in front of a position, newest first."""
        return await self._read(lambda c: feed_rows.back(c, wanted, before, limit))

    async def feed_end(self) -> int:
        """Return the newest position; 0 while there is no entry."""
        return await self._read(feed_rows.end)

    async def lease(self, mission: str) -> Lease | None:
        """Return the newest claim on a mission, be it over or not."""
        return await self._read(lambda c: lease_rows.newest(c, mission))

    async def answered(self, caller: str, key: str, now: datetime) -> Answered | None:
        """Return what a caller was answered under an `Idempotency-Key` within the last day."""
        return await self._read(lambda c: answer_rows.read(c, caller, key, now))

    async def backlog(self, now: datetime) -> Mapping[str, int]:
        """Count what waits."""
        return await self._read(lambda c: backlog.count(c, now))
