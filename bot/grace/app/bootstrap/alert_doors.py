"""The doors of alert sources, with the secrets that open them."""

import os

from grace.adapters.alerts import Door, Secrets, make_doors
from grace.adapters.config import alert_secrets
from grace.app.bootstrap.system import System


def open_doors(system: System) -> dict[str, Door]:
    """Open a door for each source that is set up; `ConfigError` where a secret is missing."""
    sources = system.configuration.alert_sources
    custom = alert_secrets(sources, os.environ)
    given = system.settings.alert_secrets | {f"custom/{n}": text for n, text in custom.items()}
    return make_doors(sources, {name: Secrets.parse(text) for name, text in given.items()})
