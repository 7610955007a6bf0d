"""Real repositories, and a real smart HTTP server in front of them."""

import asyncio
import base64
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from grace.adapters.git import CommitDraft, Credentials, Git, Ident, Mirror, MirrorConfig
from grace.adapters.git.mirror import CredentialSource, anonymous
from support.patches import LINES

AT = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
TOKEN = "tok-3f9c1e"
ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
}


@dataclass
class Upstream:
    """A bare repository that serves partial clones, with a work tree to make history in."""

    bare: Path
    work: Path

    @property
    def url(self) -> str:
        return self.bare.as_uri()

    def git(self, *args: str, stdin: bytes = b"", cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *args],
            cwd=cwd or self.work,
            env=ENV,
            input=stdin,
            capture_output=True,
            check=True,
        )
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def commit(self, files: Mapping[str, str | bytes | None], message: str = "Change") -> str:
        """Write (or with None delete) files, commit and push; return the commit."""
        for name, content in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        self.git("push", "-q", "origin", "HEAD")
        return self.git("rev-parse", "HEAD")

    def tip(self, branch: str) -> str:
        return self.git("rev-parse", f"refs/heads/{branch}", cwd=self.bare)


def create(root: Path, name: str) -> Upstream:
    """Make an empty bare repository and a work tree that pushes to it by a relative path."""
    upstream = Upstream(root / "up" / f"{name}.git", root / "work" / name)
    upstream.bare.mkdir(parents=True)
    upstream.work.mkdir(parents=True)
    upstream.git("init", "-q", "--bare", "-b", "main", cwd=upstream.bare)
    for key in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant", "http.receivepack"):
        upstream.git("config", key, "true", cwd=upstream.bare)
    upstream.git("init", "-q", "-b", "main")
    upstream.git("remote", "add", "origin", f"../../up/{name}.git")
    return upstream


@pytest.fixture
def make_upstream(tmp_path: Path) -> Callable[[str], Upstream]:
    return lambda name: create(tmp_path, name)


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository with one commit: three text files, one binary, one link, one executable."""
    root = tmp_path_factory.mktemp("seed")
    made = create(root, "mesh")
    (made.work / "link").symlink_to("README.md")
    (made.work / "run.sh").write_text("#!/bin/sh\n")
    (made.work / "run.sh").chmod(0o755)
    made.commit({"README.md": "Mesh\n", "src/app.py": LINES, "src/b.py": "b\n", "x.bin": b"\0\1"})
    return root


@pytest.fixture
def upstream(seed: Path, tmp_path: Path) -> Upstream:
    """Copy the seed, so that each test has its own."""
    shutil.copytree(seed, tmp_path, symlinks=True, dirs_exist_ok=True)
    return Upstream(tmp_path / "up" / "mesh.git", tmp_path / "work" / "mesh")


@pytest.fixture
def draft() -> Callable[..., CommitDraft]:
    def make(message: str | Callable[[str], str] = "Fix it\n\nMission: m\n") -> CommitDraft:
        return CommitDraft(message, Ident("Grace", "grace@example.org"), AT, sign=lambda raw: raw)

    return make


@pytest.fixture
def make_mirror(tmp_path: Path) -> Callable[..., Mirror]:
    def make(
        url: str,
        *,
        name: str = "mirror",
        git: Git | None = None,
        credentials: CredentialSource = anonymous,
        on_push: Callable[[str], None] = lambda _ref: None,
    ) -> Mirror:
        path = tmp_path / "mirrors" / f"{name}.git"
        return Mirror(MirrorConfig(path, url, credentials, git or Git(timeout=20), on_push))

    return make


@pytest.fixture
async def mirror(make_mirror: Callable[..., Mirror], upstream: Upstream) -> Mirror:
    made = make_mirror(upstream.url)
    await made.fetch()
    return made


@dataclass
class HttpRemote:
    """`git http-backend` behind aiohttp; `answer` forces a status for everything."""

    root: Path
    base: str = ""
    answer: int | None = None
    redirect_to: str = ""
    requests: list[tuple[str, str, str]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(
            (request.method, request.path, request.headers.get("Authorization", ""))
        )
        if self.redirect_to:
            raise web.HTTPMovedPermanently(self.redirect_to + request.path_qs)
        if self.answer is not None:
            return web.Response(status=self.answer, text="no")
        wanted = "Basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        if request.headers.get("Authorization") != wanted:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        return await self._backend(request, await request.read())

    async def _backend(self, request: web.Request, body: bytes) -> web.Response:
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={
                **ENV,
                "GIT_PROJECT_ROOT": str(self.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": request.path,
                "QUERY_STRING": request.query_string,
                "REQUEST_METHOD": request.method,
                "CONTENT_TYPE": request.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "REMOTE_USER": "x-access-token",
                "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            },
        )
        out, _ = await process.communicate(body)
        head, _, content = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split(" ")[0])
        return web.Response(status=status, headers=headers, body=content)


@pytest.fixture
async def http_remote(upstream: Upstream) -> AsyncIterator[HttpRemote]:
    remote = HttpRemote(upstream.bare.parent)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", remote.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    remote.base = f"http://127.0.0.1:{port}"
    yield remote
    await runner.cleanup()


@pytest.fixture
def token_source() -> CredentialSource:
    async def source() -> Credentials:
        return Credentials("x-access-token", TOKEN)

    return source
