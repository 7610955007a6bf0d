"""Repairs of programs that run at import, never end, or do not want to be judged."""

import subprocess
import sys
from pathlib import Path

import pytest

from grace.repair import NoPatch, Repaired, RepairWanted, repair
from support.broken import CASES, Case

pytestmark = pytest.mark.stress


def tried(root: Path, files: dict[str, str], **more: object) -> Repaired | NoPatch:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    return repair(RepairWanted(root, ("pytest",), **{"limit_s": 60, **more}))  # type: ignore[arg-type]


def changes(ended: Repaired | NoPatch) -> list[str]:
    assert isinstance(ended, Repaired), ended
    return [line for line in ended.diff.splitlines() if line[:1] in "+-"][2:]


def table(name: str, *rows: tuple[object, object]) -> str:
    return (
        f"import pytest\nfrom code_ import {name}\n\n\n"
        f"@pytest.mark.parametrize(('given', 'expected'), {list(rows)!r})\n"
        f"def test_{name}(given, expected):\n    assert {name}(given) == expected\n"
    )


def test_a_constant_of_the_module_is_repaired(tmp_path: Path) -> None:
    code = "RATE = 3\n\n\ndef tax(price):\n    return price * RATE\n"
    tests = table("tax", (1, 2), (0, 0), (5, 10), (2, 4))
    ended = tried(tmp_path, {"code_.py": code, "test_code.py": tests})
    assert isinstance(ended, Repaired), ended
    assert "2" in ended.diff


def test_a_default_is_repaired(tmp_path: Path) -> None:
    code = "def pad(text, width=3):\n    return text.rjust(width)\n"
    tests = table("pad", ("a", "   a"), ("ab", "  ab"), ("abcd", "abcd"), ("abcdef", "abcdef"))
    ended = tried(tmp_path, {"code_.py": code, "test_code.py": tests})
    assert isinstance(ended, Repaired), ended
    assert ended.held_back[1] > 0


def test_a_function_that_runs_at_import_is_repaired(tmp_path: Path) -> None:
    code = "def squares(n):\n    return [i * i for i in range(n)]\n\n\nTABLE = squares(4)\n\n\n"
    code += "def square(i):\n    return TABLE[i]\n"
    tests = table("square", (0, 0), (1, 1), (2, 4), (3, 9), (4, 16))
    ended = tried(tmp_path, {"code_.py": code, "test_code.py": tests})
    assert isinstance(ended, Repaired), ended


def test_a_loop_without_end_is_repaired(tmp_path: Path) -> None:
    code = (
        "def halvings(n):\n    steps = 0\n    while n > 1:\n        n = n * 2\n        steps += 1\n"
    )
    code += "    return steps\n"
    tests = table("halvings", (1, 0), (2, 1), (8, 3), (9, 3), (0, 0))
    ended = tried(tmp_path, {"code_.py": code, "test_code.py": tests})
    assert changes(ended) == ["-        n = n * 2", "+        n = n // 2"]


def test_two_edits_are_found_where_one_does_not_do(tmp_path: Path) -> None:
    code = "def grade(points):\n    if points > 90:\n        return 'A'\n    if points <= 50:\n"
    code += "        return 'B'\n    return 'C'\n"
    tests = table(
        "grade", (95, "A"), (90, "A"), (91, "A"), (50, "B"), (51, "B"), (49, "C"), (0, "C")
    )
    ended = tried(tmp_path, {"code_.py": code, "test_code.py": tests})
    assert set(changes(ended)) >= {"+    if points >= 90:", "+    if points >= 50:"}
    alone = tried(tmp_path, {}, pairs=False)
    assert isinstance(alone, NoPatch)


def test_line_ends_of_the_file_are_kept(tmp_path: Path) -> None:
    code = "def total(items):\r\n    out = 0\r\n    for item in items:\r\n        out -= item\r\n"
    code += "    return out\r\n"
    tests = table("total", ([1], 1), ([2, 3], 5), ([], 0), ([4, 4], 8))
    ended = tried(tmp_path, {"code_.py": code, "test_code.py": tests})
    assert isinstance(ended, Repaired), ended
    subprocess.run(["git", "apply"], cwd=tmp_path, input=ended.diff.encode(), check=True)
    assert (tmp_path / "code_.py").read_bytes().decode() == code.replace("-=", "+=")


FORGED = (
    '[os.write(int(fd), b\'{"status": "p", "end": true}\\n\') for fd in os.listdir(\'/proc/self/fd\')'
    " if os.path.realpath(f'/proc/self/fd/{fd}').startswith('/proc') and int(fd) > 2] and os._exit(0)"
)


@pytest.mark.parametrize(
    "leaving", ["os._exit(0)", "sys.exit(0)", "os.kill(os.getpid(), 9)", FORGED]
)
def test_a_program_that_ends_its_process_is_not_believed(tmp_path: Path, leaving: str) -> None:
    code = f"import os\nimport sys\n\n\ndef f(x):\n    if x > 0:\n        {leaving}\n    return x - 1\n"
    tests = table("f", (-1, 7), (-2, 9), (0, 3))
    ended = tried(tmp_path, {"code_.py": code, "test_code.py": tests}, limit_s=15)
    assert isinstance(ended, NoPatch)


def test_a_program_that_eats_memory_is_stopped(tmp_path: Path) -> None:
    code = "def f(x):\n    kept = [0] * 10\n    while len(kept) > x:\n        kept = kept + kept\n"
    code += "    return len(kept)\n"
    tests = table("f", (10, 10), (20, 20), (5, 5))
    ended = tried(tmp_path, {"code_.py": code, "test_code.py": tests}, limit_s=15)
    assert isinstance(ended, NoPatch)


def test_tests_that_need_their_order_are_run_in_it(tmp_path: Path) -> None:
    code = "def add(items, item):\n    items.append(items)\n    return len(items)\n"
    tests = "from code_ import add\n\nITEMS = []\n\n\ndef test_first():\n    assert add(ITEMS, 1) == 1\n\n\n"
    tests += "def test_second():\n    assert add(ITEMS, 2) == 2\n\n\n"
    tests += "def test_all():\n    assert ITEMS == [1, 2]\n"
    ended = tried(tmp_path, {"code_.py": code, "test_code.py": tests}, held_back=0.0)
    assert changes(ended)[1] == "+    items.append(item)"


def test_what_passes_only_what_it_saw_is_refused(tmp_path: Path) -> None:
    code = "def f(x):\n    return x\n"
    rows = [(n, 3 * n * n + 1) for n in range(2, 9)]
    tests = table("f", (0, 0), *rows)
    ended = tried(tmp_path, {"code_.py": code, "test_code.py": tests}, limit_s=20)
    assert isinstance(ended, NoPatch)
    assert ended.tried > 50


def test_what_a_held_back_test_refuses_is_counted_and_not_returned(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "best_window")
    ended = tried(tmp_path, {"best_window.py": case.broken, "test_best.py": case.tests})
    assert isinstance(ended, Repaired), ended
    assert ended.first_refused
    assert ended.refused >= 1
    assert "fail a held-back test" in ended.rationale


def test_tests_that_take_too_long_are_too_many(tmp_path: Path) -> None:
    tests = (
        "import time\nimport code_\n\n\ndef test_f():\n    time.sleep(60)\n    assert code_.f()\n"
    )
    code = "def f():\n    return 0\n"
    ended = tried(tmp_path, {"code_.py": code, "test_code.py": tests}, limit_s=4)
    assert isinstance(ended, NoPatch)
    assert "more than half of 4 s" in ended.reason


def test_a_test_that_sleeps_is_waited_for(tmp_path: Path) -> None:
    code = "import time\n\n\ndef f(x):\n    time.sleep(0.5)\n    return x - 1\n"
    tests = table("f", (1, 2), (2, 3), (5, 6))
    ended = tried(tmp_path, {"code_.py": code, "test_code.py": tests})
    assert changes(ended) == ["-    return x - 1", "+    return x + 1"]


def test_the_same_request_has_the_same_answer(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == "intervals")
    files = {"intervals.py": case.broken, "test_intervals.py": case.tests}
    first, second = tried(tmp_path, files, seed=3), tried(tmp_path, {}, seed=3)
    assert isinstance(first, Repaired)
    assert isinstance(second, Repaired)
    assert (first.diff, first.held_back) == (second.diff, second.held_back)


def plausible(case: Case, root: Path) -> bool:
    files = {f"{case.name}.py": case.broken, f"test_{case.name}.py": case.tests}
    root.mkdir()
    ended = tried(root, files, workers=2)
    if isinstance(ended, NoPatch):
        return False
    subprocess.run(["git", "apply"], cwd=root, input=ended.diff, text=True, check=True)
    done = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=root, check=False)
    assert done.returncode == 0, ended.diff
    return True


def test_most_programs_of_our_own_are_repaired(tmp_path: Path) -> None:
    mended = [case.name for case in CASES if plausible(case, tmp_path / case.name)]
    assert len(mended) >= 0.8 * len(CASES), sorted({c.name for c in CASES} - set(mended))
