"""A push moves one branch from what was expected, once; publishing survives a lost race."""

import asyncio

import pytest

from grace.adapters.git import (
    Appended,
    Git,
    InvalidName,
    PatchBounds,
    PushRejected,
    PushResult,
    Remote,
    ls_remote,
)
from grace.adapters.git.errors import GitError, RemoteUnavailable
from grace.adapters.git.process import Completed
from grace.adapters.git.remote import push

FIX = b"--- a/src/b.py\n+++ b/src/b.py\n@@ -1 +1 @@\n-b\n+c\n"


@pytest.fixture
def pushed():
    return []


@pytest.fixture
async def pushing(make_mirror, upstream, pushed):
    made = make_mirror(upstream.url, on_push=pushed.append)
    await made.fetch()
    return made


@pytest.fixture
async def built(pushing, upstream, draft):
    return await pushing.build_patch_commit(upstream.tip("main"), FIX, PatchBounds(), draft())


async def test_a_new_branch_is_created_and_known_at_once(pushing, upstream, built, pushed):
    outcome = await pushing.push(built.sha, "grace/m_1", None)
    assert outcome.result is PushResult.CREATED
    assert upstream.tip("grace/m_1") == built.sha
    assert await pushing.tip("grace/m_1") == built.sha
    assert pushed == ["refs/heads/grace/m_1"]


async def test_a_repeated_push_is_success_and_not_counted(pushing, upstream, built, pushed):
    await pushing.push(built.sha, "grace/m_1", None)
    again = await pushing.push(built.sha, "grace/m_1", None)
    assert again.result is PushResult.ALREADY_THERE
    assert len(pushed) == 1


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("send-pack: unexpected disconnect while reading sideband packet", RemoteUnavailable),
        ("fatal: the remote end hung up unexpectedly", RemoteUnavailable),
        ("error: src refspec matches more than one", GitError),
    ],
)
async def test_a_push_that_broke_off_is_a_remote_that_fails_for_now(said, kind):
    class BrokenOff:
        async def run(self, *args, accept):
            assert args[0] == "push"
            return Completed(1, b"Pushing to http://forge/r.git\n", said)

    with pytest.raises(GitError) as raised:
        await push(BrokenOff(), Remote("http://forge/r.git"), "a" * 40, "grace/m_1", None)
    assert type(raised.value) is kind


@pytest.mark.parametrize("stands", ["a" * 40, "b" * 40])
async def test_a_push_that_arrived_twice_by_itself_is_success(stands):
    """curl sends again where a connection broke; the second time the branch is there already."""
    ref = "refs/heads/grace/m_1"

    class Twice:
        async def run(self, *args, accept=(0,)):
            if args[0] == "ls-remote":
                return Completed(0, f"{stands}\t{ref}\n".encode(), "")
            refused = f"!\t{'a' * 40}:{ref}\t[remote rejected] (failed to update ref)\n"
            return Completed(1, refused.encode(), "")

    pushing = push(Twice(), Remote("http://forge/r.git"), "a" * 40, "grace/m_1", None)
    if stands == "a" * 40:
        assert (await pushing).result is PushResult.ALREADY_THERE
    else:
        with pytest.raises(PushRejected, match="failed to update ref"):
            await pushing


async def test_the_next_attempt_replaces_the_branch(pushing, upstream, built, draft):
    await pushing.push(built.sha, "grace/m_1", None)
    other = FIX.replace(b"+c", b"+d")
    base = upstream.tip("main")
    second = await pushing.build_patch_commit(base, other, PatchBounds(), draft())
    outcome = await pushing.push(second.sha, "grace/m_1", built.sha)
    assert outcome.result is PushResult.UPDATED
    assert upstream.tip("grace/m_1") == second.sha


async def test_a_branch_that_exists_or_moved_is_left_alone(pushing, upstream, built, pushed):
    upstream.git("push", "-q", "origin", "HEAD:refs/heads/grace/m_1")
    taken = upstream.tip("grace/m_1")
    for expected in (None, "1" * 40):
        with pytest.raises(PushRejected) as caught:
            await pushing.push(built.sha, "grace/m_1", expected)
        assert caught.value.stale
        assert caught.value.ref == "refs/heads/grace/m_1"
    assert upstream.tip("grace/m_1") == taken
    assert pushed == []


async def test_of_two_at_once_one_wins(make_mirror, upstream, draft):
    mirrors = [make_mirror(upstream.url, name=name) for name in ("one", "two")]
    base = upstream.tip("main")
    commits = [
        await mirror.build_patch_commit(
            base, FIX.replace(b"+c", b"+%d" % number), PatchBounds(), draft()
        )
        for number, mirror in enumerate(mirrors)
    ]
    results = await asyncio.gather(
        *(m.push(c.sha, "grace/race", None) for m, c in zip(mirrors, commits, strict=True)),
        return_exceptions=True,
    )
    lost = [result for result in results if isinstance(result, PushRejected)]
    assert len(lost) == 1
    assert lost[0].stale
    winner = commits[1 - results.index(lost[0])]
    assert upstream.tip("grace/race") == winner.sha


async def test_a_refusal_of_the_remote_is_told_from_a_lost_race(pushing, upstream, built):
    hook = upstream.bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(PushRejected, match="hook declined") as caught:
        await pushing.push(built.sha, "grace/m_1", None)
    assert not caught.value.stale


@pytest.mark.parametrize(
    "branch", ["", "-x", "a..b", "a b", "a:b", "x.lock", "a/.b", "a//b", "@", "a@{1}", "a\nb"]
)
async def test_a_branch_name_that_git_would_read_otherwise_is_refused(pushing, built, branch):
    with pytest.raises(InvalidName):
        await pushing.push(built.sha, branch, None)


async def test_ls_remote_needs_no_mirror(upstream):
    remote = Remote(upstream.url)
    assert await ls_remote(Git(), remote, "main") == upstream.tip("main")
    upstream.git("push", "-q", "origin", "HEAD:refs/heads/x/main")
    assert await ls_remote(Git(), remote, "absent") is None
    assert await ls_remote(Git(), remote, "ain") is None


async def test_a_ledger_branch_begins_without_history(pushing, upstream, draft, pushed):
    files = {"entries/000000.jsonl": b"one\n", "README.md": b"Ledger\n"}
    first = await pushing.append_branch("grace-ledger", files, draft("Publish 1"))
    assert first == Appended(upstream.tip("grace-ledger"), pushed=True)
    assert await pushing.parents(first.sha) == ()
    assert pushed == ["refs/heads/grace-ledger"]


async def test_publishing_replaces_what_it_names_and_keeps_the_rest(pushing, upstream, draft):
    await pushing.append_branch("grace-ledger", {"a": b"1\n", "b": b"1\n"}, draft("Publish 1"))
    first = upstream.tip("grace-ledger")
    second = await pushing.append_branch("grace-ledger", {"a": b"1\n2\n"}, draft("Publish 2"))
    assert await pushing.parents(second.sha) == (first,)
    assert await pushing.read_file(second.sha, "a") == b"1\n2\n"
    assert await pushing.read_file(second.sha, "b") == b"1\n"


async def test_publishing_the_same_again_pushes_nothing(pushing, upstream, draft, pushed):
    first = await pushing.append_branch("grace-ledger", {"a": b"1\n"}, draft("Publish 1"))
    again = await pushing.append_branch("grace-ledger", {"a": b"1\n"}, draft("Publish 2"))
    assert again == Appended(first.sha, pushed=False)
    assert len(pushed) == 1


async def test_publishing_writes_on_top_of_what_the_remote_has_now(make_mirror, upstream, draft):
    one, two = (make_mirror(upstream.url, name=name) for name in ("one", "two"))
    await one.append_branch("grace-ledger", {"a": b"1\n"}, draft("Publish 1"))
    await two.append_branch("grace-ledger", {"b": b"1\n"}, draft("Publish 2"))
    last = await one.append_branch("grace-ledger", {"c": b"1\n"}, draft("Publish 3"))
    assert await one.changed_paths(await first_commit(one, last.sha), last.sha) == ("b", "c")


async def first_commit(mirror, sha):
    while parents := await mirror.parents(sha):
        sha = parents[0]
    return sha


def losing(upstream, times):
    """Sign like `raw`, but push to the ledger branch first: the race that is lost."""
    left = list(range(times))

    def sign(raw):
        if left:
            number = left.pop()
            upstream.git("checkout", "-q", "--orphan", f"rival-{number}")
            upstream.git("commit", "-q", "-m", f"Rival {number}")
            upstream.git("push", "-q", "-f", "origin", "HEAD:refs/heads/grace-ledger")
        return raw

    return sign


async def test_a_lost_race_is_tried_once_more(pushing, upstream, draft):
    plan = draft("Publish")
    object.__setattr__(plan, "sign", losing(upstream, 1))
    done = await pushing.append_branch("grace-ledger", {"a": b"1\n"}, plan)
    assert upstream.tip("grace-ledger") == done.sha
    assert len(await pushing.parents(done.sha)) == 1
    assert await pushing.read_file(done.sha, "README.md") == b"Mesh\n"


async def test_a_race_lost_twice_is_reported(pushing, upstream, draft):
    plan = draft("Publish")
    object.__setattr__(plan, "sign", losing(upstream, 2))
    with pytest.raises(PushRejected) as caught:
        await pushing.append_branch("grace-ledger", {"a": b"1\n"}, plan)
    assert caught.value.stale


@pytest.mark.parametrize("path", ["../a", "/a", ".git/config", "a\\b", "", "a//b"])
async def test_only_plain_paths_are_published(pushing, draft, path):
    with pytest.raises(InvalidName):
        await pushing.append_branch("grace-ledger", {path: b"x"}, draft("Publish"))
