import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
TESTS = """
import pytest

@pytest.mark.skip(reason="no cable here")
def test_marked(): ...

def test_inside():
    pytest.skip("no power here")

@pytest.mark.xfail(reason="known")
def test_expected():
    raise AssertionError

def test_fine(): ...
"""


@pytest.mark.parametrize("ci", ["true", ""])
def test_in_ci_a_skipped_test_is_a_failed_one_that_says_why(tmp_path, ci):
    (tmp_path / "conftest.py").write_bytes(CONFTEST.read_bytes())
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "test_module.py").write_text(
        "import pytest\npytest.skip('no module here', allow_module_level=True)\n"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))} | {
        "CI": ci,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--continue-on-collection-errors", "-rs", "."],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    reasons = [f"no {thing} here" for thing in ("cable", "power", "module")]
    assert [r for r in reasons if r not in run.stdout] == []
    if ci:
        assert run.returncode == 1
        assert "1 failed, 1 passed, 1 xfailed, 2 errors" in run.stdout
        assert "CI runs every test, and this one was skipped: " in run.stdout
    else:
        assert run.returncode == 0
        assert "1 passed, 3 skipped, 1 xfailed" in run.stdout
