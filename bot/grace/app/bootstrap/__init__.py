"""The only place that constructs adapters and puts the parts together."""

from grace.app.bootstrap.hub import HubParts, open_hub
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
    "HubParts",
    "Machine",
    "SettingsError",
    "System",
    "SystemClock",
    "configuration_hash",
    "connect",
    "listening",
    "make_forge",
    "make_site",
    "open_hub",
    "open_system",
    "resolve",
]
