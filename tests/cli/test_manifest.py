"""The App's manifest, and the flow from the page to the files, against a small GitHub."""

import asyncio
import json
import re
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from typer.testing import CliRunner

from grace.adapters.github import translate
from grace.app.settings import load
from grace.cli.github import serve_setup
from grace.cli.main import app as cli
from grace.setup.app_files import Site
from grace.setup.app_manifest import EVENTS, PERMISSIONS, AppRequest, ManifestError, manifest
from grace.web.manifest import Made, ManifestFlow

ADAPTER = Path(translate.__file__).parent
MADE = {
    "id": 4711,
    "slug": "grace-of-acme",
    "html_url": "https://github.com/apps/grace-of-acme",
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nthe-private-key\n-----END RSA PRIVATE KEY-----\n",
    "webhook_secret": "the-webhook-secret",
    "client_id": "Iv1.8a61f9b3a7aba766",
    "client_secret": "the-client-secret",
}
# The permission that GitHub asks for, by how a path below /repos/{owner}/{repo} begins.
NEEDED = {
    "": "metadata",
    "/actions": "actions",
    "/branches": "contents",
    "/check-runs": "checks",
    "/collaborators": "metadata",
    "/commits/{sha}/check-runs": "checks",
    "/commits/{sha}/status": "statuses",
    "/commits": "contents",
    "/compare": "contents",
    "/contents": "contents",
    "/deployments": "deployments",
    "/git": "contents",
    "/installation": "metadata",
    "/issues": "issues",
    "/merges": "contents",
    "/pulls": "pull_requests",
    "/pulls/{number}/merge": "contents",
    "/statuses": "statuses",
}


class Form(HTMLParser):
    """The one form of a page: where it goes, and its fields."""

    def __init__(self, text):
        super().__init__()
        self.action, self.method, self.fields = "", "", {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.action, self.method = given["action"], given["method"]
        if tag == "input":
            self.fields[given["name"]] = given["value"]


@dataclass
class Hub:
    """A GitHub that makes Apps: what it answers, and the codes that it was given."""

    url: str = ""
    status: int = 201
    answer: dict = field(default_factory=lambda: dict(MADE))
    codes: list = field(default_factory=list)

    async def convert(self, request):
        self.codes.append(request.match_info["code"])
        return web.json_response(self.answer, status=self.status)


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    found = Hub()
    app = web.Application()
    app.router.add_post("/app-manifests/{code}/conversions", found.convert)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@dataclass
class Flow:
    """A running `grace github setup`, and a browser that has its address."""

    server: asyncio.Task
    browser: httpx.AsyncClient
    start: str
    said: list

    async def form(self):
        answer = await self.browser.get(self.start)
        assert answer.status_code == 200
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        return Form(answer.text)

    async def back(self, form, code="c0de", browser=None):
        state = form.action.partition("?state=")[2]
        params = {"code": code, "state": state}
        return await (browser or self.browser).get("/github/manifest/callback", params=params)


@asynccontextmanager
async def setting_up(hub, data):
    said, heard = [], asyncio.Event()

    def say(line):
        said.append(line)
        if "?token=" in line:
            heard.set()

    request, site = AppRequest("http://127.0.0.1:1", org="acme"), Site(api_url=hub.url)
    server = asyncio.create_task(serve_setup(request, site, data, ("127.0.0.1", 0), say))
    try:
        async with asyncio.timeout(5):
            await heard.wait()
        here = "http://" + re.search(r"listening on (\S+);", said[0])[1]
        async with httpx.AsyncClient(base_url=here) as browser:
            yield Flow(server, browser, said[1].removeprefix("http://127.0.0.1:1"), said)
    finally:
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)


async def test_the_page_leads_to_an_app_whose_secrets_lie_in_two_private_files(hub, tmp_path):
    data = tmp_path / "data"
    async with setting_up(hub, data) as flow:
        form = await flow.form()
        assert form.method == "post"
        assert form.action.startswith("https://github.com/organizations/acme/settings/apps/new?")
        assert json.loads(form.fields["manifest"])["default_permissions"]["checks"] == "write"
        answer = await flow.back(form)
        assert answer.status_code == 200, answer.text
        made = await asyncio.wait_for(flow.server, 5)
    assert hub.codes == ["c0de"]
    assert made.id == 4711
    shown = answer.text + "\n".join(flow.said)
    kept = ("the-private-key", "the-webhook-secret", "the-client-secret")
    assert not [secret for secret in kept if secret in shown]
    assert "grace-of-acme/installations/new" in answer.text
    assert {p.name for p in data.iterdir()} == {"app.pem", "bot.yaml"}
    for path in data.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    settings = load(data / "bot.yaml")
    assert (settings.app_id, settings.private_key()) == (4711, MADE["pem"])
    assert settings.webhook_secret.get_secret_value() == "the-webhook-secret"
    assert settings.oauth_client_id == "Iv1.8a61f9b3a7aba766"
    assert settings.oauth_client_secret.get_secret_value() == "the-client-secret"
    assert settings.public_url == "http://127.0.0.1:1"
    assert settings.data_dir == data


async def test_without_the_setup_token_there_is_no_form(hub, tmp_path):
    async with setting_up(hub, tmp_path) as flow:
        for address in ("/github/manifest", "/github/manifest?token=guess"):
            answer = await flow.browser.get(address)
            assert answer.status_code == 403
            assert "<form" not in answer.text


@pytest.mark.parametrize("state", ["", "9999999999.00", "x", "9" * 400 + ".aa"])
async def test_a_state_that_is_not_ours_is_refused(hub, tmp_path, state):
    async with setting_up(hub, tmp_path) as flow:
        await flow.form()
        params = {"code": "c0de", "state": state}
        answer = await flow.browser.get("/github/manifest/callback", params=params)
        assert answer.status_code == 403
        assert hub.codes == []


async def test_the_form_of_one_browser_does_not_work_in_another(hub, tmp_path):
    async with setting_up(hub, tmp_path) as flow:
        form = await flow.form()
        async with httpx.AsyncClient(base_url=flow.browser.base_url) as other:
            assert (await flow.back(form, browser=other)).status_code == 403
            await other.get(flow.start)
            assert (await flow.back(form, browser=other)).status_code == 403
        assert hub.codes == []


@pytest.mark.parametrize("code", ["", "../../user", "a" * 201])
async def test_a_code_that_is_none_is_not_sent_on(hub, tmp_path, code):
    async with setting_up(hub, tmp_path) as flow:
        answer = await flow.back(await flow.form(), code)
        assert answer.status_code == 400
        assert hub.codes == []


async def test_a_refused_code_leaves_no_files_and_the_next_one_works(hub, tmp_path):
    hub.status = 404
    async with setting_up(hub, tmp_path) as flow:
        form = await flow.form()
        answer = await flow.back(form, "old")
        assert answer.status_code == 502
        assert "answered 404 to the code" in answer.text
        assert list(tmp_path.iterdir()) == []
        hub.status = 201
        assert (await flow.back(form, "new")).status_code == 200
        assert hub.codes == ["old", "new"]


async def test_an_app_without_a_webhook_secret_is_refused_without_showing_the_rest(hub, tmp_path):
    hub.answer["webhook_secret"] = None
    async with setting_up(hub, tmp_path) as flow:
        answer = await flow.back(await flow.form())
        assert answer.status_code == 502
        assert "webhook_secret" in answer.text
        assert "the-private-key" not in answer.text + "".join(flow.said)
        assert list(tmp_path.iterdir()) == []


async def test_a_file_that_is_there_stops_the_code_from_being_spent(hub, tmp_path):
    async with setting_up(hub, tmp_path) as flow:
        form = await flow.form()
        (tmp_path / "bot.yaml").write_text("mine")
        answer = await flow.back(form)
        assert answer.status_code == 502
        assert hub.codes == []
        assert [p.read_text() for p in tmp_path.iterdir()] == ["mine"]


class Standing:
    def __init__(self):
        self.at = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self):
        return self.at


def flow_of(exchange, clock):
    return ManifestFlow("{}", lambda state: state, exchange, clock, secure=True)


async def never(code):
    raise AssertionError(code)


def test_a_state_is_good_for_an_hour():
    clock = Standing()
    flow = flow_of(never, clock)
    state = flow.state("nonce")
    clock.at += timedelta(minutes=59)
    assert flow.accepts(state, "nonce")
    assert not flow.accepts(state, "other")
    assert not flow_of(never, clock).accepts(state, "nonce")
    clock.at += timedelta(minutes=2)
    assert not flow.accepts(state, "nonce")


async def test_two_answers_at_once_make_one_app():
    made = []

    async def exchange(code):
        await asyncio.sleep(0)
        made.append(code)
        return Made("grace", "https://github.com/apps/grace")

    flow = flow_of(exchange, Standing())
    results = await asyncio.gather(*(flow.finish(c) for c in "ab"), return_exceptions=True)
    assert (made, type(results[1]).__name__) == (["a"], "NotMade")


@pytest.mark.parametrize("taken", ["app.pem", "bot.yaml", "GRACE_APP_ID"])
def test_where_an_app_is_configured_setup_does_not_start(tmp_path, taken):
    env = {"GRACE_APP_ID": "1"} if taken == "GRACE_APP_ID" else {}
    if not env:
        (tmp_path / taken).touch()
    words = ["github", "setup", "--url", "https://bot.example", "--data", str(tmp_path)]
    done = CliRunner().invoke(cli, words, env=env)
    assert done.exit_code == 2
    assert taken in done.output


def test_the_manifest_is_printed_as_json_and_the_address_beside_it():
    words = [
        "github",
        "manifest",
        "--url",
        "https://bot.example/",
        "--name",
        "Grace",
        "--org",
        "a-b",
    ]
    done = CliRunner().invoke(cli, words)
    printed = json.loads(done.stdout)
    assert printed == manifest(AppRequest("https://bot.example", "Grace"))
    assert printed["hook_attributes"]["url"] == "https://bot.example/hooks/github"
    assert printed["redirect_url"] == "https://bot.example/github/manifest/callback"
    assert printed["callback_urls"] == ["https://bot.example/sign-in/callback"]
    assert printed["public"] is False
    assert "https://github.com/organizations/a-b/settings/apps/new" in done.stderr
    form = Form(CliRunner().invoke(cli, [*words, "--html"]).stdout)
    assert json.loads(form.fields["manifest"]) == printed


@pytest.mark.parametrize(
    ("url", "name", "org"),
    [
        ("http://bot.example", "Grace", None),
        ("bot.example", "Grace", None),
        ("https://bot.example?x=1", "Grace", None),
        ("https://me:pw@bot.example", "Grace", None),
        ("https://bot.example", "", None),
        ("https://bot.example", "G" * 35, None),
        ("https://bot.example", "Grace", "a/b"),
    ],
)
def test_what_github_would_refuse_is_refused_here(url, name, org):
    with pytest.raises(ManifestError):
        AppRequest(url, name, org)


def test_every_event_that_is_read_is_asked_for_with_its_permission():
    sent_anyway = {"installation", "installation_repositories"}
    assert set(translate._READERS) - sent_anyway <= set(EVENTS)
    assert set(EVENTS.values()) <= {each.name for each in PERMISSIONS}


def test_permissions_are_those_that_the_adapters_calls_need():
    granted = {each.name: each.access for each in PERMISSIONS}
    calls = set()
    for path in ADAPTER.glob("*.py"):
        calls |= set(re.findall(r'"(GET|POST|PUT|PATCH|DELETE) (/[^"?]*|)[{"]', path.read_text()))
    assert len(calls) > 12
    needs: dict[str, set[str]] = {}
    for method, called in calls:
        begins = [b for b in NEEDED if called.startswith(b) and (b or called in {"", "/"})]
        assert begins, f"{method} {called}: say here which permission it needs"
        needs.setdefault(NEEDED[max(begins, key=len)], set()).add(method)
    assert {n for n in needs if n not in granted} == set()
    writes = {name for name, methods in needs.items() if methods - {"GET"}}
    writes -= {"statuses"}  # written only in the mode that does without an App
    assert {name for name, access in granted.items() if access == "write"} == writes
