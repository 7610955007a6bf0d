"""Patches become signed commits inside their bounds, and nothing outside becomes anything."""

import dataclasses

import pytest

from grace.adapters.git import (
    DiffStat,
    PatchBounds,
    PatchDoesNotApply,
    PatchOutOfBounds,
    SignerChangedCommit,
    UnknownCommit,
)
from support.patches import FIX, FORMS, MALICIOUS, edit, new_file

BOUNDS = PatchBounds()


async def test_a_patch_becomes_a_commit_on_its_base(mirror, upstream, draft):
    base = upstream.tip("main")
    built = await mirror.build_patch_commit(base, FIX, BOUNDS, draft())
    assert built.parent == base
    assert built.paths == ("src/app.py",)
    assert built.diff_stat == DiffStat(files=1, added=2, deleted=1)
    assert await mirror.tree(built.sha) == built.tree
    content = await mirror.read_file(built.sha, "src/app.py")
    assert content is not None
    assert b"line 4\nline five\nline five and a half\nline 6\n" in content
    assert await mirror.tip("main") == base


async def test_a_patch_keeps_the_clone_partial(mirror, upstream, draft):
    await mirror.build_patch_commit(upstream.tip("main"), FIX, BOUNDS, draft())
    listed = upstream.git(
        "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)", cwd=mirror._config.path
    )
    assert listed.split().count("blob") == 2  # app.py before and after; no neighbour


async def test_the_same_inputs_give_the_same_commit(make_mirror, upstream, draft):
    base = upstream.tip("main")
    built = [
        await make_mirror(upstream.url, name=name).build_patch_commit(base, FIX, BOUNDS, draft())
        for name in ("one", "two")
    ]
    assert built[0] == built[1]
    other = dataclasses.replace(draft(), message="Another")
    assert (await make_mirror(upstream.url).build_patch_commit(base, FIX, BOUNDS, other)) != built[
        0
    ]


async def test_message_may_depend_on_the_tree_and_the_signature_is_kept(mirror, upstream, draft):
    def sign(raw: bytes) -> bytes:
        header, message = raw.split(b"\n\n", 1)
        return header + b"\ngpgsig -----BEGIN SSH SIGNATURE-----\n abc\n" + b"\n" + message

    plan = dataclasses.replace(draft(lambda tree: f"Fix\n\nTested-Tree: {tree}"), sign=sign)
    built = await mirror.build_patch_commit(upstream.tip("main"), FIX, BOUNDS, plan)
    assert await mirror.message(built.sha) == f"Fix\n\nTested-Tree: {built.tree}\n"
    raw = upstream.git("cat-file", "commit", built.sha, cwd=mirror._config.path)
    assert "\ngpgsig -----BEGIN SSH SIGNATURE-----\n abc\n\nFix" in raw
    assert "\nauthor Grace <grace@example.org> 1795323600 +0000\n" in raw


async def test_a_signer_that_changes_the_commit_is_refused(mirror, upstream, draft):
    plan = dataclasses.replace(draft(), sign=lambda raw: raw.replace(b"Fix it", b"Fix me"))
    with pytest.raises(SignerChangedCommit):
        await mirror.build_patch_commit(upstream.tip("main"), FIX, BOUNDS, plan)


@pytest.mark.parametrize(
    ("diff", "paths"),
    FORMS,
    ids=["plain", "no-newline", "mail", "space", "quoted", "rename", "mode", "delete", "two"],
)
async def test_every_form_of_patch_applies(mirror, upstream, draft, diff, paths):
    built = await mirror.build_patch_commit(upstream.tip("main"), diff, BOUNDS, draft())
    assert built.paths == paths


async def test_a_patch_against_an_older_base_is_merged(mirror, upstream, draft):
    first = upstream.tip("main")
    built = await mirror.build_patch_commit(first, FIX, BOUNDS, draft())
    diff = await mirror.diff(first, built.sha)
    path = upstream.work / "src/app.py"
    moved = upstream.commit({"src/app.py": "top\n" * 40 + path.read_text()})
    await mirror.fetch()
    again = await mirror.build_patch_commit(moved, diff, BOUNDS, draft())
    assert again.diff_stat == DiffStat(1, 2, 1)


@pytest.mark.parametrize("name", MALICIOUS)
async def test_a_patch_outside_its_bounds_is_refused(mirror, upstream, draft, name):
    diff, sentence = MALICIOUS[name]
    with pytest.raises(PatchOutOfBounds, match=sentence):
        await mirror.build_patch_commit(upstream.tip("main"), diff, BOUNDS, draft())


@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [
        (PatchBounds(max_bytes=len(FIX) - 1), f"has {len(FIX)} bytes; {len(FIX) - 1} are allowed"),
        (PatchBounds(max_files=0), "touches 1 files; 0 are allowed"),
        (PatchBounds(max_lines=2), "changes 3 lines; 2 are allowed"),
        (PatchBounds(protected=("src/**",)), "src/app.py is protected"),
        (PatchBounds(protected=("SRC/",)), "src/app.py is protected"),
        (PatchBounds(protected=("**/*.py",)), "src/app.py is protected"),
        (PatchBounds(allowed=("docs/**", "*.py")), "outside the paths"),
    ],
)
async def test_bounds_of_the_policy_hold(mirror, upstream, draft, bounds, sentence):
    with pytest.raises(PatchOutOfBounds, match=sentence):
        await mirror.build_patch_commit(upstream.tip("main"), FIX, bounds, draft())


async def test_exactly_the_bounds_are_allowed(mirror, upstream, draft):
    bounds = PatchBounds(len(FIX), 1, 3, allowed=("src/?pp.py",), protected=("src/*/**", "app.py"))
    assert await mirror.build_patch_commit(upstream.tip("main"), FIX, bounds, draft())


async def test_a_patch_that_does_not_apply_shows_its_hunk(mirror, upstream, draft):
    wrong = FIX.replace(b"-line 5\n", b"-line fifty\n")
    with pytest.raises(PatchDoesNotApply) as caught:
        await mirror.build_patch_commit(upstream.tip("main"), wrong, BOUNDS, draft())
    assert caught.value.file == "src/app.py"
    assert caught.value.hunk.startswith("@@ -4,3 +4,4 @@")
    assert "-line fifty" in caught.value.hunk


@pytest.mark.parametrize(
    ("diff", "file", "reason"),
    [
        (edit("absent.py", "a", "b"), "absent.py", "does not exist in index"),
        (new_file("README.md"), "README.md", "already exists in index"),
        (FIX.removesuffix(b" line 6\n"), "src/app.py", "lines it announces"),
        (FIX.replace(b"-4,3", b"-4,9"), "src/app.py", "lines it announces"),
        (FIX.replace(b"@@ -4,3 +4,4", b"@@ -x +4,4"), "src/app.py", "lines it announces"),
        (
            (
                b"diff --git a/src/b.py b/src/b.py\n--- a/src/b.py\n+++ b/src/b.py\n"
                b"index 1111111111111111111111111111111111111111.."
                b"2222222222222222222222222222222222222222 100644\n@@ -1 +1 @@\n-c\n+d\n"
            ),
            "src/b.py",
            "does not match",
        ),
    ],
    ids=["absent", "exists", "cut", "count", "header", "unknown blob"],
)
async def test_the_reason_a_patch_fails_is_named(mirror, upstream, draft, *, diff, file, reason):
    with pytest.raises(PatchDoesNotApply, match=reason) as caught:
        await mirror.build_patch_commit(upstream.tip("main"), diff, BOUNDS, draft())
    assert caught.value.file == file


async def test_a_blob_that_nobody_has_does_not_stop_a_patch_that_applies(mirror, upstream, draft):
    diff = edit("src/b.py", "b", "c", extra=f"index {'1' * 40}..{'2' * 40} 100644\n")
    built = await mirror.build_patch_commit(upstream.tip("main"), diff, BOUNDS, draft())
    assert built.paths == ("src/b.py",)


async def test_a_base_that_nobody_has_is_unknown(mirror, draft):
    with pytest.raises(UnknownCommit):
        await mirror.build_patch_commit("1" * 40, FIX, BOUNDS, draft())
