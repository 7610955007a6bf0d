"""Actions, workflows and forms by GitHub's own JSON Schemas, and by zizmor."""

import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema

from grace.localforge.runner.document import compose, construct

ROOT = Path(__file__).parents[2]
GITHUB, GRACE = ROOT / ".github", ROOT / "bot/grace"
FILES = {
    "vendor.github-actions": [
        *ROOT.glob("actions/*/action.yml"),
        *GRACE.glob("localforge/runner/composites/*/action.yml"),
    ],
    "vendor.github-workflows": [
        *GITHUB.glob("workflows/*.yml"),
        *GRACE.glob("demo/template/.github/workflows/*.yml"),
    ],
    "vendor.github-issue-forms": list(GITHUB.glob("ISSUE_TEMPLATE/*.yml")),
    "vendor.dependabot": [GITHUB / "dependabot.yml"],
}


def wrong(schema: str, source: bytes) -> list[str]:
    """Return what a schema says against a file, read as GitHub reads YAML."""
    validator = jsonschema.Draft7Validator(get_builtin_schema(schema))
    return [error.message for error in validator.iter_errors(construct(compose(source)))]


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        pytest.param(schema, file, id=str(file.relative_to(ROOT)))
        for schema, files in FILES.items()
        for file in files
    ],
)
def test_a_file_is_valid_by_github_s_schema(schema, file):
    assert wrong(schema, file.read_bytes()) == []


def test_every_kind_of_file_was_found():
    assert [len(files) > 0 for files in FILES.values()] == [True] * 4
    assert len(FILES["vendor.github-actions"]) == 9 + 4


@pytest.mark.parametrize(
    ("schema", "file", "change"),
    [
        ("vendor.github-actions", "actions/tests/action.yml", (b"using:", b"uses:")),
        ("vendor.github-actions", "actions/tests/action.yml", (b"shell: bash", b"shel: bash")),
        ("vendor.github-workflows", ".github/workflows/mission.yml", (b"runs-on:", b"run-on:")),
        ("vendor.github-workflows", ".github/workflows/mission.yml", (b"id-token: write", b"x: y")),
        ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/mission.yml", (b"body:", b"bodies:")),
    ],
)
def test_the_schemas_do_find_what_is_wrong(schema, file, change):
    assert wrong(schema, (ROOT / file).read_bytes().replace(*change))


@pytest.mark.parametrize("folder", ["actions", ".github", "bot/grace/localforge/runner/composites"])
def test_zizmor_has_nothing_to_report(folder):
    done = zizmor(ROOT / folder)
    assert done.returncode == 0, done.stdout


def test_zizmor_would_report_what_is_unsafe(tmp_path):
    text = (ROOT / "actions/tests/action.yml").read_text()
    unsafe = text.replace('"$GRACE" ci tests', "echo ${{ inputs.command }}; ci tests")
    (tmp_path / "action.yml").write_text(unsafe)
    assert "template-injection" in zizmor(tmp_path).stdout


def zizmor(place: Path) -> subprocess.CompletedProcess[str]:
    """Audit a folder without asking anybody, as strictly as zizmor can."""
    program = Path(sys.executable).parent / "zizmor"
    options = ("--offline", "--quiet", "--pedantic", "--format", "plain")
    return subprocess.run([program, *options, place], capture_output=True, text=True, check=False)
