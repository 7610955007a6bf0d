"""Commits without git come to what git comes to, or are refused with the same words."""

import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from grace.adapters.git.model import Ident
from grace.adapters.git.workshop import Watch, Workshop
from grace.adapters.github.forge import GitHubForge
from grace.adapters.github.repository_trees import MAX_FILE_BYTES
from grace.adapters.github.session import GitHubSite, Session
from grace.adapters.github.wire import Answer, Call, Request
from grace.adapters.github.workshop import ApiWorkshop
from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.adapters.secrets import secret_scan
from grace.domain.attestation import prove
from grace.domain.effects import PushPatch, PushRevert
from grace.domain.events import BranchPushed, PatchRefused, RevertPushed, RevertRefused
from grace.domain.mission import MissionRef
from grace.domain.package import PatchCandidate
from grace.domain.sshsig import CommitProof, sign_commit
from grace.localforge.forge import ForgeConfig, LocalForge
from grace.ports import CommitOrder, ForgeGone, ForgeRefused, ForgeUnavailable, GitAccess
from support.patches import FIX, FORMS, LINES, MALICIOUS, edit, new_file
from support.schema import GitHubSchema
from support.schema_check import SchemaCheck

AT = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
SCAN = secret_scan()
BRANCH, UNDO = "grace/mission_20261122_001", "grace/mission_20261122_001-revert"
ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{who}_NAME": "Ada" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "ada@example.org" for who in ("AUTHOR", "COMMITTER")},
}
KEY = Ed25519Key(bytes(range(32)))
ORDER = CommitOrder(
    message=lambda tree: f"Fix\n\nTree: {tree}\n", sign=lambda raw: sign_commit(raw, KEY), at=AT
)


class Wall:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class World:
    """One repository at the local forge, both ways to commit to it, and a clone to change it."""

    api: ApiWorkshop
    by_git: Workshop
    session: Session
    local: LocalForge
    ref: MissionRef
    bare: Path
    work: Path
    installation: int
    calls: list[Call] = field(default_factory=list)

    def git(self, *args: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *args], cwd=cwd or self.bare, env=ENV, capture_output=True, check=True
        )
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def commit(self, files: Mapping[str, str | bytes | None], branch: str = "main") -> str:
        """Write (or with None delete) files, commit and push; return the commit."""
        for name, content in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "-A", cwd=self.work)
        self.git("commit", "-q", "--allow-empty", "-m", "Change", cwd=self.work)
        self.git("push", "-q", "-f", "origin", f"HEAD:refs/heads/{branch}", cwd=self.work)
        return self.git("rev-parse", "HEAD", cwd=self.work)

    def tip(self, branch: str = "main") -> str:
        return self.git("rev-parse", f"refs/heads/{branch}")

    def tree(self, commit: str) -> str:
        return self.git("rev-parse", f"{commit}^{{tree}}")

    def parents(self, commit: str) -> list[str]:
        return self.git("log", "-1", "--format=%P", commit).split()

    def patch(self, diff: bytes | None = None, **more: object) -> PushPatch:
        text = {"ref": more.pop("ref")} if diff is None else {"diff": diff.decode()}
        return PushPatch(
            **{
                "key": "patch/1",
                "attempt": 1,
                "candidate": PatchCandidate.model_validate({"name": "first", **text}),
                "base": self.tip(),
                "branch": BRANCH,
                "subject": "Fix",
                "body": "",
                "agent": "candidate/first",
                **more,
            }
        )

    def revert(self, landed: str) -> PushRevert:
        return PushRevert(
            key="revert", landed=landed, branch=UNDO, base_branch="main", subject="", body=""
        )

    def made(self) -> list[str]:
        """List the purposes of the calls since last asked."""
        purposes = [call.purpose for call in self.calls if call.purpose != "installation token"]
        self.calls.clear()
        return purposes


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    (folder / "src").mkdir()
    (folder / "README.md").write_text("Mesh\n")
    (folder / "src" / "app.py").write_text(LINES)
    (folder / "src" / "b.py").write_text("b\n")
    (folder / "x.bin").write_bytes(b"\0\1")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def github_schema() -> GitHubSchema:
    return GitHubSchema()


@pytest.fixture
async def world(
    tmp_path: Path, template: Path, key_pem: str, github_schema: GitHubSchema
) -> AsyncIterator[World]:
    local = LocalForge(ForgeConfig(tmp_path / "forge"))
    await local.start()
    await local.create_user("ada")
    repository = await local.create_repository("ada", "mesh", template=template)
    public = serialization.load_pem_private_key(key_pem.encode(), password=None).public_key()
    app = await local.create_app(
        "Grace",
        webhook_url="http://127.0.0.1:9/hook",
        webhook_secret="x",
        public_key_pem=public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode(),
        permissions={"contents": "write", "metadata": "read"},
        events=(),
    )
    installation = await local.install_app(app.id, "ada", ["mesh"])
    check = SchemaCheck(github_schema, requests_of=app.bot)
    local.watch(check)
    site = GitHubSite("forge.test", local.api_url, local.url, app.id, key_pem)
    calls: list[Call] = []

    async def access(_: MissionRef) -> GitAccess:
        return GitAccess(url=repository.bare.as_uri(), username="", token="")

    async with httpx.AsyncClient() as client:
        forge = GitHubForge(site, client, Wall(), calls.append)
        ident, watch = Ident("Grace", "g@x.org"), Watch(lambda *_: None, SCAN)
        by_git = Workshop(tmp_path / "mirrors", access, ident, watch)
        made = World(
            api=ApiWorkshop(forge.session, SCAN),
            by_git=by_git,
            session=forge.session,
            local=local,
            ref=await forge.resolve("forge.test", "ada/mesh"),
            bare=repository.bare,
            work=tmp_path / "work",
            installation=installation,
            calls=calls,
        )
        made.git("clone", "-q", str(made.bare), str(made.work))
        (made.work / "link").symlink_to("README.md")
        made.commit({"latin.txt": "schön\nx\n".encode("latin-1")})
        await made.api.tree(made.ref, made.tip())
        made.made()
        yield made
        await local.close()
    # Whatever a test was about, all that was sent and answered is as GitHub publishes it.
    check.assert_clean()


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
    assert by_api == RevertRefused(
        reason="The revert conflicts with later changes in README.md, src/b.py. "
        "A person must decide."
    )


async def test_what_cannot_be_reverted_is_refused_as_with_git(world: World) -> None:
    first = world.git("rev-list", "--max-parents=0", "main")
    landed = world.commit({"src/b.py": "worse\n"})
    world.commit({"src/b.py": "b\n"})
    elsewhere = world.commit({"c": "c"}, "topic")
    for commit in (first, landed, elsewhere):
        by_git, by_api = await reverted(world, commit)
        assert isinstance(by_api, RevertRefused)
        assert by_api == by_git


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


class Between:
    """A session before whose first call of one purpose something else happens."""

    def __init__(self, session: Session, purpose: str, act: object) -> None:
        self._session, self._purpose, self._act = session, purpose, act

    async def call(
        self, ref: MissionRef, request: Request, expected: frozenset[int] = frozenset()
    ) -> Answer:
        if request.purpose == self._purpose and self._act is not None:
            act, self._act = self._act, None
            act()
        return await self._session.call(ref, request, expected)


class Losing:
    """A session that loses the answer to the first call of one purpose, after it took effect."""

    def __init__(self, session: Session, purpose: str) -> None:
        self._session, self._purpose = session, purpose

    async def call(
        self, ref: MissionRef, request: Request, expected: frozenset[int] = frozenset()
    ) -> Answer:
        answer = await self._session.call(ref, request, expected)
        if request.purpose == self._purpose:
            self._purpose = ""
            raise ForgeUnavailable("the answer was lost")
        return answer


async def test_order_whose_answer_was_lost_is_carried_out_once(world: World) -> None:
    for purpose in ("write tree", "write commit", "create ref", "move ref"):
        branch, ledger = (f"{name}-{purpose.replace(' ', '-')}" for name in (BRANCH, "ledger"))
        expected = None
        if purpose == "move ref":
            effect = world.patch(edit("src/b.py", "b", "c"), branch=branch)
            first = await world.api.push_patch(world.ref, effect, ORDER)
            assert isinstance(first, BranchPushed)
            expected = first.head
            await world.api.publish(world.ref, ledger, {"b": b"b"}, ORDER)
        effect = world.patch(FIX, branch=branch, expected=expected)
        losing = ApiWorkshop(Losing(world.session, purpose), SCAN)
        with pytest.raises(ForgeUnavailable):
            await losing.push_patch(world.ref, effect, ORDER)
        before = world.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        pushed = await losing.push_patch(world.ref, effect, ORDER)
        assert isinstance(pushed, BranchPushed)
        assert world.tip(branch) == pushed.head
        assert world.parents(pushed.head) == [world.tip()]
        assert before == (pushed.head if purpose.endswith("ref") else "")
        losing = ApiWorkshop(Losing(world.session, purpose), SCAN)
        with pytest.raises(ForgeUnavailable):
            await losing.publish(world.ref, ledger, {"a": b"a"}, ORDER)
        await losing.publish(world.ref, ledger, {"a": b"a"}, ORDER)
        count = "2" if purpose == "move ref" else "1"
        assert world.git("rev-list", "--count", ledger) == count


async def test_lost_race_is_run_once_more(world: World) -> None:
    await world.api.publish(world.ref, "grace-ledger", {"a": b"a"}, ORDER)
    work = world.work

    def push() -> None:
        world.git("fetch", "-q", "origin", cwd=work)
        world.git("switch", "-q", "--detach", "origin/grace-ledger", cwd=work)
        world.commit({"b": "b"}, "grace-ledger")

    racing = ApiWorkshop(Between(world.session, "move ref", push), SCAN)
    await racing.publish(world.ref, "grace-ledger", {"a": b"aa"}, ORDER)
    assert world.git("ls-tree", "--name-only", "grace-ledger") == "a\nb"
    assert world.git("show", "grace-ledger:a") == "aa"


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
        assert await way.restored(world.ref, landed, undone)
        assert not await way.restored(world.ref, landed, landed)
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


class Cutting:
    """A session whose GitHub lists no more than one folder at once, and little of it if told."""

    def __init__(self, session: Session, *, spoiling: str = "", never: bool = False) -> None:
        self._session, self._spoiling, self._never = session, spoiling, never

    async def call(
        self, ref: MissionRef, request: Request, expected: frozenset[int] = frozenset()
    ) -> Answer:
        answer = await self._session.call(ref, request, expected)
        if request.purpose == "read tree" and ("recursive" in request.path or self._never):
            answer = replace(answer, data={**answer.data, "tree": [], "truncated": True})
        if request.purpose == "read blob" and self._spoiling == "blob":
            answer = replace(answer, data={**answer.data, "content": "Zm9v"})
        if request.purpose == "write tree" and self._spoiling == "tree":
            answer = replace(answer, data={**answer.data, "sha": "f" * 40})
        return answer


async def test_repository_that_is_too_large_is_read_folder_by_folder(world: World) -> None:
    deep = world.commit({"docs/a/b.md": "b\n", "src/x/y.py": "y\n"})
    large = ApiWorkshop(Cutting(world.session), SCAN)
    pushed = await large.push_patch(world.ref, world.patch(FIX), ORDER)
    assert isinstance(pushed, BranchPushed)
    assert world.made().count("read tree") == 3  # cut short, the root, src
    assert world.git("diff", "--name-only", deep, pushed.head) == "src/app.py"
    assert await large.restored(world.ref, deep, f"{world.parents(deep)[0]}")
    none = ApiWorkshop(Cutting(world.session, never=True), SCAN)
    with pytest.raises(ForgeRefused, match="commit with git"):
        await none.push_patch(world.ref, world.patch(FIX), ORDER)


async def test_answers_that_do_not_hold_together_make_no_commit(world: World) -> None:
    spoiled = ApiWorkshop(Cutting(world.session, spoiling="blob"), SCAN)
    with pytest.raises(ForgeUnavailable, match="is not the blob"):
        await spoiled.push_patch(world.ref, world.patch(FIX), ORDER)
    spoiled = ApiWorkshop(Cutting(world.session, spoiling="tree"), SCAN)
    with pytest.raises(ForgeRefused, match="was to come out"):
        await spoiled.push_patch(world.ref, world.patch(FIX), ORDER)
    assert "write commit" not in world.made()


async def test_file_that_is_too_large_is_not_read(world: World) -> None:
    world.commit({"big.txt": b"x\n" * (MAX_FILE_BYTES // 2 + 1)})
    with pytest.raises(ForgeRefused, match="commit with git"):
        await world.api.push_patch(world.ref, world.patch(edit("big.txt", "x", "y")), ORDER)
    assert "read blob" not in world.made()
