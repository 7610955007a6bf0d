"""Settings: which go together, and that each wrong one is named with the way out."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from grace.adapters.memory.postgres import PostgresMemory
from grace.adapters.memory.sqlite import SqliteMemory
from grace.adapters.memory.vectors import VectorMemory
from grace.app import settings as settings_
from grace.app.bootstrap import SystemClock, make_forge, make_site
from grace.app.bootstrap.working import memory_of
from grace.app.settings import Settings, SettingsError

APP = {"app_id": 7, "app_key": "a key"}
HOOK = {"webhook_secret": "a long secret"}
TOKEN = {"forge_token": "ghp_mine", "mode": "statuses"}


def load(tmp_path: Path, **given: Any) -> Settings:
    file = tmp_path / "bot.yaml"
    file.write_text(yaml.safe_dump(given))
    return settings_.load(file)


def lines(tmp_path: Path, **given: Any) -> dict[str, str]:
    """Return what is said of wrong settings, by field."""
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, **given)
    return dict(line.split(": ", 1) for line in str(refused.value).splitlines())


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    told = lines(tmp_path)
    assert set(told) == {"webhook_secret", "app_id", "app_key"}
    assert "grace serve --poll" in told["webhook_secret"]
    assert "mode set to statuses" in told["app_key"]
    assert all(f"GRACE_{name.upper()}" in said for name, said in told.items())


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({**APP, "webhook_secret": " "}, "webhook_secret", "is empty"),
        ({**APP, "webhook_secret": " ", "poll": True}, "webhook_secret", "is empty"),
        ({**HOOK, "forge_token": "t"}, "forge_token", "cannot create check runs"),
        ({**HOOK, **TOKEN, **APP}, "forge_token", "beside a GitHub App"),
        ({**HOOK, **TOKEN, "app_id": 7}, "forge_token", "beside a GitHub App"),
        ({**HOOK, **TOKEN, "forge_token": " "}, "forge_token", "is empty"),
        *(
            ({**APP, **HOOK, name: text}, name, "anybody could file missions")
            for name in ("alert_token", "grafana_secret", "sentry_secret", "pagerduty_secret")
            for text in ("", " , ")
        ),
        ({**HOOK, "app_id": 7}, "app_key", "app_key_file"),
        ({**HOOK, "app_key": "x"}, "app_id", "is required"),
        ({**APP, **HOOK, "sweep_seconds": 0}, "sweep_seconds", "greater than 0"),
        ({**APP, **HOOK, "content_per_hour": 0}, "content_per_hour", "greater than 0"),
        ({**APP, **HOOK, "mode": "both"}, "mode", "'checks' or 'statuses'"),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_way_out(
    tmp_path: Path, given: dict[str, Any], field: str, words: str
) -> None:
    told = lines(tmp_path, **given)
    assert list(told) == [field]
    assert words in told[field]
    assert "ghp_mine" not in str(told)


def test_polling_needs_no_webhook_and_looks_more_often(tmp_path: Path) -> None:
    polling = load(tmp_path, **APP, poll=True)
    assert polling.webhook_secret is None
    assert polling.sweep_every == 15
    assert load(tmp_path, **APP, **HOOK).sweep_every == 300
    assert load(tmp_path, **APP, poll=True, sweep_seconds=40).sweep_every == 40


def test_command_line_turns_polling_on_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text(yaml.safe_dump({**APP, "poll": False}))
    assert settings_.load(file, poll=True).poll


def test_token_goes_to_the_forge_without_an_app(tmp_path: Path) -> None:
    site = make_site(load(tmp_path, **TOKEN, **HOOK))
    assert (site.mode, site.token, site.app_id, site.private_key) == ("statuses", "ghp_mine", 0, "")


def test_key_that_is_none_is_an_error_of_the_settings(tmp_path: Path) -> None:
    site = make_site(load(tmp_path, **APP, **HOOK))
    client = httpx.AsyncClient()
    with pytest.raises(SettingsError, match=r"app_key: .*not an RSA private key"):
        make_forge(site, client, SystemClock(), lambda _: None, lambda: None)


def test_app_may_use_statuses_too_and_limits_go_to_the_forge(tmp_path: Path) -> None:
    given = {**APP, **HOOK, "mode": "statuses", "content_per_hour": 100, "points_per_minute": 300}
    site = make_site(load(tmp_path, **given))
    assert (site.mode, site.app_id, site.private_key) == ("statuses", 7, "a key")
    assert (site.limits.content_per_hour, site.limits.points_per_minute) == (100, 300)
    assert site.limits.content_per_minute == 80


def test_alert_sources_are_those_with_a_secret_which_is_never_shown(tmp_path: Path) -> None:
    made = load(tmp_path, **APP, **HOOK, alert_token="a-token", sentry_secret="old,new")
    assert made.alert_secrets == {"alertmanager": "a-token", "sentry": "old,new"}
    assert "a-token" not in repr(made)


def test_memory_is_searched_where_the_settings_say(tmp_path: Path) -> None:
    assert isinstance(memory_of(load(tmp_path, **APP, **HOOK)), SqliteMemory)
    given = {**APP, **HOOK, "memory_url": "postgresql://me:s3cret@db/grace"}
    made = load(tmp_path, **given)
    assert isinstance(memory_of(made), PostgresMemory)
    assert "s3cret" not in repr(made)
    assert isinstance(memory_of(load(tmp_path, **given, memory_model="a-model")), VectorMemory)
    with pytest.raises(SettingsError, match="memory_url: must be the address of a PostgreSQL"):
        load(tmp_path, **{**given, "memory_url": "mysql://db"})
