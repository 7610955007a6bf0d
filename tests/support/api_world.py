"""A repository at the local forge, and both ways to commit to it."""

import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization

from grace.adapters.git.model import Ident
from grace.adapters.git.workshop import Watch, Workshop
from grace.adapters.github.forge import GitHubForge
from grace.adapters.github.session import GitHubSite, Session
from grace.adapters.github.wire import Call
from grace.adapters.github.workshop import ApiWorkshop
from grace.adapters.keys import Ed25519Key, PublicKeys
from grace.adapters.secrets import secret_scan
from grace.domain.effects import PushPatch, PushRevert
from grace.domain.mission import MissionRef
from grace.domain.package import PatchCandidate
from grace.domain.sshsig import sign_commit
from grace.localforge.forge import ForgeConfig, LocalForge
from grace.ports import CommitOrder, GitAccess
from support.patches import LINES
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
SIGNERS = PublicKeys(KEY.public)
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


def write_template(folder: Path) -> Path:
    """Write the repository's first commit, but for the symbolic link."""
    (folder / "src").mkdir()
    (folder / "README.md").write_text("Mesh\n")
    (folder / "src" / "app.py").write_text(LINES)
    (folder / "src" / "b.py").write_text("b\n")
    (folder / "x.bin").write_bytes(b"\0\1")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    return folder


@asynccontextmanager
async def api_world(
    tmp_path: Path, template: Path, key_pem: str, github_schema: GitHubSchema
) -> AsyncIterator[World]:
    """Start a forge with the repository and the App; close it, and hold all to the schema."""
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
        ident, watch = Ident("Grace", "g@x.org"), Watch(lambda *_: None, SCAN, SIGNERS)
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
