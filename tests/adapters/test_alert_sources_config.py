"""`alert_sources.yaml`: what is wrong with it is told by line, and secrets stand elsewhere."""

import re
from pathlib import Path

import pytest

from grace.adapters.config import (
    ConfigError,
    alert_secrets,
    default_folder,
    load,
    load_configuration,
)
from grace.domain.alerting.sources import AlertSources

ROOT = Path(__file__).parents[2]
CATALOG = "metrics:\n  m.a: {target: 1, comparator: <, unit: ms, stress: p95_ms}\n  m.b: {target: 1, comparator: <, unit: ms}\n"
SUBSYSTEMS = "subsystems:\n  mesh: {host: github.com, repository: a/mesh}\n"
CUSTOM = (
    "custom:\n"
    "  kuma:\n"
    "    auth: {kind: bearer, secret_env: KUMA}\n"
    "    fields: {fingerprint: id, title: name, subsystem: \"'mesh'\"}\n"
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "metrics_catalog.yaml").write_text(CATALOG)
    (tmp_path / "subsystems.yaml").write_text(SUBSYSTEMS)
    return tmp_path


def problems_of(folder, text):
    (folder / "alert_sources.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_configuration(folder)
    return [(p.line, p.field, p.problem) for p in caught.value.problems]


def test_the_example_is_one_once_its_comments_are_opened():
    text = (default_folder() / "alert_sources.yaml").read_text()
    begin = text.index("# # Alertmanager and Grafana")
    opened = re.sub(r"^# ?", "", text[begin : text.index("\nalertmanager: {}")], flags=re.MULTILINE)
    found = load(AlertSources, opened, "alert_sources.yaml")
    assert set(found.custom) == {"uptime-kuma"}
    assert found.pagerduty.subsystems == {"PF9KMXH": "trigger-mesh"}
    assert load_configuration().alert_sources == AlertSources()


def test_names_that_are_nowhere_are_told_at_their_lines(folder):
    text = (
        "sentry:\n"
        "  subsystems:\n"
        "    front-end: web\n"
        "  metrics:\n"
        "    front-end: m.x\n"
        "    back-end: m.b\n"
    )
    assert problems_of(folder, text) == [
        (3, "sentry.subsystems.front-end", "web is not in subsystems.yaml; add it there"),
        (5, "sentry.metrics.front-end", "m.x is not in the catalog; add it there"),
        (
            6,
            "sentry.metrics.back-end",
            "m.b has no source in the metrics catalog; add one there",
        ),
    ]


def test_an_expression_that_is_none_is_told_at_its_line(folder):
    text = CUSTOM + "    items: alerts[\n    firing: [down, 1]\n    resolved: [DOWN]\n"
    found = problems_of(folder, text)
    assert [(line, field) for line, field, _ in found] == [
        (5, "custom.kuma.items"),
        (7, "custom.kuma.resolved"),
    ]
    assert "is no JMESPath expression (jmespath.org)" in found[0][2]
    assert found[1][2] == "down is among firing too; keep one"


def test_a_source_that_is_well_is_loaded(folder):
    text = CUSTOM + "    metrics: {mesh: m.a}\n    subsystems: {Bus: mesh}\n"
    (folder / "alert_sources.yaml").write_text(text)
    assert set(load_configuration(folder).alert_sources.custom) == {"kuma"}


@pytest.mark.parametrize("environment", [{}, {"KUMA": ""}, {"KUMA": " , "}])
def test_a_secret_that_is_not_there_is_told_by_field_and_variable(environment):
    sources = load(AlertSources, CUSTOM, "alert_sources.yaml")
    with pytest.raises(ConfigError) as caught:
        alert_secrets(sources, environment)
    (problem,) = caught.value.problems
    assert problem.field == "custom.kuma.auth.secret_env"
    assert problem.problem == "the environment variable KUMA is not set; set it"


def test_secrets_are_read_by_name():
    sources = load(AlertSources, CUSTOM, "alert_sources.yaml")
    assert alert_secrets(sources, {"KUMA": "new,old"}) == {"kuma": "new,old"}


def test_what_the_documentation_shows_is_read():
    page = (ROOT / "docs/alerts.md").read_text()
    shown = re.findall(r"^```yaml sources\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    found = [load(AlertSources, text, "docs/alerts.md") for text in shown]
    assert len(found) == 4
    assert [set(sources.custom) for sources in found if sources.custom] == [{"uptime-kuma"}]
