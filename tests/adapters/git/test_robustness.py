"""Time-outs, kills, leftovers and damage: the next operation works."""

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grace.adapters.git import (
    CommitDraft,
    Git,
    GitError,
    GitTimeout,
    Ident,
    InvalidName,
    MirrorConfig,
    Mirrors,
    OutputTooLarge,
    PatchBounds,
)
from grace.adapters.git.classify import classify, scrub
from grace.adapters.git.errors import RemoteGone, RemoteUnavailable, RepositoryCorrupt
from grace.adapters.git.process import Call

FIX = b"--- a/src/b.py\n+++ b/src/b.py\n@@ -1 +1 @@\n-b\n+c\n"


def script(tmp_path: Path, text: str) -> str:
    path = tmp_path / "fake-git"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another process's state has no event
            await asyncio.sleep(0.01)


async def test_a_command_that_hangs_is_stopped_with_its_children(tmp_path):
    pid_file = tmp_path / "pid"
    hanging = script(
        tmp_path, f"sleep 600 & echo $! > {pid_file}.new; mv {pid_file}.new {pid_file}; wait"
    )
    with pytest.raises(GitTimeout, match=r"git fetch took longer than 0\.5 s"):
        await Git(binary=hanging).run(("fetch",), Call(timeout=0.5))
    pid = int(pid_file.read_text())
    await until(lambda: not alive(pid))


async def test_a_cancelled_command_leaves_no_process(tmp_path):
    pid_file = tmp_path / "pid"
    hanging = script(
        tmp_path, f"echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; exec sleep 600"
    )
    task = asyncio.create_task(Git(binary=hanging).run(("fetch",), Call()))
    await until(pid_file.exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pid = int(pid_file.read_text())
    await until(lambda: not alive(pid))


async def test_output_without_end_is_stopped(tmp_path):
    endless = script(tmp_path, "exec yes")
    with pytest.raises(OutputTooLarge, match="more than 100000 bytes"):
        await Git(binary=endless).run(("log",), Call(max_output=100_000))


async def test_errors_without_end_are_kept_short(tmp_path):
    noisy = script(tmp_path, "echo first >&2; yes x | head -c 3000000 >&2; echo last >&2; exit 3")
    with pytest.raises(GitError) as caught:
        await Git(binary=noisy).run(("log",), Call())
    assert caught.value.detail.startswith("first")
    assert caught.value.detail.endswith("last")
    assert len(caught.value.detail) < 3000


async def test_nothing_of_the_machine_reaches_git(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", "/somewhere")
    monkeypatch.setenv("SECRET_OF_THE_BOT", "1")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Somebody\n")
    monkeypatch.setenv("HOME", str(home))
    done = await Git(binary=script(tmp_path, "env")).run(("x",), Call())
    names = {line.split("=")[0] for line in done.text.splitlines()}
    assert not {"GIT_DIR", "SECRET_OF_THE_BOT"} & names
    found = await Git().run(("config", "--get", "user.name"), Call(accept=(0, 1)))
    assert found.code == 1


async def test_what_a_killed_process_left_is_harmless(make_mirror, upstream, draft):
    first = make_mirror(upstream.url)
    await first.fetch()
    path = first._config.path
    (path / "grace-scratch" / "tmpold").mkdir(parents=True)
    (path / "grace-scratch" / "tmpold" / "index").write_bytes(b"half")
    (path / "grace-scratch" / "tmpold" / "index.lock").write_bytes(b"")
    for lock in ("config.lock", "packed-refs.lock", "refs/heads/main.lock", "HEAD.lock"):
        (path / lock).parent.mkdir(parents=True, exist_ok=True)
        (path / lock).write_bytes(b"")
    half = path.with_name(path.name + ".new")
    half.mkdir()
    (half / "HEAD").write_bytes(b"")
    tip = upstream.commit({"a": "a"})
    second = make_mirror(upstream.url)
    await second.fetch()
    assert await second.tip("main") == tip
    assert await second.build_patch_commit(tip, FIX, PatchBounds(), draft())
    assert not list(path.rglob("*.lock"))
    assert not list((path / "grace-scratch").iterdir())
    assert not half.exists()


async def test_after_a_time_out_locks_are_swept(make_mirror, upstream, tmp_path):
    flag, real = tmp_path / "hang", shutil.which("git")
    slow = script(
        tmp_path,
        f'if [ -e {flag} ] && [ "$1" = fetch ]; then touch "$GIT_DIR/packed-refs.lock" '
        f'"$GIT_DIR/shallow.lock"; exec sleep 600; fi; exec {real} "$@"',
    )
    mirror = make_mirror(upstream.url, git=Git(binary=slow, timeout=3))
    await mirror.fetch()
    flag.touch()
    with pytest.raises(GitTimeout):
        await mirror.fetch()
    flag.unlink()
    tip = upstream.commit({"a": "a"})
    await mirror.fetch()
    assert await mirror.tip("main") == tip
    assert not list(mirror._config.path.rglob("*.lock"))


def _empty_packs(path: Path) -> None:
    for pack in path.glob("objects/pack/*.pack"):
        pack.chmod(0o644)
        os.truncate(pack, 20)


def _zero_packs(path: Path) -> None:
    for pack in path.glob("objects/pack/*"):
        pack.chmod(0o644)
        pack.write_bytes(b"\0" * pack.stat().st_size)


def _empty_refs(path: Path) -> None:
    (path / "packed-refs").unlink(missing_ok=True)
    (path / "refs" / "heads" / "main").write_bytes(b"")


DAMAGE = {
    "no HEAD": lambda path: (path / "HEAD").unlink(),
    "no objects": lambda path: shutil.rmtree(path / "objects"),
    "empty config": lambda path: (path / "config").write_bytes(b""),
    "config garbage": lambda path: (path / "config").write_bytes(b"\0[[["),
    "short packs": _empty_packs,
    "zero packs": _zero_packs,
    "empty ref": _empty_refs,
}


@pytest.mark.parametrize("fresh", [True, False], ids=["at start", "while running"])
@pytest.mark.parametrize("name", DAMAGE)
async def test_a_damaged_mirror_is_made_anew(make_mirror, upstream, draft, name, fresh):
    mirror = make_mirror(upstream.url)
    await mirror.fetch()
    DAMAGE[name](mirror._config.path)
    if fresh:
        mirror = make_mirror(upstream.url)
    await mirror.fetch()
    tip = upstream.tip("main")
    assert await mirror.tip("main") == tip
    assert await mirror.build_patch_commit(tip, FIX, PatchBounds(), draft())


async def test_a_mirror_follows_its_repository_to_a_new_address(make_mirror, upstream, tmp_path):
    await make_mirror(upstream.url).fetch()
    moved = tmp_path / "moved.git"
    upstream.bare.rename(moved)
    mirror = make_mirror(moved.as_uri())
    await mirror.fetch()
    tip = await mirror.tip("main")
    assert await mirror.read_file(tip, "README.md") == b"Mesh\n"


async def test_a_rename_while_running_is_followed(upstream, tmp_path):
    mirrors, moved = Mirrors(tmp_path / "mirrors"), tmp_path / "moved.git"
    mirror = mirrors.get("f/1", lambda path: MirrorConfig(path, upstream.url))
    await mirror.fetch()
    upstream.bare.rename(moved)
    with pytest.raises(RemoteGone):
        await mirror.fetch()
    assert mirrors.get("f/1", lambda path: MirrorConfig(path, moved.as_uri())) is mirror
    await mirror.fetch()
    assert await mirror.ls_remote("main") == await mirror.tip("main") is not None
    with pytest.raises(InvalidName):
        mirror.configure(MirrorConfig(tmp_path / "other.git", moved.as_uri()))


async def test_an_empty_repository_has_no_tip_and_takes_a_ledger(make_upstream, make_mirror, draft):
    mirror = make_mirror(make_upstream("empty").url)
    await mirror.fetch()
    assert await mirror.tip("main") is None
    assert (await mirror.append_branch("grace-ledger", {"a": b"1"}, draft("Publish"))).pushed


async def test_maintenance_packs_what_piled_up(mirror, upstream, draft, monkeypatch):
    tip = upstream.tip("main")
    for number in range(3):
        await mirror.append_branch("grace-ledger", {"a": b"%d" % number}, draft("Publish"))
    loose = list(mirror._config.path.glob("objects/??/*"))
    assert loose
    await mirror.maintain()
    assert list(mirror._config.path.glob("objects/??/*")) == loose
    monkeypatch.setattr("grace.adapters.git.opening.MANY_LOOSE", 2)
    await mirror.maintain()
    assert not list(mirror._config.path.glob("objects/??/*"))
    assert await mirror.read_file(tip, "README.md") == b"Mesh\n"


def test_a_remote_cannot_talk_the_mirror_into_damage():
    assert type(classify("fetch", 1, "remote: error: object is corrupt")) is GitError
    assert type(classify("fetch", 1, "error: object is corrupt")) is RepositoryCorrupt
    both = "fatal: the remote end hung up unexpectedly\nerror: inflate: data stream error"
    assert type(classify("fetch", 1, both)) is RemoteUnavailable


@pytest.mark.parametrize(
    "words",
    [
        "fatal: expected flush after capabilities",
        "error: 12 bytes of body are still expected\nfatal: expected flush after ref listing",
        "fatal: the remote end hung up upon initial contact",
        "fatal: protocol error: bad line length character: <htm",
    ],
)
def test_an_answer_cut_short_is_a_remote_that_fails_for_now(words):
    assert type(classify("fetch", 128, words)) is RemoteUnavailable


def test_text_of_git_is_shown_without_secrets_or_escapes():
    text = "fatal: https://bob:pw@forge/x tok-1\nAuthorization: Basic abc\n\x1b[31mred"
    assert scrub(text, ["tok-1"]) == "fatal: https://***@forge/x ***\nAuthorization: ***\n [31mred"


@pytest.mark.parametrize(
    ("name", "email"), [("", "a@b"), ("A\nB", "a@b"), ("A <x>", "a@b"), ("A", "a>b"), ("A", " ")]
)
def test_an_identity_cannot_forge_a_header(name, email):
    with pytest.raises(InvalidName):
        Ident(name, email)


async def test_a_commit_needs_a_message_and_a_zone(mirror, upstream, draft):
    tip, plan = upstream.tip("main"), draft()
    for message in (" \n", "a\0b"):
        with pytest.raises(InvalidName, match="commit message"):
            await mirror.build_patch_commit(tip, FIX, PatchBounds(), replace(plan, message=message))
    naive: CommitDraft = replace(plan, at=plan.at.replace(tzinfo=None))
    with pytest.raises(ValueError, match="zone"):
        await mirror.build_patch_commit(tip, FIX, PatchBounds(), naive)
