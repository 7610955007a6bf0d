"""Hunter over labelled code: the pairs of this repository, and SecurityEval by a clone's path.

git clone https://github.com/s2e-lab/SecurityEval ../SecurityEval
GRACE_SECURITY_EVAL=../SecurityEval make bench
"""

import os
import subprocess
from pathlib import Path

import pytest

from bench.figures import rate, tell
from grace.ci.rules import hits
from support.labelled import (
    OF_THAT,
    Labelled,
    held_out,
    measured,
    own_cases,
    security_eval,
    table,
)

pytestmark = pytest.mark.bench
ROOT = Path(__file__).parents[2]
CLONE = os.environ.get("GRACE_SECURITY_EVAL", "")


def show(title: str, files: list[Labelled]) -> tuple[float, float]:
    """Print the table; return the recall of bandit and of Hunter, by findings of the weakness."""
    rows = measured(files)
    tell(f"{title}: {len(files)} files", table(rows, twins=not all(file.bad for file in files)))
    return rows["bandit alone", OF_THAT].recall, rows["Hunter", OF_THAT].recall


def test_the_pairs_of_this_repository() -> None:
    bandit, hunter = show("own pairs", own_cases())
    assert hunter > bandit


@pytest.mark.skipif(not CLONE, reason="GRACE_SECURITY_EVAL names no clone of SecurityEval")
def test_security_eval() -> None:
    clone = Path(CLONE)
    asked = ["git", "log", "-1", "--format=%H"]
    commit = subprocess.run(asked, cwd=clone, capture_output=True, text=True, check=True).stdout
    tell(f"SecurityEval at {commit.strip()}")
    samples = security_eval(clone)
    assert len(samples) > 100
    for title, chosen in (
        ("all samples", samples),
        ("those read while the rules were written", [s for s in samples if not held_out(s)]),
        ("those that nobody read", [s for s in samples if held_out(s)]),
    ):
        bandit, hunter = show(title, chosen)
        assert hunter > bandit


def test_how_fast_files_are_read() -> None:
    files = [path.read_bytes() for path in sorted((ROOT / "bot/grace").rglob("*.py"))]
    lines = sum(data.count(b"\n") for data in files)

    def read() -> int:
        for data in files:
            hits(data)
        return lines

    told = rate("lines of Python read by Hunter's own rules", read)
    tell(str(told))
    assert told.per_second > 1000
