"""Where questions to the store are answered: some connections, a thread for each."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from grace.adapters.sqlite.errors import StoreClosed

T = TypeVar("T")


class Desk:
    """As many questions at once as there are connections; the others wait their turn."""

    def __init__(self, *connections: sqlite3.Connection) -> None:
        self._free: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for connection in connections:
            connection.execute("PRAGMA query_only=ON")
            self._free.put(connection)
        self._threads = ThreadPoolExecutor(len(connections), thread_name_prefix="store-reader")
        self._closed = False

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a closure in a transaction that sees one state of the store; StoreClosed."""
        if self._closed:
            raise StoreClosed("the store is closed: open it again before asking it")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, work)

    async def close(self) -> None:
        """Answer who waits, and close the connections; a second time does nothing."""
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._stop)

    def _answer(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._free.get_nowait()  # there is one for each thread
        try:
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                connection.execute("ROLLBACK")
        finally:
            self._free.put(connection)

    def _stop(self) -> None:
        self._threads.shutdown(wait=True)
        while not self._free.empty():
            self._free.get_nowait().close()
