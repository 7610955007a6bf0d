"""One query of a PostgreSQL database, in a read-only transaction with a limit on its time."""

import asyncio
from collections.abc import Sequence
from typing import Any

from grace.adapters.metrics.sql_errors import Unanswered

_MISSING = "asyncpg is not installed: install grace-mission-control with its extra `postgres`"


async def ask_postgres(url: str, query: str, seconds: float) -> Sequence[Sequence[object]]:
    """Answer the first two rows of a query; Unanswered where there is no answer.

    The server is told to begin every transaction read-only and to end what takes longer than
    `seconds`; a statement is prepared, so that it can be only one, and nothing is committed.
    """
    try:
        import asyncpg  # noqa: PLC0415 - an extra that few need
    except ImportError as error:
        raise Unanswered(_MISSING) from error
    settings = {
        "default_transaction_read_only": "on",
        "statement_timeout": str(max(1, int(seconds * 1000))),
        "application_name": "grace",
    }
    try:
        connection = await asyncpg.connect(url, timeout=seconds, server_settings=settings)
    except (ValueError, asyncpg.InterfaceError) as error:
        raise Unanswered("the address of the database cannot be read") from error
    except TimeoutError:
        raise
    except (OSError, asyncpg.PostgresError) as error:
        raise Unanswered(f"not reachable: {type(error).__name__}") from error
    try:
        async with asyncio.timeout(seconds):
            return await _rows(connection, query)
    except TimeoutError:
        raise
    except asyncpg.QueryCanceledError as error:
        raise TimeoutError from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unanswered(f"the query failed: {type(error).__name__}") from error
    finally:
        connection.terminate()


async def _rows(connection: Any, query: str) -> Sequence[Sequence[object]]:
    # It is never committed: the connection ends with the transaction open.
    await connection.transaction(readonly=True).start()
    cursor = await connection.cursor(query)
    return [tuple(row) for row in await cursor.fetch(2)]
