"""Settings of the process: environment variables `GRACE_*`, then `bot.yaml`, then defaults."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)


class SettingsError(Exception):
    """Settings that cannot work; the message lists each by name and says the way out."""


class Settings(BaseSettings):
    """What an operator decides. Secrets never appear in a repr or a log."""

    model_config = SettingsConfigDict(env_prefix="GRACE_", extra="forbid")

    data_dir: Path = Path("grace-data")
    config_dir: Path | None = None
    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    forge_host: str = "github.com"
    forge_api_url: str = "https://api.github.com"
    forge_web_url: str = "https://github.com"
    app_id: Annotated[int, Field(gt=0)]
    app_key: SecretStr | None = None
    app_key_file: Path | None = None
    webhook_secret: SecretStr
    alert_token: SecretStr | None = None
    operator_token: SecretStr | None = None
    signing_key: SecretStr | None = None
    signing_key_file: Path | None = None
    oidc_issuer: str = "https://token.actions.githubusercontent.com"
    oidc_audience: str = "grace"
    author_name: str = "Grace"
    author_email: str = "grace@users.noreply.github.com"
    redelivery_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300
    log_json: bool = True
    log_level: str = "INFO"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.webhook_secret.get_secret_value().strip():
            raise ValueError("webhook_secret is empty: without it anybody could command Grace")
        if self.app_key is None and self.app_key_file is None:
            raise ValueError("give app_key or app_key_file: the private key of the GitHub App")
        return self

    @property
    def signing_key_path(self) -> Path:
        return self.signing_key_file or self.data_dir / "signing.key"

    def private_key(self) -> str:
        """Return the App's private key in PEM."""
        if self.app_key is not None:
            return self.app_key.get_secret_value()
        assert self.app_key_file is not None
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


def load(file: Path | None, **given: object) -> Settings:
    """Read settings; `file` is a `bot.yaml`. Raises `SettingsError` naming each field."""

    class FromFile(Settings):
        model_config = SettingsConfigDict(yaml_file=file)

    try:
        return FromFile(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = []
        for item in error.errors(include_url=False, include_input=False):
            name = ".".join(str(p) for p in item["loc"]) or "settings"
            problem = item["msg"].removeprefix("Value error, ")
            if item["type"] == "missing":
                problem = "is required"
            lines.append(f"{name}: {problem} (environment: GRACE_{name.upper()})")
        raise SettingsError("\n".join(lines)) from error
