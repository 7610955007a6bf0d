"""The secrets of custom alert sources, which the configuration names and does not hold."""

from collections.abc import Mapping

from grace.adapters.config.files import ALERT_SOURCES_FILE
from grace.adapters.config.strict import ConfigError, ConfigProblem
from grace.domain.alerting.sources import AlertSources


def alert_secrets(sources: AlertSources, environment: Mapping[str, str]) -> dict[str, str]:
    """Read them by the source's name; `ConfigError` names every field and variable without one."""
    found: dict[str, str] = {}
    problems = []
    for name, source in sources.custom.items():
        variable = source.auth.secret_env
        found[name] = environment.get(variable, "")
        if not found[name].replace(",", " ").strip():
            told = f"the environment variable {variable} is not set; set it"
            field = f"custom.{name}.auth.secret_env"
            problems.append(ConfigProblem(ALERT_SOURCES_FILE, 1, field, told))
    if problems:
        raise ConfigError(problems)
    return found
