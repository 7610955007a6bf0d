"""git over smart HTTP, by `git http-backend`, with tokens and branch protection."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from grace.localforge.auth import Actor, authenticate, can_push, can_read, is_admin
from grace.localforge.branches import RefChange, ref_moved
from grace.localforge.core import Core
from grace.localforge.db import Row
from grace.localforge.errors import ApiError
from grace.localforge.gitrepo import ZERO, git_environment
from grace.localforge.protection import protection_of, queue_refusal, unmet_checks

MAX_PUSH: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Push:
    changes: tuple[RefChange, ...]
    capabilities: frozenset[str]


def git_routes(core: Core) -> list[web.RouteDef]:
    """Return the routes of smart HTTP below /{owner}/{repo}.git."""
    handler = GitHttp(core)
    base = r"/{owner}/{repo:[^/]+?}{suffix:(\.git)?}"
    return [
        web.get(f"{base}/info/refs", handler.advertise),
        web.post(f"{base}/git-upload-pack", handler.upload_pack),
        web.post(f"{base}/git-receive-pack", handler.receive_pack),
    ]


class GitHttp:
    def __init__(self, core: Core) -> None:
        self._core = core

    async def advertise(self, request: web.Request) -> web.StreamResponse:
        """List refs for a fetch or a push."""
        service = request.query.get("service", "")
        if service not in {"git-upload-pack", "git-receive-pack"}:
            return web.Response(status=403, text="dumb HTTP is not served\n")
        push = service == "git-receive-pack"
        repo, actor = self._admit(request, push=push)
        return await self._backend(request, repo, actor, b"")

    async def upload_pack(self, request: web.Request) -> web.StreamResponse:
        """Serve a fetch."""
        repo, actor = self._admit(request, push=False)
        return await self._backend(request, repo, actor, await _read(request))

    async def receive_pack(self, request: web.Request) -> web.StreamResponse:
        """Take a push unless protection refuses it; then follow every ref that moved."""
        repo, actor = self._admit(request, push=True)
        body = await _read(request)
        push = _parse_push(body)
        async with self._core.lock(repo):
            refused = self._refused(repo, actor, push)
            if refused:
                return _refusal(push, refused)
            environment = self._guard(repo, push)
            # What is there already is refused when it comes again, and moves nothing.
            moving = [c for c in push.changes if not await self._stands(repo, c)]
            response = await self._backend(request, repo, actor, body, environment)
            for change in moving:
                await self._follow(repo, actor, change)
        return response

    async def _stands(self, repo: Row, change: RefChange) -> bool:
        return (await self._core.git(repo).ref(change.ref) or ZERO) == change.after

    def _admit(self, request: web.Request, *, push: bool) -> tuple[Row, Actor]:
        actor = authenticate(self._core, request.headers.get("Authorization"))
        owner, name = request.match_info["owner"], request.match_info["repo"]
        try:
            repo = self._core.repository(owner, name)
            readable = can_read(self._core, actor, repo)
        except ApiError:
            repo, readable = {}, False
        anonymous = actor.kind == "anonymous"
        if anonymous and (push or not readable):
            raise ApiError(401, "Requires authentication")
        if not readable:
            raise ApiError(404, "Repository not found.")
        if push and not can_push(self._core, actor, repo):
            raise ApiError(403, f"Permission to {owner}/{name}.git denied to {actor.name}.")
        return repo, actor

    def _refused(self, repo: Row, actor: Actor, push: _Push) -> dict[str, str]:
        """Return why each refused ref is refused."""
        refused: dict[str, str] = {}
        for change in push.changes:
            if (reason := self._protected(repo, actor, change)) is not None:
                refused[change.ref] = reason
        return refused

    def _protected(self, repo: Row, actor: Actor, change: RefChange) -> str | None:
        if (refusal := queue_refusal(self._core, repo, change.branch or "")) is not None:
            return refusal
        protection = protection_of(self._core, repo, change.branch or "")
        if protection is None:
            return None
        if change.after == ZERO:
            return None if protection.allow_deletions else "protected branch hook declined"
        if is_admin(self._core, actor, repo) and not protection.enforce_admins:
            return None
        if protection.approvals is not None:
            return "protected branch hook declined"
        if unmet_checks(self._core, repo, change.after, protection):
            return "protected branch hook declined"
        return None

    def _guard(self, repo: Row, push: _Push) -> dict[str, str]:
        """Have git itself refuse a forced push that moves a protected branch."""
        for change in push.changes:
            protection = protection_of(self._core, repo, change.branch or "")
            if protection is not None and not protection.allow_force_pushes:
                return {
                    "GIT_CONFIG_COUNT": "1",
                    "GIT_CONFIG_KEY_0": "receive.denyNonFastForwards",
                    "GIT_CONFIG_VALUE_0": "true",
                }
        return {}

    async def _follow(self, repo: Row, actor: Actor, change: RefChange) -> None:
        now = await self._core.git(repo).ref(change.ref)
        if (now or ZERO) != change.after or change.before == change.after:
            return
        self._core.db.insert(
            "pushes",
            at=self._core.now(),
            actor=actor.name,
            repository=f"{repo['owner']}/{repo['name']}",
            ref=change.ref,
            before=change.before,
            after=change.after,
        )
        await ref_moved(self._core, repo, change, actor.person)

    async def _backend(
        self,
        request: web.Request,
        repo: Row,
        actor: Actor,
        body: bytes,
        extra: dict[str, str] | None = None,
    ) -> web.Response:
        action = request.path.rsplit(".git", 1)[-1] if ".git/" in request.path else request.path
        if ".git/" not in request.path:
            action = "/" + request.path.split("/", 3)[3]
        root = self._core.bare(repo).parent
        environment = git_environment(
            {
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": f"/{repo['name']}.git{action}",
                "QUERY_STRING": request.query_string,
                "REQUEST_METHOD": request.method,
                "CONTENT_TYPE": request.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "REMOTE_ADDR": "127.0.0.1",
                "REMOTE_USER": actor.name,
                "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
                **(extra or {}),
            }
        )
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(body)
        head, separator, content = out.partition(b"\r\n\r\n")
        if not separator:
            raise ApiError(500, f"git http-backend failed: {err.decode(errors='replace').strip()}")
        return _cgi_response(head, content)


def _cgi_response(head: bytes, content: bytes) -> web.Response:
    status, headers = 200, {}
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value.strip()
    return web.Response(status=status, body=content, headers=headers)


async def _read(request: web.Request) -> bytes:
    data = bytearray()
    async for chunk in _chunks(request):
        data += chunk
        if len(data) > MAX_PUSH:
            raise ApiError(413, "The push is too large for this forge")
    return bytes(data)


def _chunks(request: web.Request) -> AsyncIterator[bytes]:
    return request.content.iter_chunked(65_536)


def _parse_push(body: bytes) -> _Push:
    """Read the commands of a receive-pack request: pkt-lines up to the flush packet."""
    changes, capabilities, at = [], frozenset[str](), 0
    try:
        while (size := int(body[at : at + 4], 16)) != 0:
            line = body[at + 4 : at + size].decode()
            at += size
            command, _, options = line.partition("\0")
            if options:
                capabilities = frozenset(options.split())
            if command.startswith(("shallow ", "push-cert")):
                continue
            before, after, ref = command.strip("\n").split(" ", 2)
            changes.append(RefChange(ref, before, after))
    except ValueError as error:
        raise ApiError(400, "This is not a git push") from error
    return _Push(tuple(changes), capabilities)


def _refusal(push: _Push, refused: dict[str, str]) -> web.Response:
    """Report a push of which nothing was taken, as a pre-receive hook would."""
    lines = [b"unpack ok\n"]
    for change in push.changes:
        reason = refused.get(change.ref, "pre-receive hook declined")
        lines.append(f"ng {change.ref} {reason}\n".encode())
    report = b"".join(map(_packet, lines)) + b"0000"
    if "side-band-64k" in push.capabilities:
        told = b"GH006: Protected branch update failed.\n"
        report = _packet(b"\x02" + told) + _packet(b"\x01" + report) + b"0000"
    return web.Response(body=report, content_type="application/x-git-receive-pack-result")


def _packet(data: bytes) -> bytes:
    return f"{len(data) + 4:04x}".encode() + data
