"""Patches without git come to what git comes to, or are refused with the same words."""

import pytest

from grace.adapters.keys import PublicKeys
from grace.domain.attestation import prove
from grace.domain.effects import PushPatch
from grace.domain.events import BranchPushed, PatchRefused
from grace.domain.sshsig import CommitProof
from grace.ports import ForgeRefused
from support.api_world import BRANCH, KEY, ORDER, World
from support.patches import FIX, FORMS, LINES, MALICIOUS, edit, new_file


async def both(world: World, effect: PushPatch) -> tuple[object, object]:
    """Push a patch both ways; the branch is taken away in between."""
    results = []
    for way in (world.by_git, world.api):
        results.append(await way.push_patch(world.ref, effect, ORDER))
        if isinstance(results[-1], BranchPushed):
            world.git("update-ref", "-d", f"refs/heads/{effect.branch}")
    return results[0], results[1]


LATIN = b"--- a/latin.txt\n+++ b/latin.txt\n@@ -2 +2 @@\n-x\n+y\n"
FURTHER = (
    edit("src/b.py", "b", "c"),
    new_file("src/b.py/c"),
    new_file("src"),
    edit("src/b.py", "c", "d"),
    edit("absent.py", "a", "b"),
    new_file("README.md"),
    FIX.replace(b"-line 5\n", b"-line fifty\n"),
    b"diff --git a/README.md b/README.md\ndeleted file mode 100644\n--- a/README.md\n"
    b"+++ /dev/null\n@@ -1 +0,0 @@\n-Mesh\n" + new_file("README.md/x"),
    b"diff --git a/x.bin b/y.bin\nrename from x.bin\nrename to y.bin\n",
)


async def test_patch_comes_to_the_tree_that_git_makes(world: World) -> None:
    for diff in (*(diff for diff, _ in FORMS), *FURTHER, LATIN):
        effect = world.patch(diff)
        by_git, by_api = await both(world, effect)
        if isinstance(by_git, BranchPushed):
            assert isinstance(by_api, BranchPushed), by_api
            assert (by_api.tree, by_api.paths) == (by_git.tree, by_git.paths)
            assert (by_api.attempt, by_api.base) == (by_git.attempt, by_git.base)
        else:
            assert isinstance(by_api, PatchRefused), (diff, by_git)


async def test_malicious_patches_are_refused_with_the_words_of_the_git_way(world: World) -> None:
    for name, (diff, sentence) in MALICIOUS.items():
        try:
            effect = world.patch(diff)
        except ValueError:  # not UTF-8, or empty: no candidate can hold it
            assert name in {"not utf-8", "empty"}
            continue
        by_git, by_api = await both(world, effect)
        assert by_api == by_git, name
        assert isinstance(by_api, PatchRefused), name
        assert sentence in by_api.reason, name
    guarded = world.patch(FIX, protected_paths=("src/**",))
    by_git, by_api = await both(world, guarded)
    assert by_api == by_git
    assert set(world.made()) <= {"read tree", "read blob"}
    assert world.git("for-each-ref", "--format=%(refname)") == "refs/heads/main"


async def test_secret_is_refused_where_it_is_added_and_nowhere_else(world: World) -> None:
    token = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
    base = world.tip()
    world.commit({"src/b.py": f"b\nTOKEN = '{token}'\n", "README.md": None}, "leaky")
    world.git("reset", "-q", "--hard", base, cwd=world.work)
    (world.work / "README.md").rename(world.work / "README.txt")
    world.commit({"README.txt": f"Mesh\n{token}\n"}, "moved")
    late = FIX.replace(b"+line five\n", b"+" + token.encode() + b"\n")
    for effect, place in (
        (world.patch(late, base=base), "src/app.py:5"),
        (world.patch(ref="leaky", base=base), "src/b.py:2"),
        (world.patch(ref="moved", base=base), "README.txt:2"),
    ):
        by_git, by_api = await both(world, effect)
        assert by_api == by_git
        assert isinstance(by_api, PatchRefused)
        assert place in by_api.reason
        assert token not in by_api.reason
    assert not {"write tree", "write blob"} & set(world.made())
    world.git("reset", "-q", "--hard", base, cwd=world.work)
    world.commit({"src/b.py": f"b\nTOKEN = '{token}'\n"})
    beside = b"--- a/src/b.py\n+++ b/src/b.py\n@@ -1,2 +1,2 @@\n-b\n+c\n TOKEN = '"
    by_git, by_api = await both(world, world.patch(beside + token.encode() + b"'\n"))
    assert isinstance(by_git, BranchPushed)
    assert isinstance(by_api, BranchPushed)


async def test_commit_is_on_the_base_with_a_message_over_its_tree(world: World) -> None:
    base = world.tip()
    pushed = await world.api.push_patch(world.ref, world.patch(FIX), ORDER)
    assert isinstance(pushed, BranchPushed)
    assert world.made() == [
        "read tree",
        "read blob",
        "read ref",
        "write tree",
        "write commit",
        "create ref",
    ]
    assert pushed.head == world.tip(BRANCH)
    assert world.parents(pushed.head) == [base]
    raw = world.git("cat-file", "commit", pushed.head)
    assert f"\n\nFix\n\nTree: {pushed.tree}\nCommit-Signature: " in raw
    assert "gpgsig" not in raw
    assert prove(f"{raw}\n".encode(), PublicKeys(KEY.public)) is CommitProof.GOOD


async def test_same_order_twice_makes_one_commit(world: World) -> None:
    first = await world.api.push_patch(world.ref, world.patch(FIX), ORDER)
    world.made()
    assert await world.api.push_patch(world.ref, world.patch(FIX), ORDER) == first
    assert "write commit" not in world.made()


async def test_branch_is_moved_only_from_where_it_is_expected(world: World) -> None:
    first = await world.api.push_patch(world.ref, world.patch(FIX), ORDER)
    assert isinstance(first, BranchPushed)
    other = world.patch(edit("src/b.py", "b", "c"))
    with pytest.raises(ForgeRefused, match="left alone"):
        await world.api.push_patch(world.ref, other, ORDER)
    assert world.tip(BRANCH) == first.head
    leased = other.model_copy(update={"expected": first.head})
    second = await world.api.push_patch(world.ref, leased, ORDER)
    assert isinstance(second, BranchPushed)
    assert world.tip(BRANCH) == second.head
    assert world.parents(second.head) == [first.base]


async def test_digest_is_the_same_on_another_base_and_another_for_another_patch(
    world: World,
) -> None:
    digests = []
    for diff in (FIX, FIX, FIX.replace(b"five", b"six")):
        pushed = await world.api.push_patch(world.ref, world.patch(diff), ORDER)
        assert isinstance(pushed, BranchPushed)
        digests.append(pushed.blobs)
        world.git("update-ref", "-d", f"refs/heads/{BRANCH}")
        world.commit({"other.txt": str(len(digests))})
    assert digests[0] == digests[1] != digests[2]


async def test_branch_as_a_candidate_is_taken_over_with_its_blobs_and_modes(world: World) -> None:
    base = world.tip()
    (world.work / "src" / "b.py").chmod(0o755)
    (world.work / "README.md").rename(world.work / "README.txt")
    head = world.commit({"src/app.py": LINES + "more\n", "src/new/x.py": "x\n"}, "topic")
    for ref in ("topic", head):
        by_git, by_api = await both(world, world.patch(ref=ref, base=base))
        assert isinstance(by_git, BranchPushed)
        assert isinstance(by_api, BranchPushed), by_api
        assert (by_api.tree, by_api.paths) == (by_git.tree, by_git.paths)
        assert by_api.tree == world.tree(head)


async def test_branch_that_left_an_older_base_is_put_on_the_new_one(world: World) -> None:
    fork = world.tip()
    world.commit({"src/b.py": "topic\n", "README.md": "same\n"}, "topic")
    world.git("reset", "-q", "--hard", fork, cwd=world.work)
    world.commit({"src/app.py": "moved on\n", "README.md": "same\n"})
    world.made()
    by_git, by_api = await both(world, world.patch(ref="topic"))
    assert isinstance(by_git, BranchPushed)
    assert isinstance(by_api, BranchPushed)
    assert (by_api.tree, by_api.paths) == (by_git.tree, ("src/b.py",))
    assert len(world.made()) == 9
    world.commit({"src/b.py": "base\n"})
    by_git, by_api = await both(world, world.patch(ref="topic"))
    assert isinstance(by_git, PatchRefused)
    assert by_api == PatchRefused(
        attempt=1,
        reason="The patch does not apply to src/b.py: it was changed on the base as well.",
    )


async def test_branch_outside_the_bounds_is_refused(world: World) -> None:
    base = world.commit({"big.txt": ("y" * 999 + "\n") * 150})
    (world.work / "big.txt").rename(world.work / "renamed.txt")
    world.commit({}, "renamed")
    world.git("reset", "-q", "--hard", base, cwd=world.work)
    (world.work / "evil").symlink_to("/etc/passwd")
    world.commit({}, "evil")
    world.git("reset", "-q", "--hard", base, cwd=world.work)
    world.commit({"x.bin": b"\0\2"}, "binary")
    world.git("reset", "-q", "--hard", base, cwd=world.work)
    world.commit({"new.bin": b"\0"}, "new-binary")
    world.git("reset", "-q", "--hard", base, cwd=world.work)
    world.commit({".github/workflows/x.yml": "on: push\n"}, "workflow")
    world.git("reset", "-q", "--hard", base, cwd=world.work)
    world.commit({"long.txt": "x\n" * 5_001}, "long")
    world.git("reset", "-q", "--hard", base, cwd=world.work)
    world.commit({"large.txt": ("x" * 999 + "\n") * 300}, "large")
    world.git("reset", "-q", "--hard", base, cwd=world.work)
    world.commit({f"many/{n}": "x\n" for n in range(51)}, "many")
    for ref, words in {
        "evil": "is a symbolic link",
        "binary": "x.bin is binary",
        "new-binary": "new.bin is binary",
        "workflow": "steers CI",
        "long": "changes 5001 lines",
        "large": "GitHub shows no diff of large.txt",
        "renamed": "bytes; 200000 are allowed",
        "many": "touches 51 files",
        "main": "changes nothing",
        "nowhere": "is no branch or commit of this repository",
        "f" * 40: "is no branch or commit of this repository",
    }.items():
        refused = await world.api.push_patch(world.ref, world.patch(ref=ref, base=base), ORDER)
        assert isinstance(refused, PatchRefused), ref
        assert words in refused.reason
    assert BRANCH not in world.git("for-each-ref")
