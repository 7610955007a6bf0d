"""A revert restores what was there before, or says why it cannot."""

import pytest

from grace.adapters.git import (
    LandedSpan,
    NothingToRevert,
    RevertConflict,
    RevertRefused,
    UnknownCommit,
)
from grace.domain.ranges import PullCommits


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
    revert = await mirror.build_revert(LandedSpan(landed), landed, draft("Revert"))
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
    revert = await mirror.build_revert(LandedSpan(landed), onto, draft("Revert"))
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
    revert = await mirror.build_revert(LandedSpan(landed), onto, draft("Revert"))
    assert revert.overlapping_paths == ("src/app.py",)
    assert not revert.restores
    content = await mirror.read_file(revert.commit.sha, "src/app.py")
    assert content == text.replace("line 19\n", "line nineteen\n").encode()


async def test_a_change_that_was_undone_since_still_overlaps(mirror, upstream, draft):
    landed = upstream.commit({"src/b.py": "worse\n"})
    upstream.commit({"src/b.py": "worst\n"})
    onto = merge_topic(upstream, {"src/b.py": "worse\n"})
    await mirror.fetch()
    revert = await mirror.build_revert(LandedSpan(landed), onto, draft("Revert"))
    assert revert.overlapping_paths == ("src/b.py",)
    assert revert.restores


@pytest.mark.parametrize("later", ["worst\n", None])
async def test_a_conflict_names_its_paths(mirror, upstream, draft, later):
    landed = upstream.commit({"src/b.py": "worse\n", "README.md": "Other\n"})
    onto = upstream.commit({"src/b.py": later})
    await mirror.fetch()
    with pytest.raises(RevertConflict) as caught:
        await mirror.build_revert(LandedSpan(landed), onto, draft("Revert"))
    assert caught.value.paths == ("src/b.py",)


async def test_modes_are_restored_too(mirror, upstream, draft):
    (upstream.work / "run.sh").chmod(0o644)
    landed = upstream.commit({})
    onto = upstream.commit({"other.txt": "x"})
    await mirror.fetch()
    revert = await mirror.build_revert(LandedSpan(landed), onto, draft("Revert"))
    assert revert.restores
    assert upstream.git("ls-tree", revert.commit.sha, "run.sh", cwd=mirror._config.path).startswith(
        "100755"
    )


async def test_what_was_reverted_already_is_not_reverted_again(mirror, upstream, draft):
    landed = upstream.commit({"src/b.py": "worse\n"})
    onto = upstream.commit({"src/b.py": "b\n"})
    await mirror.fetch()
    with pytest.raises(NothingToRevert, match=landed) as caught:
        await mirror.build_revert(LandedSpan(landed), onto, draft("Revert"))
    assert caught.value.before_tree == await mirror.tree(onto)
    assert caught.value.differing == ()


async def test_what_was_undone_by_half_says_what_differs(mirror, upstream, draft):
    text = (upstream.work / "src/app.py").read_text()
    worse = text.replace("line 2\n", "line two\n")
    landed = upstream.commit({"src/app.py": worse})
    onto = upstream.commit({"src/app.py": text.replace("line 19\n", "line nineteen\n")})
    await mirror.fetch()
    with pytest.raises(NothingToRevert, match=r"but src/app\.py differ from before it") as caught:
        await mirror.build_revert(LandedSpan(landed), onto, draft("Revert"))
    assert caught.value.differing == ("src/app.py",)


async def test_what_cannot_be_reverted_is_refused(mirror, upstream, draft):
    first = upstream.tip("main")
    second = upstream.commit({"a": "a"})
    await mirror.fetch()
    with pytest.raises(RevertRefused, match="first commit"):
        await mirror.build_revert(LandedSpan(first), second, draft("Revert"))
    with pytest.raises(RevertRefused, match="does not contain it"):
        await mirror.build_revert(LandedSpan(second), first, draft("Revert"))
    with pytest.raises(UnknownCommit):
        await mirror.build_revert(LandedSpan("1" * 40), second, draft("Revert"))


async def test_the_revert_commit_is_deterministic(make_mirror, upstream, draft):
    landed = upstream.commit({"src/b.py": "worse\n"})
    one = await make_mirror(upstream.url, name="one").build_revert(
        LandedSpan(landed), landed, draft("Revert")
    )
    two = await make_mirror(upstream.url, name="two").build_revert(
        LandedSpan(landed), landed, draft("Revert")
    )
    assert one == two


async def test_a_revert_of_ours_is_never_reverted(mirror, upstream, draft):
    message = "Revert mission_20261122_001: x\n\nMission-Agent: revert\n"
    upstream.commit({"src/b.py": "worse\n"})
    upstream.git("revert", "--no-edit", "HEAD")
    upstream.git("commit", "-q", "--amend", "-m", message)
    upstream.git("push", "-q", "origin", "main")
    undone = upstream.tip("main")
    await mirror.fetch()
    with pytest.raises(RevertRefused, match="no revert is reverted"):
        await mirror.build_revert(LandedSpan(undone), undone, draft("Revert"))


def two_commits(upstream):
    """Make a topic branch of two commits on the tip of main, which moves on after that."""
    fork = upstream.tip("main")
    upstream.git("checkout", "-q", "-b", "topic")
    upstream.commit({"src/b.py": "worse\n"}, "One")
    head = upstream.commit({"src/b.py": "worst\n", "new.txt": "new\n"}, "Two")
    upstream.git("checkout", "-q", "main")
    return PullCommits(fork=fork, head=head)


def land(upstream, method):
    """Land the topic branch on main as a forge does, and return what landed."""
    match method:
        case "merge":
            upstream.git("merge", "-q", "--no-ff", "-m", "Merge topic", "topic")
        case "squash":
            upstream.git("merge", "-q", "--squash", "topic")
            upstream.git("commit", "-q", "-m", "Topic (#2)")
        case "rebase":
            upstream.git("cherry-pick", "--no-merges", "main..topic")
        case "fast-forward":
            upstream.git("merge", "-q", "--ff-only", "topic")
    upstream.git("push", "-q", "origin", "main")
    return upstream.tip("main")


@pytest.mark.parametrize("method", ["merge", "squash", "rebase", "fast-forward"])
async def test_all_commits_of_a_landing_are_undone_however_it_landed(
    mirror, upstream, draft, method
):
    pull = two_commits(upstream)
    if method != "fast-forward":
        upstream.commit({"other.txt": "meanwhile\n"}, "Meanwhile")
    before = upstream.tip("main")
    landed = land(upstream, method)
    await mirror.fetch()
    span = LandedSpan(landed, pull)
    revert = await mirror.build_revert(span, landed, draft("Revert"))
    assert (revert.before, revert.before_tree) == (before, await mirror.tree(before))
    assert revert.commit.tree == revert.before_tree
    assert revert.commit.paths == ("new.txt", "src/b.py")
    onto = upstream.commit({"later.txt": "kept\n"})
    await mirror.fetch()
    later = await mirror.build_revert(span, onto, draft("Revert"))
    assert (later.restores, later.overlapping_paths) == (True, ())
    assert await mirror.read_file(later.commit.sha, "later.txt") == b"kept\n"
    assert await mirror.read_file(later.commit.sha, "new.txt") is None


async def test_a_landing_whose_beginning_cannot_be_told_is_refused(mirror, upstream, draft):
    pull = two_commits(upstream)
    upstream.commit({"other.txt": "meanwhile\n"}, "Meanwhile")
    upstream.git("checkout", "-q", "topic")
    upstream.git("merge", "-q", "-m", "Catch up", "main")
    upstream.git("push", "-q", "origin", "topic")
    upstream.git("checkout", "-q", "main")
    head = land(upstream, "fast-forward")
    await mirror.fetch()
    span = LandedSpan(head, PullCommits(fork=pull.fork, head=head))
    with pytest.raises(RevertRefused, match="not told what it is on"):
        await mirror.build_revert(span, head, draft("Revert"))


async def test_a_landing_of_too_many_commits_is_refused(mirror, upstream, draft):
    pull = two_commits(upstream)
    landed = land(upstream, "squash")
    await mirror.fetch()
    fast = "".join(
        f"commit refs/heads/long\ncommitter A <a@x> {1_700_000_000 + n} +0000\ndata 1\nx\n"
        + (f"from {pull.fork}\n" if n == 0 else "")
        for n in range(301)
    )
    upstream.git("fast-import", "--quiet", stdin=fast.encode(), cwd=upstream.bare)
    await mirror.fetch()
    span = LandedSpan(landed, PullCommits(fork=pull.fork, head=upstream.tip("long")))
    with pytest.raises(RevertRefused, match="more than 300 commits"):
        await mirror.build_revert(span, landed, draft("Revert"))


async def test_what_differs_from_before_a_landing_is_listed(mirror, upstream):
    landed = upstream.commit({"src/b.py": "worse\n", "new.txt": "new\n"})
    before = upstream.git("rev-parse", f"{landed}^")
    half = upstream.commit({"src/b.py": "b\n", "other.txt": "x\n"})
    await mirror.fetch()
    assert await mirror.differing(before, landed, half) == ("new.txt",)
