"""The demo's repository and its patches: what fails in which, and that its workflow is sound."""

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from grace.adapters.config import PolicyKind, check_policy, read_policy
from grace.demo.service import patch_text, template_files
from grace.demo.stories import MUST_PASS, REPAIR
from grace.domain.weakened import weakened
from grace.domain.weakening import FilePair, WeakeningKind
from grace.setup.findings import Level
from grace.setup.rule_checks import check_rules

Jobs = dict[str, Any]

LATE_RETRY = "tests.unit.test_delivery.test_late_retry_is_not_delivered_again"


@pytest.mark.parametrize(
    ("variant", "failing"),
    [
        ("base", {MUST_PASS}),
        ("wrong", {LATE_RETRY}),
        ("right", set()),
        ("regress", set()),
        ("weaken", {LATE_RETRY}),
        ("forgets", {f"tests.unit.test_retention.{REPAIR.test}"}),
        ("archive", set()),
    ],
)
def test_each_variant_fails_or_skips_exactly_the_tests_its_story_needs(
    checkout: Callable[[str], Path], variant: str, failing: set[str], tmp_path: Path
) -> None:
    junit = tmp_path / "junit.xml"
    command = [sys.executable, "-m", "pytest", "-q", "tests/unit", "tests/integration"]
    env = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*command, f"--junitxml={junit}"],
        cwd=checkout(variant),
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    skips = variant == "weaken"
    assert done.returncode == (1 if failing and not skips else 0), done.stdout
    cases = {f"{c.get('classname')}.{c.get('name')}": c for c in ET.parse(junit).iter("testcase")}
    assert MUST_PASS in cases
    assert len(cases) > 30
    assert {name for name, case in cases.items() if len(case)} == failing
    assert len(list(ET.parse(junit).iter("skipped"))) == skips


def test_template_is_whole_and_brings_no_leftovers() -> None:
    files = template_files()
    assert {".github/workflows/ci.yml", ".gitignore", "README.md", "loadtest/locustfile.py"} <= set(
        files
    )
    assert not [path for path in files if "cache" in path or path.endswith(".pyc")]


def test_service_imports_the_standard_library_and_itself_only() -> None:
    files = template_files()
    sources = {path: text for path, text in files.items() if path.startswith("trigger_mesh/")}
    for path, text in sources.items():
        if not path.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Import(names=names):
                    roots = {alias.name.split(".")[0] for alias in names}
                case ast.ImportFrom(module=str(module)):
                    roots = {module.split(".")[0]}
                case _:
                    continue
            assert roots <= sys.stdlib_module_names | {"trigger_mesh"}, path


@pytest.mark.parametrize("name", ["wrong", "right", "regress"])
def test_patches_touch_the_service_and_never_its_tests(name: str) -> None:
    assert touched(name)
    assert all(path.startswith("trigger_mesh/") for path in touched(name))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("right", []),
        ("regress", []),
        ("weaken", [(WeakeningKind.TEST_SKIPPED, "tests/unit/test_delivery.py", 61)]),
    ],
)
def test_only_the_patch_that_is_held_weakens_anything(
    checkout: Callable[[str], Path], name: str, found: list[tuple[WeakeningKind, str, int]]
) -> None:
    pairs = [
        FilePair(
            path=path,
            before=(checkout("base") / path).read_text(),
            after=(checkout(name) / path).read_text(),
        )
        for path in touched(name)
    ]
    assert [(each.kind, each.file, each.line) for each in weakened(pairs)] == found


def test_the_rules_can_be_used_and_the_workflow_answers_them() -> None:
    files = {path: text.decode() for path, text in template_files().items()}
    text = files[".github/mission-control.yml"]
    assert check_policy(text, PolicyKind.REPOSITORY) == []
    own = read_policy(text, ".github/mission-control.yml").rules
    asked = check_rules(own, {"ci.yml": files[".github/workflows/ci.yml"]}, "acme/mesh")
    assert [(each.check, each.level) for each in asked] == [("acme/mesh: red_on_base", Level.PASS)]


def touched(name: str) -> list[str]:
    return [line[6:] for line in patch_text(name).splitlines() if line.startswith("+++ b/")]


class TestWorkflow:
    @pytest.fixture
    def jobs(self) -> Jobs:
        # A plain YAML reader takes the key `on` for true.
        workflow = yaml.safe_load(template_files()[".github/workflows/ci.yml"])
        assert workflow[True] == {"pull_request": {"types": ["opened", "synchronize", "reopened"]}}
        assert workflow["permissions"] == {}
        assert "concurrency" not in workflow
        jobs: Jobs = workflow["jobs"]
        return jobs

    def test_only_the_report_may_ask_for_an_identity_and_it_checks_out_nothing(
        self, jobs: Jobs
    ) -> None:
        assert jobs["report"]["permissions"] == {"id-token": "write"}
        assert not [s for s in jobs["report"]["steps"] if "checkout" in s.get("uses", "")]
        others = [job["permissions"] for name, job in jobs.items() if name != "report"]
        assert others == [{"contents": "read"}] * 4

    def test_report_comes_last_and_always(self, jobs: Jobs) -> None:
        assert jobs["report"]["needs"] == ["unit", "integration", "red-on-base", "stress"]
        assert jobs["report"]["if"] == "always()"
        assert jobs["stress"]["needs"] == ["unit", "integration", "red-on-base"]

    def test_every_job_tests_the_head_itself_and_keeps_no_credentials(self, jobs: Jobs) -> None:
        for name in ("unit", "integration", "red-on-base", "stress"):
            first = jobs[name]["steps"][0]
            assert first["with"]["ref"] == "${{ github.event.pull_request.head.sha }}"
        steps = [step for job in jobs.values() for step in job["steps"]]
        checkouts = [step for step in steps if "checkout@" in step.get("uses", "")]
        assert len(checkouts) == 6
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)

    def test_zizmor_finds_nothing(self, checkout: Callable[[str], Path]) -> None:
        zizmor = Path(sys.executable).parent / "zizmor"
        command = [str(zizmor), "--offline", "--no-progress", ".github"]
        done = subprocess.run(
            command, cwd=checkout("base"), check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout
