"""The head's tests in a checkout of the base: those files alone, and nothing through a link."""

import subprocess
from pathlib import Path

import pytest

from grace.ci.errors import CheckoutInvalid
from grace.ci.planting import USUAL, plant
from grace.domain.patch_bounds import matches


def git(folder: Path, *args: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    return subprocess.check_output(["git", *who, *args], cwd=folder, text=True).strip()


def checkout(folder: Path, files: dict[str, str], links: dict[str, str] | None = None) -> Path:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name, target in (links or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def texts(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def test_tests_are_put_changed_and_taken_away_and_code_stays_the_base_s(tmp_path):
    base = checkout(
        tmp_path / "base",
        {"a.py": "old", "tests/t.py": "old", "tests/gone.py": "", "conftest.py": "old"},
    )
    head = checkout(
        tmp_path / "head",
        {
            "a.py": "new",
            "b.py": "new",
            "tests/t.py": "new",
            "tests/data/x.json": "{}",
            "lib/test_b.py": "new",
        },
    )
    (head / "lib/test_b.py").chmod(0o755)
    git(head, "commit", "-q", "-a", "-m", "two")
    (head / "tests/untracked.py").write_text("no commit has it")
    done = plant(head, base)
    assert texts(base) == {
        "a.py": "old",
        "tests/t.py": "new",
        "tests/data/x.json": "{}",
        "lib/test_b.py": "new",
    }
    assert (base / "lib/test_b.py").stat().st_mode & 0o777 == 0o755
    assert done.base_sha == git(base, "rev-parse", "HEAD")
    assert set(done.put) == {"tests/t.py", "tests/data/x.json", "lib/test_b.py"}
    assert set(done.taken) == {"tests/gone.py", "conftest.py"}
    assert plant(head, base).put == done.put


def test_only_what_the_globs_name_counts_as_a_test(tmp_path):
    base = checkout(tmp_path / "base", {"tests/t.py": "old", "checks/c.py": "old"})
    head = checkout(tmp_path / "head", {"tests/t.py": "new", "checks/c.py": "new"})
    plant(head, base, ("checks/**",))
    assert texts(base) == {"tests/t.py": "old", "checks/c.py": "new"}


def test_nothing_is_written_or_removed_through_a_link_of_the_base(tmp_path):
    outside = checkout(tmp_path / "outside", {"t.py": "theirs", "u.py": "theirs"})
    base = checkout(
        tmp_path / "base",
        {"a.py": "old", "lib/test_old.py": "old"},
        {
            "tests": str(outside),
            "spec": "/nonexistent",
            "test_one.py": str(outside / "u.py"),
        },
    )
    head = checkout(
        tmp_path / "head",
        {"tests/t.py": "new", "spec/a_spec.rb": "new", "test_one.py": "new", "a.py": "new"},
    )
    (base / "lib/test_old.py").unlink()
    (base / "lib").rmdir()
    (base / "lib").symlink_to(outside)
    (outside / "test_old.py").write_text("theirs")
    plant(head, base)
    assert texts(outside) == {"t.py": "theirs", "u.py": "theirs", "test_old.py": "theirs"}
    assert (base / "tests/t.py").read_text() == "new"
    assert not (base / "tests").is_symlink()
    assert not (base / "test_one.py").is_symlink()
    assert (base / "a.py").read_text() == "old"


def test_links_of_the_head_are_left_out_and_named(tmp_path):
    base = checkout(tmp_path / "base", {"a.py": "old"})
    links = {"tests/secret.py": "/etc/hostname", "tests/all": ".."}
    head = checkout(tmp_path / "head", {"tests/t.py": "new"}, links)
    done = plant(head, base)
    assert set(done.links) == set(links)
    assert texts(base) == {"a.py": "old", "tests/t.py": "new"}


def test_a_file_or_a_folder_of_the_base_in_a_test_s_place_makes_way(tmp_path):
    base = checkout(tmp_path / "base", {"test": "a file", "test_x.py/inner/f": "in a folder"})
    head = checkout(tmp_path / "head", {"test/t.py": "new", "test_x.py": "new"})
    plant(head, base, (*USUAL, "test", "test_x.py/**"))
    assert texts(base) == {"test/t.py": "new", "test_x.py": "new"}


def test_checkouts_that_hold_one_another_are_refused(tmp_path):
    head = checkout(tmp_path / "head", {"tests/t.py": "new"})
    base = checkout(head / "base", {"tests/t.py": "old"})
    for one, other in ((head, base), (base, head), (head, head)):
        with pytest.raises(CheckoutInvalid, match="lie in one another"):
            plant(one, other)
    (tmp_path / "linked").symlink_to(base)
    with pytest.raises(CheckoutInvalid, match="lie in one another"):
        plant(head, tmp_path / "linked")


def test_a_base_with_other_changes_than_tests_is_not_the_base(tmp_path):
    base = checkout(tmp_path / "base", {"a.py": "old", "tests/t.py": "old"})
    head = checkout(tmp_path / "head", {"tests/t.py": "new"})
    (base / "a.py").write_text("mended in passing")
    with pytest.raises(CheckoutInvalid, match=r"differs from its commit: a\.py"):
        plant(head, base)
    assert (base / "tests/t.py").read_text() == "old"


def test_a_folder_that_is_no_checkout_is_not_taken_for_the_one_around_it(tmp_path):
    head = checkout(tmp_path / "head", {"tests/t.py": "new"})
    around = checkout(tmp_path / "around", {"tests/t.py": "old"})
    (around / "base").mkdir()
    for folder in (around / "base", tmp_path / "none"):
        with pytest.raises(CheckoutInvalid, match="is not the root of a checkout"):
            plant(head, folder)
    assert texts(around) == {"tests/t.py": "old"}


def test_a_test_that_is_not_there_or_leads_out_of_the_head_is_not_copied(tmp_path):
    base = checkout(tmp_path / "base", {"a.py": "old"})
    head = checkout(tmp_path / "head", {"tests/t.py": "new"})
    (head / "tests/t.py").unlink()
    with pytest.raises(CheckoutInvalid, match=r"tests/t\.py of the head cannot be copied: No such"):
        plant(head, base)
    (head / "tests").rmdir()
    (head / "tests").symlink_to("/etc")
    with pytest.raises(CheckoutInvalid, match=r"tests/t\.py leads out of the checkout"):
        plant(head, base)


@pytest.mark.parametrize(
    ("path", "is_test"),
    [
        ("tests/unit/test_a.py", True),
        ("pkg/tests/data/x.bin", True),
        ("conftest.py", True),
        ("pkg/a_test.go", True),
        ("web/src/a.spec.ts", True),
        ("src/test/java/mesh/MeshTest.java", True),
        ("spec/models/mesh_spec.rb", True),
        ("mesh/testing.py", False),
        ("mesh/contest.py", False),
        ("pyproject.toml", False),
        (".github/workflows/tests.yml", False),
    ],
)
def test_tests_are_known_by_the_usual_paths(path, is_test):
    assert matches(path, USUAL) is is_test
