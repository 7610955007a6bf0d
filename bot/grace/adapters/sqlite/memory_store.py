"""The part of the store that an operator asks about memory, and tells what to keep."""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from grace.adapters.sqlite import memory_rows
from grace.adapters.sqlite.ledger_rows import Pen, write_notes
from grace.adapters.sqlite.values import mission_of
from grace.domain.decision import Note
from grace.domain.memory.folding import FORGOTTEN, LESSON_KEPT
from grace.domain.memory.remembered import Lesson, Remembered

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class MemoryReads(ABC):
    """What can be asked without changing it."""

    @abstractmethod
    async def _read(self, work: Work[T]) -> T: ...

    async def remembered(self, mission: str) -> Remembered | None:
        """Return what the mission of this name left; None: it has not ended, or there is none."""
        return await self._read(lambda c: memory_rows.named(c, mission))

    async def lesson_proposals(self) -> Sequence[Remembered]:
        """Return the missions whose lesson waits for a person, oldest first; 500 at most."""
        return await self._read(memory_rows.proposals)

    async def memories(self) -> Sequence[Remembered]:
        """Return what each mission left, without the diffs of patches, oldest first."""
        return await self._read(memory_rows.every)


class MemoryTables(ABC):
    """What an operator changes; each is an entry of the mission's ledger, and the fold follows."""

    _pen: Pen

    @abstractmethod
    async def _write(self, work: Work[T]) -> T: ...

    async def keep_lesson(self, mission: str, by: str, now: datetime) -> Remembered | None:
        """Keep the lesson of a mission if it waits for a word; return how it stands."""
        note = Note(kind=LESSON_KEPT, actor=by, payload={})
        return await self._write(lambda c: self._say(c, mission, note, now))

    async def forget_mission(
        self, mission: str, by: str, reason: str, now: datetime
    ) -> Remembered | None:
        """Take a mission out of what is found and offered; return how it stands."""
        note = Note(kind=FORGOTTEN, actor=by, payload={"reason": reason})
        return await self._write(lambda c: self._say(c, mission, note, now))

    async def rebuild_memory(self) -> int:
        """Fold memory anew from the ledger; return how many missions it holds."""
        return await self._write(memory_rows.rebuild_memory)

    def _say(
        self, connection: sqlite3.Connection, name: str, note: Note, now: datetime
    ) -> Remembered | None:
        found = memory_rows.named(connection, name)
        if found is None or found.forgotten:
            return found
        if note.kind == LESSON_KEPT and found.lesson is not Lesson.PROPOSED:
            return found
        row = connection.execute("SELECT * FROM missions WHERE name = ?", (name,)).fetchone()
        write_notes(connection, mission_of(row), (note,), now, self._pen)
        return memory_rows.named(connection, name)
