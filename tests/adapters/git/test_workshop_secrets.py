"""A patch with a secret leaves no trace at the forge, however it was offered."""

import subprocess
from datetime import UTC, datetime

import pytest

from grace.adapters.git.model import Ident
from grace.adapters.git.workshop import Watch, Workshop
from grace.adapters.keys import PublicKeys
from grace.adapters.secrets import secret_scan
from grace.domain.effects import PushPatch
from grace.domain.events import BranchPushed, PatchRefused
from grace.domain.mission import MissionRef
from grace.domain.package import PatchCandidate
from grace.ports import CommitOrder, GitAccess

AT = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
REF = MissionRef(host="forge.test", repository_id=7, repository="octo/mesh")
BRANCH = "grace/mission_20261122_001"
TOKEN = "gh" + "p_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6"
ORDER = CommitOrder(message=lambda tree: f"Fix\n\n{tree}\n", sign=lambda raw: raw, at=AT)


@pytest.fixture
def workshop(tmp_path, upstream):
    async def access(ref):
        return GitAccess(url=upstream.url, username="x", token="y")

    watch = Watch(lambda _ref, _branch: None, secret_scan(), PublicKeys())
    return Workshop(tmp_path / "mirrors", access, Ident("Grace", "grace@example.org"), watch)


def push(base, candidate):
    return PushPatch(
        attempt=1,
        base=base,
        branch=BRANCH,
        candidate=candidate,
        key="push_patch:1",
        subject="Fix",
        body="",
        agent="a",
    )


def adding(line):
    return f"--- /dev/null\n+++ b/src/new.py\n@@ -0,0 +1,2 @@\n+x = 1\n+{line}\n"


async def test_a_diff_with_a_secret_is_refused_before_the_push(workshop, upstream):
    base = upstream.tip("main")
    candidate = PatchCandidate(name="a", diff=adding(f"t = '{TOKEN}'"))
    answer = await workshop.push_patch(REF, push(base, candidate), ORDER)
    assert isinstance(answer, PatchRefused)
    assert "src/new.py:2 (GitHub Token)" in answer.reason
    assert TOKEN not in answer.reason
    assert upstream.git("branch", "--list", cwd=upstream.bare) == "* main"


async def test_a_ref_with_a_secret_is_refused_before_the_push(workshop, upstream):
    base = upstream.tip("main")
    upstream.git("checkout", "-q", "-b", "idea")
    sha = upstream.commit({"src/b.py": f"b\nkey = '{TOKEN}'\n"})
    answer = await workshop.push_patch(REF, push(base, PatchCandidate(name="a", ref="idea")), ORDER)
    assert isinstance(answer, PatchRefused)
    assert "src/b.py:2 (GitHub Token)" in answer.reason
    with pytest.raises(subprocess.CalledProcessError):
        upstream.tip(BRANCH)
    assert upstream.tip("idea") == sha


async def test_a_patch_without_a_secret_is_pushed(workshop, upstream):
    base = upstream.tip("main")
    candidate = PatchCandidate(name="a", diff=adding("y = 2"))
    answer = await workshop.push_patch(REF, push(base, candidate), ORDER)
    assert isinstance(answer, BranchPushed)
    assert upstream.tip(BRANCH) == answer.head
    assert answer.paths == ("src/new.py",)
