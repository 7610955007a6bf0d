"""An SQLite database as a target: where it lies, which one it is, and how it is opened.

Settings: `path`; of what it must be, at least one of `application_id`, `user_version`, `schema`
(see `schema_digest`) and `tables` (names, parted by commas). `backups`: the folder of its backups,
`backup_pattern`: their names there. `may_end`: names of programs that may be ended when they hold
it, parted by commas; `other_users`: also those of other users.
"""

import contextlib
import hashlib
import sqlite3
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from grace.runner.action import ActionFailed, Situation, WrongTarget
from grace.runner.actions.database_common import Step, left, names, setting

MAGIC = b"SQLite format 3\0"
EXPECTED = ("application_id", "user_version", "schema", "tables")
# SQLite says so of a file that is no database, and of one that is damaged (sqlite3.h).
_DAMAGED = ("malformed", "not a database", "disk image", "unsupported file format")


def path_of(situation: Situation) -> Path:
    """Say where the database really lies; WrongTarget where there is no such file."""
    path = Path(setting(situation, "path"))
    if not path.is_absolute():
        raise WrongTarget("the setting `path` must be absolute")
    real = path.resolve()
    if not real.is_file():
        raise WrongTarget(f"there is no file {path.name} at the target's `path`")
    return real


def sidecars(path: Path) -> tuple[Path, ...]:
    """Name the files that belong to a database beside it: write-ahead log, index, journal."""
    return tuple(path.with_name(path.name + end) for end in ("-wal", "-journal", "-shm"))


@contextlib.contextmanager
def opened(
    path: Path, situation: Situation, *, mode: str = "ro", busy_seconds: float = 1.0
) -> Iterator[sqlite3.Connection]:
    """Open a database that must exist; what runs longer than the step's time is interrupted."""
    # Looking at a log's database that nobody has open would leave an empty log beside it.
    alone = mode == "ro" and _logs(path) and not path.with_name(path.name + "-wal").exists()
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}{'&immutable=1' if alone else ''}",
        uri=True,
        isolation_level=None,
        timeout=min(busy_seconds, left(situation)),
    )
    try:
        connection.set_progress_handler(lambda: time.time() > situation.deadline, 100_000)
        yield connection
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            left(situation)
        raise
    finally:
        connection.close()


def _logs(path: Path) -> bool:
    """Say whether the header asks for a write-ahead log (byte 19 of the file is 2)."""
    with path.open("rb") as file:
        return file.read(20)[19:] == b"\2"


def is_damage(error: sqlite3.Error) -> bool:
    """Say whether SQLite complains about the file rather than about a lock or a statement."""
    return any(words in str(error) for words in _DAMAGED)


def header(path: Path) -> tuple[int, int] | None:
    """Read user_version and application_id of the file's own first page, None where it has none.

    Bytes 60 and 68 of the file (sqlite.org/fileformat2.html, 1.3). Never called while this process
    has the database open: closing a file lets go of all locks of the process on it (fcntl(2)).
    """
    with path.open("rb") as file:
        start = file.read(100)
    if len(start) < 100 or not start.startswith(MAGIC):  # noqa: PLR2004 - the header's length
        return None
    user_version, _, application_id = struct.unpack(">iii", start[60:72])
    return user_version, application_id


def schema_digest(connection: sqlite3.Connection) -> str:
    """Sum up what the tables, indexes, views and triggers are: SHA-256 of their SQL, sorted."""
    rows = connection.execute(
        "SELECT type, name, coalesce(sql, '') FROM sqlite_schema "
        "WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"
    ).fetchall()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def tables(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Name the tables of a database that hold rows of their own."""
    return tuple(
        str(name)
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
            "AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
        )
    )


def quoted(name: str) -> str:
    """Write a name so that SQL takes it as one."""
    return '"' + name.replace('"', '""') + '"'


def identify(situation: Situation, path: Path | None = None) -> None:
    """Raise WrongTarget unless the database, or the file given, is what the settings expect.

    What a damaged or locked database cannot tell by its schema, the header's numbers must tell.
    """
    real = path or path_of(situation)
    wanted = [name for name in EXPECTED if name in situation.target]
    if not wanted:
        raise WrongTarget(
            "the settings do not say which database it must be: give `application_id`, "
            "`user_version`, `schema` or `tables` to the target"
        )
    proven = _by_header(situation, real)
    if "schema" not in wanted and "tables" not in wanted:
        if not proven:
            raise WrongTarget("the file's header cannot be read, and nothing else is expected")
        return
    try:
        with opened(real, situation) as connection:
            _by_schema(situation, connection)
    except sqlite3.Error as error:
        if not proven:
            raise WrongTarget(
                f"its schema cannot be read now ({error}), and no number of its header is "
                "expected: give `application_id` to the target"
            ) from error


def _by_header(situation: Situation, path: Path) -> bool:
    """Compare the numbers of the header; False where none is expected or none can be read."""
    wanted = {
        name: situation.target[name]
        for name in ("application_id", "user_version")
        if name in situation.target
    }
    numbers = header(path)
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size:
        # A newer first page may stand in the log.
        with contextlib.suppress(sqlite3.Error), opened(path, situation) as connection:
            numbers = (
                int(connection.execute("PRAGMA user_version").fetchone()[0]),
                int(connection.execute("PRAGMA application_id").fetchone()[0]),
            )
    if numbers is None:
        return False
    seen = {"user_version": numbers[0], "application_id": numbers[1]}
    for name, value in wanted.items():
        if seen[name] != value:
            raise WrongTarget(f"its {name} is {seen[name]}, and {value} is expected")
    return bool(wanted)


def _by_schema(situation: Situation, connection: sqlite3.Connection) -> None:
    expected = situation.target.get("schema")
    if expected is not None:
        seen = schema_digest(connection)
        if seen != expected:
            raise WrongTarget(f"its schema is {seen[:12]}..., and {str(expected)[:12]}... is meant")
    missing = set(names(situation.target, "tables")) - set(tables(connection))
    if missing:
        raise WrongTarget(f"it has no table {min(missing)}, which is expected")


class SqliteStep(Step):
    """An action on an SQLite database."""

    def identify(self, situation: Situation) -> None:
        identify(situation)


def in_words(error: sqlite3.Error) -> ActionFailed:
    """Say in a sentence why SQLite refused."""
    if is_damage(error):
        return ActionFailed(f"the database is damaged ({error}): run the playbook for that")
    if "locked" in str(error) or "busy" in str(error):
        return ActionFailed(f"another process holds the database ({error})")
    return ActionFailed(f"SQLite refused: {error}")
