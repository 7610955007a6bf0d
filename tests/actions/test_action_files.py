"""The action files themselves: small, safe, and documented as they are."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from grace.adapters.keys import Ed25519Key, ssh_line
from grace.domain.ledger import draft
from grace.domain.signing import encode64
from support.audited import Forge

ROOT = Path(__file__).parents[2]
ACTIONS = sorted(path.parent.name for path in (ROOT / "actions").glob("*/action.yml"))
README = (ROOT / "actions/README.md").read_text()
STEP_KEYS = {"name", "id", "if", "shell", "env", "run", "uses", "with"}


def spec_of(action):
    return yaml.load((ROOT / "actions" / action / "action.yml").read_text(), yaml.BaseLoader)


def table(inputs):
    """Write the README's table of inputs, of an action or of a called workflow."""
    rows = ["| input | default | what it is |", "|---|---|---|"]
    for name, each in inputs.items():
        default = each.get("default", "")
        shown = f"`{default}`" if default else "empty"
        rows.append(
            f"| `{name}` | {'required' if each.get('required') == 'true' else shown} "
            f"| {each['description']} |"
        )
    return "\n".join(rows)


def test_these_are_the_actions():
    assert ACTIONS == [
        "artifacts",
        "hunter",
        "observe",
        "patch",
        "report",
        "setup",
        "stress",
        "tests",
        "verify",
    ]


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_has_the_form_that_the_forge_asks_for(action):
    text = (ROOT / "actions" / action / "action.yml").read_text()
    assert len(text.splitlines()) < 90
    spec = spec_of(action)
    assert set(spec) <= {"name", "description", "inputs", "outputs", "runs"}
    assert spec["name"]
    assert 20 < len(spec["description"]) < 400
    assert set(spec["runs"]) == {"using", "steps"}
    assert spec["runs"]["using"] == "composite"
    for each in spec["inputs"].values():
        assert set(each) <= {"description", "required", "default"}
        assert ("default" in each) != (each.get("required") == "true")
    for each in spec["runs"]["steps"]:
        assert set(each) <= STEP_KEYS
        assert each["name"]
        assert ("run" in each) != ("uses" in each)
        assert ("shell" in each) == ("run" in each)


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_takes_inputs_by_environment_pins_what_it_uses_and_calls_grace_once(action):
    spec = spec_of(action)
    runs = [each["run"] for each in spec["runs"]["steps"] if "run" in each]
    assert not any("${{" in run for run in runs)
    assert runs[0] == 'bash "$ACTION_FOLDER/../setup.sh"'
    assert sum(run.count('"$GRACE"') for run in runs) == (0 if action == "setup" else 1)
    given = str([each.get("env", {}) | each.get("with", {}) for each in spec["runs"]["steps"]])
    assert [name for name in spec["inputs"] if f"inputs.{name}" not in given] == []
    for each in spec["runs"]["steps"]:
        if "uses" in each:
            ref = each["uses"].partition("@")[2]
            assert len(ref) == 40
            assert set(ref) <= set("0123456789abcdef")


@pytest.mark.parametrize("action", ACTIONS)
def test_the_readme_has_the_inputs_of_an_action_as_they_are(action):
    section = README.partition(f"\n## {action}\n")[2].partition("\n## ")[0]
    assert section
    assert table(spec_of(action)["inputs"]) in section


def test_the_readme_has_the_inputs_of_the_reusable_workflow_as_they_are():
    path = ROOT / ".github/workflows/mission.yml"
    workflow = yaml.load(path.read_text(), yaml.BaseLoader)
    section = README.partition("\n## mission.yml\n")[2].partition("\n## ")[0]
    assert table(workflow["on"]["workflow_call"]["inputs"]) in section


def setup(tmp_path, **env):
    """Run `setup.sh`; return its output, what it said and the process."""
    temp = tmp_path / "temp"
    temp.mkdir(exist_ok=True)
    out, path = tmp_path / "out", tmp_path / "path"
    out.write_text("")
    path.write_text("")
    whole = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "RUNNER_TEMP": str(temp),
        "GITHUB_OUTPUT": str(out),
        "GITHUB_PATH": str(path),
        "PIP_NO_INDEX": "1",
        **env,
    }
    script = ROOT / "actions/setup.sh"
    done = subprocess.run(["bash", script], env=whole, capture_output=True, text=True, check=False)
    return out.read_text(), path.read_text().strip(), done


def fake(folder, version):
    folder.mkdir(parents=True)
    (folder / "grace").write_text(f'#!/bin/sh\necho "grace {version}"\n')
    (folder / "grace").chmod(0o755)
    return str(folder)


def wheel(folder, version):
    """Write a wheel of a release with a command that says where it came from."""
    name = f"grace_mission_control-{version}"
    info = f"{name}.dist-info"
    files = {
        "released.py": "def main():\n    print('grace released')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: grace-mission-control\nVersion: {version}\nProvides-Extra: ci\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\ngrace = released:main\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as file:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            file.writestr(path, text)


def test_the_release_that_is_installed_by_default_is_this_one():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"release={version}\n" in (ROOT / "actions/setup.sh").read_text()


def test_a_grace_on_the_path_is_taken_and_put_on_the_path_of_later_steps(tmp_path):
    folder = fake(tmp_path / "bin", "0.9.0")
    out, path, done = setup(tmp_path, PATH=f"{folder}:/usr/bin:/bin", PUBLISH="true")
    assert out == f"path={folder}/grace\n", done.stdout
    shown = subprocess.run([f"{path}/grace"], capture_output=True, text=True, check=True)
    assert shown.stdout == "grace 0.9.0\n"


def test_neither_a_grace_of_the_checkout_nor_of_another_version_is_taken(tmp_path):
    index = tmp_path / "index"
    index.mkdir()
    wheel(index, "0.1.0")
    checkout = tmp_path / "checkout"
    inside = fake(checkout / "bin", "0.1.0")
    outside = fake(tmp_path / "bin", "0.0.9")
    (checkout / "pip").mkdir()
    (checkout / "pip/__main__.py").write_text("raise SystemExit('a pip of the pull request')\n")
    python = Path(sys.executable).resolve().parent
    base = {
        "GITHUB_WORKSPACE": str(checkout),
        "PIP_FIND_LINKS": str(index),
        "PYTHONPATH": str(checkout),
    }
    out, _, done = setup(tmp_path, PATH=f"{inside}:{python}:/usr/bin:/bin", **base)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ignoring {inside}/grace" in done.stdout
    command = out.strip().removeprefix("path=")
    assert command == f"{tmp_path}/temp/grace-0.1.0/bin/grace"
    shown = subprocess.run([command], capture_output=True, text=True, check=True)
    assert shown.stdout == "grace released\n"

    out, _, done = setup(tmp_path, PATH=f"{outside}:/usr/bin:/bin", VERSION="0.1.0", **base)
    assert out == f"path={command}\n"
    assert "installing" not in done.stdout


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("main", "'main' is no released version"),
        ("0.1.0 --index-url=http://x", "is no released version"),
        ("99.0", "version 99.0 could not be installed"),
    ],
)
def test_what_is_no_release_is_refused_with_advice(tmp_path, version, says):
    (tmp_path / "bin").mkdir()
    fast = tmp_path / "bin/python3"
    fast.write_text("#!/bin/sh\nexit 1\n")
    fast.chmod(0o755)
    out, _, done = setup(tmp_path, VERSION=version, PATH=f"{tmp_path}/bin:/usr/bin:/bin")
    assert done.returncode == 1
    assert "::error title=Grace is not installed::" in done.stdout
    assert says in done.stdout
    assert out == ""


@pytest.mark.parametrize("right", [True, False])
def test_verify_ends_as_the_audit_does_and_says_what_to_do(tmp_path, tools, right):
    key = Ed25519Key(bytes(range(32)))
    forge = Forge(tmp_path, key)
    opened = {"repository": "octo/mesh", "key": encode64(key.public)}
    forge.enter(draft("crypto.log_opened", "grace", opened))
    forge.publish()
    shown = key if right else Ed25519Key(bytes(32))
    run = spec_of("verify")["runs"]["steps"][1]["run"]
    env = {
        "PATH": os.environ["PATH"],
        "GRACE": str(tools / "grace"),
        "CHECKOUT": str(forge.path),
        "KEY": ssh_line(shown.public),
        "KEY_FILE": str(tmp_path / "key.pub"),
    }
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", run], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == (0 if right else 1), done.stdout + done.stderr
    assert ("::error title=Not verified::" in done.stdout) is not right
