"""Repair on QuixBugs' 40 Python programs, which it was made with, and on programs of our own.

`QUIXBUGS_DIR` is the path of a clone of https://github.com/jkoppel/QuixBugs; nothing of it is stored
here. Plausible: every test that the clone has for a program passes, in a fresh process. Exact: the
syntax tree is that of the reference, docstrings aside. `QUIXBUGS_SEED` splits the tests otherwise.
"""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from bench.figures import percentile
from grace.repair import NoPatch, Repaired, RepairWanted, repair
from support.broken import CASES, Case

pytestmark = pytest.mark.bench

LEAST_PLAUSIBLE, LEAST_EXACT = 30, 22
SECONDS, AT_ONCE = 60.0, 2
PYTEST = (sys.executable, "-m", "pytest")
# Sobania, Briesch, Hanna, Petke: An Analysis of the Automatic Bug Fixing Performance of ChatGPT
# (2023), arXiv 2301.08653, on the same 40 programs; its count is of correct patches, seen by people.
PUBLISHED = (("ChatGPT, with hints in a dialogue (2023)", "31"),)


@dataclass(frozen=True, slots=True)
class Row:
    """How one program did."""

    name: str
    ended: Repaired | NoPatch
    exact: bool

    @property
    def plausible(self) -> bool:
        return isinstance(self.ended, Repaired)


def meaning(text: str) -> str:
    """What a program does: its syntax tree without the texts that only describe it."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [  # type: ignore[attr-defined]
                statement
                for statement in body
                if not (
                    isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
                )
            ]
    return ast.dump(tree)


def patched(text: str, path: str, ended: Repaired | NoPatch, folder: Path) -> str:
    """Let git apply the diff to a file by itself."""
    if isinstance(ended, NoPatch):
        return text
    (folder / path).parent.mkdir(parents=True)
    (folder / path).write_text(text)
    subprocess.run(["git", "apply"], cwd=folder, input=ended.diff, text=True, check=True)
    return (folder / path).read_text()


def quixbug(clone: Path, name: str, seed: int, folder: Path) -> Row:
    path = f"python_programs/{name}.py"
    test = f"python_testcases/test_{name}.py"
    ended = repair(RepairWanted(clone, (*PYTEST, test), (path,), SECONDS, seed=seed))
    after = patched((clone / path).read_text(), path, ended, folder / name)
    reference = (clone / "correct_python_programs" / f"{name}.py").read_text()
    return Row(name, ended, meaning(after) == meaning(reference))


def own(case: Case, folder: Path) -> Row:
    root, path = folder / case.name, f"{case.name}.py"
    root.mkdir()
    (root / path).write_text(case.broken)
    (root / f"test_{case.name}.py").write_text(case.tests)
    ended = repair(RepairWanted(root, (*PYTEST, f"test_{case.name}.py"), limit_s=SECONDS))
    after = patched(case.broken, path, ended, folder / "patched" / case.name)
    return Row(f"{case.name}: {case.kind}", ended, meaning(after) == meaning(case.program))


def test_quixbugs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    given = os.environ.get("QUIXBUGS_DIR")
    if not given:
        pytest.skip("set QUIXBUGS_DIR to a clone: git clone https://github.com/jkoppel/QuixBugs")
    clone = tmp_path / "clone"
    for part in (
        "python_programs",
        "python_testcases",
        "json_testcases",
        "correct_python_programs",
    ):
        shutil.copytree(Path(given, part), clone / part)
    shutil.copy(Path(given, "conftest.py"), clone)
    names = [p.stem[5:] for p in sorted((clone / "python_testcases").glob("test_*.py"))]
    assert len(names) == 40
    seed = int(os.environ.get("QUIXBUGS_SEED", "0"))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rows = list(pool.map(lambda name: quixbug(clone, name, seed, tmp_path / "patched"), names))
    with capsys.disabled():
        show(f"QuixBugs, Python, seed {seed}", rows)
        compare(rows)
    assert sum(row.plausible for row in rows) >= LEAST_PLAUSIBLE
    assert sum(row.exact for row in rows) >= LEAST_EXACT


def test_programs_of_our_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rows = list(pool.map(lambda case: own(case, tmp_path), CASES))
    with capsys.disabled():
        show("Programs of our own", rows)
    assert sum(row.plausible for row in rows) >= 0.8 * len(CASES)


def show(title: str, rows: Sequence[Row]) -> None:
    """Print what became of each program, and the sums."""
    table = Table("program", "patch", "seconds", "tried", "refused", "template", title=title)
    for row in rows:
        said = "exact" if row.exact else "plausible" if row.plausible else "none"
        template = row.ended.template if isinstance(row.ended, Repaired) else row.ended.reason
        ended = row.ended
        table.add_row(
            row.name,
            said,
            f"{ended.seconds:.1f}",
            *map(str, (ended.tried, ended.refused)),
            template,
        )
    mended = [row.ended for row in rows if isinstance(row.ended, Repaired)]
    seconds = [ended.seconds for ended in mended] or [0.0]
    seen = sum(ended.plausible + ended.refused for ended in mended)
    refused = sum(ended.refused for ended in mended)
    first = sum(ended.first_refused for ended in mended)
    console = Console(width=110)
    console.print(table)
    console.print(
        f"{len(mended)} of {len(rows)} plausible, {sum(row.exact for row in rows)} exact; "
        f"time to patch: median {percentile(seconds, 0.5):.1f} s, p95 {percentile(seconds, 0.95):.1f} s"
    )
    console.print(
        f"overfit: {refused} of {seen} edits that pass what the search saw fail a held-back test; "
        f"for {first} of {len(mended)} programs the likeliest one does"
    )


def compare(rows: Sequence[Row]) -> None:
    """Print the published figures beside ours."""
    table = Table("on the same 40 programs", "plausible", "correct or exact")
    plausible, exact = sum(row.plausible for row in rows), sum(row.exact for row in rows)
    table.add_row("repair", str(plausible), f"{exact} exact")
    for name, correct in PUBLISHED:
        table.add_row(name, "", f"{correct} correct")
    Console(width=110).print(table)
