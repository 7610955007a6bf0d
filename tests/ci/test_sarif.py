import json
from pathlib import Path

import pytest

from grace.ci import sarif, sarif_log
from grace.ci.errors import ResultsInvalid
from grace.ci.findings import Level, compared


def log(*results: object, rules: object = ()) -> bytes:
    run = {"tool": {"driver": {"name": "scan", "rules": list(rules)}}, "results": list(results)}
    return json.dumps({"version": "2.1.0", "runs": [run]}).encode()


def result(uri: str = "a.py", line: int = 2, **more: object) -> dict[str, object]:
    place = {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}
    return {
        "ruleId": "R1",
        "message": {"text": "bad"},
        "locations": [{"physicalLocation": place}],
        **more,
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").write_text("secret\n")
    (tmp_path / "root/a.py").write_text("one\ntwo\n")
    return tmp_path / "root"


def test_a_result_is_read_with_the_text_of_its_line(root):
    (raw,) = sarif.read(log(result()), root, name="x")
    assert (raw.tool, raw.rule, raw.path, raw.line, raw.anchor) == ("scan", "R1", "a.py", 2, "two")
    assert raw.level is Level.WARNING


@pytest.mark.parametrize("uri", ["./a.py", "{root}/a.py", "file://{root}/a.py", "%61.py"])
def test_paths_are_found_however_they_are_written(root, uri):
    (raw,) = sarif.read(log(result(uri.format(root=root))), root, name="x")
    assert raw.path == "a.py" if "%" not in uri else raw.anchor == "two"


@pytest.mark.parametrize("uri", ["../outside", "/etc/hostname", "none.py"])
def test_nothing_outside_the_checkout_is_read(root, uri):
    (raw,) = sarif.read(log(result(uri, 1)), root, name="x")
    assert raw.anchor == "bad"


def test_the_level_is_the_result_s_else_the_rule_s(root):
    rules = [{"id": "R0"}, {"id": "R1", "defaultConfiguration": {"level": "error"}}]
    results = [
        result(),
        result(level="note"),
        {"ruleIndex": 1, "message": {"text": "by index"}},
        result(level="none"),
        result(kind="pass"),
    ]
    raws = sarif.read(log(*results, rules=rules), root, name="x")
    assert [raw.level for raw in raws] == [Level.ERROR, Level.NOTE, Level.ERROR]
    assert (raws[2].rule, raws[2].path) == ("R1", ".")


@pytest.mark.parametrize(
    ("told", "score"), [("9.8", 9.8), ("7", 7.0), ("high", None), (8.0, None), ("1e9", None)]
)
def test_a_rule_s_security_severity_is_read_where_it_is_a_number(root, told, score):
    rules = [{"id": "R1", "properties": {"security-severity": told, "tags": ["security"]}}]
    (raw,) = sarif.read(log(result(), rules=rules), root, name="x")
    assert raw.score == score


def test_a_suppressed_result_counts(root):
    assert sarif.read(log(result(suppressions=[{"kind": "inSource"}])), root, name="x")


@pytest.mark.parametrize("data", [b"", b"[]", b'{"version": "2.0.0", "runs": []}', b'{"runs": 1}'])
def test_what_is_no_sarif_says_so(root, data):
    with pytest.raises(ResultsInvalid, match=r"x is not SARIF 2\.1\.0"):
        sarif.read(data, root, name="x")


def test_what_is_written_can_be_read_again_and_has_what_the_standard_demands(root):
    findings = compared(sarif.read(log(result(), result(line=1)), root, name="x"), [])
    written = sarif_log.written(findings, (("scan", "1.2"), ("other", "")), compared=True)
    assert written["version"] == "2.1.0"
    assert str(written["$schema"]).endswith("sarif-2.1.0.json")
    runs = json.loads(json.dumps(written))["runs"]
    assert [run["tool"]["driver"]["name"] for run in runs] == ["scan", "other"]
    assert runs[0]["tool"]["driver"]["version"] == "1.2"
    assert runs[1]["results"] == []
    for each in runs[0]["results"]:
        assert each["message"]["text"]
        assert each["baselineState"] == "new"
        assert len(each["partialFingerprints"][sarif_log.FINGERPRINT]) == 64
    again = compared(sarif.read(json.dumps(written).encode(), root, name="x"), None)
    assert {f.fingerprint for f in again} == {f.fingerprint for f in findings}


def test_what_a_rule_says_of_itself_is_read_and_told_on(root):
    rule = {
        "id": "R1",
        "shortDescription": {"text": "a bad thing"},
        "help": {"text": "do it well"},
        "helpUri": "https://example.org/r1",
        "properties": {"security-severity": "9.1", "tags": ["x", "external/cwe/cwe-089"]},
    }
    found = compared(sarif.read(log(result(), rules=[rule]), root, name="x"), None)
    (told,) = sarif_log.written(found, (("scan", ""),), compared=False)["runs"]
    (again,) = told["tool"]["driver"]["rules"]
    assert again == {
        "id": "R1",
        "name": "a bad thing",
        "shortDescription": {"text": "a bad thing"},
        "fullDescription": {"text": "do it well"},
        "help": {"text": "do it well"},
        "helpUri": "https://example.org/r1",
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["security", "external/cwe/cwe-089"], "security-severity": "9.1"},
    }


def test_a_page_that_is_not_on_the_web_is_not_told_on(root):
    rule = {"id": "R1", "helpUri": "javascript:alert(1)"}
    (raw,) = sarif.read(log(result(), rules=[rule]), root, name="x")
    assert raw.about.url == ""


def test_a_rule_is_as_bad_as_its_worst_finding_and_each_result_points_to_its_rule(root):
    rules = [{"id": "R2"}]
    results = [result(level="note"), result(line=1, level="error"), result(ruleId="R2")]
    found = compared(sarif.read(log(*results, rules=rules), root, name="x"), [])
    (run,) = sarif_log.written(found, (("scan", ""),), compared=True)["runs"]
    told = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert told["R1"]["properties"]["security-severity"] == "8.0"
    assert told["R1"]["defaultConfiguration"] == {"level": "error"}
    assert run["automationDetails"] == {"id": "grace-hunter/scan/"}
    for each in run["results"]:
        assert run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"]
        assert each["partialFingerprints"][sarif_log.LINE_HASH]
