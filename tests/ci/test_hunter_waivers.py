"""Waivers of a hunt: from the base alone, shown as they are said, and never silently broken."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from grace.ci.cli import app
from grace.ci.findings import Level
from grace.ci.hunter import Hunt, hunt
from grace.ci.waiver_file import FILE, read, waivers_of
from grace.domain.results import ScanReport
from grace.domain.rules.language import RepositoryPolicy
from support.hunted import WORDS, commit

TODAY = datetime.now(UTC).date()
NOW = datetime(2026, 11, 22, tzinfo=UTC)
WAIVER = """version: 1
waivers:
  - rule: B1
    path: a.txt
    reason: only the word is bad here
    approved_by: ann
    expires: {}
"""


def checkouts(folder: Path, waivers: str, head: str = "bad one\n") -> Hunt:
    """Make a base with this waiver file and a head with a finding."""
    base = commit(folder / "base", {FILE: waivers, "b.txt": "x\n"})
    return Hunt(head=commit(folder / "head", {"a.txt": head}), base=base)


def test_a_waived_finding_is_new_still_but_red_no_more(tmp_path):
    wanted = checkouts(tmp_path, WAIVER.format("2026-12-01"))
    found = hunt(wanted, WORDS).under(waivers_of(wanted.base).waivers, NOW)
    assert found.at_least(Level.NOTE) == ()
    assert found.report("j").new == 1
    (line,) = found.annotations()
    assert line.startswith("::notice file=a.txt,line=1,title=bandit B1::waived by ann through 2026")
    assert "only the word is bad here" in line
    (run,) = found.log()["runs"]
    (result,) = run["results"]
    assert result["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "only the word is bad here (ann, through 2026-12-01)",
        }
    ]


def test_a_fingerprint_waives_that_finding_wherever_it_moves_and_no_other(tmp_path):
    first = hunt(checkouts(tmp_path / "1", WAIVER.format("2026-12-01")), WORDS)
    print_ = first.findings[0].fingerprint
    text = WAIVER.format("2026-12-01").replace(
        "rule: B1\n    path: a.txt", f"fingerprint: {print_}"
    )
    wanted = checkouts(tmp_path / "2", text, head="\n\nbad one\nbad two\n")
    found = hunt(wanted, WORDS).under(waivers_of(wanted.base).waivers, NOW)
    assert [each.line for each in found.at_least(Level.NOTE)] == [4]


def test_a_waiver_of_the_head_waives_nothing(tmp_path):
    base = commit(tmp_path / "base", {"b.txt": "x\n"})
    head = commit(tmp_path / "head", {"a.txt": "bad\n", FILE: WAIVER.format("2026-12-01")})
    found = hunt(Hunt(head=head, base=base), WORDS).under(waivers_of(base).waivers, NOW)
    assert len(found.at_least(Level.NOTE)) == 1
    assert waivers_of(None).waivers.waivers == ()


def test_what_lies_in_the_folder_of_the_base_but_not_in_its_commit_is_not_read(tmp_path):
    base = commit(tmp_path / "base", {"b.txt": "x\n"})
    (base / ".github").mkdir()
    (base / FILE).write_text(WAIVER.format("2026-12-01"))
    assert waivers_of(base).waivers.waivers == ()


def test_an_expired_one_is_told_with_its_line_and_waives_nothing(tmp_path):
    wanted = checkouts(tmp_path, WAIVER.format("2026-11-21"))
    file = waivers_of(wanted.base)
    assert len(hunt(wanted, WORDS).under(file.waivers, NOW).at_least(Level.NOTE)) == 1
    (line,) = file.warnings(NOW)
    assert line.startswith(f"::warning file={FILE},line=3,title=Waivers::{FILE}:3: the waiver exp")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"version: 1\nwaivers:\n  - rule: B1\n", ":3: waivers[0].reason: is required; add it"),
        (b"version: 2\n", ":1: version:"),
        (b"waiver: []\n", "did you mean waivers?"),
        (b"a: [\n", "is not valid YAML"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"#" * 300_000, "has more than 256 KiB"),
    ],
)
def test_a_broken_file_waives_nothing_and_says_why(data, told):
    file = read(data)
    assert file.waivers.waivers == ()
    said = list(file.warnings(NOW))
    assert told in "\n".join(said)
    assert all("Nothing is waived until it is corrected" in each for each in said)


def test_a_link_is_no_waiver_file(tmp_path):
    base = commit(tmp_path / "base", {"w.yml": WAIVER.format("2026-12-01")})
    (base / ".github").mkdir()
    (base / FILE).symlink_to("../w.yml")
    commit(base, {})
    file = waivers_of(base)
    assert file.waivers.waivers == ()
    assert "is no plain file" in next(file.warnings(NOW))


def test_the_command_is_green_by_a_waiver_and_red_without(tmp_path, monkeypatch):
    bad = "import os\nfrom flask import request\nos.remove(request.args['file'])\n"
    waived = WAIVER.replace("B1", "GR004").replace("a.txt", "a.py")
    base = commit(tmp_path / "base", {FILE: waived.format(TODAY + timedelta(days=9))})
    head = commit(tmp_path / "head", {"a.py": bad})
    monkeypatch.chdir(head)
    out = (
        "--job",
        "h",
        "--out",
        str(tmp_path / "h.json"),
        "--sarif-out",
        str(tmp_path / "h.sarif"),
    )
    done = CliRunner().invoke(app, ["hunter", *out, "--base-path", str(base)])
    assert done.exit_code == 0, done.output
    assert "1 of those waived" in done.output
    told = json.loads((tmp_path / "h.json").read_text())["scans"][0]
    report = ScanReport.model_validate(told)
    assert [(f.rule, f.new, f.severity) for f in report.findings] == [("GR004", True, "high")]
    assert report.findings[0].fingerprint in (tmp_path / "h.sarif").read_text()
    done = CliRunner().invoke(app, ["hunter", *out])
    assert done.exit_code == 1
    assert f"a.py:3 grace GR004 fingerprint {report.findings[0].fingerprint}" in done.output
    assert "let a person waive it by its fingerprint" in done.output


def test_the_files_that_the_page_shows_are_read():
    page = (Path(__file__).parents[2] / "docs/hunter.md").read_text()
    waivers, policy = (part.partition("```")[0] for part in page.split("```yaml\n")[1:])
    file = read(waivers.encode())
    assert (len(file.waivers.waivers), file.problems) == (2, ())
    assert file.lines == (4, 8)
    (rule,) = RepositoryPolicy.model_validate(yaml.safe_load(policy)).rules
    assert rule.require.security is not None
    assert rule.require.security.tools == ("bandit", "grace", "detect-secrets")
