"""A locked SQLite database: who holds it, the log's checkpoint, waiting, and ending the holder.

A writer holds the reserved, pending or shared bytes of the database for writing, or byte 120 of
the log's index (sqlite.org/lockingv3.html, sqlite.org/walformat.html 2.3).
"""

import os
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

from grace.domain.playbooks.action import Scalar
from grace.runner.action import ActionFailed, Found, Situation
from grace.runner.actions.database_common import earlier, left, names
from grace.runner.actions.database_processes import (
    Process,
    ancestors,
    end,
    locks_of,
    process,
    same,
)
from grace.runner.actions.sqlite_target import SqliteStep, in_words, opened, path_of

PENDING, RESERVED, SHARED = 0x40000000, 0x40000001, 0x40000002
WAL_WRITE, WAL_CHECKPOINT, WAL_RECOVER = 120, 121, 122
POLL_SECONDS = 0.1


def write_once(situation: Situation, busy_seconds: float) -> str | None:
    """Begin a write transaction and take it back; answer why that did not go, None when it did."""
    try:
        with opened(
            path_of(situation), situation, mode="rw", busy_seconds=busy_seconds
        ) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            return str(error)
        raise in_words(error) from error
    except sqlite3.Error as error:
        raise in_words(error) from error
    return None


def holder(path: Path) -> Process | None:
    """Find the process that keeps others from writing, None where there is none."""
    shm = path.with_name(path.name + "-shm")
    held = [
        lock
        for lock in locks_of(path)
        if lock.write and any(lock.covers(byte) for byte in (RESERVED, PENDING, SHARED))
    ]
    if shm.exists():
        held += [
            lock
            for lock in locks_of(shm)
            if lock.write
            and any(lock.covers(byte) for byte in (WAL_WRITE, WAL_CHECKPOINT, WAL_RECOVER))
        ]
    for lock in held:
        if lock.pid <= 0:
            raise ActionFailed(
                "a process that cannot be seen from here holds it, perhaps in another container: "
                "run the runner where the program runs"
            )
        found = process(lock.pid)
        if found is not None and found.pid != os.getpid():
            return found
    return None


def _values(found: Process) -> dict[str, Scalar]:
    return {
        "pid": found.pid,
        "started": found.started,
        "boot": found.boot,
        "name": found.name,
        "uid": found.uid,
        "age_seconds": round(found.age_seconds, 1),
        "command": found.command,
    }


class Writable(SqliteStep):
    """Tell whether the database can be written."""

    def __init__(self) -> None:
        super().__init__("sqlite.writable")

    def look(self, situation: Situation) -> Found:
        why = write_once(situation, self.number(situation, "busy_seconds"))
        if why is None:
            return Found(True, "a write transaction could begin")
        return Found(False, f"a write transaction could not begin: {why}")

    def act(self, situation: Situation) -> Found:
        return self.look(situation)

    def verify(self, situation: Situation) -> Found:
        return self.look(situation)


class Holder(SqliteStep):
    """Find who holds the write lock; that nobody does is an answer as well."""

    def __init__(self) -> None:
        super().__init__("sqlite.holder")

    def look(self, situation: Situation) -> Found:
        return Found(False, self.verify(situation).sentence)

    def act(self, situation: Situation) -> Found:
        return Found(True, "looked", self.verify(situation).values)

    def verify(self, situation: Situation) -> Found:
        found = holder(path_of(situation))
        if found is None:
            return Found(True, "no process holds the write lock now", {"held": False})
        return Found(True, f"{found.words} holds the write lock", {"held": True, **_values(found)})


class Checkpoint(SqliteStep):
    """Move the write-ahead log into the database."""

    def __init__(self) -> None:
        super().__init__("sqlite.checkpoint")

    def look(self, situation: Situation) -> Found:
        path = path_of(situation)
        wal = path.with_name(path.name + "-wal")
        size = wal.stat().st_size if wal.exists() else 0
        if size == 0:
            return Found(True, "there is no write-ahead log to move", {"wal_bytes": 0})
        return Found(False, f"the write-ahead log has {size} bytes", {"wal_bytes": size})

    def act(self, situation: Situation) -> Found:
        busy_seconds = self.number(situation, "busy_seconds")
        try:
            with opened(
                path_of(situation), situation, mode="rw", busy_seconds=busy_seconds
            ) as connection:
                row = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            raise in_words(error) from error
        busy, pages, moved = (int(value) for value in row)
        values: Mapping[str, Scalar] = {"pages": pages, "moved": moved}
        if busy:
            raise ActionFailed(
                f"{max(moved, 0)} of {max(pages, 0)} pages of the log could be moved: "
                "a process still reads or writes"
            )
        return Found(True, "the log was moved into the database and emptied", values)

    def verify(self, situation: Situation) -> Found:
        return self.look(situation)


class Wait(SqliteStep):
    """Wait until the database can be written."""

    def __init__(self) -> None:
        super().__init__("sqlite.wait")

    def look(self, situation: Situation) -> Found:
        why = write_once(situation, 0.1)
        if why is None:
            return Found(True, "the database can be written")
        return Found(False, f"would wait up to {self.number(situation, 'seconds'):.0f} s: {why}")

    def act(self, situation: Situation) -> Found:
        began = time.time()
        until = min(began + self.number(situation, "seconds"), situation.deadline)
        while True:
            # SQLite waits by itself; a holder that lets go is noticed within its own sleep.
            why = write_once(situation, min(1.0, max(POLL_SECONDS, until - time.time())))
            if why is None:
                return Found(True, f"it could be written after {time.time() - began:.1f} s")
            if time.time() >= until:
                raise ActionFailed(f"still not writable after {time.time() - began:.0f} s: {why}")

    def verify(self, situation: Situation) -> Found:
        return self.look(situation)


class EndHolder(SqliteStep):
    """End the one process that an earlier step found, while it still holds the lock."""

    def __init__(self) -> None:
        super().__init__("sqlite.end_holder")

    def look(self, situation: Situation) -> Found:
        if not situation.found.get(self.text(situation, "holder")):
            return self._unfound(situation)
        target = self._target(situation)
        if target is None:
            return Found(True, "the process that held the write lock holds it no more")
        self._refuse(situation, target)
        return Found(False, f"would end {target.words}", _values(target), target.about)

    def act(self, situation: Situation) -> Found:
        target = self._target(situation)
        if target is None:
            return Found(True, "the process that held the write lock holds it no more")
        self._refuse(situation, target)
        grace = min(self.number(situation, "grace_seconds"), left(situation))
        how = end(target, grace, kill=self.flag(situation, "kill"))
        return Found(True, f"{target.words}: {how}", _values(target))

    def verify(self, situation: Situation) -> Found:
        target = self._target(situation)
        if target is None:
            return Found(True, "the process that held the write lock holds it no more")
        return Found(False, f"{target.words} still holds the write lock", _values(target))

    def _unfound(self, situation: Situation) -> Found:
        """Answer a dry run, in which no earlier step has found anything."""
        now = holder(path_of(situation))
        if now is None:
            return Found(True, "no process holds the write lock now")
        self._refuse(situation, now)
        return Found(False, f"would end {now.words}", _values(now), now.about)

    def _target(self, situation: Situation) -> Process | None:
        """Answer the process that was found, while it is the one that holds the lock."""
        meant = earlier(situation, self.text(situation, "holder"))
        if not meant.get("held"):
            return None
        now = holder(path_of(situation))
        if now is None:
            return None
        if now.pid != meant.get("pid") or not same(
            now, started=int(meant.get("started", -1)), boot=str(meant.get("boot"))
        ):
            raise ActionFailed(
                f"another process than the one that was found holds the lock now: {now.words}; "
                "run the playbook again, so that somebody can agree to that one"
            )
        return now

    def _refuse(self, situation: Situation, target: Process) -> None:
        """Raise ActionFailed where this process may not be ended, whoever agreed."""
        if target.pid in ancestors():
            raise ActionFailed(f"{target.words} is the runner itself, or what started it")
        if target.uid != os.getuid() and not situation.target.get("other_users", False):
            raise ActionFailed(
                f"{target.words} belongs to another user: end it by hand, or set `other_users` "
                "of the target"
            )
        allowed = names(situation.target, "may_end")
        if allowed and target.name not in allowed:
            raise ActionFailed(
                f"{target.words} is not among the programs that `may_end` of the target names"
            )
