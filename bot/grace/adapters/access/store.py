"""Tokens and sessions in one SQLite file, which the bot and `grace token` open side by side."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self, TypeVar

from grace.adapters.access import rows
from grace.adapters.access.errors import AccessError
from grace.adapters.access.schema import open_file
from grace.domain.people import Actor
from grace.ports.access import Session, TokenChange, TokenDraft
from grace.ports.hub import Token

T = TypeVar("T")


class SqliteAccess:
    """`grace.ports.access.AccessStore` in one file, with one connection and one thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="access")
        self._closed = False

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the file, or make it; AccessError says what is wrong with it."""
        return cls(await asyncio.to_thread(open_file, path))

    async def create_token(self, draft: TokenDraft, now: datetime) -> tuple[Token, str]:
        return await self._write(lambda c: rows.create_token(c, draft, now))

    async def token_of(self, text: str, now: datetime) -> Token | None:
        return await self._do(lambda c: rows.token_of(c, text, now))

    async def tokens(self) -> Sequence[Token]:
        return await self._do(rows.tokens)

    async def revoke_token(self, token_id: str, actor: str, now: datetime) -> Token | None:
        return await self._write(lambda c: rows.revoke_token(c, token_id, actor, now))

    async def unannounced(self) -> Sequence[TokenChange]:
        return await self._do(rows.unannounced)

    async def mark_announced(self, change: TokenChange) -> None:
        await self._write(lambda c: rows.mark_announced(c, change))

    async def begin_session(self, person: Actor, now: datetime, expires_at: datetime) -> str:
        return await self._write(lambda c: rows.begin_session(c, person, now, expires_at))

    async def session_of(self, session_id: str, now: datetime, idle: timedelta) -> Session | None:
        return await self._do(lambda c: rows.session_of(c, session_id, now, idle))

    async def end_session(self, session_id: str) -> None:
        await self._write(lambda c: rows.end_session(c, session_id))

    async def spend(self, nonce: str, until: datetime, now: datetime) -> bool:
        return await self._write(lambda c: rows.spend(c, nonce, until, now))

    async def close(self) -> None:
        """Close the file."""
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._threads.shutdown)
            self._connection.close()

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a closure of which each statement may stand alone."""
        if self._closed:
            raise AccessError("the file of tokens is closed: open it again before asking it")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, work, self._connection)

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a closure in a transaction that nobody else writes beside."""
        return await self._do(lambda connection: _transaction(connection, work))


def _transaction(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result
