"""Settings of the process: environment variables `GRACE_*`, then `bot.yaml`, then defaults."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

SWEEP_S: Final = 300.0
POLL_S: Final = 15.0
_WAYS_OUT: Final = {
    "no secret": (
        "is required: without it anybody could command Grace; give the secret of the App's "
        "webhook, or set poll to true (grace serve --poll), which takes no webhooks"
    ),
    "empty secret": "is empty: without it anybody could command Grace",
    "no app": "is required: the id of the GitHub App, as its settings page shows it",
    "no key": (
        "is required, or app_key_file: the private key of the GitHub App; "
        "a personal access token goes into forge_token, with mode set to statuses"
    ),
    "empty token": "is empty: give a token, or leave it out",
    "no checks": (
        "a personal access token cannot create check runs, only a GitHub App can; give app_id "
        "and app_key instead, or set mode to statuses, which uses commit statuses"
    ),
    "no address": (
        "must be an address alone, such as https://grace.example.org: no path, query or user"
    ),
    "no database": "must be the address of a PostgreSQL database: postgresql://user@host/name",
    "half a client": "is required beside the other: both are on the App's settings page",
    "short session key": "is too short to seal sessions: give 32 random characters or more",
    "empty alerts": (
        "is empty: without it anybody could file missions; give a secret, or leave it out, which "
        "closes this alert source"
    ),
    "two ways": "is given beside a GitHub App: take it away, or app_id, app_key and app_key_file",
}

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Amount = Annotated[int, Field(gt=0, le=1_000_000)]
_LEAST_KEY: Final = 32
_POSTGRES: Final = ("postgresql://", "postgres://")
_ALERT_FIELDS: Final = {
    "alertmanager": "alert_token",
    "grafana": "grafana_secret",
    "sentry": "sentry_secret",
    "pagerduty": "pagerduty_secret",
}


def _words(value: object) -> object:
    """Read a list that an environment variable writes with commas."""
    return [w for w in value.replace(",", " ").split() if w] if isinstance(value, str) else value


Logins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]


class _Wrong(ValueError):
    """What is wrong with settings that are each well formed: field and key of the way out."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.lines = [(field, _WAYS_OUT[key]) for field, key in problems]
        super().__init__("; ".join(f"{field} {way}" for field, way in self.lines))


class SettingsError(Exception):
    """Settings that cannot work; the message lists each by name and says the way out."""


class Settings(BaseSettings):
    """What an operator decides. Secrets never appear in a repr or a log."""

    model_config = SettingsConfigDict(env_prefix="GRACE_", extra="forbid")

    data_dir: Path = Path("grace-data")
    config_dir: Path | None = None
    playbooks_dir: Path | None = None
    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    environment: str = "production"
    forge_host: str = "github.com"
    forge_api_url: str = "https://api.github.com"
    forge_web_url: str = "https://github.com"
    mode: Literal["checks", "statuses"] = "checks"
    app_id: Annotated[int, Field(gt=0)] | None = None
    app_key: SecretStr | None = None
    app_key_file: Path | None = None
    forge_token: SecretStr | None = None
    webhook_secret: SecretStr | None = None
    poll: bool = False
    commits: Literal["git", "api"] = "git"
    alert_token: SecretStr | None = None
    grafana_secret: SecretStr | None = None
    sentry_secret: SecretStr | None = None
    pagerduty_secret: SecretStr | None = None
    operator_token: SecretStr | None = None
    public_url: str | None = None
    oauth_client_id: str | None = None
    oauth_client_secret: SecretStr | None = None
    operators: Logins = ()
    session_hours: Annotated[float, Field(gt=0, le=720)] = 12
    session_key: SecretStr | None = None
    requests_per_minute: Amount = 600
    signing_key: SecretStr | None = None
    signing_key_file: Path | None = None
    stop_file: Path | None = None
    attestation_root: Path | None = None
    allowed_signers: Path | None = None
    oidc_issuer: str = "https://token.actions.githubusercontent.com"
    oidc_audience: str = "grace"
    author_name: str = "Grace"
    author_email: str = "grace@users.noreply.github.com"
    redelivery_seconds: Seconds = 300
    detect_seconds: Annotated[float, Field(gt=0, le=15)] = 15
    max_missions_per_hour: Annotated[int, Field(ge=1, le=10_000)] = 60
    sweep_seconds: Seconds | None = None
    news_seconds: Seconds = 600
    points_per_minute: Amount = 900
    content_per_minute: Amount = 80
    content_per_hour: Amount = 500
    keep_samples_days: Annotated[float, Field(gt=0, le=365)] = 14
    keep_samples_mb: Annotated[int, Field(ge=16, le=100_000)] = 512
    memory_url: SecretStr | None = None
    memory_model: str | None = None
    log_json: bool = True
    log_level: str = "INFO"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        problems = [
            *self._secret_problems(),
            *self._credential_problems(),
            *self._sign_in_problems(),
            *self._alert_problems(),
            *self._memory_problems(),
        ]
        if problems:
            raise _Wrong(problems)
        return self

    def _secret_problems(self) -> Iterator[tuple[str, str]]:
        if self.webhook_secret is None:
            if not self.poll:
                yield "webhook_secret", "no secret"
        elif not self.webhook_secret.get_secret_value().strip():
            yield "webhook_secret", "empty secret"

    def _credential_problems(self) -> Iterator[tuple[str, str]]:
        app = (self.app_id, self.app_key, self.app_key_file)
        if self.forge_token is not None:
            if not self.forge_token.get_secret_value().strip():
                yield "forge_token", "empty token"
            elif self.mode == "checks":
                yield "forge_token", "no checks"
            elif any(part is not None for part in app):
                yield "forge_token", "two ways"
            return
        if self.app_id is None:
            yield "app_id", "no app"
        if self.app_key is None and self.app_key_file is None:
            yield "app_key", "no key"

    def _sign_in_problems(self) -> Iterator[tuple[str, str]]:
        if self.public_url is not None and not _is_address(self.public_url):
            yield "public_url", "no address"
        if (self.oauth_client_id is None) != (self.oauth_client_secret is None):
            missing = "oauth_client_id" if self.oauth_client_id is None else "oauth_client_secret"
            yield missing, "half a client"
        key = self.session_key
        if key is not None and len(key.get_secret_value().strip()) < _LEAST_KEY:
            yield "session_key", "short session key"

    def _alert_problems(self) -> Iterator[tuple[str, str]]:
        for name, secret in self.alert_secrets.items():
            if not secret.replace(",", " ").strip():
                yield _ALERT_FIELDS[name], "empty alerts"

    def _memory_problems(self) -> Iterator[tuple[str, str]]:
        url = self.memory_url
        if url is not None and not url.get_secret_value().startswith(_POSTGRES):
            yield "memory_url", "no database"

    @property
    def alert_secrets(self) -> dict[str, str]:
        """Return the secrets of the alert sources that are set up, by the source's name."""
        given = {name: getattr(self, field) for name, field in _ALERT_FIELDS.items()}
        return {name: s.get_secret_value() for name, s in given.items() if s is not None}

    @property
    def sweep_every(self) -> float:
        """Return the seconds between two sweeps: fewer where nothing else tells the news."""
        return self.sweep_seconds or (POLL_S if self.poll else SWEEP_S)

    @property
    def signing_key_path(self) -> Path:
        return self.signing_key_file or self.data_dir / "signing.key"

    @property
    def stop_path(self) -> Path:
        """Return the file that stops Grace while it is there."""
        return self.stop_file or self.data_dir / "STOP"

    def private_key(self) -> str:
        """Return the App's private key in PEM; empty where a token is used."""
        if self.app_key is not None:
            return self.app_key.get_secret_value()
        if self.app_key_file is None:
            return ""
        try:
            return self.app_key_file.read_text()
        except OSError as error:
            raise SettingsError(
                f"app_key_file: {self.app_key_file} cannot be read: {error.strerror}"
            ) from error

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, `yaml_file`."""
        del dotenv_settings, file_secret_settings
        return (init_settings, env_settings, YamlConfigSettingsSource(settings_cls))


def _is_address(url: str) -> bool:
    """Tell whether a URL is scheme, host and port alone."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        return False
    bare = not (parts.query or parts.fragment or parts.username) and parts.path in {"", "/"}
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and bare


def load(file: Path | None, **given: object) -> Settings:
    """Read settings; `file` is a `bot.yaml`. Raises `SettingsError` naming each field."""

    class FromFile(Settings):
        model_config = SettingsConfigDict(yaml_file=file)

    try:
        return FromFile(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [line for item in error.errors(include_url=False) for line in _lines(item)]
        raise SettingsError("\n".join(lines)) from error


def _lines(item: ErrorDetails) -> Iterator[str]:
    """Say what is wrong, by field; the input itself may be a secret and is not shown."""
    wrong = item.get("ctx", {}).get("error")
    if isinstance(wrong, _Wrong):
        found = wrong.lines
    else:
        name = ".".join(str(p) for p in item["loc"]) or "settings"
        missing = item["type"] == "missing"
        found = [(name, "is required" if missing else item["msg"].removeprefix("Value error, "))]
    for name, problem in found:
        yield f"{name}: {problem} (environment: GRACE_{name.upper()})"
