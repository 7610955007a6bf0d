"""Where each database action is: by its name, module and class, made without arguments."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_HERE = "grace.runner.actions"

DATABASE_PLACES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sqlite.writable": f"{_HERE}.sqlite_locked:Writable",
        "sqlite.holder": f"{_HERE}.sqlite_locked:Holder",
        "sqlite.checkpoint": f"{_HERE}.sqlite_locked:Checkpoint",
        "sqlite.wait": f"{_HERE}.sqlite_locked:Wait",
        "sqlite.end_holder": f"{_HERE}.sqlite_locked:EndHolder",
        "sqlite.check": f"{_HERE}.sqlite_checks:Check",
        "sqlite.unused": f"{_HERE}.sqlite_checks:Unused",
        "sqlite.compare": f"{_HERE}.sqlite_checks:Compare",
        "sqlite.copy": f"{_HERE}.sqlite_copies:Copy",
        "sqlite.backup": f"{_HERE}.sqlite_copies:Backup",
        "sqlite.recover": f"{_HERE}.sqlite_renewal:Recover",
        "sqlite.restore": f"{_HERE}.sqlite_renewal:Restore",
        "sqlite.swap": f"{_HERE}.sqlite_swap:Swap",
        "postgresql.unblocked": f"{_HERE}.postgresql_sessions:Unblocked",
        "postgresql.wait": f"{_HERE}.postgresql_sessions:Wait",
        "postgresql.sessions": f"{_HERE}.postgresql_sessions:Sessions",
        "postgresql.cancel": f"{_HERE}.postgresql_ending:Cancel",
        "postgresql.terminate": f"{_HERE}.postgresql_ending:Terminate",
        "postgresql.readable": f"{_HERE}.postgresql_damage:Readable",
        "postgresql.dump": f"{_HERE}.postgresql_dump:Dump",
        "postgresql.restore": f"{_HERE}.postgresql_restore:Restore",
        "postgresql.compare": f"{_HERE}.postgresql_restore:Compare",
        "postgresql.swap": f"{_HERE}.postgresql_swap:Swap",
    }
)
