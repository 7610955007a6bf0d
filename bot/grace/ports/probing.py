"""What probes ask of the store besides what everybody does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from grace.domain.decision import Note
from grace.ports.hub import HubStore


@dataclass(frozen=True, slots=True)
class FoldSlice:
    """Up to which entry a fold was compared, how many, and the entries where it differs."""

    last: int
    checked: int
    amiss: tuple[int, ...]


class ProbedStore(HubStore, Protocol):
    """A store that can be probed."""

    async def record_own(self, note: Note, now: datetime) -> None:
        """Append an entry to the bot's own log, and to no other."""
        ...

    async def beat(self, now: datetime) -> None:
        """Write the time, to find out whether anything can be written."""
        ...

    async def pulse(self) -> datetime | None:
        """Read the time that was written last."""
        ...

    async def compare_outcomes(self, log: str, after: int, limit: int) -> FoldSlice:
        """Compare the fold of outcomes with some of the ledger's entries behind a number."""
        ...

    async def agents(self) -> Sequence[str]:
        """Name the agents that have a record."""
        ...

    async def healing_on_hold(self) -> Sequence[tuple[str, str]]:
        """Name the healing missions that are held for a person, each with its log; at most 50."""
        ...
