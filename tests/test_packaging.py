"""The wheel, as somebody gets it: built, installed into a clean environment, run elsewhere."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")
STORY_TIMEOUT_S = 170
# What a wheel must carry besides Python modules, one example of each kind.
CARRIED = [
    "grace/py.typed",
    "grace/config/governance.yaml",
    "grace/config/metrics_catalog.yaml",
    "grace/config/subsystems.yaml",
    "grace/config/schema/metrics_catalog.json",
    "grace/playbooks/database-locked-sqlite.yaml",
    "grace/_actions/actions/report/action.yml",
    "grace/_actions/actions/stress/action.yml",
    "grace/_actions/actions/tests/action.yml",
    "grace/adapters/sqlite/migrations/0001_initial.sql",
    "grace/localforge/runner/composites/checkout/action.yml",
    "grace/demo/patches/right.patch",
    "grace/demo/template/.github/workflows/ci.yml",
    "grace/demo/template/.gitignore",
    "grace/demo/template/tests/unit/test_delivery.py",
]
# Where a module's name is not that of its distribution, or another one brings it along.
DISTRIBUTIONS = {
    "cryptography": "pyjwt",
    "graphql": "graphql-core",
    "jwt": "pyjwt",
    "markdown_it": "markdown-it-py",
    "nacl": "pynacl",
    "pydantic_core": "pydantic",
    "sigstore_models": "sigstore",
    "yaml": "pyyaml",
}


def run(*argv, cwd, **env):
    """Run a program as if this environment and this checkout were not there."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "COV"))
    }
    done = subprocess.run(
        [str(each) for each in argv],
        cwd=cwd,
        env=kept | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=STORY_TIMEOUT_S,
    )
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel without fetching anything: hatchling is among the locked packages."""
    folder = tmp_path_factory.mktemp("wheel")
    python = ("--python", sys.executable)
    run(
        UV,
        "build",
        "-q",
        "--wheel",
        "--no-build-isolation",
        *python,
        "-o",
        folder,
        ROOT,
        cwd=folder,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Install the wheel, the locked packages and the extras a demo needs; return its `bin`."""
    venv = tmp_path_factory.mktemp("clean") / "venv"
    run(UV, "venv", "-q", "--python", sys.executable, venv, cwd=venv.parent)
    locked = venv.parent / "locked.txt"
    locked.write_text(pins((ROOT / "requirements.lock").read_text()))
    wanted = ("-q", "--constraint", locked, f"{wheel}[forge,ci]")
    into = ("--python", venv / "bin/python")
    try:
        run(UV, "pip", "install", *into, *wanted, cwd=venv.parent)
    except AssertionError:  # uv does not read pip's configuration, where an index may be named
        run(sys.executable, "-m", "pip", *into, "install", *wanted, cwd=venv.parent)
    return venv / "bin"


def pins(lock):
    """Keep the lock's versions and leave its hashes: a wheel built just now has none in it."""
    return "".join(
        line.removesuffix("\\").rstrip() + "\n"
        for line in lock.splitlines()
        if line and not line.startswith((" ", "#"))
    )


def test_the_wheel_carries_all_that_the_checkout_would_give(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert [name for name in CARRIED if name not in names] == []
    tracked = run("git", "ls-files", "-z", "bot/grace", cwd=ROOT).split("\0")
    in_checkout = {path.removeprefix("bot/") for path in tracked if (ROOT / path).is_file()}
    assert len(in_checkout) > 100
    assert in_checkout - names == set()


def test_the_wheel_carries_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0].split("-")[0] for name in names}
    assert tops == {"grace", "grace_mission_control"}
    assert [n for n in names if "__pycache__" in n or n.endswith((".pyc", ".db", ".pem"))] == []


def test_every_package_that_is_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {re.split(r"[^\w.-]", each, maxsplit=1)[0].lower() for each in declared}
    imported = {
        name.split(".")[0]
        for path in (ROOT / "bot/grace").rglob("*.py")
        if not path.is_relative_to(ROOT / "bot/grace/demo/template")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in imported_by(node)
        # What is run as a program of its own finds its neighbours by their bare names.
        if not path.with_name(f"{name}.py").is_file()
    }
    foreign = imported - sys.stdlib_module_names - {"grace"}
    assert {"pydantic", "yaml"} <= foreign
    assert {n for n in foreign if DISTRIBUTIONS.get(n, n.replace("_", "-")) not in names} == set()


def imported_by(node):
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module)):
            return [module]
        case _:
            return []


def test_the_licence_and_the_typed_marker_travel(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)


def test_an_installed_wheel_says_its_version(installed, tmp_path):
    assert "0.1.0" in run(installed / "grace", "--version", cwd=tmp_path)


def test_an_installed_wheel_loads_its_own_configuration(installed, tmp_path):
    program = (
        "import grace; from grace.adapters.config import config_hash, load_configuration; "
        "print(grace.__file__, config_hash(load_configuration()))"
    )
    found, digest = run(installed / "python", "-I", "-c", program, cwd=tmp_path).split()
    assert Path(found).is_relative_to(installed.parent)
    assert digest.startswith("sha256:")


@pytest.mark.stress
def test_an_installed_wheel_runs_a_story(installed, tmp_path):
    work = tmp_path / "story"
    argv = ("demo", "--story", "weaken", "--json", "--workdir", work)
    path = f"{installed}{os.pathsep}{os.environ['PATH']}"
    run(installed / "grace", *argv, cwd=tmp_path, PATH=path, HOME=str(tmp_path))
    assert json.loads((work / "report.json").read_text())
    assert (work / "key.pub").is_file()
    assert list(work.glob("*.git"))
