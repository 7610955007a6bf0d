"""Which commands are understood, and what of the checkout may be changed."""

import sys
from pathlib import Path

import pytest

from grace.repair import RepairError, RepairWanted, from_json, to_json
from grace.repair.command import read_command
from grace.repair.tree import copy_tree, import_paths, may_change, suspects
from grace.repair.wanted import NoPatch, Repaired


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (("pytest", "tests/test_a.py"), ("tests/test_a.py",)),
        (("pytest", "-q", "-x", "-n", "4", "--cov=p", "--maxfail", "1", "t"), ("t",)),
        (("pytest", "-n4", "-rA", "-k", "wrap"), ("-k", "wrap")),
        (("python", "-m", "pytest", "tests"), ("tests",)),
        ((sys.executable, "-m", "pytest", "tests"), ("tests",)),
        (("tests/test_a.py::test_x",), ("tests/test_a.py::test_x",)),
        (("python", "-m", "unittest"), (".", "-o", "python_files=test*.py")),
        (
            ("python", "-m", "unittest", "discover", "-s", "tests", "-p", "*_t.py"),
            ("tests", "-o", "python_files=*_t.py"),
        ),
        (
            ("python3", "-m", "unittest", "-v", "tests.test_a.T.test_x"),
            ("tests/test_a.py::T::test_x", "-o", "python_files=test*.py"),
        ),
    ],
)
def test_a_command_is_read(tmp_path: Path, words: tuple[str, ...], arguments: tuple[str, ...]):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").touch()
    assert read_command(words, tmp_path).arguments == arguments


@pytest.mark.parametrize(
    "words", [("make", "test"), ("python", "x.py"), ("python", "-m", "unittest", "no.such")]
)
def test_another_command_is_refused_with_a_sentence(tmp_path: Path, words: tuple[str, ...]):
    with pytest.raises(RepairError, match=r"\.$"):
        read_command(words, tmp_path)


@pytest.mark.parametrize(
    ("path", "may"),
    [
        ("a.py", True),
        ("src/p/a.py", True),
        ("tests/a.py", False),
        ("p/test/a.py", False),
        ("p/test_a.py", False),
        ("p/a_test.py", False),
        ("conftest.py", False),
        ("setup.py", False),
        (".github/a.py", False),
        (".venv/lib/a.py", False),
        ("../a.py", False),
        ("/etc/a.py", False),
        ("a.toml", False),
    ],
)
def test_only_source_may_be_changed(path: str, may: bool):
    assert may_change(path) is may


def test_links_and_files_outside_are_no_suspects(tmp_path: Path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.py").touch()
    (tmp_path / "b.py").touch()
    (root / "link.py").symlink_to(tmp_path / "b.py")
    (root / "folder").symlink_to(tmp_path)
    assert suspects(root, ()) == ("a.py",)
    for named in ("link.py", "folder/b.py", "../b.py", "conftest.py", "none.py"):
        with pytest.raises(RepairError, match="may be changed"):
            suspects(root, (named,))


def test_a_copy_has_no_history_and_keeps_links(tmp_path: Path):
    root = tmp_path / "root"
    (root / ".git").mkdir(parents=True)
    (root / "p").mkdir()
    (root / "p/a.py").write_text("x = 1\n")
    (root / "link").symlink_to("p")
    copy_tree(root, tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["link", "p"]
    assert (tmp_path / "copy/link").is_symlink()


def test_a_source_folder_is_imported_from(tmp_path: Path):
    (tmp_path / "src").mkdir()
    assert import_paths(sys.executable, tmp_path) == ("src",)


def test_requests_and_answers_survive_json(tmp_path: Path):
    wanted = RepairWanted(tmp_path, ("pytest",), files=("a.py",), limit_s=3.0, workers=2)
    assert RepairWanted.from_json(wanted.to_json()) == wanted
    patch = Repaired("d", "r", 3, 1.5, (2, 2), overfit=False)
    assert from_json(to_json(patch)) == patch
    assert from_json(to_json(NoPatch("none", 3))) == NoPatch("none", 3)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"root": "."}', '{"root": ".", "test": []}'])
def test_what_is_no_request_is_refused(text: str):
    with pytest.raises(RepairError):
        RepairWanted.from_json(text)
