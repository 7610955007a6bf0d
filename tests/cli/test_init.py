"""`grace init` in real git repositories."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from grace.adapters.config import PolicyKind, check_policy, read_policy
from grace.cli.main import app
from grace.domain.catalog import Catalog, MetricDefinition, Subsystem, Subsystems
from grace.domain.contract import parse
from grace.domain.mission import MissionRef
from grace.domain.phase import Severity
from grace.domain.policy import Policy
from grace.setup import plan
from grace.setup.findings import Level
from grace.setup.policy_text import policy, subsystem
from grace.setup.repository import Found, look
from grace.setup.rule_checks import check_rules
from grace.setup.workflow_checks import judge
from grace.setup.workflow_text import EDIT, edits, workflow

ROOT = Path(__file__).parents[2]
ACTIONS = "grace-mission-control/grace@v1"


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)


@dataclass
class Clone:
    """A repository on disk, and `grace init` run in it."""

    folder: Path

    def put(self, path, text=""):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def init(self, *arguments, answers=""):
        done = CliRunner().invoke(app, ["init", "--repo", str(self.folder), *arguments], answers)
        return done.exit_code, done.output

    def yaml(self, path):
        return yaml.safe_load((self.folder / path).read_text())

    def files(self):
        paths = self.folder.rglob("*")
        return {
            str(p.relative_to(self.folder)): p.read_bytes()
            for p in paths
            if p.is_file() and ".git" not in p.relative_to(self.folder).parts
        }


@pytest.fixture
def clone(tmp_path):
    folder = tmp_path / "mesh"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "origin", "git@github.com:acme/trigger-mesh.git")
    return Clone(folder)


@pytest.fixture
def python(clone):
    clone.put(
        "pyproject.toml",
        "[project]\nname='mesh'\nversion='1'\n[project.optional-dependencies]\ntest=[]\n",
    )
    clone.put("mesh/__main__.py")
    clone.put("tests/unit/test_a.py")
    clone.put("tests/integration/test_b.py")
    clone.put("loadtest/locustfile.py")
    return clone


def test_it_writes_what_a_repository_needs_and_says_what_is_next(python):
    code, output = python.init("--yes")
    assert code == 0, output
    written = {plan.FORM, plan.WORKFLOW, plan.PATCH_WORKFLOW, plan.LABELS, plan.CONTROL}
    assert written <= set(python.files())
    assert "grace github setup" in output
    assert "gh label create mission/invalid" in output
    assert "grace doctor --repo acme/trigger-mesh" in output


def test_it_shows_the_difference_before_it_asks(clone):
    code, output = clone.init(answers="n\n" * 5)
    assert code == 0
    assert output.index("+name: Mission") < output.index(f"write {plan.FORM}?")
    assert clone.files() == {}


def test_a_second_run_has_nothing_to_do(python):
    python.init("--yes")
    before = python.files()
    code, output = python.init("--yes")
    assert (code, output.count("nothing to do")) == (0, 1)
    assert python.files() == before


def test_what_a_person_changed_is_kept_unless_they_say_so(python):
    python.init("--yes")
    mine = python.put(plan.WORKFLOW, "name: mine\n")
    code, output = python.init("--yes")
    assert code == 0
    assert "kept your .github/workflows/grace.yml" in output
    assert "-name: mine" in output
    assert mine.read_text() == "name: mine\n"
    python.init(answers="\n")
    assert mine.read_text() == "name: mine\n"
    python.init(answers="y\n")
    assert mine.read_text().startswith("# Written by `grace init`")


def test_outside_a_work_tree_nothing_is_written(tmp_path):
    folder = tmp_path / "plain"
    folder.mkdir()
    env = dict(os.environ, GIT_CEILING_DIRECTORIES=str(tmp_path))
    done = CliRunner().invoke(app, ["init", "--repo", str(folder), "--yes"], env=env)
    assert done.exit_code == 2
    assert "in no git work tree" in done.output
    assert list(folder.iterdir()) == []


def test_a_bare_repository_is_no_work_tree(tmp_path):
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    assert Clone(tmp_path / "bare.git").init("--yes")[0] == 2


def test_a_folder_below_the_top_finds_the_top(python):
    below = Clone(python.folder / "tests")
    assert below.init("--yes")[0] == 0
    assert (python.folder / plan.WORKFLOW).exists()


def test_a_link_out_of_the_work_tree_is_not_followed(clone, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (clone.folder / ".github").symlink_to(outside)
    code, output = clone.init("--yes")
    assert code == 2
    assert "leads out of the work tree" in output
    assert list(outside.iterdir()) == []


def test_a_file_that_changed_after_it_was_shown_is_not_overwritten(clone):
    wanted = plan.Draft("a.yml", "new\n")
    (change,) = plan.changes(clone.folder, (wanted,))
    clone.put("a.yml", "somebody else's\n")
    with pytest.raises(plan.Unwritable):
        plan.write(clone.folder, change)


def test_the_python_projects_own_folders_are_found(python):
    found = look(python.folder)
    assert found.suites == {"unit": "tests/unit", "integration": "tests/integration"}
    assert (found.start, found.locustfile) == ("python -m mesh", "loadtest/locustfile.py")
    jobs = yaml.safe_load(workflow(found, ACTIONS))["jobs"]
    assert set(jobs) == {
        "unit",
        "integration",
        "red-on-base",
        "stress",
        "hunter",
        "sarif",
        "report",
    }
    install, unit = jobs["unit"]["steps"][-2:]
    assert install["run"] == 'python -m pip install --quiet pytest -e ".[test]"'
    assert unit["with"]["command"] == "python -m pytest tests/unit"
    assert jobs["stress"]["steps"][-1]["with"]["start"] == "python -m mesh"
    assert jobs["hunter"]["steps"][-1]["with"] == {"base-path": "base"}
    assert jobs["sarif"]["permissions"] == {"security-events": "write"}
    wanted = ["unit", "integration", "red-on-base", "stress", "hunter"]
    assert jobs["report"]["needs"] == wanted


def test_the_tests_that_are_found_run_on_the_base_s_code_too(python):
    (python.folder / "tests/integration/test_b.py").unlink()
    steps = yaml.safe_load(workflow(look(python.folder), ACTIONS))["jobs"]["red-on-base"]["steps"]
    moved, _, install, unit = steps[-4:]
    place = "${{ runner.temp }}/base"
    assert moved["run"] == 'mv base "$RUNNER_TEMP/base"'
    assert install["working-directory"] == place
    assert unit["with"] == {
        "suite": "unit",
        "command": "python -m pytest tests/unit",
        "subject": "base",
        "base-path": place,
    }


def test_a_package_below_src_is_run_from_each_checkout(clone):
    clone.put("src/mesh/__main__.py")
    assert look(clone.folder).start == "PYTHONPATH=src python -m mesh"
    clone.put("tool/__main__.py")
    assert look(clone.folder).start is None


def test_what_is_not_found_fails_and_is_marked(clone):
    _, output = clone.init("--yes")
    text = (clone.folder / plan.WORKFLOW).read_text()
    jobs = yaml.safe_load(text)["jobs"]
    assert set(jobs) == {"unit", "integration", "hunter", "sarif", "report"}
    for suite in ("unit", "integration"):
        command = jobs[suite]["steps"][-1]["with"]["command"]
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert f"no {suite} tests were found" in done.stderr
    assert edits(text) == 3
    assert f"Look at the 3 lines marked {EDIT}" in output


def test_one_folder_that_holds_both_suites_is_not_taken_for_the_unit_tests(clone):
    clone.put("pyproject.toml", "[project]\nname='m'\nversion='1'\n")
    clone.put("tests/test_a.py")
    assert look(clone.folder).suites == {"unit": "tests", "integration": None}
    clone.put("tests/integration/test_b.py")
    assert look(clone.folder).suites == {"unit": None, "integration": "tests/integration"}


def test_repository_and_branch_come_from_the_remote(clone):
    found = look(clone.folder)
    assert (found.full_name, found.name, found.base_branch) == (
        "acme/trigger-mesh",
        "trigger-mesh",
        "main",
    )
    git(clone.folder, "remote", "set-url", "origin", "https://github.com/acme/mesh")
    git(clone.folder, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    found = look(clone.folder)
    assert (found.full_name, found.base_branch) == ("acme/mesh", "trunk")


@given(
    units=st.sampled_from(["tests/unit", None]),
    integrations=st.sampled_from(["tests/integration", None]),
    locustfile=st.sampled_from(["locustfile.py", None]),
    start=st.sampled_from(["mesh", None]),
    python=st.booleans(),
)
def test_every_workflow_gives_the_actions_what_they_take(
    units, integrations, locustfile, start, python
):
    suites = {"unit": units, "integration": integrations}
    found = Found("mesh", None, "main", python, "true", suites, locustfile, start)
    text = workflow(found, ACTIONS)
    assert list(judge("grace.yml", text, "main", "")) == []
    loaded = yaml.safe_load(text)
    assert loaded["permissions"] == {}
    for name, job in loaded["jobs"].items():
        rights = {"report": {"id-token": "write"}, "sarif": {"security-events": "write"}}
        assert job["permissions"] == rights.get(name, {"contents": "read"})
        for step in job["steps"]:
            if "run" in step:
                continue
            repository, _, rest = step["uses"].partition("/actions/")
            if repository != "grace-mission-control/grace":
                assert len(step["uses"].partition("@")[2]) == 40
                continue
            action = yaml.safe_load(
                (ROOT / f"actions/{rest.partition('@')[0]}/action.yml").read_text()
            )
            assert set(step["with"]) <= set(action["inputs"])
            needed = {n for n, i in action["inputs"].items() if i.get("required")}
            assert needed <= set(step["with"])


def test_the_workflow_is_clean_to_zizmor(python):
    python.init("--yes")
    config = ROOT / "bot/grace/demo/template/.github/zizmor.yml"
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--config", config, python.folder / ".github"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_form_that_is_written_makes_missions(python):
    python.init("--yes")
    answers = {
        "Subsystem": "mesh",
        "Severity": "high",
        "What is wrong": "Delivery is slow.",
        "Symptoms": "- description: slow\n",
        "Metric targets": "mesh.latency < 100",
    }
    parts = []
    for field in python.yaml(plan.FORM)["body"]:
        label = field["attributes"]["label"]
        answer = answers.get(label, "_No response_")
        language = field["attributes"].get("render")
        fenced = f"```{language}\n{answer}\n```" if language and label in answers else answer
        parts.append(f"### {label}\n\n{fenced}")
    metric = MetricDefinition(target=100, comparator="<", unit="ms", stress="p95_ms")
    subsystem = Subsystem(host="github.com", repository="acme/mesh")
    policy = Policy(
        catalog=Catalog(metrics={"mesh.latency": metric}),
        subsystems=Subsystems(subsystems={"mesh": subsystem}),
    )
    ref = MissionRef(host="github.com", repository_id=1, repository="acme/mesh")
    request = parse("\n\n".join(parts), policy, ref)
    assert (request.subsystem_id, request.severity) == ("mesh", Severity.HIGH)


def test_the_form_is_this_projects_own():
    found = Found("mesh", None, "main", False, "", {}, None, None)
    form = next(d for d in plan.drafts(found, ACTIONS) if d.path == plan.FORM)
    assert form.text == (ROOT / plan.FORM).read_text()


def test_the_subsystem_that_is_proposed_is_one(python):
    _, output = python.init("--yes")
    shown = output.partition("subsystems.yaml:\n")[2].partition("\n6. ")[0]
    made = Subsystems.model_validate(yaml.safe_load(shown)).subsystems["trigger-mesh"]
    assert (made.repository, made.base_branch) == ("acme/trigger-mesh", "main")


@pytest.mark.parametrize("suite", ["tests/unit", None])
def test_the_rules_that_are_written_are_rules_that_the_workflow_answers(suite):
    suites = {"unit": suite, "integration": None}
    found = Found("mesh", None, "main", True, "true", suites, None, None)
    files = {each.path: each.text for each in plan.drafts(found, ACTIONS)}
    text = files[plan.CONTROL]
    assert check_policy(text, PolicyKind.REPOSITORY) == []
    rules = read_policy(text, plan.CONTROL).rules
    asked = check_rules(rules, {"grace.yml": files[plan.WORKFLOW]}, "o/n")
    made = {each.check.removeprefix("o/n: ") for each in asked if each.level is Level.PASS}
    assert made == ({"red_on_base", "security"} if suite else {"security"})
    assert len(made) == len(asked)


@pytest.mark.parametrize("red_on_base", [True, False])
def test_the_rules_that_are_shown_as_comments_are_rules_too(red_on_base):
    found = Found("mesh", "acme/mesh", "main", True, "true", {}, None, None)
    text = policy(found, red_on_base=red_on_base)
    before, _, examples = text.partition("put your own names in.\n")
    wanted = re.sub(r"^  # (?=- name|  )", "  ", before, flags=re.MULTILINE)
    wanted += re.sub("^#", "", examples, flags=re.MULTILINE)
    assert check_policy(wanted, PolicyKind.REPOSITORY) == []
    rules = read_policy(wanted, plan.CONTROL).rules
    assert len(rules) == 8
    kinds = {kind for rule in rules for each in rule.require.walk() for kind, v in each if v}
    assert {"red_on_base", "freeze", "labels", "attestations", "change_size"} <= kinds


def test_the_manual_shows_the_rules_and_the_subsystem_that_are_written():
    found = Found("mesh", "acme/mesh", "main", True, "true", {"unit": "tests/unit"}, None, None)
    manual = (ROOT / "docs/install.md").read_text()
    assert f"```yaml subsystem\n{subsystem(found)}```\n" in manual
    rules = policy(found, red_on_base=True).partition("\nversion: 1")[2].partition("\n# More")[0]
    assert f"```yaml rules\nversion: 1{rules}```\n" in manual


def test_the_file_of_an_older_version_is_kept_and_holds_nobody_up(python):
    older = "# What the operator of Grace must know of this repository\n# subsystems: ...\n"
    file = python.put(plan.CONTROL, older)
    python.init("--yes")
    assert file.read_text() == older
    assert check_policy(file, PolicyKind.REPOSITORY) == []


def test_the_labels_are_those_that_the_form_and_the_bot_set(python):
    python.init("--yes")
    names = {each["name"] for each in python.yaml(plan.LABELS)}
    assert set(python.yaml(plan.FORM)["labels"]) <= names
    assert names == {"mission", "mission/invalid", "capa", "grace:stop", "grace:review"}


@pytest.mark.parametrize("actions", ["grace", "a/b", "a/b@v1; rm -rf", "a/b@v1\n  x: y"])
def test_actions_are_named_in_one_way(clone, actions):
    assert clone.init("--actions", actions, "--yes")[0] == 2
    assert clone.files() == {}


def test_a_diff_that_is_piped_is_not_wrapped(python):
    _, output = python.init("--yes")
    shown = output.splitlines()
    for path in (plan.FORM, plan.CONTROL):
        for line in (python.folder / path).read_text().splitlines():
            assert f"+{line}" in shown
