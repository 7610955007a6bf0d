"""A PostgreSQL database as a target: which one it is, and how it is asked.

Settings: `url` (a secret: it holds the password); what it must be: `database` and
`system_identifier` (of `pg_control_system()`, the same for a cluster's whole life). `may_end_roles`
and `may_end_applications`: whose sessions may be ended, parted by commas; * stands for anything.
`maintenance_database`: where to connect for what concerns whole databases. `programs`: the folder
of pg_dump and pg_restore, where they are not on the path.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from grace.runner.action import ActionFailed, Situation, WrongTarget
from grace.runner.actions.database_common import Step, left, setting

# Class XX is damage and internal error, 58 the operating system's (PostgreSQL, Appendix A).
DAMAGE = ("XX", "58")
# Of these the server's own words hold nobody's data.
_TOLD = (*DAMAGE, "55", "42501", "57", "3D", "53")
LOCK_MS = 2000
_MISSING = "asyncpg is not installed: install grace-mission-control with its extra `postgres`"

T = TypeVar("T")
Work = Callable[[Any], Awaitable[T]]


def asked(
    situation: Situation, work: Work[T], *, database: str | None = None, reads: bool = False
) -> T:
    """Do some work on a connection of its own; ActionFailed where the server does not answer so.

    `database`: another one than the target's. `reads`: the server itself refuses to write.
    """
    return asyncio.run(_asked(situation, work, database, reads=reads))


async def _asked(situation: Situation, work: Work[T], database: str | None, *, reads: bool) -> T:
    try:
        import asyncpg  # noqa: PLC0415 - an extra that few need
    except ImportError as error:
        raise ActionFailed(_MISSING) from error
    url, seconds = setting(situation, "url"), left(situation)
    settings = {"application_name": "grace-runner", "lock_timeout": str(LOCK_MS)}
    settings |= {"default_transaction_read_only": "on"} if reads else {}
    more = {} if database is None else {"database": database}
    try:
        connection = await asyncpg.connect(
            url, timeout=seconds, command_timeout=seconds, server_settings=settings, **more
        )
    except (ValueError, asyncpg.InterfaceError) as error:
        raise ActionFailed("the setting `url` cannot be read: postgresql://...") from error
    except (OSError, asyncpg.PostgresError) as error:
        raise ActionFailed(f"the server does not let us in: {sentence(error)}") from error
    try:
        async with asyncio.timeout(seconds):
            return await work(connection)
    except TimeoutError as error:
        raise ActionFailed(
            "the server did not answer in time: give the step a longer `timeout_seconds`"
        ) from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ActionFailed(f"the server refused: {sentence(error)}") from error
    finally:
        connection.terminate()


def sentence(error: Exception) -> str:
    """Say what the server said, without what may be somebody's data."""
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str) and state.startswith(_TOLD):
        return " ".join(str(error).split())[:300]
    return type(error).__name__


def is_damage(error: Exception) -> bool:
    """Say whether an error of the server speaks of damage on its disk."""
    state = getattr(error, "sqlstate", None)
    return isinstance(state, str) and state.startswith(DAMAGE)


def maintenance(situation: Situation) -> str:
    """Name the database to connect to for what concerns whole databases."""
    return str(situation.target.get("maintenance_database", "postgres"))


def database_of(situation: Situation) -> str:
    """Name the target's database."""
    return setting(situation, "database")


def quoted(name: str) -> str:
    """Write a name so that SQL takes it as one."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write a text so that SQL takes it as one, where no parameter may stand."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f" E'{escaped}'"


def identify(situation: Situation) -> None:
    """Raise WrongTarget unless cluster and database are what the settings expect."""
    missing = [n for n in ("database", "system_identifier") if n not in situation.target]
    if missing:
        raise WrongTarget(
            f"the settings do not say which database it must be: give `{missing[0]}` to the target"
        )

    async def who(connection: Any) -> tuple[str, str]:
        row = await connection.fetchrow(
            "SELECT current_database() AS name, system_identifier::text AS cluster "
            "FROM pg_control_system()"
        )
        return str(row["name"]), str(row["cluster"])

    name, cluster = asked(situation, who, reads=True)
    expected = str(situation.target["system_identifier"])
    if cluster != expected:
        raise WrongTarget(f"the cluster is {cluster}, and {expected} is expected")
    if name != database_of(situation):
        raise WrongTarget(f"the database is {name}, and {database_of(situation)} is expected")


class PostgresqlStep(Step):
    """An action on a PostgreSQL database."""

    def identify(self, situation: Situation) -> None:
        identify(situation)
