"""Actions of sqlite and postgresql: what each may do, as playbooks may name them."""

from typing import Final

from grace.domain.playbooks.action import ActionSpec, Param, Radius, Risk, TargetKind

_SQLITE = (TargetKind.SQLITE,)
_POSTGRESQL = (TargetKind.POSTGRESQL,)


def _seconds(name: str, words: str, default: float, most: float = 3600) -> Param:
    return Param(name=name, type="number", words=words, default=default, least=0, most=most)


def _step(name: str, words: str, default: str | None = None) -> Param:
    return Param(name=name, type="text", words=words, default=default)


def _flag(name: str, words: str, *, default: bool = False) -> Param:
    return Param(name=name, type="flag", words=words, default=default)


_LOST = Param(
    name="max_lost_percent",
    type="number",
    words="the share of a table's rows that may be missing",
    default=0.0,
    least=0,
    most=100,
)

_SQLITE_LOCKED: Final = (
    ActionSpec(
        name="sqlite.writable",
        kinds=_SQLITE,
        words="Begin a write transaction and take it back",
        risk=Risk.READ,
        radius=Radius.NOTHING,
        params=(_seconds("busy_seconds", "how long to wait for the lock", 2.0, 60),),
    ),
    ActionSpec(
        name="sqlite.holder",
        kinds=_SQLITE,
        words="Find the process that holds the write lock",
        risk=Risk.READ,
        radius=Radius.NOTHING,
    ),
    ActionSpec(
        name="sqlite.checkpoint",
        kinds=_SQLITE,
        words="Move the write-ahead log into the database and empty it",
        risk=Risk.LOW,
        radius=Radius.DATABASE,
        params=(_seconds("busy_seconds", "how long to wait for readers", 5.0, 600),),
    ),
    ActionSpec(
        name="sqlite.wait",
        kinds=_SQLITE,
        words="Wait until the database can be written",
        risk=Risk.READ,
        radius=Radius.NOTHING,
        params=(_seconds("seconds", "how long to wait", 30.0),),
    ),
    ActionSpec(
        name="sqlite.end_holder",
        kinds=_SQLITE,
        words="End the process that an earlier step found holding the write lock",
        risk=Risk.HIGH,
        radius=Radius.PROCESS,
        params=(
            _step("holder", "the step that found the process", "holder"),
            _seconds("grace_seconds", "how long it may take to end by itself", 10.0, 600),
            _flag("kill", "kill it when it does not end by itself", default=True),
        ),
        person=True,
    ),
)

_SQLITE_DAMAGED: Final = (
    ActionSpec(
        name="sqlite.check",
        kinds=_SQLITE,
        words="Check that every page of the database can be read and fits the others",
        risk=Risk.READ,
        radius=Radius.NOTHING,
        params=(
            Param(
                name="depth",
                type="text",
                words="`full` compares indexes with their tables, `quick` does not",
                default="full",
                choices=("full", "quick"),
            ),
        ),
    ),
    ActionSpec(
        name="sqlite.unused",
        kinds=_SQLITE,
        words="Make sure that no process has the database open",
        risk=Risk.READ,
        radius=Radius.NOTHING,
    ),
    ActionSpec(
        name="sqlite.copy",
        kinds=_SQLITE,
        words="Copy the database's files aside, byte for byte, damaged as they are",
        risk=Risk.LOW,
        radius=Radius.NOTHING,
    ),
    ActionSpec(
        name="sqlite.backup",
        kinds=_SQLITE,
        words="Make a consistent copy of a sound database while it is in use",
        risk=Risk.LOW,
        radius=Radius.NOTHING,
    ),
    ActionSpec(
        name="sqlite.recover",
        kinds=_SQLITE,
        words="Save every row that can still be read from a copy into a new file",
        risk=Risk.LOW,
        radius=Radius.NOTHING,
        params=(
            _step("copy", "the step that copied the database", "copy"),
            _flag("own", "read the rows without the program sqlite3"),
        ),
    ),
    ActionSpec(
        name="sqlite.restore",
        kinds=_SQLITE,
        words="Bring the newest backup that is sound back into a new file",
        risk=Risk.LOW,
        radius=Radius.NOTHING,
    ),
    ActionSpec(
        name="sqlite.compare",
        kinds=_SQLITE,
        words="Compare the rows of each table of a new file with the database",
        risk=Risk.READ,
        radius=Radius.NOTHING,
        params=(_step("candidate", "the step that made the new file"), _LOST),
    ),
    ActionSpec(
        name="sqlite.swap",
        kinds=_SQLITE,
        words="Put a new file in the place of the database, and keep the old one",
        risk=Risk.HIGH,
        radius=Radius.DATABASE,
        params=(
            _step("candidates", "the steps that make new files; the first that did counts"),
            _step("copy", "the step that copied the database; nothing may have come since", "copy"),
        ),
        undo=True,
        person=True,
    ),
)

_POSTGRESQL_LOCKED: Final = (
    ActionSpec(
        name="postgresql.unblocked",
        kinds=_POSTGRESQL,
        words="Make sure that no session waits long for a lock of another",
        risk=Risk.READ,
        radius=Radius.NOTHING,
        params=(
            _seconds("waiting_seconds", "how long a session may wait", 5.0),
            _step("table", "a table whose write lock must be free besides, as schema.table", ""),
        ),
    ),
    ActionSpec(
        name="postgresql.sessions",
        kinds=_POSTGRESQL,
        words="Find the sessions that block others or idle in a transaction",
        risk=Risk.READ,
        radius=Radius.NOTHING,
        params=(_seconds("idle_seconds", "how old an idle transaction is trouble", 60.0, 86_400),),
    ),
    ActionSpec(
        name="postgresql.cancel",
        kinds=_POSTGRESQL,
        words="Cancel the running statements of the sessions that an earlier step found",
        risk=Risk.MEDIUM,
        radius=Radius.SESSION,
        params=(
            _step("sessions", "the step that found the sessions", "sessions"),
            _seconds("min_age_seconds", "how old the transaction must be", 60.0, 86_400),
        ),
    ),
    ActionSpec(
        name="postgresql.wait",
        kinds=_POSTGRESQL,
        words="Wait until no session waits for a lock of another",
        risk=Risk.READ,
        radius=Radius.NOTHING,
        params=(
            _seconds("seconds", "how long to wait", 30.0),
            _seconds("waiting_seconds", "how long a session may wait", 5.0),
            _step("table", "a table whose write lock must be free besides, as schema.table", ""),
        ),
    ),
    ActionSpec(
        name="postgresql.terminate",
        kinds=_POSTGRESQL,
        words="End the sessions that an earlier step found",
        risk=Risk.HIGH,
        radius=Radius.SESSION,
        params=(
            _step("sessions", "the step that found the sessions", "sessions"),
            _seconds("min_age_seconds", "how old the transaction must be", 60.0, 86_400),
        ),
        person=True,
    ),
)

_POSTGRESQL_DAMAGED: Final = (
    ActionSpec(
        name="postgresql.readable",
        kinds=_POSTGRESQL,
        words="Read every row of every table, and check indexes where amcheck is installed",
        risk=Risk.READ,
        radius=Radius.NOTHING,
    ),
    ActionSpec(
        name="postgresql.dump",
        kinds=_POSTGRESQL,
        words="Dump the database; of a damaged table, every page that can be read",
        risk=Risk.LOW,
        radius=Radius.NOTHING,
        params=(
            _flag(
                "tolerant", "go on where a table cannot be read, and say what is lost", default=True
            ),
        ),
    ),
    ActionSpec(
        name="postgresql.restore",
        kinds=_POSTGRESQL,
        words="Restore the dump into a new database",
        risk=Risk.LOW,
        radius=Radius.NOTHING,
        params=(_step("dump", "the step that dumped the database", "dump"),),
        undo=True,
    ),
    ActionSpec(
        name="postgresql.compare",
        kinds=_POSTGRESQL,
        words="Compare the rows of each table of the new database with the old one",
        risk=Risk.READ,
        radius=Radius.NOTHING,
        params=(_step("restore", "the step that made the new database", "restore"), _LOST),
    ),
    ActionSpec(
        name="postgresql.swap",
        kinds=_POSTGRESQL,
        words="Give the new database the name of the old one, and keep the old one",
        risk=Risk.HIGH,
        radius=Radius.DATABASE,
        params=(
            _step("restore", "the step that made the new database", "restore"),
            _step("dump", "the step that dumped; nothing may have been written since", "dump"),
            _flag("close_connections", "end the sessions that the target's settings allow to end"),
        ),
        undo=True,
        person=True,
    ),
)

DATABASE: Final[tuple[ActionSpec, ...]] = (
    *_SQLITE_LOCKED,
    *_SQLITE_DAMAGED,
    *_POSTGRESQL_LOCKED,
    *_POSTGRESQL_DAMAGED,
)
