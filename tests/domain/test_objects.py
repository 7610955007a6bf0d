"""Ids of blobs and trees are those that git gives them."""

import os
import subprocess

import pytest

from grace.domain.objects import FOLDER, TreeEntry, blob_id, tree_id


@pytest.fixture
def git(tmp_path):
    def run(*args, stdin=b""):
        done = subprocess.run(
            ["git", *args],
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            check=True,
            env={"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1"},
        )
        return done.stdout.decode().strip()

    run("init", "-q", "--bare", ".")
    return run


@pytest.mark.parametrize("content", [b"", b"a\n", b"\xff\0"])
def test_blob_has_the_id_that_git_gives_it(git, content):
    assert blob_id(content) == git("hash-object", "--stdin", stdin=content)


def test_tree_has_the_id_that_git_gives_it_whatever_the_order(git):
    blob = git("hash-object", "-w", "--stdin", stdin=b"a\n")
    folder = git("mktree", stdin=f"100644 blob {blob}\tx\n".encode())
    # `b` is a folder here, so it sorts as `b/`: behind `b-c` and `b.py`, before `b0`.
    entries = {
        "b0": TreeEntry("100755", blob),
        "b": TreeEntry(FOLDER, folder),
        "b.py": TreeEntry("100644", blob),
        "b-c": TreeEntry("120000", blob),
        "ü": TreeEntry("100644", blob),
    }
    rows = "".join(
        f"{e.mode} {'tree' if e.is_folder else 'blob'} {e.sha}\t{name}\n"
        for name, e in entries.items()
    )
    assert tree_id(entries) == git("mktree", stdin=rows.encode())
    assert tree_id({}) == git("mktree")
