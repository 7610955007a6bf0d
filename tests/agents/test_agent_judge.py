"""What a run left in a checkout is judged like the work of a stranger."""

from pathlib import Path

import pytest

from grace.adapters.secrets import secret_scan
from grace.agents import Judge, Refused
from grace.domain.patch_bounds import PatchBounds
from grace.domain.proposals import Refusal
from support.agent_places import RIGHT, git, repository

BOUNDS = PatchBounds(max_bytes=5000, max_files=3, protected=("secret/**",))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "checkout"


@pytest.fixture
def judge(root, tmp_path):
    return Judge(tmp_path / "own", root, repository(root))


def nested(root: Path) -> None:
    (root / "lib").mkdir()
    git(root / "lib", "init", "-q")
    (root / "lib" / "x.py").write_text("x = 1\n")


def worktree_file(root: Path) -> None:
    (root / "lib").mkdir()
    (root / "lib" / ".git").write_text("gitdir: /elsewhere\n")


HUGE = "x" * 100 + "\n"
KINDS = {
    "nothing": (lambda root: None, Refusal.NO_CHANGE, "changed nothing"),
    "workflow": (
        lambda root: write(root, ".github/workflows/ci.yml", "on: push\n"),
        Refusal.OUT_OF_BOUNDS,
        "steers CI",
    ),
    "attributes": (
        lambda root: write(root, ".gitattributes", "* filter=x\n"),
        Refusal.OUT_OF_BOUNDS,
        "steers CI or git",
    ),
    "protected": (
        lambda root: write(root, "secret/x.py", "x = 1\n"),
        Refusal.OUT_OF_BOUNDS,
        "is protected",
    ),
    "many files": (
        lambda root: [write(root, f"f{n}.py", "x = 1\n") for n in range(4)],
        Refusal.OUT_OF_BOUNDS,
        "4 files; 3 are allowed",
    ),
    "link out": (
        lambda root: (root / "x").symlink_to("/etc/passwd"),
        Refusal.LINK,
        "x is a symbolic link",
    ),
    "file made a link": (
        lambda root: [(root / "calc.py").unlink(), (root / "calc.py").symlink_to("check.py")],
        Refusal.LINK,
        "calc.py is a symbolic link",
    ),
    "repository": (nested, Refusal.SUBMODULE, "lib became a repository"),
    "work tree": (worktree_file, Refusal.SUBMODULE, "lib became a repository"),
    "binary": (
        lambda root: (root / "x.bin").write_bytes(b"\0\1\2"),
        Refusal.BINARY,
        "binary data",
    ),
    "no text": (
        lambda root: (root / "x.txt").write_bytes(b"caf\xe9\n"),
        Refusal.BINARY,
        "not UTF-8",
    ),
    "large": (
        lambda root: write(root, "big.txt", HUGE * 100_000),
        Refusal.TOO_LARGE,
        "more than the 5000 bytes",
    ),
    "secret": (
        lambda root: write(root, "x.py", 'key = "AKIA' + 'QYLPMN5HHHFPZAM2"\n'),
        Refusal.SECRET,
        "what looks like a secret: x.py:1",
    ),
}


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_refused_with_its_sentence(root, judge, kind):
    change, refusal, sentence = KINDS[kind]
    change(root)
    with pytest.raises(Refused) as caught:
        judge.judged(BOUNDS, secret_scan())
    assert caught.value.kind is refusal
    assert sentence in caught.value.sentence


def test_a_small_change_passes_with_the_tree_that_it_makes(root, judge):
    write(root, "calc.py", RIGHT)
    judged = judge.judged(BOUNDS, secret_scan())
    assert judged.paths == ("calc.py",)
    assert "+    return a + b" in judged.diff
    git(root, "commit", "-qam", "by hand")
    assert git(root, "rev-parse", "HEAD^{tree}") == judged.tree


def test_what_runs_leave_behind_is_no_part_of_a_patch(root, judge):
    write(root, "calc.py", RIGHT)
    write(root, "__pycache__/calc.cpython-311.pyc", "x")
    write(root, ".pytest_cache/README.md", "x")
    assert judge.judged(BOUNDS).paths == ("calc.py",)


def test_settings_and_hooks_of_the_checkout_run_nothing(root, judge, tmp_path):
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    program.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "diff.external", "filter.x.clean"):
        git(root, "config", key, str(program))
    (root / ".git" / "info" / "attributes").write_text("* filter=x\n")
    (root / ".git" / "hooks" / "post-index-change").symlink_to(program)
    write(root, "calc.py", RIGHT)
    git(root, "add", "calc.py")  # the same settings do run for who uses the checkout's own folder
    assert ran.exists()
    ran.unlink()
    assert judge.judged(BOUNDS).paths == ("calc.py",)
    judge.restore()
    assert not ran.exists()


def test_a_checkout_is_brought_back_to_its_base(root, judge):
    write(root, "calc.py", RIGHT)
    write(root, "more/x.py", "x = 1\n")
    (root / "check.py").unlink()
    judge.restore()
    assert git(root, "status", "--porcelain") == ""
    assert sorted(path.name for path in root.iterdir()) == [".git", "calc.py", "check.py"]


def test_a_diff_that_does_not_apply_is_refused(judge):
    wrong = "--- a/calc.py\n+++ b/calc.py\n@@ -1 +1 @@\n-no such line\n+another\n"
    with pytest.raises(Refused, match="does not apply") as caught:
        judge.apply(wrong)
    assert caught.value.kind is Refusal.INVALID
