"""The only place that constructs adapters and puts the parts together."""

from grace.app.bootstrap.serving import listening
from grace.app.bootstrap.system import (
    Machine,
    System,
    SystemClock,
    configuration_hash,
    make_forge,
    make_site,
    open_system,
)
from grace.app.bootstrap.working import connect, resolve
from grace.app.settings import SettingsError

__all__ = [
    "Machine",
    "SettingsError",
    "System",
    "SystemClock",
    "configuration_hash",
    "connect",
    "listening",
    "make_forge",
    "make_site",
    "open_system",
    "resolve",
]
