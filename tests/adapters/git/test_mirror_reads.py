"""What a mirror knows, and that it fetches no blob before one is needed."""

import asyncio
import subprocess

import pytest

from grace.adapters.git import (
    InvalidName,
    MirrorConfig,
    Mirrors,
    NotAFile,
    OutputTooLarge,
    UnknownCommit,
)

NOWHERE = "0123456789abcdef0123456789abcdef01234567"


def blobs_present(mirror) -> int:
    """Count blobs in the object store without git fetching the missing ones."""
    path = mirror._config.path
    listed = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"],
        env={"GIT_DIR": str(path), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    return listed.stdout.split().count(b"blob")


async def test_a_tip_is_what_the_last_fetch_saw(mirror, upstream):
    first = upstream.tip("main")
    assert await mirror.tip("main") == first
    second = upstream.commit({"new.txt": "new\n"})
    assert await mirror.tip("main") == first
    await mirror.fetch()
    assert await mirror.tip("main") == second


async def test_a_branch_that_is_gone_has_no_tip(mirror, upstream):
    upstream.git("push", "-q", "origin", "HEAD:refs/heads/old", "HEAD:refs/heads/older")
    await mirror.fetch()
    assert await mirror.tip("old") == upstream.tip("main")
    upstream.git("push", "-q", "origin", ":refs/heads/old", ":refs/heads/older")
    await mirror.fetch(("refs/heads/main", "refs/heads/old"))
    assert await mirror.tip("old") is None
    assert await mirror.tip("older") is not None
    await mirror.fetch()
    assert await mirror.tip("older") is None


async def test_a_ref_outside_the_branches_is_fetched_by_its_name(mirror, upstream):
    head = upstream.tip("main")
    upstream.git("update-ref", "refs/pull/7/head", head, cwd=upstream.bare)
    other = upstream.commit({"fork.txt": "fork\n"})
    upstream.git("update-ref", "refs/pull/7/head", other, cwd=upstream.bare)
    await mirror.fetch(("refs/pull/7/head",))
    assert await mirror.changed_paths(head, other) == ("fork.txt",)


async def test_the_clone_has_no_blobs_until_one_is_read(mirror, upstream):
    assert blobs_present(mirror) == 0
    assert await mirror.read_file(upstream.tip("main"), "src/b.py") == b"b\n"
    assert blobs_present(mirror) == 1


async def test_commit_tree_message_and_parents_are_read(mirror, upstream):
    first = upstream.tip("main")
    second = upstream.commit({"a": "a"}, "Title\n\nBody with ümlaut\n\nMission: m")
    await mirror.fetch()
    assert await mirror.tree(second) == upstream.git("rev-parse", f"{second}^{{tree}}")
    assert await mirror.message(second) == "Title\n\nBody with ümlaut\n\nMission: m\n"
    assert await mirror.parents(second) == (first,)
    assert await mirror.parents(first) == ()


async def test_a_head_contains_its_past_and_nothing_newer(mirror, upstream):
    first = upstream.tip("main")
    second = upstream.commit({"a": "a"})
    await mirror.fetch()
    assert await mirror.contains(second, first)
    assert await mirror.contains(second, second)
    assert not await mirror.contains(first, second)


async def test_a_rename_changes_two_paths(mirror, upstream):
    first = upstream.tip("main")
    upstream.git("mv", "src/b.py", "src/c.py")
    second = upstream.commit({})
    await mirror.fetch()
    assert await mirror.changed_paths(first, second) == ("src/b.py", "src/c.py")


async def test_a_diff_begins_where_the_branch_left_its_base(mirror, upstream):
    first = upstream.tip("main")
    upstream.git("checkout", "-q", "-b", "topic")
    topic = upstream.commit({"src/b.py": "bb\n"})
    upstream.git("checkout", "-q", "main")
    main = upstream.commit({"README.md": "Other\n"})
    await mirror.fetch()
    diff = await mirror.diff(main, topic)
    assert b"+bb" in diff
    assert b"README" not in diff
    assert diff == await mirror.diff(first, topic)


async def test_reading_tells_absent_from_strange_from_too_large(mirror, upstream):
    tip = upstream.tip("main")
    assert await mirror.read_file(tip, "absent") is None
    assert await mirror.read_file(tip, "run.sh") == b"#!/bin/sh\n"
    for strange in ("link", "src"):
        with pytest.raises(NotAFile, match=strange):
            await mirror.read_file(tip, strange)
    with pytest.raises(OutputTooLarge):
        await mirror.read_file(tip, "src/app.py", max_bytes=10)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a//b", "", "a\nb", ".git/HEAD"])
async def test_a_path_that_is_not_plain_is_never_read(mirror, upstream, path):
    with pytest.raises(InvalidName):
        await mirror.read_file(upstream.tip("main"), path)


async def test_a_path_is_taken_by_the_letter_not_as_a_pattern(mirror, upstream):
    for pattern in (":(glob)**", "README.*", ":/README.md"):
        assert await mirror.read_file(upstream.tip("main"), pattern) is None


@pytest.mark.parametrize("ask", ["tree", "message", "parents"])
async def test_a_commit_that_nobody_has_is_unknown(mirror, ask):
    with pytest.raises(UnknownCommit, match=NOWHERE):
        await getattr(mirror, ask)(NOWHERE)


async def test_an_unknown_commit_contains_nothing(mirror, upstream):
    with pytest.raises(UnknownCommit) as caught:
        await mirror.contains(upstream.tip("main"), NOWHERE)
    assert caught.value.commit == NOWHERE


@pytest.mark.parametrize("value", ["main", "-rf", "HEAD", "A" * 40, "abc", ""])
async def test_only_full_commit_ids_are_taken(mirror, value):
    with pytest.raises(InvalidName):
        await mirror.tree(value)


async def test_many_at_once_on_one_mirror_agree(mirror, upstream):
    tip = upstream.tip("main")
    answers = await asyncio.gather(
        *(mirror.read_file(tip, "src/app.py") for _ in range(6)),
        *(mirror.fetch() for _ in range(3)),
        *(mirror.tree(tip) for _ in range(6)),
    )
    assert len({repr(answer) for answer in answers}) == 3


def test_one_key_has_one_mirror(tmp_path):
    mirrors = Mirrors(tmp_path)

    def make(path):
        return MirrorConfig(path, "https://forge.example/o/r.git")

    first = mirrors.get("forge.example/12", make)
    assert mirrors.get("forge.example/12", make) is first
    assert mirrors.get("forge.example/13", make) is not first
    with pytest.raises(InvalidName):
        mirrors.get("../outside", make)


@pytest.mark.parametrize(
    "url",
    ["ssh://forge.example/r", "ext::sh -c x", "https://u:tok-secret@forge.example/r", "-x", ""],
)
def test_an_address_is_plain_and_carries_no_secret(tmp_path, make_mirror, url):
    with pytest.raises(InvalidName) as caught:
        make_mirror(url)
    assert "tok-secret" not in str(caught.value)
