"""Secrets that the configuration names and does not hold: environment variables and files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from grace.adapters.config.files import NOTIFICATIONS_FILE
from grace.adapters.config.strict import ConfigError, ConfigProblem
from grace.domain.notifying.config import Notifications

MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Given:
    """The URLs of channels and the signing secrets of webhooks, by name; no repr shows them."""

    channels: Mapping[str, str] = field(repr=False)
    webhooks: Mapping[str, tuple[str, ...]] = field(repr=False)


def given(notifications: Notifications, environment: Mapping[str, str]) -> Given:
    """Read the secrets; `ConfigError` names every field, variable and file that has none."""
    urls = {
        name: _value(f"channels.{name}.url", channel.url_env, channel.url_file, environment)
        for name, channel in notifications.channels.items()
    }
    secrets = {
        name: _value(
            f"webhooks.{name}.secret", webhook.secret_env, webhook.secret_file, environment
        )
        for name, webhook in notifications.webhooks.items()
    }
    found = [*urls.values(), *secrets.values()]
    problems = [problem for problem in found if isinstance(problem, ConfigProblem)]
    if problems:
        raise ConfigError(problems)
    return Given(
        {name: str(url) for name, url in urls.items()},
        {name: tuple(str(secret).split()) for name, secret in secrets.items()},
    )


class _Missing(Exception):
    """A secret that is not where it should be; the sentence says the way out."""


def _value(
    place: str, variable: str | None, file: str | None, environment: Mapping[str, str]
) -> str | ConfigProblem:
    """Read one secret; `place` is its field without the `_env` or `_file` at the end."""
    field_name = f"{place}_env" if file is None else f"{place}_file"
    try:
        return _from_file(file) if file is not None else _from(environment, variable or "")
    except _Missing as error:
        return ConfigProblem(NOTIFICATIONS_FILE, 1, field_name, str(error))


def _from(environment: Mapping[str, str], variable: str) -> str:
    value = environment.get(variable, "").strip()
    if not value:
        raise _Missing(f"the environment variable {variable} is not set; set it")
    return value


def _from_file(file: str) -> str:
    try:
        with Path(file).open("rb") as stream:
            text = stream.read(MAX_BYTES).decode("utf-8").strip()
    except OSError as error:
        raise _Missing(f"the file {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _Missing(f"the file {file} is not UTF-8 text; write the secret into it") from error
    if not text:
        raise _Missing(f"the file {file} is empty; write the secret into it")
    return text
