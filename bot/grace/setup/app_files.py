"""Where a new GitHub App's key and secret go: two files that their owner alone can read."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import httpx
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

KEY_FILE: Final = "app.pem"
SETTINGS_FILE: Final = "bot.yaml"
_MAX_ANSWER: Final = 262_144
_VERSION: Final = "2022-11-28"


class SetupError(Exception):
    """The App cannot be set up; the message says what to do, and holds no secret."""


class NewApp(BaseModel):
    """What GitHub tells once, and never again, of an App made from a manifest."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: int = Field(gt=0)
    slug: str = Field(pattern=r"^[\w.-]+$")
    html_url: str = Field(pattern=r"^https?://[^\s\"'<>]+$")
    pem: str = Field(repr=False, min_length=1)
    webhook_secret: str = Field(repr=False, min_length=1)
    client_id: str | None = None
    client_secret: str | None = Field(None, repr=False)


@dataclass(frozen=True, slots=True)
class Site:
    """One GitHub, as the settings name it."""

    host: str = "github.com"
    api_url: str = "https://api.github.com"
    web_url: str = "https://github.com"


@dataclass(frozen=True, slots=True)
class Setting:
    """Where an App is set up: at which forge, into which folder, and where its pages will be."""

    site: Site
    data: Path
    public_url: str | None = None


@dataclass(slots=True)
class Places:
    """The two files, made empty before the code is spent: what GitHub tells is told once."""

    key: Path
    settings: Path
    _filled: bool = field(default=False, init=False)

    @classmethod
    def reserve(cls, data: Path) -> Self:
        """Make both files; raise `SetupError` where one is there already or cannot be made."""
        try:
            data.mkdir(mode=0o700, parents=True, exist_ok=True)
            places = cls(data.resolve() / KEY_FILE, data.resolve() / SETTINGS_FILE)
            _create(places.key)
            try:
                _create(places.settings)
            except OSError:
                places.key.unlink()
                raise
        except FileExistsError as error:
            raise SetupError(
                f"{error.filename} exists: an App is set up here already. Use another --data, or "
                "move the file away"
            ) from error
        except OSError as error:
            raise SetupError(f"{error.filename} cannot be written: {error.strerror}") from error
        return places

    def fill(self, app: NewApp, setting: Setting) -> None:
        """Write key and settings."""
        site = setting.site
        values: dict[str, object] = {
            "app_id": app.id,
            "app_key_file": str(self.key),
            "webhook_secret": app.webhook_secret,
            "data_dir": str(self.key.parent),
        }
        if setting.public_url is not None:
            values["public_url"] = setting.public_url
        if app.client_id and app.client_secret:
            values |= {
                "oauth_client_id": app.client_id,
                "oauth_client_secret": app.client_secret,
            }
        if site != Site():
            values |= {
                "forge_host": site.host,
                "forge_api_url": site.api_url,
                "forge_web_url": site.web_url,
            }
        _fill(self.key, app.pem)
        _fill(self.settings, yaml.safe_dump(values, sort_keys=False))
        self._filled = True

    def give_up(self) -> None:
        """Take the files away again, unless they were filled."""
        if not self._filled:
            for path in (self.key, self.settings):
                with suppress(FileNotFoundError):
                    path.unlink()


def refuse_configured(data: Path, environment: Mapping[str, str]) -> None:
    """Raise `SetupError` where the environment names an App, or the folder holds one's files."""
    if environment.get("GRACE_APP_ID"):
        raise SetupError("GRACE_APP_ID is set: an App is configured already; unset it first")
    for name in (KEY_FILE, SETTINGS_FILE):
        if (data / name).exists():
            raise SetupError(
                f"{data / name} exists: an App is set up here already. Use another --data, or "
                "move the file away"
            )


async def convert(client: httpx.AsyncClient, site: Site, code: str) -> NewApp:
    """Exchange the code that GitHub sent back for the App: one call, once, within an hour."""
    url = f"{site.api_url.rstrip('/')}/app-manifests/{code}/conversions"
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": _VERSION}
    try:
        answer = await client.post(url, headers=headers, follow_redirects=False)
    except httpx.HTTPError as error:
        raise SetupError(
            f"{site.host} did not answer ({type(error).__name__}); go back and try again"
        ) from error
    if answer.status_code != httpx.codes.CREATED:
        raise SetupError(
            f"{site.host} answered {answer.status_code} to the code; it is good once and for an "
            "hour. If an App was made, delete it there, and begin again"
        )
    try:
        if len(answer.content) > _MAX_ANSWER:
            raise SetupError(f"{site.host} answered more than {_MAX_ANSWER} bytes")
        return NewApp.model_validate_json(answer.content)
    except ValidationError as error:
        fields = ", ".join(str(e["loc"][0]) for e in error.errors() if e["loc"]) or "its body"
        raise SetupError(
            f"{site.host} made an App, but its answer lacks what is needed ({fields}); delete the "
            "App there, and begin again"
        ) from error


async def exchange(client: httpx.AsyncClient, setting: Setting, code: str) -> NewApp:
    """Exchange the code and write key and settings into the data folder."""
    places = Places.reserve(setting.data)
    try:
        app = await convert(client, setting.site, code)
        places.fill(app, setting)
    finally:
        places.give_up()
    return app


def _create(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))


def _fill(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
