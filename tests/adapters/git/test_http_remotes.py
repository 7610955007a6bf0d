"""Over smart HTTP: credentials reach the remote and nothing else, and each answer has its error."""

import asyncio
import traceback
from pathlib import Path

import pytest

from grace.adapters.git import (
    Credentials,
    Git,
    PatchBounds,
    PushResult,
    Remote,
    RemoteDenied,
    RemoteGone,
    RemoteMoved,
    RemoteUnavailable,
    UnknownCommit,
    ls_remote,
)

TOKEN = "tok-3f9c1e"
FIX = b"--- a/src/b.py\n+++ b/src/b.py\n@@ -1 +1 @@\n-b\n+c\n"


@pytest.fixture
def http_mirror(make_mirror, http_remote, token_source):
    return make_mirror(f"{http_remote.base}/mesh.git", credentials=token_source)


async def test_a_patch_goes_from_clone_to_push_over_http(
    http_mirror, http_remote, upstream, draft, token_source
):
    base = await http_mirror.ls_remote("main")
    assert base == upstream.tip("main")
    built = await http_mirror.build_patch_commit(base, FIX, PatchBounds(), draft())
    outcome = await http_mirror.push(built.sha, "grace/m_1", None, await token_source())
    assert outcome.result is PushResult.CREATED
    assert upstream.tip("grace/m_1") == built.sha
    receives = [
        r for r in http_remote.requests if r[1].endswith("git-receive-pack") and r[0] == "POST"
    ]
    assert len(receives) == 1


async def test_a_commit_made_after_the_clone_is_read_on_demand(http_mirror, upstream):
    await http_mirror.fetch()
    sha = upstream.commit({"late.txt": "late\n"})
    assert await http_mirror.read_file(sha, "late.txt") == b"late\n"
    with pytest.raises(UnknownCommit):
        await http_mirror.tree("1" * 40)


def command_lines() -> list[str]:
    """Read the arguments of every process there is."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            lines.append((process / "cmdline").read_bytes().decode("utf-8", "replace"))
        except OSError:
            continue
    return lines


def all_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def test_the_token_is_in_no_url_file_or_argument(http_mirror, http_remote):
    seen: set[str] = set()

    async def watch() -> None:
        while True:
            seen.update(command_lines())
            await asyncio.sleep(0.002)

    watching = asyncio.create_task(watch())
    await http_mirror.fetch()
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    header = (await http_mirror._config.credentials()).secrets[0]
    commands = [line for line in seen if http_remote.base in line]
    assert commands
    assert not any(TOKEN in line or header in line for line in commands)
    stored = all_bytes(http_mirror._config.path)
    assert http_remote.base.encode() in stored
    assert TOKEN.encode() not in stored
    assert header.encode() not in stored
    assert {auth for _, _, auth in http_remote.requests} == {f"Basic {header}"}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, RemoteDenied),
        (403, RemoteDenied),
        (404, RemoteGone),
        (410, RemoteGone),
        (429, RemoteUnavailable),
        (500, RemoteUnavailable),
        (503, RemoteUnavailable),
    ],
)
async def test_each_status_has_its_error(
    http_mirror, http_remote, upstream, draft, *, status, error
):
    http_remote.answer = status
    with pytest.raises(error):
        await http_mirror.ls_remote("main")
    with pytest.raises(error):
        await http_mirror.fetch()
    http_remote.answer = None
    base = upstream.tip("main")
    built = await http_mirror.build_patch_commit(base, FIX, PatchBounds(), draft())
    http_remote.answer = status
    with pytest.raises(error):
        await http_mirror.push(built.sha, "grace/m_1", None)
    with pytest.raises(error):
        await http_mirror.read_file(base, "README.md")
    http_remote.answer = None
    assert await http_mirror.read_file(base, "README.md") == b"Mesh\n"


async def test_wrong_credentials_are_denied_and_never_shown(http_remote):
    wrong = Credentials("x-access-token", "tok-wrong-and-secret")
    with pytest.raises(RemoteDenied) as caught:
        await ls_remote(Git(), Remote(f"{http_remote.base}/mesh.git"), "main", wrong)
    shown = "".join(traceback.format_exception(caught.value)) + repr(wrong)
    assert not any(secret in shown for secret in wrong.secrets)


async def test_a_repository_that_is_not_there_is_gone(
    make_mirror, http_remote, token_source, upstream
):
    missing = make_mirror(f"{http_remote.base}/absent.git", credentials=token_source)
    with pytest.raises(RemoteGone):
        await missing.fetch()
    with pytest.raises(RemoteGone):
        await make_mirror(f"{upstream.url}-absent").fetch()
    with pytest.raises(RemoteGone):
        await ls_remote(Git(), Remote(f"{upstream.url}-absent"), "main")


async def test_credentials_do_not_follow_a_redirect(http_mirror, http_remote):
    http_remote.redirect_to = f"{http_remote.base}/elsewhere"
    with pytest.raises(RemoteMoved):
        await http_mirror.ls_remote("main")
    assert [path for _, path, _ in http_remote.requests] == ["/mesh.git/info/refs"]


async def test_a_remote_that_is_down_is_unavailable(make_mirror):
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    closing = make_mirror(f"http://127.0.0.1:{port}/mesh.git")
    with pytest.raises(RemoteUnavailable):
        await closing.fetch()
    server.close()
    await server.wait_closed()
    with pytest.raises(RemoteUnavailable):
        await closing.fetch()
