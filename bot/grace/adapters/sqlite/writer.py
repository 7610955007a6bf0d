"""One thread that writes, in group commits.

Callers queue closures. The thread takes all that wait, runs each inside a savepoint of one
`BEGIN IMMEDIATE` transaction, commits once, and only then answers: one wait for the disk serves
everybody who queued during the one before. A closure that raises takes back its own savepoint
alone.
"""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, TypeVar

import structlog

from grace.adapters.sqlite.errors import StoreClosed

MAX_GROUP: Final = 256

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


@dataclass(frozen=True, slots=True)
class _Task(Generic[T]):
    work: Work[T]
    future: "Future[T]"


@dataclass(frozen=True, slots=True)
class _Done:
    result: Any


@dataclass(frozen=True, slots=True)
class _Raised:
    error: Exception


@dataclass(frozen=True, slots=True)
class Hooks:
    """What runs in the writing thread: in front of each COMMIT, and behind those that append."""

    before_commit: Callable[[], None]
    on_append: Callable[[], None]


class GroupWriter:
    """Own the writing connection. `end` says where the ledger ends; it has grown if that moves."""

    def __init__(
        self, connection: sqlite3.Connection, hooks: Hooks, end: Callable[[sqlite3.Connection], int]
    ) -> None:
        self._connection = connection
        self._hooks = hooks
        self._end = end
        self._told = end(connection)
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
        self._queue: SimpleQueue[_Task[Any] | None] = SimpleQueue()
        self._guard = threading.Lock()
        self._open = True
        self._commits = 0
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def commits(self) -> int:
        """Count the commits so far; fewer than the closures when they came in groups."""
        return self._commits

    def submit(self, work: Work[T]) -> "Future[T]":
        """Queue a closure; the future resolves after the commit that contains it."""
        future: Future[T] = Future()
        with self._guard:
            if not self._open:
                raise StoreClosed("the store is closed: open it again before asking it")
            self._queue.put(_Task(work, future))
        return future

    def close(self) -> None:
        """Write what is queued, stop the thread and close the connection. Blocks."""
        with self._guard:
            if not self._open:
                return
            self._open = False
            self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while group := self._next_group():
            self._commit([task for task in group if task.future.set_running_or_notify_cancel()])

    def _next_group(self) -> list[_Task[Any]]:
        """Wait for one task and take all behind it; empty when the writer is closed."""
        group: list[_Task[Any]] = []
        task = self._queue.get()
        while task is not None:
            group.append(task)
            if len(group) == MAX_GROUP:
                return group
            try:
                task = self._queue.get_nowait()
            except Empty:
                return group
        if group:
            self._queue.put(None)
        return group

    def _commit(self, group: Sequence[_Task[Any]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = [self._attempt(task) for task in group]
            end = self._end(self._connection)
            self._hooks.before_commit()
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - handed to everybody whose work is lost
            self._abandon(group, error)
            return
        self._commits += 1
        if end != self._told:
            self._told = end
            self._tell()
        for task, outcome in zip(group, outcomes, strict=True):
            match outcome:
                case _Done(result):
                    task.future.set_result(result)
                case _Raised(raised):
                    task.future.set_exception(raised)

    def _tell(self) -> None:
        try:
            self._hooks.on_append()
        except Exception:  # noqa: BLE001 - logged; what is on disk stays, and its askers are answered
            self._log.exception("hook behind a commit failed")

    def _attempt(self, task: _Task[Any]) -> _Done | _Raised:
        connection = self._connection
        connection.execute("SAVEPOINT task")
        try:
            outcome: _Done | _Raised = _Done(task.work(connection))
        except Exception as error:
            if not connection.in_transaction:
                raise  # SQLite took back the whole transaction: disk full, input or output error
            connection.execute("ROLLBACK TO task")
            outcome = _Raised(error)
        connection.execute("RELEASE task")
        return outcome

    def _abandon(self, group: Sequence[_Task[Any]], error: Exception) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as second:
            error.add_note(f"and the rollback failed: {second}")
        for task in group:
            task.future.set_exception(error)
