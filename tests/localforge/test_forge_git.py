"""git itself against the forge: clone, push, what protection refuses, what follows a push."""

import asyncio
from pathlib import Path

import pytest

from localforge.forge_world import REPO, World


async def _git(folder: Path, *args: str, code: int = 0) -> str:
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": "Ann", f"GIT_{role}_EMAIL": "ann@example.org"}
    process = await asyncio.create_subprocess_exec(
        "git",
        *args,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == code, out.decode()
    return out.decode().strip()


def _url(world: World, token: str | None, user: str = "x-access-token") -> str:
    plain = f"{world.forge.url}/ann/app.git"
    return plain.replace("://", f"://{user}:{token}@") if token else plain


@pytest.fixture
async def clone(world: World, tmp_path: Path) -> Path:
    await _git(tmp_path, "clone", "-q", _url(world, world.tokens["ann"]), "work")
    return tmp_path / "work"


async def _commit(folder: Path, name: str, message: str = "change") -> str:
    (folder / name).write_text(name)
    await _git(folder, "add", name)
    await _git(folder, "commit", "-q", "-m", message)
    return await _git(folder, "rev-parse", "HEAD")


async def test_clone_brings_modes_and_push_is_told_and_logged(world: World, clone: Path) -> None:
    assert (clone / "src" / "run.sh").stat().st_mode & 0o100
    before = await _git(clone, "rev-parse", "HEAD")
    sha = await _commit(clone, "n.txt", "Add n\n\nFixes #1")
    await world.person("ann").post(f"{REPO}/issues", json={"title": "bug"})
    await _git(clone, "push", "-q", "origin", "HEAD:main")
    assert await world.tip() == sha
    await world.forge.idle()
    push = world.receiver.last("push")
    assert (push["ref"], push["before"], push["after"]) == ("refs/heads/main", before, sha)
    assert push["commits"][0]["added"] == ["n.txt"]
    assert push["sender"]["login"] == "ann"
    logged = (await world.forge.pushes("ann"))[-1]
    assert (logged.ref, logged.after) == ("refs/heads/main", sha)
    assert (await world.person("ann").get(f"{REPO}/issues/1")).json()["state"] == "closed"


@pytest.mark.parametrize("who", [None, "eve", "wrong"])
async def test_push_without_the_right_is_refused(
    world: World, tmp_path: Path, who: str | None
) -> None:
    await _git(tmp_path, "clone", "-q", _url(world, None), "public")
    before = await world.tip()
    await _commit(tmp_path / "public", "x.txt")
    url = _url(world, world.tokens.get(who or "", who))
    await _git(tmp_path / "public", "push", "-q", url, "HEAD:main", code=128)
    assert await world.tip() == before


async def test_private_repository_is_invisible_to_strangers(world: World, tmp_path: Path) -> None:
    await world.forge.create_repository("ann", "secret", private=True)
    assert (await world.person("eve").get("/repos/ann/secret")).status_code == 404
    url = f"{world.forge.url}/ann/secret.git"
    await _git(tmp_path, "clone", "-q", url, "a", code=128)
    signed = url.replace("://", f"://eve:{world.tokens['eve']}@")
    await _git(tmp_path, "clone", "-q", signed, "b", code=128)


async def test_installation_token_pushes_a_branch_as_the_bot(world: World, clone: Path) -> None:
    token = await world.installation_token()
    sha = await _commit(clone, "n.txt")
    await _git(clone, "push", "-q", _url(world, token), "HEAD:refs/heads/grace/m1")
    assert await world.tip("grace/m1") == sha
    assert (await world.forge.pushes("grace[bot]"))[0].ref == "refs/heads/grace/m1"
    reading = await world.installation_token(permissions={"contents": "read"})
    await _git(clone, "fetch", "-q", _url(world, reading), "main")
    await _git(clone, "push", "-q", _url(world, reading), "HEAD:refs/heads/other", code=128)


async def test_protected_branch_declines_pushes_and_forced_ones(world: World, clone: Path) -> None:
    await world.protect(
        required_pull_request_reviews={"required_approving_review_count": 1},
        enforce_admins=False,
    )
    before = await world.tip()
    sha = await _commit(clone, "n.txt")
    token = await world.installation_token()
    out = await _git(clone, "push", _url(world, token), "HEAD:main", "HEAD:side", code=1)
    assert "protected branch hook declined" in out
    assert await world.tip() == before
    missing = await world.person("ann").get(f"{REPO}/branches/side")
    assert missing.status_code == 404
    # Admins are spared here, but not from the ban on rewriting.
    await _git(clone, "push", "-q", "origin", "HEAD:main")
    assert await world.tip() == sha
    await _git(clone, "commit", "-q", "--amend", "-m", "rewritten")
    assert "rejected" in await _git(clone, "push", "--force", "origin", "HEAD:main", code=1)
    assert await world.tip() == sha


async def test_pull_refs_can_be_fetched_and_not_written(world: World, clone: Path) -> None:
    sha = await world.commit("fix", "b.txt", "b")
    number = await world.pull("fix")
    await world.person("ann").get(f"{REPO}/pulls/{number}")
    await world.forge.idle()
    await _git(clone, "fetch", "-q", "origin", f"refs/pull/{number}/head")
    assert await _git(clone, "rev-parse", "FETCH_HEAD") == sha
    await _git(clone, "fetch", "-q", "origin", f"refs/pull/{number}/merge")
    assert await _git(clone, "rev-parse", "FETCH_HEAD^2") == sha
    await _commit(clone, "n.txt")
    out = await _git(clone, "push", "origin", f"+HEAD:refs/pull/{number}/head", code=1)
    assert "hidden ref" in out


async def test_partial_and_single_commit_fetches_work(world: World, tmp_path: Path) -> None:
    sha = await world.commit("fix", "b.txt", "b")
    await world.commit("fix", "b.txt", "c")
    url = _url(world, world.tokens["bob"], "bob")
    await _git(tmp_path, "clone", "-q", "--bare", "--filter=blob:none", url, "mirror")
    await _git(tmp_path, "init", "-q", "shallow")
    await _git(tmp_path / "shallow", "fetch", "-q", "--depth", "1", url, sha)
    assert await _git(tmp_path / "shallow", "rev-parse", "FETCH_HEAD") == sha


async def test_base_that_already_contains_the_head_marks_the_pull_merged(
    world: World, clone: Path
) -> None:
    sha = await _commit(clone, "n.txt")
    await _git(clone, "push", "-q", "origin", "HEAD:refs/heads/fix")
    number = await world.pull("fix")
    await _git(clone, "push", "-q", "origin", "HEAD:main")
    found = (await world.person("ann").get(f"{REPO}/pulls/{number}")).json()
    assert (found["merged"], found["merge_commit_sha"]) == (True, sha)


async def test_refs_by_the_api_keep_gits_rules(world: World) -> None:
    ann, main = world.person("ann"), await world.tip()
    new = await world.commit("fix", "b.txt", "b")
    taken = await ann.post(f"{REPO}/git/refs", json={"ref": "refs/heads/fix", "sha": main})
    assert (taken.status_code, taken.json()["message"]) == (422, "Reference already exists")
    path = f"{REPO}/git/refs/heads/fix"
    back = await ann.patch(path, json={"sha": main})
    assert (back.status_code, back.json()["message"]) == (422, "Update is not a fast forward")
    assert await world.tip("fix") == new
    assert (await ann.patch(path, json={"sha": main, "force": True})).status_code == 200
    assert (await ann.delete(path)).status_code == 204
    assert (await ann.get(f"{REPO}/git/ref/heads/fix")).status_code == 404
    body = {"ref": "refs/heads/x", "sha": "1" * 40}
    assert (await ann.post(f"{REPO}/git/refs", json=body)).status_code == 422
