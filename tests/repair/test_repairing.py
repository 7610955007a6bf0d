"""Whole repairs: of real checkouts, in real processes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grace.repair import NoPatch, Repaired, RepairWanted, repair

FILES = {
    "src/shop/__init__.py": "",
    "src/shop/prices.py": (
        "# Prices are in cents.\n"
        "def total(prices, discount=0):\n"
        "    summed = 0\n"
        "    for price in prices:  # each counts\n"
        "        summed -= price\n"
        "    return summed - discount\n"
    ),
    "tests/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef discount():\n    return 5\n",
    "tests/test_prices.py": (
        "import pytest\n\nfrom shop.prices import total\n\n\n"
        "@pytest.mark.parametrize(('prices', 'expected'), [([], 0), ([1], 1), ([2, 3], 5)])\n"
        "def test_total(prices, expected):\n    assert total(prices) == expected\n\n\n"
        "def test_discount(discount):\n    assert total([10], discount) == 5\n"
    ),
}


def checkout(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def repaired(root: Path, *test: str, **more: object) -> Repaired | NoPatch:
    return repair(RepairWanted(root, test or ("pytest",), limit_s=40, **more))  # type: ignore[arg-type]


def contents(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}


def test_a_package_in_src_is_repaired_and_the_checkout_left_alone(tmp_path: Path) -> None:
    root = checkout(tmp_path, FILES)
    before = contents(root)
    ended = repaired(root, "python", "-m", "pytest", "-q", "tests")
    assert isinstance(ended, Repaired), ended
    assert contents(root) == before
    assert [line for line in ended.diff.splitlines() if line[:1] in "+-"][2:] == [
        "-        summed -= price",
        "+        summed += price",
    ]
    assert ended.overfit is False
    assert ended.held_back[0] == ended.held_back[1] > 0
    assert "plausible" in ended.rationale
    assert "correct" not in ended.rationale
    subprocess.run(["git", "apply"], cwd=root, input=ended.diff, text=True, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=root, env={"PYTHONPATH": str(root / "src")}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.stress
def test_the_module_answers_in_json(tmp_path: Path) -> None:
    text = "def twice(number):\n    return number + 3\n"
    tests = "import unittest\nfrom twice import twice\n\n\nclass T(unittest.TestCase):\n"
    tests += "    def test_one(self):\n        self.assertEqual(twice(1), 2)\n"
    tests += "    def test_three(self):\n        self.assertEqual(twice(3), 6)\n"
    checkout(tmp_path, {"twice.py": text, "test_twice.py": tests})
    wanted = RepairWanted(tmp_path, ("python", "-m", "unittest"), limit_s=40, held_back=0.0)
    done = subprocess.run(
        [sys.executable, "-I", "-m", "grace.repair"],
        input=wanted.to_json(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["patch"], answer["overfit"]) == (0, True, None)
    assert "+    return number + number" in answer["diff"] or "* 2" in answer["diff"]
    done = subprocess.run(
        [sys.executable, "-I", "-m", "grace.repair"],
        input="{}", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert json.loads(done.stdout)["reason"].endswith(".")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a.py": "x = 1\n", "test_a.py": "def test_a():\n    pass\n"}, "No test fails"),
        ({"test_a.py": "def test_a():\n    assert 0\n"}, "cannot be traced to code"),
        ({"test_a.py": "import nowhere\n"}, "No module named 'nowhere'"),
    ],
    ids=["nothing fails", "nothing imported", "cannot be collected"],
)
def test_what_cannot_begin_says_why(tmp_path: Path, files: dict[str, str], reason: str) -> None:
    ended = repaired(checkout(tmp_path, files))
    assert isinstance(ended, NoPatch)
    assert reason in ended.reason


@pytest.mark.parametrize(
    ("words", "files", "reason"),
    [(("make",), (), "'make'"), (("pytest",), ("tests/conftest.py",), "may be changed")],
)
def test_what_is_not_allowed_says_so(
    tmp_path: Path, words: tuple[str, ...], files: tuple[str, ...], reason: str
) -> None:
    ended = repair(RepairWanted(checkout(tmp_path, FILES), words, files))
    assert isinstance(ended, NoPatch)
    assert reason in ended.reason
