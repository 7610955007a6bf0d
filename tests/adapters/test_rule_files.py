"""A repository's own files, of which strangers may have written every byte."""

import json
import time
from datetime import UTC, date, datetime

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.adapters.config import (
    ConfigError,
    Configuration,
    PolicyKind,
    RuleFiles,
    check_policy,
    load_configuration,
    schemas,
)
from grace.domain.catalog import Subsystems
from grace.domain.inspection import RepositoryRules
from grace.domain.rules.language import RepositoryPolicy
from grace.domain.waivers import Waivers
from grace.ports import RuleReader

SHIPPED = load_configuration()
READER: RuleReader = RuleFiles(SHIPPED.governance, SHIPPED.catalog)
FILE = ".github/mission-control.yml"
NO_ZONE = "Mars/Base is no time zone; write one as Europe/Berlin or UTC"
NO_METRIC = "eror_rate is not in the metrics catalog; add it there"
NO_ROLE = "wizards is no role of roles in governance.yaml; there is none"
NO_SUITE = "smoke is no suite of tests.suites in governance.yaml; there is integration, unit"
GOOD = b"""\
# yaml-language-server: $schema=https://example.org/mission-control.json
version: 1
shadow: true
rules:
  - name: nobody lands on Friday night
    when: {severity: [high, low], not: {paths: [docs/**]}}
    require:
      freeze:
        zone: Europe/Berlin
        weekly: [{days: [fri], start: 22:00, until: 06:00}]
        dates: [{first: 2026-12-24, last: 2026-12-26}]
  - name: fast
    require: {metric: {metric_id: error_rate, comparator: <, target: 5}}
"""


def problems(text: bytes) -> list[str]:
    read = READER.rules(text)
    assert read.policy is None
    return [problem.removeprefix(f"{FILE}:") for problem in read.problems]


def test_no_file_is_neither_policy_nor_problem():
    assert READER.rules(None) == RepositoryRules()


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"# rules come later\n#\n", b"\xef\xbb\xbf# x"], ids=repr
)
def test_a_file_without_a_word_is_a_policy_without_rules(text):
    assert READER.rules(text) == RepositoryRules(policy=RepositoryPolicy(version=1))
    assert check_policy(text, PolicyKind.REPOSITORY) == []
    assert check_policy(text, PolicyKind.GOVERNANCE) == []


def test_a_policy_is_read_with_times_of_day_as_people_write_them():
    read = READER.rules(GOOD)
    assert read.problems == ()
    assert read.policy is not None
    assert read.policy.shadow
    freeze = read.policy.rules[0].require.freeze
    assert freeze is not None
    assert (freeze.weekly[0].start.hour, freeze.weekly[0].until.hour) == (22, 6)
    assert freeze.dates[0].first == date(2026, 12, 24)
    assert freeze.holds(datetime(2026, 11, 20, 22, 30, tzinfo=UTC))


def test_all_that_is_wrong_is_told_at_its_line():
    text = b"""\
version: 2
rules:
  - name: one
    require:
      aprovals: {count: 0}
      tests: {suites: [Unit]}
  - require: {freeze: {zone: Mars/Base}}
    when: {}
    name: two
"""
    assert problems(text) == [
        "1: version: Input should be 1",
        "6: rules[0].require.tests.suites[0]: String should match pattern '^[a-z][a-z0-9_-]{0,39}$'",
        "5: rules[0].require.aprovals: is not known here; did you mean approvals?",
        "8: rules[1].when: is empty; remove it, and the rule applies always",
        f"7: rules[1].require.freeze.zone: {NO_ZONE}",
    ]


def test_what_is_named_and_is_nowhere_is_told_at_its_line():
    text = b"""\
version: 1
rules:
  - name: one
    require:
      all_of:
        - metric: {metric_id: eror_rate, comparator: <, target: 5}
        - approvals:
            role: wizards
        - tests:
            suites:
              - unit
              - smoke
        - {}
      any_of: []
"""
    assert problems(text) == [
        "14: rules[0].require.any_of: is empty, and so never holds; name what must hold",
        f"6: rules[0].require.all_of[0].metric.metric_id: {NO_METRIC}",
        f"8: rules[0].require.all_of[1].approvals.role: {NO_ROLE}",
        f"12: rules[0].require.all_of[2].tests.suites[1]: {NO_SUITE}",
        "13: rules[0].require.all_of[3]: asks for nothing, and so never holds; name what must hold",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"---", "1: version: is required; add it"),
        (b"# x\xe2\x80\xa8rules: []", "2: version: is required; add it"),
        (b"# \xff", "1: is not UTF-8 text; save it as UTF-8"),
        (b"\0", "1: is no plain text file of at most 256 KiB; make it one"),
        (b"#" * (256 * 1024 + 1), "1: is no plain text file of at most 256 KiB; make it one"),
        (b"version: 1\n# \xff", "2: is not UTF-8 text; save it as UTF-8"),
        (b"a: &a [x]\nb: *a", "2: YAML aliases (*name) are not read; write the value out"),
        (b"version: 1\nversion: 1", "2: version: is given twice; keep one of the two"),
        (b"version: !!python/name:os.system x", "1: is not valid YAML: could not determine"),
        (b"version: 1\n---\nversion: 1", "2: is not valid YAML: but found another document"),
        (b"version: 1\nrules:\n\t- a", "3: is not valid YAML: found character"),
        (b"[" * 250_000, "1: is not valid YAML"),
        (b"rules: 22:00", "1: version: is required; add it"),
        (b"version: 1\nrules: [{name: a, require: {}}, {name: a, require: {}}]", "1: two rules"),
    ],
    ids=lambda value: value[:24],
)
def test_what_is_no_policy_is_refused(text, told):
    assert problems(text)[0].startswith(told)


def test_a_policy_as_deep_as_it_goes_is_refused_or_read():
    for depth in (5, 30, 120):
        text = "version: 1\nrules:\n  - name: deep\n    require: "
        text += "{all_of: [" * depth + "{wait: {minutes: 1}}" + "]}" * depth
        read = READER.rules(text.encode())
        assert (read.policy is None) == bool(read.problems)
    told = "4: is not valid YAML here: it nests more than 64 levels deep"
    assert problems(text.encode()) == [told]


def test_a_file_full_of_mistakes_is_answered_soon_and_in_bounded_words():
    text = b"version: 1\n" + b"".join(b"rules%d: {}\n" % i for i in range(3000))
    begun = time.process_time()
    told = problems(text)
    assert time.process_time() - begun < 10
    assert len(told) == 51
    assert told[-1].endswith("51 more problems")
    long = problems(b"version: 1\n" + b"x" * 1000 + b": 1\n")
    assert [len(line) <= 400 for line in long] == [True]


def test_waivers_are_read_and_a_broken_file_waives_nothing():
    text = b"""\
version: 1
waivers:
  - rule: B101
    path: src/app.py
    reason: an assertion that only narrows a type
    approved_by: ada
    expires: 2026-12-24
"""
    waivers, told = READER.waivers(text)
    assert told == ()
    assert [(w.rule, w.expires) for w in waivers.waivers] == [("B101", date(2026, 12, 24))]
    waivers, told = READER.waivers(text.replace(b"    approved_by: ada\n", b""))
    assert waivers == Waivers()
    assert told == (".github/hunter-waivers.yml:3: waivers[0].approved_by: is required; add it",)
    assert READER.waivers(None) == (Waivers(), ())


def test_owners_are_those_of_codeowners():
    (owned,) = READER.owners(b"*.py @ada\n", ["a.py", "b.md"])
    assert (owned.owners, owned.paths) == (("@ada",), ("a.py",))
    (owned,) = READER.owners(b"\0", ["a.py", "b.md"])
    assert (owned.owners, owned.paths) == ((), ("a.py", "b.md"))


def test_both_kinds_of_policy_are_checked_as_text_and_as_files(tmp_path):
    assert check_policy(GOOD, PolicyKind.REPOSITORY) == []
    (told,) = check_policy("version: 3", PolicyKind.REPOSITORY)
    assert str(told) == f"{FILE}:1: version: Input should be 1"
    assert check_policy("", PolicyKind.GOVERNANCE) == []
    path = tmp_path / "rules.yaml"
    path.write_text(
        "rules:\n  - name: a\n    require: {roles: {any_of: [dev]}}\nroles: {dev: []}\n"
    )
    (told,) = check_policy(path, PolicyKind.GOVERNANCE)
    assert (told.file, told.line, told.field) == (str(path), 3, "rules[0].require.roles.any_of[0]")
    assert [(p.line, p.field) for p in check_policy(path, PolicyKind.REPOSITORY)] == [
        (1, "version"),
        (4, "roles"),
    ]
    (told,) = check_policy(tmp_path, PolicyKind.REPOSITORY)
    assert str(told) == f"{tmp_path}:1: cannot be read: Is a directory"
    (told,) = check_policy("\ud800", PolicyKind.GOVERNANCE)
    assert told.problem == "is not UTF-8 text; save it as UTF-8"


def test_subsystems_are_looked_up_only_where_they_are_known():
    text = (
        "version: 1\nrules: [{name: a, when: {subsystem: [mesh]}, require: {wait: {minutes: 1}}}]"
    )
    assert check_policy(text, PolicyKind.REPOSITORY) == []
    (told,) = check_policy(text, PolicyKind.REPOSITORY, Configuration())
    assert told.field == "rules[0].when.subsystem[0]"
    mesh = {"mesh": {"host": "github.com", "repository": "a/b"}}
    known = Subsystems.model_validate({"subsystems": mesh})
    assert check_policy(text, PolicyKind.REPOSITORY, Configuration(subsystems=known)) == []
    text = text.replace("version: 1\n", "")
    (told,) = check_policy(text, PolicyKind.GOVERNANCE, Configuration())
    assert told.line == 1


def test_the_bots_own_rules_are_held_against_the_rest_of_its_configuration(tmp_path):
    (tmp_path / "governance.yaml").write_text(
        "rules:\n"
        "  - name: one\n"
        "    when: {subsystem: [mesh]}\n"
        "    require:\n"
        "      metric: {metric_id: up, comparator: <, target: 1}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_configuration(tmp_path)
    assert [(p.line, p.field) for p in caught.value.problems] == [
        (3, "rules[0].when.subsystem[0]"),
        (5, "rules[0].require.metric.metric_id"),
    ]


def test_the_schema_takes_what_is_read_and_refuses_what_is_not():
    schema = jsonschema.Draft202012Validator(json.loads(schemas()["mission-control.json"]))
    rule = {"name": "a", "when": {"not": {"agent": ["x"]}}, "require": {"any_of": [{"trust": 1}]}}
    policy = {"version": 1, "rules": [rule]}
    assert not schema.is_valid(policy)
    rule["require"] = {"any_of": [{"trust": {"at_least": 0.5}}]}
    assert schema.is_valid(policy)
    assert READER.rules(json.dumps(policy).encode()).policy is not None
    assert not schema.is_valid({"version": 1, "rule": []})


@given(
    st.one_of(
        st.binary(max_size=60),
        st.text(max_size=60).map(lambda t: t.encode("utf-8", "surrogatepass")),
    )
)
def test_whatever_the_bytes_are_they_are_read_or_told(text):
    read = READER.rules(text)
    assert (read.policy is None) == bool(read.problems)
    assert all(READER.waivers(text)[1]) or READER.waivers(text)[0] == Waivers()
    paths = [path for owned in READER.owners(text, ["a", "b/c"]) for path in owned.paths]
    assert len(paths) == len(set(paths))
