"""A stage for whole missions: a real forge with people, a fast CI, a metric page, and the bot."""

import random
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from grace.app.boot import running
from grace.app.bootstrap import Machine, System
from grace.app.settings import Settings
from grace.demo.stage import EVENTS, PERMISSIONS
from grace.localforge.forge import App, ForgeConfig, LocalForge, Repository
from grace.localforge.limits import Limits
from support.flow_ci import FastCI
from support.flow_look import Look
from support.flow_mission import OTHER, SERVICE, Wanted
from support.flow_people import Deployer, MetricPage, Reviewer, at_work, metric_page
from support.schema import published
from support.schema_check import SchemaCheck

OWNER = "acme"
PEOPLE = {"alice": "write", "rita": "write", "mallory": "read"}
SECRET = "flow-webhook-secret"
ALERT_TOKEN, OPERATOR_TOKEN = "flow-alert-token", "flow-operator-token"
GOVERNANCE: dict[str, Any] = {
    "observation": {"sample_interval_seconds": 0.2, "min_samples": 2, "early_samples": 2},
    "tests": {"timeout_minutes": 3, "ask_after_minutes": 1},
}


def free_port() -> int:
    """Find a port below those that outgoing connections take, so that it stays free."""
    while True:
        port = random.SystemRandom().randrange(12_000, 31_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@dataclass
class Stage:
    """A forge with its people, and everything that the bot is started with.

    `check` holds all that the forge is asked, answers and announces against GitHub's schema.
    """

    folder: Path
    forge: LocalForge
    ci: FastCI
    page: MetricPage
    repository: Repository
    app: App
    app_key: str
    bot_url: str
    tokens: dict[str, str]
    check: SchemaCheck
    clients: dict[str | None, httpx.AsyncClient] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "bot"

    @property
    def path(self) -> str:
        """Name the repository's path at the forge's API."""
        return f"/repos/{self.repository.full_name}"

    def client(self, login: str | None) -> httpx.AsyncClient:
        """Act at the forge as one person; None: as nobody."""
        if login not in self.clients:
            headers = {} if login is None else {"Authorization": f"Bearer {self.tokens[login]}"}
            self.clients[login] = httpx.AsyncClient(
                base_url=self.forge.api_url, headers=headers, timeout=20, verify=False
            )
        return self.clients[login]

    async def get(self, path: str, **params: str | int) -> Any:
        """Read something of the repository as its owner."""
        answer = await self.client(OWNER).get(f"{self.path}{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, login: str, **body: object) -> Any:
        """Send something to the repository; it must be accepted."""
        answer = await self.client(login).post(f"{self.path}{path}", json=body)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    async def file(
        self, body: str | Wanted | None = None, *, login: str = "alice", title: str = "It is slow"
    ) -> int:
        """Open an issue that asks for a mission, and return its number."""
        wanted = Wanted() if body is None else body
        text = wanted if isinstance(wanted, str) else wanted.body()
        made = await self.post("/issues", login, title=title, body=text, labels=["mission"])
        return int(made["number"])

    async def say(self, number: int, words: str, login: str = "alice") -> None:
        """Comment on an issue or pull request."""
        await self.post(f"/issues/{number}/comments", login, body=words)

    async def words(self, number: int) -> list[str]:
        """Return the bot's comments on an issue or pull request."""
        found = await self.get(f"/issues/{number}/comments", per_page=100)
        return [c["body"] for c in found if c["user"]["login"] == self.app.bot]

    async def calls(self) -> int:
        """Count the bot's REST calls at the forge so far."""
        return len(await self.forge.calls(self.app.bot))

    async def work_pushes(self) -> int:
        """Count the bot's pushes so far, those of the ledger branch left out."""
        pushes = await self.forge.pushes(self.app.bot)
        return sum(not p.ref.endswith("/grace-ledger") for p in pushes)

    def settings(self) -> dict[str, str]:
        """Return what the bot is started with, by the name of each setting."""
        return {
            "data_dir": str(self.data),
            "config_dir": str(self.folder / "config"),
            "listen_port": self.bot_url.rpartition(":")[2],
            "forge_host": "localforge",
            "forge_api_url": self.forge.api_url,
            "forge_web_url": self.forge.url,
            "app_id": str(self.app.id),
            "app_key": self.app_key,
            "webhook_secret": SECRET,
            "alert_token": ALERT_TOKEN,
            "operator_token": OPERATOR_TOKEN,
            "oidc_issuer": f"{self.forge.url}/_services/token",
        }

    @asynccontextmanager
    async def bot(self, machine: Machine | None = None, **settings: str) -> AsyncIterator["Bot"]:
        """Run the bot in this process; `settings` come on top of the stage's."""
        said: list[str] = []
        given = Settings.model_validate({**self.settings(), **settings})
        async with running(given, said.append, machine) as (system, url):
            look = await Look.at(self)
            try:
                yield Bot(system, url, look, said)
            finally:
                await look.close()

    @asynccontextmanager
    async def people(
        self, *, deploying: bool = True, reviewing: bool = True
    ) -> AsyncIterator[None]:
        """Let the deployer and the reviewer work."""
        name = self.repository.full_name
        workers: list[Deployer | Reviewer] = []
        if deploying:
            tip = await Deployer(self.client(OWNER), name, self.repository.bare, self.page).tip()
            workers.append(
                Deployer(self.client(OWNER), name, self.repository.bare, self.page, live=tip)
            )
        if reviewing:
            workers.append(Reviewer(self.client("rita"), name))
        async with at_work(*workers):
            yield

    async def forge_again(self) -> None:
        """Start the forge that was closed, on the same data and port."""
        port = int(self.forge.url.rpartition(":")[2])
        self.forge = make_forge(self.folder, port, self.ci, self.check)
        await self.forge.start()

    async def close(self) -> None:
        """End all connections and the forge."""
        for client in self.clients.values():
            await client.aclose()
        await self.forge.close()


@dataclass(frozen=True, slots=True)
class Bot:
    """The bot in this process."""

    system: System
    url: str
    look: Look
    said: list[str]


def make_forge(folder: Path, port: int, ci: FastCI, check: SchemaCheck) -> LocalForge:
    """Make a forge whose data lies in the folder, and which is checked."""
    config = ForgeConfig(
        data=folder / "forge", port=port, parallel_runs=4, limits=Limits.off(), delivery_timeout=5
    )
    forge = LocalForge(config, ci)
    forge.watch(check)
    return forge


@asynccontextmanager
async def staged(
    folder: Path, app_key: tuple[str, str], governance: Mapping[str, Any] | None = None
) -> AsyncIterator[Stage]:
    """Set a stage: `governance` replaces sections of the bot's `governance.yaml`.

    At its end all that the bot sent, and all that the forge answered and announced to anybody,
    must have been as GitHub publishes it.
    """
    bot_url = f"http://127.0.0.1:{free_port()}"
    ci = FastCI(bot_url)
    check = SchemaCheck(published())
    forge = make_forge(folder, free_port(), ci, check)
    async with AsyncExitStack() as stack:
        page = await stack.enter_async_context(metric_page())
        await forge.start()
        tokens = {login: await forge.create_user(login) for login in (OWNER, *PEOPLE)}
        template = folder / "template"
        write_template(template)
        repository = await forge.create_repository(OWNER, "mesh", template=template)
        for login, permission in PEOPLE.items():
            await forge.add_collaborator(repository.full_name, login, permission)
        app = await forge.create_app(
            "grace",
            webhook_url=f"{bot_url}/hooks/github",
            webhook_secret=SECRET,
            public_key_pem=app_key[1],
            permissions=PERMISSIONS,
            events=EVENTS,
            callback_urls=(f"{bot_url}/sign-in/callback",),
        )
        check.requests_of = app.bot
        await forge.install_app(app.id, OWNER, ["mesh"])
        stage = Stage(folder, forge, ci, page, repository, app, app_key[0], bot_url, tokens, check)
        stack.push_async_callback(stage.close)
        await protect(stage)
        rules = {**GOVERNANCE, **(governance or {})}
        rules["tests"] = {"ci_app_ids": [forge.ci_app_id], **rules["tests"]}
        write_config(folder / "config", repository, page, rules)
        yield stage
    check.assert_clean()


def write_template(template: Path) -> None:
    """Write the repository's first commit."""
    workflow = template / ".github" / "workflows" / "ci.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("on: pull_request\njobs: {}\n")
    (template / "app.py").write_text(SERVICE)
    (template / "other.py").write_text(OTHER)
    (template / "VERSION").write_text("1.0.0\n")


async def protect(stage: Stage) -> None:
    """Require Grace's own check by App id, on a head that contains the base's tip."""
    body = {
        "required_status_checks": {
            "strict": True,
            "checks": [{"context": "mission/governance", "app_id": stage.app.id}],
        },
        "enforce_admins": False,
        "required_pull_request_reviews": None,
        "restrictions": None,
    }
    answer = await stage.client(OWNER).put(f"{stage.path}/branches/main/protection", json=body)
    assert answer.status_code == 200, answer.text


def write_config(
    folder: Path, repository: Repository, page: MetricPage, governance: Mapping[str, Any]
) -> None:
    """Write the bot's configuration: one measured metric, one without a source, one subsystem."""
    source = {"kind": "prometheus_text", "url": page.url, "series": "latency_p95_ms"}
    metrics = {
        "mesh.latency_p95": {
            "target": 100,
            "comparator": "<",
            "unit": "ms",
            "stress": "p95_ms",
            "source": source,
        },
        "mesh.unmeasured": {"target": 1, "comparator": "<", "unit": "ms"},
    }
    mesh = {
        "host": "localforge",
        "repository": repository.full_name,
        "environment": "production",
    }
    folder.mkdir(parents=True)
    for name, content in (
        ("metrics_catalog.yaml", {"metrics": metrics}),
        ("subsystems.yaml", {"subsystems": {"mesh": mesh}}),
        ("governance.yaml", dict(governance)),
    ):
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False))


__all__ = ["ALERT_TOKEN", "OPERATOR_TOKEN", "OWNER", "SECRET", "Bot", "Stage", "staged"]
