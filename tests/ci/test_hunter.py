import pytest

from grace.ci import scanners
from grace.ci.annotations import annotation
from grace.ci.errors import ScanFailed
from grace.ci.findings import About, Level, Raw
from grace.ci.hunter import Hunt, exported, hunt
from grace.ci.scanners import Scanner
from grace.domain.results import MAX_FINDINGS
from support.hunted import WORDS, by_words, commit

KEY = "AKIA" + "IOSFODNN7" + "EXAMPLX"


def test_only_what_the_base_has_not_is_new_and_untracked_files_are_not_looked_at(tmp_path):
    base = commit(tmp_path / "base", {"a": "bad one\n"})
    head = commit(tmp_path / "head", {"a": "\n\nbad one\nbad two\n"})
    (head / "untracked").write_text("bad\n")
    found = hunt(Hunt(head=head, base=base), WORDS)
    assert [(f.line, f.new) for f in found.findings] == [(4, True), (3, False)]
    report = found.report("j")
    assert (report.found, report.new, report.base_sha) == (2, 1, found.base_sha)
    assert [(f.file, f.line, f.new) for f in report.findings] == [("a", 4, True), ("a", 3, False)]
    assert report.tools[0].startswith("bandit 1.")
    assert list(found.annotations()) == ["::error file=a,line=4,title=bandit B1::bad"]
    assert len(found.at_least(Level.ERROR)) == 1


def test_a_change_cannot_hide_files_from_the_scan_nor_lead_it_outside(tmp_path):
    (tmp_path / "outside").write_text("bad\n")
    head = commit(tmp_path / "head", {".gitattributes": "* export-ignore\n", ".hidden/x": "bad\n"})
    (head / "link").symlink_to(tmp_path / "outside")
    commit(head, {})
    with exported(head) as place:
        assert not (place / "link").is_symlink()
    found = hunt(Hunt(head=head), WORDS)
    assert [finding.path for finding in found.findings] == [".hidden/x"]


def test_the_real_scanners_find_what_is_bad_whatever_would_silence_them(tmp_path):
    files = {
        "a.py": f"import subprocess\nsubprocess.call(x, shell=True)  # nosec\nK = '{KEY}'  # pragma: allowlist secret\n",
        "broken.py": "def (:\n",
        ".bandit": "[bandit]\nskips: B602\nexclude: a.py\n",
        ".gitignore": "*\n",
        ".github/zizmor.yml": "rules: {dangerous-triggers: {disable: true}}\n",
        ".github/workflows/w.yml": (
            "on: pull_request_target # zizmor: ignore[dangerous-triggers]\npermissions: {}\n"
            "jobs: {a: {runs-on: x, steps: [{run: echo}]}}\n"
        ),
    }
    found = hunt(Hunt(head=commit(tmp_path / "head", files)))
    rules = {(f.rule, f.path) for f in found.findings}
    assert {
        ("B602", "a.py"),
        ("unread", "broken.py"),
        ("AWS Access Key", "a.py"),
        ("zizmor/dangerous-triggers", ".github/workflows/w.yml"),
    } <= rules
    assert KEY not in str(found)
    assert [name for name, _ in found.tools] == ["bandit", "detect-secrets", "zizmor", "grace"]


def test_a_commit_without_workflows_is_clean_to_zizmor(tmp_path):
    head = commit(tmp_path / "head", {"a.txt": "x\n"})
    assert scanners.zizmor(head, 30) == ()


def test_a_scanner_that_takes_too_long_or_is_missing_makes_no_clean_scan(tmp_path):
    head = commit(tmp_path / "head", {"a.py": "x = 1\n"})
    with pytest.raises(ScanFailed, match=r"bandit did not end within 0\.001 s"):
        scanners.bandit(head, 0.001)
    with pytest.raises(ScanFailed, match="no-such-scanner is not installed"):
        hunt(Hunt(head=head), (Scanner("no-such-scanner", by_words),))


def test_an_annotation_cannot_be_broken_out_of():
    told = annotation("error", "a\n::error::b%", file="x,line=9:y", line=3)
    assert told == "::error file=x%2Cline=9%3Ay,line=3::a%0A::error::b%25"


def test_only_so_many_annotations_are_shown(tmp_path):
    head = commit(tmp_path / "head", {"a": "bad\n" * 12})
    shown = list(hunt(Hunt(head=head), WORDS).annotations())
    assert len(shown) == 11
    assert shown[-1] == "and 2 more of level error: see the SARIF file"


def test_more_findings_than_a_report_may_list_are_counted_and_the_worst_listed(tmp_path):
    head = commit(tmp_path / "head", {"a": "bad\n" * (MAX_FINDINGS + 5)})
    report = hunt(Hunt(head=head), WORDS).report("j")
    assert (report.found, report.new) == (MAX_FINDINGS + 5,) * 2
    assert len(report.findings) == MAX_FINDINGS


def test_what_two_scanners_say_of_a_line_is_told_once_as_the_worse_of_both(tmp_path):
    def said(tool, level, cwe=78, line=1):
        raw = Raw(tool=tool, rule=tool, level=level, path="a", line=line, message="", anchor="")
        return raw.model_copy(update={"about": About(cwe=cwe)})

    def rules_of(*raws):
        scanner = Scanner("bandit", lambda _root, _limit: raws)
        return [finding.rule for finding in hunt(Hunt(head=head), [scanner]).findings]

    head = commit(tmp_path / "head", {"a": "x"})
    ours = said("grace", Level.WARNING)
    assert rules_of(ours, said("bandit", Level.WARNING)) == ["bandit"]
    assert rules_of(ours, said("bandit", Level.ERROR)) == ["bandit"]
    assert rules_of(ours, said("bandit", Level.NOTE)) == ["grace", "bandit"]
    assert sorted(rules_of(ours, said("bandit", Level.ERROR, cwe=22))) == ["bandit", "grace"]
    assert sorted(rules_of(ours, said("bandit", Level.ERROR, line=2))) == ["bandit", "grace"]


def test_our_own_rules_end_in_time_and_tell_what_they_could_not_follow(tmp_path):
    files = {
        "a.py": "x = a" + ".b()" * 2000 + "\n",
        "b.py": "def (:\n",
        "c.py": "from flask import request\neval(request.data)\n",
        "d.py": "eval(input())\n",
    }
    head = commit(tmp_path / "head", files)
    found = scanners.grace(head, 30)
    assert [(raw.path, raw.rule, raw.level) for raw in found] == [
        ("a.py", "unread", Level.WARNING),
        ("c.py", "GR002", Level.ERROR),
        ("d.py", "GR002", Level.WARNING),
    ]
    assert [(raw.about.cwe, raw.score) for raw in found[1:]] == [(94, 9.0), (94, 6.5)]
    assert found[2].anchor == "eval(input())"
    with pytest.raises(ScanFailed, match="grace did not end within 0 s"):
        scanners.grace(head, 0)


def test_a_script_is_known_by_its_first_line_and_a_line_by_what_ends_it_in_python(tmp_path):
    bad = "x = 1 # \x0c\u2028\rfrom flask import request\r\neval(request.data)\n"
    files = {"tool": f"#!/usr/bin/env python3\n{bad}", "a.pyw": bad, "text": bad, "a.txt": bad}
    head = tmp_path
    for name, text in files.items():
        (head / name).write_bytes(text.encode())
    found = scanners.grace(head, 30)
    assert [(raw.path, raw.line, raw.anchor) for raw in found] == [
        ("a.pyw", 3, "eval(request.data)"),
        ("tool", 4, "eval(request.data)"),
    ]
