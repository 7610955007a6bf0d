import json
import re
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.adapters.config import (
    ConfigError,
    Configuration,
    PolicyKind,
    check_policy,
    config_hash,
    default_folder,
    load,
    load_configuration,
    schemas,
)
from grace.domain.catalog import Catalog, PrometheusText, Subsystems
from grace.domain.phase import Severity
from grace.domain.policy import Governance

CATALOG = """\
metrics:
  up:
    target: 1
    comparator: ">="
    unit: ""
    source: {kind: prometheus, url: "http://127.0.0.1:9090", query: up}
  stressed:
    target: 1
    comparator: "<"
    unit: ms
    stress: p95_ms
"""
METRIC_ID = r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$"
KINDS = (
    "does not match any of the expected tags: "
    "'prometheus_text', 'prometheus', 'json', 'sql', 'host', 'forge'"
)


def problems_of(model, text):
    with pytest.raises(ConfigError) as caught:
        load(model, text, "f.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_the_catalog_that_ships_holds_the_contracts_metrics():
    metrics = load_configuration().catalog.metrics
    normal = {name: f"{m.comparator} {m.target:g} {m.unit}" for name, m in metrics.items()}
    assert normal == {
        "trigger_mesh.latency_p95": "< 100 ms",
        "error_rate": "< 5 %",
        "plan_success_rate": "> 95 %",
        "database.latency": "< 100 ms",
        "infra.cpu_utilization": "< 70 %",
        "infra.memory_utilization": "< 80 %",
    }
    assert all(m.source is not None for m in metrics.values())
    assert metrics["error_rate"].severity is Severity.HIGH
    assert metrics["error_rate"].stress == "error_rate"
    assert metrics["database.latency"].severity is Severity.MEDIUM
    latency = metrics["trigger_mesh.latency_p95"]
    assert latency.stress == "p95_ms"
    assert isinstance(latency.source, PrometheusText)


def test_the_governance_file_says_exactly_what_applies_without_it():
    configuration = load_configuration()
    assert configuration.governance == Governance()
    text = (default_folder() / "governance.yaml").read_text()
    missing = [n for n in Governance.model_fields if not re.search(f"^{n}:", text, re.MULTILINE)]
    assert missing == []


def test_the_example_subsystem_is_one_once_its_comments_are_opened():
    text = (default_folder() / "subsystems.yaml").read_text()
    example = text[text.index("# subsystems:") : text.index("subsystems: {}")]
    opened = re.sub(r"^# ?", "", example, flags=re.MULTILINE)
    subsystem = load(Subsystems, opened, "subsystems.yaml").subsystems["trigger-mesh"]
    assert subsystem.guards == ("error_rate",)
    assert load_configuration().subsystems == Subsystems()


@pytest.mark.parametrize("name", sorted(schemas()))
def test_the_schemas_beside_the_files_are_those_of_the_models(name):
    # `make schema` writes them anew.
    assert (resources.files("grace") / "config" / "schema" / name).read_text() == schemas()[name]
    assert json.loads(schemas()[name])["type"] == "object"


def test_every_error_is_reported_at_its_line_with_the_way_out():
    text = """\
metrics:
  up:
    target: soon
    comparator: "=>"
    unti: s
    source:
      kind: prometheus_text
      url: ftp://elsewhere
      series: up
      labels:
        job: 1
  Bad-Name:
    target: 1
    comparator: "<"
    unit: s
    source: {kind: statsd}
"""
    assert problems_of(Catalog, text) == [
        "f.yaml:3: metrics.up.target: Input should be a valid number",
        "f.yaml:4: metrics.up.comparator: Input should be '<', '<=', '>', '>=' or '=='",
        "f.yaml:2: metrics.up.unit: is required; add it",
        "f.yaml:8: metrics.up.source.url: String should match pattern '^https?://[^\\s]+$'",
        "f.yaml:11: metrics.up.source.labels.job: Input should be a valid string",
        "f.yaml:5: metrics.up.unti: is not known here; did you mean unit?",
        f"f.yaml:12: metrics.Bad-Name: String should match pattern '{METRIC_ID}'",
        f"f.yaml:16: metrics.Bad-Name.source: Input tag 'statsd' found using 'kind' {KINDS}",
    ]


def test_a_key_given_twice_is_refused_beside_all_other_errors():
    text = "max_attempts: 2\napprovals:\n  low: 1\n  low: 2\nmax_attempts: 99\nzzz: 1\n"
    assert problems_of(Governance, text) == [
        "f.yaml:4: approvals.low: is given twice; keep one of the two",
        "f.yaml:5: max_attempts: is given twice; keep one of the two",
        "f.yaml:1: max_attempts: Input should be less than or equal to 10",
        "f.yaml:6: zzz: is not known here; remove it or correct its name",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("approvals: {low: 1", "f.yaml:1: is not valid YAML: expected ',' or '}'"),
        ("a: b\n c: d", "f.yaml:2: is not valid YAML: mapping values are not allowed here"),
        ("max_attempts: 1\n---\nmax_attempts: 2", "f.yaml:2: is not valid YAML"),
        ("a: \x01", "f.yaml:1: is not valid YAML"),
        ("a: !!python/object:os.system {}", "f.yaml:1: is not valid YAML: could not determine"),
        ("approvals: &a {low: 1}\nstress: *a", "f.yaml:2: YAML aliases (*name) are not read"),
        ("approvals: {<<: {low: 1}}", "f.yaml:1: approvals: merge keys (<<) are not read"),
        ("yes: 1", "f.yaml:1: yes: is no text as a name; put it in quotes"),
        ("max_attempts: " + "9" * 16, "f.yaml:1: max_attempts: is too large a number"),
        ("[1, 2]", "f.yaml:1: Input should be an object"),
        ("max_attempts: '2'", "f.yaml:1: max_attempts: Input should be a valid integer"),
        (
            "merge_method: no",
            "f.yaml:1: merge_method: Input should be 'merge', 'squash' or 'rebase'",
        ),
        ("max_attempts: 2026-01-01", "f.yaml:1: max_attempts: Input should be a valid integer"),
        ("stress: {noise_floor_ms: .nan}", "f.yaml:1: stress.noise_floor_ms: "),
        ("[" * 400, "f.yaml:1: is not valid YAML"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_no_configuration_is_refused(text, told):
    assert problems_of(Governance, text)[0].startswith(told)


def test_an_empty_file_says_nothing():
    assert load(Governance, "# only a comment\n", "f.yaml") == Governance()


def test_a_folder_replaces_whole_files_and_the_rest_is_the_packages_own(tmp_path):
    (tmp_path / "metrics_catalog.yaml").write_text(CATALOG)
    configuration = load_configuration(tmp_path)
    assert set(configuration.catalog.metrics) == {"up", "stressed"}
    assert configuration.governance == load_configuration().governance
    policy = configuration.policy("grace[bot]", 7)
    assert (policy.catalog, policy.app_id) == (configuration.catalog, 7)


def test_the_problems_of_all_files_come_at_once(tmp_path):
    (tmp_path / "metrics_catalog.yaml").write_text("metrics: 1\n")
    (tmp_path / "subsystems.yaml").write_bytes(b"\xff\xfe\xfa")
    (tmp_path / "governance.yaml").mkdir()
    with pytest.raises(ConfigError) as caught:
        load_configuration(tmp_path)
    assert [str(p).removeprefix(f"{tmp_path}/") for p in caught.value.problems] == [
        "subsystems.yaml:1: is not UTF-8 text; save it as UTF-8",
        "governance.yaml:1: cannot be read: Is a directory",
        "metrics_catalog.yaml:1: metrics: Input should be an object",
    ]


def test_a_folder_that_is_none_is_told(tmp_path):
    with pytest.raises(ConfigError, match="is not a folder; create it"):
        load_configuration(tmp_path / "nowhere")


def test_a_guard_that_nothing_measures_live_is_refused(tmp_path):
    (tmp_path / "metrics_catalog.yaml").write_text(CATALOG)
    (tmp_path / "subsystems.yaml").write_text(
        "subsystems:\n"
        "  mesh:\n"
        "    host: github.com\n"
        "    repository: a/b\n"
        "    guards:\n"
        "      - up\n"
        "      - stressed\n"
        "      - unknown\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_configuration(tmp_path)
    assert [(p.line, p.field, p.problem) for p in caught.value.problems] == [
        (
            7,
            "subsystems.mesh.guards[1]",
            "stressed has no source for live samples in the catalog; add one there",
        ),
        (8, "subsystems.mesh.guards[2]", "unknown is not in the metrics catalog; add it there"),
    ]


def test_the_hash_is_that_of_what_the_files_mean(tmp_path):
    (tmp_path / "governance.yaml").write_text("# another comment\nmax_attempts: 3\n")
    one, other = load_configuration(), load_configuration(tmp_path)
    assert config_hash(one) == config_hash(other)
    (tmp_path / "governance.yaml").write_text("max_attempts: 4\n")
    assert config_hash(load_configuration(tmp_path)) != config_hash(one)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", config_hash(Configuration()))


@given(st.text(max_size=80))
def test_whatever_a_file_says_it_loads_or_is_refused(text):
    try:
        loaded = load(Governance, text, "f.yaml")
    except ConfigError as error:
        lines = [problem.line for problem in error.problems]
    else:
        lines = [1 if isinstance(loaded, Governance) else 0]
    assert lines
    assert min(lines) >= 1


def test_past_a_hundred_problems_the_rest_is_counted():
    wrong = "".join(f"wrong{i}: 1\n" for i in range(130))
    told = problems_of(Governance, wrong)
    assert len(told) == 101
    assert told[-1] == "f.yaml:1: has 30 more problems; correct these first"
    rules = "".join(f"- {{name: r{i}, require: {{roles: {{any_of: [x]}}}}}}\n" for i in range(102))
    listed = check_policy(f"rules:\n{rules}", PolicyKind.GOVERNANCE)
    assert len(listed) == 101
    assert listed[-1].problem == "has 2 more problems; correct these first"
