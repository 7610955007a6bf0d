"""Commits by the git data API: what is sent fits GitHub's schema, and twice is once."""

from base64 import b64decode
from typing import Any

import pytest
from githubkit_schemas.latest import models

from grace.adapters.github.commits import ApiCommit, CommitMade, FileState
from grace.ports import ForgeRefused

BASE, BASE_TREE, TREE, NEW, TIP = ("a" * 40, "b" * 40, "c" * 40, "d" * 40, "e" * 40)
BRANCH = "grace/mission_20260301_001"


def order(**more: Any) -> ApiCommit:
    files = {"src/a.py": FileState(b"x = 1\n"), "gone.txt": None}
    fields: dict[str, Any] = {"base": BASE, "branch": BRANCH, "files": files, "message": "Fix\n"}
    return ApiCommit(**(fields | more))


class Serving:
    """The git data API of one repository, and what was sent to it."""

    def __init__(self, github: Any, tip: str | None = None) -> None:
        commit = {"sha": BASE, "tree": {"sha": BASE_TREE}, "parents": [], "message": "Base"}
        github.repo("GET", f"/git/commits/{BASE}").respond(json=commit)
        ref = github.repo("GET", f"/git/ref/heads/{BRANCH}")
        if tip is None:
            ref.respond(404, json={"message": "Not Found"})
        else:
            ref.respond(json={"ref": f"refs/heads/{BRANCH}", "object": {"sha": tip}})
        self.blobs = github.repo("POST", "/git/blobs").respond(201, json={"sha": "f" * 40})
        self.trees = github.repo("POST", "/git/trees").respond(201, json={"sha": TREE})
        self.commits = github.repo("POST", "/git/commits").respond(201, json={"sha": NEW})
        self.creates = github.repo("POST", "/git/refs").respond(201, json={"ref": "x"})
        self.moves = github.repo("PATCH", f"/git/refs/heads/{BRANCH}").respond(json={"ref": "x"})


async def test_commit_and_branch_are_made_in_five_calls(github: Any) -> None:
    served = Serving(github)
    assert await github.forge.commit(github.ref, order()) == CommitMade(NEW, TREE)
    tree, made, ref = (github.sent(r) for r in (served.trees, served.commits, served.creates))
    models.ReposOwnerRepoGitTreesPostBody.model_validate(tree)
    models.ReposOwnerRepoGitCommitsPostBody.model_validate(made)
    models.ReposOwnerRepoGitRefsPostBody.model_validate(ref)
    assert tree == {
        "base_tree": BASE_TREE,
        "tree": [
            {"path": "gone.txt", "mode": "100644", "type": "blob", "sha": None},
            {"path": "src/a.py", "mode": "100644", "type": "blob", "content": "x = 1\n"},
        ],
    }
    # Author and committer are left to GitHub, which signs only then.
    assert made == {"message": "Fix\n", "tree": TREE, "parents": [BASE]}
    assert ref == {"ref": f"refs/heads/{BRANCH}", "sha": NEW}
    assert len(github.purposes()) == 1 + 5


async def test_file_that_is_not_text_is_a_blob_of_its_own(github: Any) -> None:
    served = Serving(github)
    files = {"logo.png": FileState(b"\xff\x00", "100755")}
    await github.forge.commit(github.ref, order(files=files))
    blob = github.sent(served.blobs)
    models.ReposOwnerRepoGitBlobsPostBody.model_validate(blob)
    assert (b64decode(blob["content"]), blob["encoding"]) == (b"\xff\x00", "base64")
    entry = {"path": "logo.png", "mode": "100755", "type": "blob", "sha": "f" * 40}
    assert github.sent(served.trees)["tree"] == [entry]


@pytest.mark.parametrize(("tip", "force"), [(BASE, False), (TIP, True)])
async def test_branch_is_moved_from_what_is_expected(github: Any, tip: str, force: bool) -> None:
    served = Serving(github, tip)
    if tip == TIP:
        old = {"sha": TIP, "tree": {"sha": "0" * 40}, "parents": [{"sha": BASE}], "message": "Old"}
        github.repo("GET", f"/git/commits/{TIP}").respond(json=old)
    await github.forge.commit(github.ref, order(expected=tip))
    body = github.sent(served.moves)
    models.ReposOwnerRepoGitRefsRefPatchBody.model_validate(body)
    assert body == {"sha": NEW, "force": force}
    assert not served.creates.called


async def test_same_commit_is_not_made_twice(github: Any) -> None:
    served = Serving(github, TIP)
    there = {"sha": TIP, "tree": {"sha": TREE}, "parents": [{"sha": BASE}], "message": "Fix"}
    github.repo("GET", f"/git/commits/{TIP}").respond(json=there)
    assert await github.forge.commit(github.ref, order()) == CommitMade(TIP, TREE)
    assert not served.commits.called


@pytest.mark.parametrize("expected", [None, BASE])
async def test_branch_that_is_elsewhere_is_left_alone(github: Any, expected: str | None) -> None:
    served = Serving(github, TIP)
    other = {"sha": TIP, "tree": {"sha": TREE}, "parents": [{"sha": BASE}], "message": "Theirs"}
    github.repo("GET", f"/git/commits/{TIP}").respond(json=other)
    with pytest.raises(ForgeRefused, match="left alone") as caught:
        await github.forge.commit(github.ref, order(expected=expected))
    assert caught.value.status == 409
    assert not served.commits.called
    assert not served.moves.called


async def test_branch_that_was_made_meanwhile_is_a_conflict(github: Any) -> None:
    Serving(github)
    refused = github.repo("POST", "/git/refs")
    refused.respond(422, json={"message": "Reference already exists"})
    with pytest.raises(ForgeRefused, match="Reference already exists") as caught:
        await github.forge.commit(github.ref, order())
    assert caught.value.status == 409


async def test_commit_without_a_change_is_not_made(github: Any) -> None:
    with pytest.raises(ForgeRefused, match="without a change"):
        await github.forge.commit(github.ref, order(files={}))
    assert github.purposes() == []
