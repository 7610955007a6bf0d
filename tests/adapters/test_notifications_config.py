"""`notifications.yaml`: what is wrong with it is told by line, and secrets stand elsewhere."""

import re
from pathlib import Path

import pytest

from grace.adapters.config import (
    ConfigError,
    default_folder,
    given,
    load,
    load_configuration,
)
from grace.domain.notifying.config import Notifications
from grace.domain.phase import Severity

SECRET = "slack://s3cr3t"


def problems_of(folder, text):
    (folder / "notifications.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_configuration(folder)
    return [(p.line, p.field, p.problem) for p in caught.value.problems]


def test_the_example_is_one_once_its_comments_are_opened():
    text = (default_folder() / "notifications.yaml").read_text()
    begin = text.index("# # Where people open")
    example = text[begin : text.index("page_url: null")]
    opened = re.sub(r"^# ?", "", example, flags=re.MULTILINE)
    found = load(Notifications, opened, "notifications.yaml")
    assert set(found.channels) == {"ops", "pager", "mail"}
    assert [route.name for route in found.routes] == ["wake-up", "team", "record"]
    quiet = found.routes[1].quiet_hours
    assert (quiet.zone, quiet.except_severities) == ("Europe/Berlin", (Severity.CRITICAL,))
    assert set(found.webhooks) == {"warehouse"}
    assert load_configuration().notifications == Notifications()


def test_what_the_documentation_shows_is_read():
    page = (Path(__file__).parents[2] / "docs/notifications.md").read_text()
    shown = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    found = [load(Notifications, text, "docs/notifications.md") for text in shown]
    assert [len(n.channels) + len(n.routes) + len(n.webhooks) for n in found] == [2, 6, 1]


def test_names_that_are_nowhere_are_told_at_their_lines(tmp_path):
    assert problems_of(
        tmp_path,
        "channels:\n"
        "  ops: {url_env: OPS}\n"
        "routes:\n"
        "  - name: team\n"
        "    channels: [ops, pager]\n"
        "  - name: team\n"
        "    channels: [ops]\n"
        "    subsystems: [mesh]\n"
        "webhooks:\n"
        "  hook:\n"
        "    url: https://hooks.example.org/\n"
        "    secret_env: HOOK\n"
        "    subsystems:\n"
        "      - mesh\n",
    ) == [
        (5, "routes[0].channels[1]", "pager is not among the channels; add it there"),
        (6, "routes[1].name", "team is the name of two routes; rename one"),
        (8, "routes[1].subsystems[0]", "mesh is not in subsystems.yaml; add it there"),
        (14, "webhooks.hook.subsystems[0]", "mesh is not in subsystems.yaml; add it there"),
    ]


def test_a_subsystem_is_not_missed_where_its_own_file_is_broken(tmp_path):
    (tmp_path / "subsystems.yaml").write_text("subsystems: 1\n")
    text = "channels: {ops: {url_env: A}}\nroutes: [{name: a, channels: [ops], subsystems: [b]}]\n"
    assert [field for _, field, _ in problems_of(tmp_path, text)] == ["subsystems"]


@pytest.mark.parametrize(
    ("text", "field", "told"),
    [
        ("channels: {ops: {url: 'slack://x'}}", "channels.ops.url", "did you mean url_env?"),
        ("webhooks: {a: {url: 'http://x.test/', secret_env: B}}", "webhooks.a.url", "not https"),
        ("routes: [{name: a, channels: []}]", "routes[0].channels", "at least 1 item"),
        (
            "routes: [{name: a, channels: [b], patterns: ['Mission']}]",
            "routes[0].patterns[0]",
            "match pattern",
        ),
    ],
)
def test_what_does_not_fit_is_told_by_field(tmp_path, text, field, told):
    found = problems_of(tmp_path, f"{text}\n")
    assert [f for _, f, _ in found if f == field]
    assert any(told in problem for _, _, problem in found)


def config(**channel):
    return Notifications.model_validate(
        {
            "channels": {"ops": channel},
            "webhooks": {"hook": {"url": "https://x.test/", "secret_env": "HOOK"}},
        }
    )


def test_secrets_come_from_the_environment_and_from_files(tmp_path):
    (tmp_path / "url").write_text(f"{SECRET}\n")
    found = given(config(url_file=str(tmp_path / "url")), {"HOOK": "whsec_a whsec_b"})
    assert found.channels == {"ops": SECRET}
    assert found.webhooks == {"hook": ("whsec_a", "whsec_b")}
    assert "s3cr3t" not in repr(found)
    assert "whsec_a" not in repr(found)


def test_every_secret_that_is_missing_names_its_field_and_variable():
    with pytest.raises(ConfigError) as caught:
        given(config(url_env="OPS"), {"HOOK": "  "})
    assert str(caught.value).splitlines() == [
        (
            "notifications.yaml:1: channels.ops.url_env: "
            "the environment variable OPS is not set; set it"
        ),
        (
            "notifications.yaml:1: webhooks.hook.secret_env: "
            "the environment variable HOOK is not set; set it"
        ),
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot be read"), (b"", "is empty"), (b"\xff", "is not UTF-8 text")],
)
def test_a_file_that_holds_no_secret_names_its_field(tmp_path, content, told):
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        given(config(url_file=str(file)), {"HOOK": "x"})
    (problem,) = caught.value.problems
    assert problem.field == "channels.ops.url_file"
    assert told in problem.problem
