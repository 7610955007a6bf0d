"""The stand-in for the forge's code scanning reads SARIF, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grace.localforge.runner import actions

SCRIPT = Path(actions.__file__).parent / "composites/codeql-action/upload-sarif/upload_sarif.py"
RUN = {"tool": {"driver": {"name": "scan"}}, "results": [{}, {}]}


def upload(folder: Path, text: str | None) -> tuple[int, str]:
    if text is not None:
        (folder / "x.sarif").write_text(text)
    env = {
        "GITHUB_WORKSPACE": str(folder),
        "FILE": "x.sarif",
        "REF": "refs/pull/1/head",
        "SHA": "c0",
    }
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT], env=env, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_it_says_how_much_of_each_tool_would_be_shown(tmp_path):
    log = json.dumps({"version": "2.1.0", "runs": [RUN]})
    assert upload(tmp_path, log) == (0, "scan: 2 results about c0 at refs/pull/1/head\n")


@pytest.mark.parametrize(
    "text", [None, "{", "[]", '{"version": "2.0.0", "runs": []}', '{"version": "2.1.0"}']
)
def test_what_is_no_sarif_fails(tmp_path, text):
    status, said = upload(tmp_path, text)
    assert status == 1
    assert said.startswith("::error::")
