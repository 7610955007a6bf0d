import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grace.ci import piece
from grace.ci.cli import app
from grace.ci.piece import Piece
from grace.domain.results import CIReport
from support.reports import make_finding, make_scan

GOOD = '<s><testcase classname="t" name="a" time="0.1"/></s>'


def call(*args: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, list(args), env=env)


def git(checkout: Path, *args: str) -> str:
    return subprocess.check_output(["git", *args], cwd=checkout, text=True).strip()


def collect(checkout: Path, suite: str = "unit") -> Path:
    (checkout.parent / "junit.xml").write_text(GOOD)
    out = checkout.parent / "results" / suite / "suite.json"
    done = call(
        *("collect", "--suite", suite, "--job", suite, "--out", str(out)),
        *("--junit", str(checkout.parent / "junit.xml")),
    )
    assert done.exit_code == 0, done.output
    return out


def test_collected_results_are_bound_to_commit_and_tree(checkout):
    piece = Piece.model_validate_json(collect(checkout).read_bytes())
    assert piece.tested.head_sha == git(checkout, "rev-parse", "HEAD")
    assert piece.tested.tree == git(checkout, "rev-parse", "HEAD^{tree}")
    assert piece.suites[0].passed == 1


def test_a_changed_checkout_stands_for_no_commit(checkout):
    (checkout / "file").write_text("two\n")
    done = call("collect", "--suite", "u", "--job", "u", "--out", "o", "--junit", "j")
    assert done.exit_code == 1
    assert (
        "::error title=Suite u::the checkout differs from its commit: M file. Check out"
        in done.output
    )


def test_tests_are_collected_when_they_fail_and_the_status_is_theirs(checkout):
    (checkout / "test_x.py").write_text(
        "import os\ndef test_a():\n    assert 'ACTIONS_ID_TOKEN_REQUEST_TOKEN' not in os.environ\n"
        "def test_b():\n    assert 1 == 2\n"
    )
    out = checkout.parent / "suite.json"
    done = call(
        *("tests", "--suite", "unit", "--job", "unit", "--out", str(out)),
        *("--command", f"{sys.executable} -m pytest -q -p no:cacheprovider test_x.py"),
        env={"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"},
    )
    assert done.exit_code == 1
    (suite,) = Piece.model_validate_json(out.read_bytes()).suites
    assert {case.name: (case.outcome.value, case.line) for case in suite.cases} == {
        "test_x.test_a": ("passed", None),
        "test_x.test_b": ("failed", 5),
    }
    advice, where = (line for line in done.output.splitlines() if line.startswith("::error"))
    assert advice.startswith("::error title=Suite unit::test_x.test_b failed: mend what they test")
    assert where == "::error file=test_x.py,line=5,title=test_x.test_b::assert 1 == 2"


def test_no_more_failed_tests_are_shown_than_a_step_may_have_annotations(checkout):
    case = '<testcase name="t{}"><failure/></testcase>'
    (checkout.parent / "junit.xml").write_text(
        f"<s>{''.join(case.format(n) for n in range(30))}</s>"
    )
    command = f"cat {checkout.parent}/junit.xml > {{junit}}; exit 1"
    out = str(checkout.parent / "suite.json")
    done = call("tests", "--suite", "unit", "--job", "u", "--out", out, "--command", command)
    assert done.output.count("::error") == 10
    assert "t0 and 29 more failed" in done.output
    assert "::error title=t8::failed without a message" in done.output


@pytest.mark.parametrize(
    ("command", "status", "says"),
    [
        (f"printf '%s' '{GOOD}' > {{junit}}; exit 4", 4, "1 passed"),
        (f"printf '%s' '{GOOD}' > $GRACE_JUNIT", 0, "1 passed"),
        ("exit 0", 1, "the command ended with status 0; no test results"),
        (f"printf '%s' '{GOOD}' > {{junit}}; kill -9 $$", 1, "1 passed"),
    ],
)
def test_the_status_of_the_command_is_kept(checkout, command, status, says):
    out = checkout.parent / "suite.json"
    done = call(
        *("tests", "--suite", "unit", "--job", "u", "--out", str(out), "--command", command)
    )
    assert done.exit_code == status
    assert says in done.output


def test_a_suite_with_a_bad_name_is_an_error_and_no_traceback(checkout):
    (checkout.parent / "junit.xml").write_text(GOOD)
    done = call(
        *("collect", "--suite", "Bad/../Name", "--job", "u", "--out", "o"),
        *("--junit", str(checkout.parent / "junit.xml")),
    )
    assert done.exit_code == 1
    assert "::error title=Suite Bad/../Name::" in done.output
    assert "suite" in done.output


def run_env(checkout: Path, event: dict[str, object], **more: str) -> dict[str, str]:
    path = checkout.parent / "event.json"
    path.write_text(json.dumps(event))
    return {
        "GITHUB_EVENT_PATH": str(path),
        "GITHUB_REPOSITORY": "acme/mesh",
        "GITHUB_WORKFLOW_REF": "acme/mesh/.github/workflows/ci.yml@refs/pull/3/merge",
        "GITHUB_RUN_ID": "12",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_SHA": "f" * 40,
        **more,
    }


def pull(head: str, base: str = "b" * 40) -> dict[str, object]:
    return {"pull_request": {"head": {"sha": head}, "base": {"sha": base}}}


def report(checkout: Path, env: dict[str, str], *more: str) -> Result:
    out = checkout.parent / "report.json"
    results = str(checkout.parent / "results")
    return call("report", "--results", results, "--out", str(out), *more, env=env)


def test_without_an_oidc_token_the_report_is_written_and_not_posted(checkout):
    collect(checkout)
    env = run_env(checkout, pull(git(checkout, "rev-parse", "HEAD")))
    env |= {"ACTIONS_ID_TOKEN_REQUEST_URL": "", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""}
    done = report(checkout, env, "--url", "http://127.0.0.1:9")
    assert done.exit_code == 0, done.output
    assert "::warning title=Not posted::the job has no OIDC token" in done.output
    assert (checkout.parent / "report.json").is_file()


def test_a_report_merges_the_pieces_of_a_run(checkout):
    collect(checkout, "unit")
    collect(checkout, "integration")
    head = git(checkout, "rev-parse", "HEAD")
    done = report(checkout, run_env(checkout, pull(head)))
    assert done.exit_code == 0, done.output
    assert "only written" in done.output
    merged = CIReport.model_validate_json((checkout.parent / "report.json").read_bytes())
    assert (merged.head_sha, merged.base_sha) == (head, "b" * 40)
    assert merged.workflow == ".github/workflows/ci.yml"
    assert [suite.suite for suite in merged.suites] == ["integration", "unit"]


def test_a_push_is_compared_with_what_was_there_before(checkout):
    collect(checkout)
    head = git(checkout, "rev-parse", "HEAD")
    done = report(checkout, run_env(checkout, {"before": "c" * 40}, GITHUB_SHA=head))
    assert done.exit_code == 0, done.output
    merged = CIReport.model_validate_json((checkout.parent / "report.json").read_bytes())
    assert merged.base_sha == "c" * 40


def group(head: str) -> dict[str, object]:
    return {
        "action": "checks_requested",
        "merge_group": {
            "head_sha": head,
            "head_ref": "refs/heads/gh-readonly-queue/main/pr-3-x",
            "base_sha": "d" * 40,
            "base_ref": "refs/heads/main",
        },
    }


def test_a_merge_group_is_bound_to_what_would_land_and_what_it_would_land_on(checkout):
    collect(checkout)
    head = git(checkout, "rev-parse", "HEAD")
    ref = "refs/heads/gh-readonly-queue/main/pr-3-x"
    workflow = f"acme/mesh/.github/workflows/ci.yml@{ref}"
    done = report(checkout, run_env(checkout, group(head), GITHUB_WORKFLOW_REF=workflow))
    assert done.exit_code == 0, done.output
    merged = CIReport.model_validate_json((checkout.parent / "report.json").read_bytes())
    assert (merged.head_sha, merged.base_sha) == (head, "d" * 40)
    assert merged.workflow == ".github/workflows/ci.yml"


def scanned(checkout: Path, name: str, job: str = "hunter") -> None:
    scan = make_scan(make_finding()).model_copy(update={"job": job})
    made = piece.Piece(tested=piece.tested_in(checkout), scans=(scan,))
    piece.write(made, checkout.parent / "results" / name / "hunter.json")


def test_a_report_has_the_scans_of_its_run_and_each_once(checkout):
    collect(checkout)
    scanned(checkout, "hunter")
    env = run_env(checkout, pull(git(checkout, "rev-parse", "HEAD")))
    assert report(checkout, env).exit_code == 0
    merged = CIReport.model_validate_json((checkout.parent / "report.json").read_bytes())
    assert [(scan.job, scan.new) for scan in merged.scans] == [("hunter", 1)]
    scanned(checkout, "other", "other")
    assert report(checkout, env).exit_code == 0
    scanned(checkout, "again")
    assert "scan hunter of head was reported twice" in report(checkout, env).output


def test_results_of_another_commit_are_refused(checkout):
    collect(checkout)
    done = report(checkout, run_env(checkout, pull("d" * 40)))
    assert done.exit_code == 1
    assert "check out the head SHA" in done.output


def test_results_that_disagree_or_come_twice_are_refused(checkout):
    path = collect(checkout)
    head = git(checkout, "rev-parse", "HEAD")
    (path.parent / "again.json").write_text(path.read_text())
    done = report(checkout, run_env(checkout, pull(head)))
    assert "unit was reported twice" in done.output
    (path.parent / "again.json").write_text(path.read_text().replace(head, "e" * 40))
    done = report(checkout, run_env(checkout, pull(head)))
    assert "speak of 2 commits" in done.output
    (path.parent / "again.json").write_text("{}")
    done = report(checkout, run_env(checkout, pull(head)))
    assert "not a result" in done.output
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("event", "more", "says"),
    [
        ({"pull_request": {}}, {}, "has no head"),
        ({"merge_group": {"head_sha": "a" * 40}}, {}, "base_sha"),
        (pull("not-a-sha"), {}, "head_sha"),
        (pull("a" * 40), {"GITHUB_RUN_ID": ""}, "GITHUB_RUN_ID is not set"),
        (pull("a" * 40), {"GITHUB_EVENT_PATH": "/nonexistent"}, "cannot be read"),
    ],
)
def test_a_run_that_is_not_known_is_an_error(checkout, event, more, says):
    collect(checkout)
    done = report(checkout, run_env(checkout, event, **more))
    assert done.exit_code == 1
    assert says in done.output


def test_no_results_are_an_error(checkout):
    done = report(checkout, run_env(checkout, pull("a" * 40)))
    assert done.exit_code == 1
    assert "there are no results" in done.output


def test_the_bots_bare_address_is_enough(checkout, serve):
    web = serve(lambda web, path, body: (200, b'{"value": "t"}'))
    collect(checkout)
    env = run_env(
        checkout,
        pull(git(checkout, "rev-parse", "HEAD")),
        ACTIONS_ID_TOKEN_REQUEST_URL=f"{web.url}/token",
        ACTIONS_ID_TOKEN_REQUEST_TOKEN="ask",
    )
    for url in (f"{web.url}/", f"{web.url}/ci/results"):
        done = report(checkout, env, "--url", url)
        assert done.exit_code == 0, done.output
    paths = [path for _, path, _, _ in web.seen]
    assert paths == ["/token?audience=grace", "/ci/results"] * 2


def test_a_base_that_does_not_start_is_left_out(checkout, tmp_path):
    (checkout / "server.py").write_text(
        "import os\nfrom http.server import *\n"
        "class H(BaseHTTPRequestHandler):\n"
        "    wbufsize = -1\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.send_header('Content-Length', '0')\n"
        "        self.end_headers()\n"
        "ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), H).serve_forever()\n"
    )
    (checkout / "load.py").write_text(
        "from locust import HttpUser, constant, task\n"
        "class U(HttpUser):\n"
        "    wait_time = constant(0.05)\n"
        "    @task\n"
        "    def a(self): self.client.get('/')\n"
    )
    base = tmp_path / "base"
    base.mkdir()
    out = tmp_path / "stress.json"
    common = ("--locustfile", "load.py", "--users", "2", "--duration", "2", "--job", "stress")
    done = call(
        *("compare", "--start", f"{sys.executable} server.py", "--base-path", str(base)),
        *("--out", str(out), *common),
    )
    assert done.exit_code == 0, done.output
    assert "::warning::the base could not be measured" in done.output
    (load,) = Piece.model_validate_json(out.read_bytes()).stress
    assert load.subject == "head"
    done = call("compare", "--start", "exit 1", "--out", str(out), *common)
    assert done.exit_code == 1
    assert "::error title=Stress test::the service ended with status 1" in done.output


def test_stress_of_a_service_that_refuses_is_an_error(checkout, tmp_path):
    (checkout / "load.py").write_text(
        "from locust import HttpUser, constant, task\n"
        "class U(HttpUser):\n"
        "    wait_time = constant(0.05)\n"
        "    @task\n"
        "    def a(self): self.client.get('/')\n"
    )
    done = call(
        *("stress", "--locustfile", "load.py", "--host", "http://127.0.0.1:1", "--users", "2"),
        *("--spawn-rate", "10", "--duration", "1", "--subject", "head", "--job", "s"),
        *("--out", str(tmp_path / "o.json")),
    )
    assert done.exit_code == 1
    assert "requests failed" in done.output
