"""A revert restores what was there before, or says why it cannot."""

import pytest

from grace.adapters.git import NothingToRevert, RevertConflict, RevertRefused, UnknownCommit


def merge_topic(upstream, files):
    """Land a topic branch as a merge commit and return it."""
    upstream.git("checkout", "-q", "-b", "topic")
    upstream.commit(files, "Topic")
    upstream.git("checkout", "-q", "main")
    upstream.git("merge", "-q", "--no-ff", "-m", "Merge topic", "topic")
    upstream.git("push", "-q", "origin", "main")
    return upstream.tip("main")


@pytest.mark.parametrize("kind", ["merge", "squash"])
async def test_the_newest_commit_is_undone_to_the_very_tree(mirror, upstream, draft, kind):
    before = upstream.tip("main")
    files = {"src/b.py": "worse\n", "src/new.py": "new\n", "README.md": None}
    landed = merge_topic(upstream, files) if kind == "merge" else upstream.commit(files)
    await mirror.fetch()
    revert = await mirror.build_revert(landed, landed, draft("Revert"))
    assert revert.commit.tree == await mirror.tree(before)
    assert revert.commit.parent == landed
    assert revert.commit.paths == ("README.md", "src/b.py", "src/new.py")
    assert revert.restores
    assert revert.overlapping_paths == ()
    assert await mirror.parents(revert.commit.sha) == (landed,)


async def test_later_work_elsewhere_survives(mirror, upstream, draft):
    landed = upstream.commit({"src/b.py": "worse\n"})
    onto = upstream.commit({"other.txt": "kept\n"})
    await mirror.fetch()
    revert = await mirror.build_revert(landed, onto, draft("Revert"))
    assert revert.restores
    assert revert.overlapping_paths == ()
    assert revert.commit.paths == ("src/b.py",)
    assert await mirror.read_file(revert.commit.sha, "other.txt") == b"kept\n"
    assert await mirror.read_file(revert.commit.sha, "src/b.py") == b"b\n"


async def test_a_later_change_of_the_same_file_is_reported(mirror, upstream, draft):
    text = (upstream.work / "src/app.py").read_text()
    landed = upstream.commit({"src/app.py": text.replace("line 2\n", "line two\n")})
    later = text.replace("line 2\n", "line two\n").replace("line 19\n", "line nineteen\n")
    onto = upstream.commit({"src/app.py": later})
    await mirror.fetch()
    revert = await mirror.build_revert(landed, onto, draft("Revert"))
    assert revert.overlapping_paths == ("src/app.py",)
    assert not revert.restores
    content = await mirror.read_file(revert.commit.sha, "src/app.py")
    assert content == text.replace("line 19\n", "line nineteen\n").encode()


async def test_a_change_that_was_undone_since_still_overlaps(mirror, upstream, draft):
    landed = upstream.commit({"src/b.py": "worse\n"})
    upstream.commit({"src/b.py": "worst\n"})
    onto = merge_topic(upstream, {"src/b.py": "worse\n"})
    await mirror.fetch()
    revert = await mirror.build_revert(landed, onto, draft("Revert"))
    assert revert.overlapping_paths == ("src/b.py",)
    assert revert.restores


@pytest.mark.parametrize("later", ["worst\n", None])
async def test_a_conflict_names_its_paths(mirror, upstream, draft, later):
    landed = upstream.commit({"src/b.py": "worse\n", "README.md": "Other\n"})
    onto = upstream.commit({"src/b.py": later})
    await mirror.fetch()
    with pytest.raises(RevertConflict) as caught:
        await mirror.build_revert(landed, onto, draft("Revert"))
    assert caught.value.paths == ("src/b.py",)


async def test_modes_are_restored_too(mirror, upstream, draft):
    (upstream.work / "run.sh").chmod(0o644)
    landed = upstream.commit({})
    onto = upstream.commit({"other.txt": "x"})
    await mirror.fetch()
    revert = await mirror.build_revert(landed, onto, draft("Revert"))
    assert revert.restores
    assert upstream.git("ls-tree", revert.commit.sha, "run.sh", cwd=mirror._config.path).startswith(
        "100755"
    )


async def test_what_was_reverted_already_is_not_reverted_again(mirror, upstream, draft):
    landed = upstream.commit({"src/b.py": "worse\n"})
    onto = upstream.commit({"src/b.py": "b\n"})
    await mirror.fetch()
    with pytest.raises(NothingToRevert, match=landed):
        await mirror.build_revert(landed, onto, draft("Revert"))


async def test_what_cannot_be_reverted_is_refused(mirror, upstream, draft):
    first = upstream.tip("main")
    second = upstream.commit({"a": "a"})
    await mirror.fetch()
    with pytest.raises(RevertRefused, match="first commit"):
        await mirror.build_revert(first, second, draft("Revert"))
    with pytest.raises(RevertRefused, match="does not contain it"):
        await mirror.build_revert(second, first, draft("Revert"))
    with pytest.raises(UnknownCommit):
        await mirror.build_revert("1" * 40, second, draft("Revert"))


async def test_the_revert_commit_is_deterministic(make_mirror, upstream, draft):
    landed = upstream.commit({"src/b.py": "worse\n"})
    one = await make_mirror(upstream.url, name="one").build_revert(landed, landed, draft("Revert"))
    two = await make_mirror(upstream.url, name="two").build_revert(landed, landed, draft("Revert"))
    assert one == two
