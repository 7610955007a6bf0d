"""Reverts, publishing and reading without git are what they are with git."""

import pytest

from grace.domain.events import RevertPushed, RevertRefused
from grace.domain.ranges import PullCommits
from grace.ports import ForgeGone, ForgeRefused, Restoration
from support.api_world import ORDER, UNDO, World

OURS = "Mission-Agent: revert"


async def reverted(world: World, landed: str) -> tuple[object, object]:
    """Revert both ways; the branch is taken away in between."""
    results = []
    for way in (world.by_git, world.api):
        results.append(await way.push_revert(world.ref, world.revert(landed), ORDER, again=False))
        if isinstance(results[-1], RevertPushed):
            world.git("update-ref", "-d", f"refs/heads/{UNDO}")
    return results[0], results[1]


async def test_newest_commit_is_undone_to_the_very_tree(world: World) -> None:
    before = world.tree(world.tip())
    (world.work / "run.sh").chmod(0o644)
    landed = world.commit({"src/b.py": "worse\n", "src/new.py": "new\n", "README.md": None})
    by_git, by_api = await reverted(world, landed)
    assert isinstance(by_git, RevertPushed)
    assert isinstance(by_api, RevertPushed)
    assert by_api.tree == by_git.tree == before
    assert (by_api.base, by_api.restores, by_api.overlapping) == (landed, True, ())
    assert len(world.made()) == 8
    assert world.parents(by_api.head) == [landed]


async def test_later_work_survives_a_revert_and_what_it_touched_is_told(world: World) -> None:
    landed = world.commit({"src/b.py": "worse\n", "a.txt": "a\n"})
    world.commit({"other.txt": "kept\n"})
    by_git, by_api = await reverted(world, landed)
    assert isinstance(by_git, RevertPushed)
    assert isinstance(by_api, RevertPushed)
    assert (by_api.tree, by_api.overlapping) == (by_git.tree, ())
    assert len(world.made()) == 10 + 2
    world.commit({"src/b.py": "worst\n"})
    world.commit({"src/b.py": "worse\n"})
    by_git, by_api = await reverted(world, landed)
    assert isinstance(by_api, RevertPushed)
    assert isinstance(by_git, RevertPushed)
    assert by_api.overlapping == by_git.overlapping == ("src/b.py",)
    assert by_api.restores


async def test_what_was_changed_since_is_left_to_a_person(world: World) -> None:
    landed = world.commit({"src/b.py": "worse\n", "README.md": None})
    world.commit({"src/b.py": "worst\n", "README.md/x": "x"})
    _, by_api = await reverted(world, landed)
    reason = "The revert conflicts with later changes in README.md, src/b.py."
    assert by_api == RevertRefused(reason=reason)


async def test_what_cannot_be_reverted_is_refused_as_with_git(world: World) -> None:
    first = world.git("rev-list", "--max-parents=0", "main")
    landed = world.commit({"src/b.py": "worse\n"})
    world.commit({"src/b.py": "b\n"})
    world.git("commit", "-q", "--allow-empty", "-m", f"Undo\n\n{OURS}", cwd=world.work)
    ours = world.parents(world.commit({"d": "d"}))[0]
    elsewhere = world.commit({"c": "c"}, "topic")
    for commit in (first, landed, ours, elsewhere):
        by_git, by_api = await reverted(world, commit)
        assert isinstance(by_api, RevertRefused)
        assert by_api == by_git


async def test_commits_of_a_person_that_were_rebased_are_all_undone_as_with_git(
    world: World,
) -> None:
    fork = world.tip()
    world.commit({"src/b.py": "worse\n"}, "topic")
    head = world.commit({"src/b.py": "worst\n", "new.txt": "new\n"}, "topic")
    world.git("reset", "-q", "--hard", fork, cwd=world.work)
    before = world.commit({"other.txt": "meanwhile\n"})
    world.git("cherry-pick", f"{fork}..{head}", cwd=world.work)
    landed = world.commit({"later.txt": "later\n"})
    landed = world.parents(landed)[0]
    world.made()
    pull = PullCommits(fork=fork, head=head)
    effect = world.revert(landed).model_copy(update={"pull": pull})
    by_git = await world.by_git.push_revert(world.ref, effect, ORDER, again=False)
    world.git("update-ref", "-d", f"refs/heads/{UNDO}")
    by_api = await world.api.push_revert(world.ref, effect, ORDER, again=False)
    assert isinstance(by_api, RevertPushed)
    assert isinstance(by_git, RevertPushed)
    assert (by_api.before, by_api.before_tree) == (by_git.before, by_git.before_tree)
    assert (by_api.before, by_api.tree) == (before, by_git.tree)
    assert by_api.before_tree == world.tree(before)
    for way in (world.by_git, world.api):
        found = await way.restored(world.ref, landed, by_api.head, before)
        assert found == Restoration(world.tree(before), ())
        last = await way.restored(world.ref, landed, by_api.head)
        assert last.differing == ("src/b.py",)  # the parent of the last commit has the first


async def test_revert_that_stands_already_is_found_and_another_is_replaced(world: World) -> None:
    landed = world.commit({"src/b.py": "worse\n"})
    effect = world.revert(landed)
    first = await world.api.push_revert(world.ref, effect, ORDER, again=False)
    assert isinstance(first, RevertPushed)
    assert await world.api.push_revert(world.ref, effect, ORDER, again=True) == first
    world.git("update-ref", f"refs/heads/{UNDO}", landed)
    with pytest.raises(ForgeRefused, match="left alone"):
        await world.api.push_revert(world.ref, effect, ORDER, again=False)
    second = await world.api.push_revert(world.ref, effect, ORDER, again=True)
    assert isinstance(second, RevertPushed)
    assert world.tip(UNDO) == second.head != landed


async def test_branch_of_ours_grows_by_whole_files(world: World) -> None:
    files = {"entries/1.jsonl": b"1\n", "checkpoint": b"\xc3\xa4\n"}
    assert await world.api.read(world.ref, "grace-ledger", "checkpoint") is None
    world.made()
    await world.api.publish(world.ref, "grace-ledger", files, ORDER)
    assert len(world.made()) == 4
    first = world.tip("grace-ledger")
    assert world.parents(first) == []
    assert world.git("ls-tree", "-r", "--name-only", first) == "checkpoint\nentries/1.jsonl"
    await world.api.publish(world.ref, "grace-ledger", files, ORDER)
    assert len(world.made()) == 2
    await world.api.publish(world.ref, "grace-ledger", {"entries/1.jsonl": b"1\n2\n"}, ORDER)
    assert len(world.made()) == 5
    assert world.parents(world.tip("grace-ledger")) == [first]
    read = await world.api.read(world.ref, "grace-ledger", "entries/1.jsonl")
    assert read == b"1\n2\n"
    assert await world.api.read(world.ref, "grace-ledger", "checkpoint") == b"\xc3\xa4\n"


async def test_reads_are_those_of_the_git_way(world: World) -> None:
    first = world.git("rev-list", "--max-parents=0", "main")
    landed = world.commit({"VERSION": "1.2.3\n", "src/b.py": "worse\n"})
    undone = world.commit({"VERSION": None, "src/b.py": "b\n"})
    other = world.commit({"x": "x"}, "topic")
    for way in (world.by_git, world.api):
        assert (await way.tip(world.ref, "main")).version == undone[:10]
        assert (await way.tip(world.ref, "main")).sha == undone
        assert await way.tree(world.ref, landed) == world.tree(landed)
        assert await way.contains(world.ref, undone, first)
        assert await way.contains(world.ref, undone, undone)
        assert not await way.contains(world.ref, undone, other)
        assert not (await way.restored(world.ref, landed, undone)).differing
        found = await way.restored(world.ref, landed, landed)
        assert found.differing == ("VERSION", "src/b.py")
        assert found.tree == world.tree(world.parents(landed)[0])
        assert await way.read(world.ref, "main", "README.md") == b"Mesh\n"
        assert await way.read(world.ref, "main", "absent") is None
        assert await way.read(world.ref, "absent", "README.md") is None
        with pytest.raises(ForgeRefused, match="not a regular file"):
            await way.read(world.ref, "main", "src")
        with pytest.raises(ForgeRefused, match="has no branch absent"):
            await way.tip(world.ref, "absent")
    world.git("reset", "-q", "--hard", landed, cwd=world.work)
    world.commit({})
    assert (await world.api.tip(world.ref, "main")).version == "1.2.3"
    world.commit({"VERSION": "1" * 201})
    with pytest.raises(ForgeRefused, match="more than 200 bytes"):
        await world.api.tip(world.ref, "main")
    with pytest.raises(ForgeRefused, match="nothing was before"):
        await world.api.restored(world.ref, first, landed)


async def test_lost_repository_is_gone(world: World) -> None:
    await world.local.uninstall_app(world.installation)
    with pytest.raises(ForgeGone):
        await world.api.tip(world.ref, "main")
