"""A GitHub at the edge of HTTP, a key, a clock that is set by hand, and hand-written payloads."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from grace.adapters.github.forge import GitHubForge
from grace.adapters.github.ours import Ours
from grace.adapters.github.session import GitHubSite
from grace.adapters.github.translate import translate
from grace.adapters.github.wire import Call
from grace.domain.mission import MissionRef
from grace.localforge.watching import Exchange
from grace.ports import Delivery
from support.api_world import World, api_world, write_template
from support.schema import GitHubSchema, published
from support.schema_check import SchemaCheck
from support.tour import Tour, toured

API = "https://github.test/api/v3"
OPERATIONS = ("/app", "/graphql", "/orgs/", "/repos/", "/user")
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class SetClock:
    """A clock that stands until it is moved."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def advance(self, delta: timedelta) -> None:
        self.at += delta


@dataclass
class GitHub:
    """The forge under test, the router it speaks to, and every call that was observed."""

    forge: GitHubForge
    router: respx.MockRouter
    clock: SetClock
    ref: MissionRef
    calls: list[Call] = field(default_factory=list)

    def on(self, method: str, path: str) -> respx.Route:
        return self.router.route(method=method, path=f"/api/v3{path}")

    def repo(self, method: str, path: str) -> respx.Route:
        return self.on(method, f"/repos/acme/mesh{path}")

    def sent(self, route: respx.Route, nth: int = -1) -> Any:
        return json.loads(route.calls[nth].request.content)

    def purposes(self) -> list[str]:
        return [call.purpose for call in self.calls]


@pytest.fixture(scope="session")
def key_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def site(key_pem: str) -> GitHubSite:
    return GitHubSite(
        host="github.test",
        api_url=API,
        web_url="https://github.test",
        app_id=7,
        private_key=key_pem,
    )


@pytest.fixture
async def github(site: GitHubSite) -> AsyncIterator[GitHub]:
    """Serve installation tokens and the app itself; tests add what they need."""
    router = respx.MockRouter(assert_all_called=False)
    clock = SetClock()
    calls: list[Call] = []
    transport = httpx.MockTransport(router.async_handler)
    async with httpx.AsyncClient(transport=transport) as client:
        forge = GitHubForge(site, client, clock, calls.append, lambda: "mission_20260301_001")
        ref = MissionRef(
            host="github.test", repository_id=99, repository="acme/mesh", installation_id=5
        )
        hub = GitHub(forge, router, clock, ref, calls)
        served = iter(range(1, 10_000))

        async def token(_: httpx.Request) -> httpx.Response:
            await asyncio.sleep(0)  # others get their turn, as while a real answer travels
            expires = (clock.at + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            return httpx.Response(201, json={"token": f"ghs_{next(served)}", "expires_at": expires})

        hub.on("POST", "/app/installations/5/access_tokens").mock(side_effect=token)
        hub.on("GET", "/app").respond(json={"id": 7, "slug": "grace", "name": "Grace"})
        yield hub
    assert_requests_fit(router)


def assert_requests_fit(router: respx.MockRouter) -> None:
    """Demand that GitHub's schema has all that was sent; answers, and where they lead, are ours."""
    check = SchemaCheck(published())
    for call in router.calls:
        sent = call.request
        path, _, _ = sent.url.raw_path.decode().removeprefix("/api/v3").partition("?")
        if not path.startswith(OPERATIONS):
            continue
        template = check.schema.template_of(sent.method, path)
        query = sent.url.query.decode()
        seen = Exchange("", sent.method, template, path, query, sent.content, 0, b"")
        if path.endswith("/graphql"):
            check.question(seen)
        else:
            check.request(seen)
    check.assert_clean()


class Payloads:
    """GitHub's documented shapes, as small as they are useful."""

    sha = "a" * 40
    other = "b" * 40

    def user(self, login: str = "ada", **more: Any) -> dict[str, Any]:
        return {"login": login, "id": 11, "type": "User", **more}

    def bot(self) -> dict[str, Any]:
        return {"login": "grace[bot]", "id": 12, "type": "Bot"}

    def repository(self, **more: Any) -> dict[str, Any]:
        return {
            "id": 99,
            "full_name": "acme/mesh",
            "default_branch": "main",
            "private": False,
            **more,
        }

    def issue(self, **more: Any) -> dict[str, Any]:
        return {
            "number": 3,
            "title": "p95 is too high",
            "body": "### Symptom\n\nslow",
            "user": self.user(),
            "labels": [{"id": 1, "name": "mission", "color": "ededed"}],
            "state": "open",
            "html_url": "https://github.test/acme/mesh/issues/3",
            "created_at": "2026-03-01T11:59:00Z",
            "updated_at": "2026-03-01T11:59:00Z",
            "performed_via_github_app": None,
            **more,
        }

    def comment(self, body: str | None, **more: Any) -> dict[str, Any]:
        return {
            "id": 501,
            "body": body,
            "user": self.user(),
            "performed_via_github_app": None,
            **more,
        }

    def pull(self, branch: str = "grace/mission_20260301_001", **more: Any) -> dict[str, Any]:
        return {
            "number": 4,
            "html_url": "https://github.test/acme/mesh/pull/4",
            "state": "open",
            "draft": False,
            "merged": False,
            "merge_commit_sha": "c" * 40,
            "merged_by": None,
            "head": {"ref": branch, "sha": self.sha, "repo": {"id": 99}},
            "base": {"ref": "main", "sha": self.other, "repo": {"id": 99}},
            "user": self.bot(),
            "updated_at": "2026-03-01T11:58:00Z",
            **more,
        }

    def review(self, state: str = "approved", **more: Any) -> dict[str, Any]:
        return {
            "id": 601,
            "state": state,
            "commit_id": self.sha,
            "user": self.user("rex"),
            "submitted_at": "2026-03-01T11:57:00Z",
            "body": "fine",
            **more,
        }

    def check(self, **more: Any) -> dict[str, Any]:
        return {
            "id": 701,
            "name": "unit",
            "head_sha": self.sha,
            "external_id": "",
            "status": "completed",
            "conclusion": "success",
            "html_url": "https://github.test/acme/mesh/runs/701",
            "started_at": "2026-03-01T11:50:00Z",
            "completed_at": "2026-03-01T11:55:00Z",
            "app": {"id": 15368, "slug": "github-actions"},
            "check_suite": {"id": 1, "head_branch": "grace/mission_20260301_001"},
            **more,
        }

    def envelope(self, action: str | None = None, **more: Any) -> dict[str, Any]:
        shape: dict[str, Any] = {
            "repository": self.repository(),
            "installation": {"id": 5, "node_id": "x"},
            "sender": self.user(),
        }
        return shape | ({"action": action} if action else {}) | more

    def delivery(self, event: str, body: Any) -> Delivery:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Delivery("github", "d-1", event, raw, START)


@pytest.fixture
def payloads() -> Payloads:
    return Payloads()


@pytest.fixture
def ours() -> Ours:
    return Ours(host="github.test", app_id=7, bot_login="grace[bot]", bases=frozenset({"release"}))


@pytest.fixture
def read(payloads: Payloads, ours: Ours) -> Callable[..., Any]:
    """Translate a payload; one event and its target, or the note that says why there is none."""
    ref = MissionRef(
        host="github.test", repository_id=99, repository="acme/mesh", installation_id=5
    )

    def one(event: str, action: str | None = None, **body: Any) -> Any:
        routed, note = translate(payloads.delivery(event, payloads.envelope(action, **body)), ours)
        assert bool(routed) != bool(note)
        if note:
            assert note.startswith("ignored: ")
            return note
        assert len(routed) == 1
        assert routed[0].target.ref == ref
        return routed[0].target, routed[0].event

    return one


@pytest.fixture(scope="session")
def github_schema() -> GitHubSchema:
    return GitHubSchema()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
async def world(
    tmp_path: Path, template: Path, key_pem: str, github_schema: GitHubSchema
) -> AsyncIterator[World]:
    async with api_world(tmp_path, template, key_pem, github_schema) as made:
        yield made


@pytest.fixture
async def tour(tmp_path: Path, key_pem: str) -> AsyncIterator[Tour]:
    async with toured(tmp_path, key_pem) as made:
        yield made
