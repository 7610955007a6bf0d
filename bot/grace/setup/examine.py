"""`grace doctor`: read what there is, and judge it. The judging is in the checks; this reads."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from grace.adapters.config import Configuration
from grace.adapters.github.tokens import AppKey
from grace.adapters.metrics import Sources
from grace.domain.catalog import ForgeFigure
from grace.ports import Clock
from grace.setup import app_checks as app
from grace.setup import branch_checks as branch
from grace.setup.app_manifest import HOOK_PATH
from grace.setup.findings import Finding, Unknown, fail, good, untold, warn
from grace.setup.local_checks import check_key_file, check_ledger, check_ledger_key, check_secret
from grace.setup.policy_reading import Sight, examine_rules
from grace.setup.reading import Api, Got, contents, fit, fit_all
from grace.setup.workflow_checks import check_agents, check_workflows

_MAX_WORKFLOWS: Final = 100
_FIRST_LOOK: Final = "first look"


@dataclass(frozen=True, slots=True)
class Bot:
    """What a bot is set to, as far as it is examined. `url`: where GitHub should reach it."""

    configuration: Configuration
    data: Path
    host: str
    api_url: str
    app_id: int
    app_key: str = field(repr=False)
    app_key_file: Path | None
    webhook_secret: str | None = field(repr=False)
    signing_key: str | None = field(repr=False)
    signing_key_path: Path
    oidc_issuer: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A repository to look at; `base` None is its default branch."""

    repository: str
    base: str | None


@dataclass(frozen=True, slots=True)
class Tools:
    """What an examination works with."""

    client: httpx.AsyncClient
    clock: Clock


async def examine(bot: Bot, tools: Tools, only: str | None = None) -> AsyncIterator[Finding]:
    """Make all checks; `only` looks at that repository alone, whether it is configured or not."""
    for finding in await _local(bot):
        yield finding
    try:
        key = AppKey(bot.app_id, bot.app_key)
    except ValueError as error:
        yield fail("App key", str(error), "give the key that the App's settings page made")
        return
    api = Api(tools.client, bot.api_url, tools.clock)
    async for finding in _app(bot, api, key, tools):
        yield finding
    places, wrong = _places(bot, only)
    for finding in wrong:
        yield finding
    for place in places:
        async for finding in _repository(bot, api, key, tools.clock, place):
            yield finding
    for finding in await _metrics(bot, tools):
        yield finding
    yield await _issuer(bot.oidc_issuer, tools.client)


async def _local(bot: Bot) -> list[Finding]:
    ledger_key, key = check_ledger_key(bot.signing_key, bot.signing_key_path)
    ledger = await check_ledger(bot.data / "grace.db", key)
    return [check_key_file(bot.app_key_file), check_secret(bot.webhook_secret), ledger_key, *ledger]


async def _app(bot: Bot, api: Api, key: AppKey, tools: Tools) -> AsyncIterator[Finding]:
    """Check clock, App and webhook."""
    got = await api.get("/app", key.credential(tools.clock.now()).token)
    skew = got.unknown() if got.status is None else Unknown("the forge sends no Date")
    yield app.check_clock(skew if got.skew_s is None else got.skew_s)
    facts = fit(app.AppFacts, got)
    yield app.check_identity(facts, bot.app_id)
    if isinstance(facts, Unknown):
        return
    where = "in the App's settings, Permissions and events"
    for finding in app.check_permissions(facts.permissions, "App permissions", where):
        yield finding
    yield app.check_events(facts.events)
    token = key.credential(tools.clock.now()).token
    hook = fit(app.HookFacts, await api.get("/app/hook/config", token))
    expected = None if bot.url is None else bot.url.rstrip("/") + HOOK_PATH
    for finding in app.check_hook(hook, expected):
        yield finding
    address = expected or (None if isinstance(hook, Unknown) else hook.url)
    if address:
        yield app.check_reach(await _reach(address, tools.client), address)
    sent = await api.get("/app/hook/deliveries", token, per_page=100)
    yield app.check_deliveries(fit_all(app.DeliveryFacts, sent))


async def _reach(url: str, client: httpx.AsyncClient) -> int | Unknown:
    try:
        async with client.stream("GET", url, follow_redirects=False) as answer:
            return answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Unknown(f"{url} does not answer from here ({type(error).__name__})")


def _places(bot: Bot, only: str | None) -> tuple[list[Place], list[Finding]]:
    """List the repositories of the subsystems, or the one that is asked for."""
    wrong: list[Finding] = []
    found: dict[tuple[str, str], Place] = {}
    for name, each in bot.configuration.subsystems.subsystems.items():
        if each.host != bot.host:
            said = f"its host {each.host} is not the configured {bot.host}"
            wrong.append(fail(f"subsystem {name}", said, "mend host in subsystems.yaml"))
        else:
            key = (each.repository.lower(), each.base_branch)
            found[key] = Place(each.repository, each.base_branch)
    if only is None:
        if not found and not wrong:
            mend = "write subsystems.yaml in the folder that config_dir names"
            wrong.append(warn("subsystems", "none is configured: no mission can be filed", mend))
        return list(found.values()), wrong
    places = [place for place in found.values() if place.repository.lower() == only.lower()]
    if not places:
        mend = "add it to subsystems.yaml; until then no mission can be filed for it"
        wrong.append(warn(f"subsystem {only}", "not configured", mend))
    return places or [Place(only, None)], wrong


async def _repository(
    bot: Bot, api: Api, key: AppKey, clock: Clock, place: Place
) -> AsyncIterator[Finding]:
    """Check one repository as the App's installation there."""
    path = f"/repos/{place.repository}"
    jwt = key.credential(clock.now()).token
    installation = fit(app.InstallationFacts, await api.get(f"{path}/installation", jwt))
    for finding in app.check_installation(installation, place.repository):
        yield finding
    if isinstance(installation, Unknown) or installation.suspended_at is not None:
        return
    made = await api.post(f"/app/installations/{installation.id}/access_tokens", jwt)
    token = made.data.get("token") if made.ok and isinstance(made.data, dict) else None
    if not isinstance(token, str):
        mend = "see that the App is installed and not suspended"
        yield fail(f"{place.repository}: token", made.unknown().why, mend)
        return
    facts = fit(branch.RepositoryFacts, await api.get(path, token))
    if isinstance(facts, Unknown):
        yield fail(place.repository, facts.why, "see that the repository is there")
        return
    if facts.archived:
        yield fail(place.repository, "it is archived, and read-only", "take it out of the archive")
    base = place.base or facts.default_branch
    async for finding in _branch(bot, api, token, facts, base):
        yield finding
    yield await _ledger_branch(api, token, place.repository)
    files = await _workflows(api, token, path, base)
    if isinstance(files, Unknown):
        yield untold(f"{place.repository}: workflows", files, "grant the App contents: read")
    else:
        for finding in check_workflows(files, base, place.repository):
            yield finding
        asking = bot.configuration.governance.asking
        if asking.enabled:
            yield check_agents(files, asking.workflow, place.repository)
    sight = Sight(api, place.repository, base, installation.permissions, token)
    async for finding in examine_rules(sight, bot.configuration, files):
        yield finding


async def _branch(
    bot: Bot, api: Api, token: str, facts: branch.RepositoryFacts, base: str
) -> AsyncIterator[Finding]:
    path, where = f"/repos/{facts.full_name}", f"{facts.full_name} {base}"
    here = await api.get(f"{path}/branches/{quote(base, safe='')}", token)
    found = fit(branch.BranchFacts, here)
    if isinstance(found, Unknown):
        yield fail(f"{where}: branch", found.why, "mend base_branch in subsystems.yaml")
        return
    classic = await _classic(api, token, path, found)
    rules = branch.combine(classic, await _rules(api, token, path, base))
    for finding in branch.check_branch(rules, bot.app_id, where):
        yield finding
    method = bot.configuration.governance.merge_method
    yield branch.check_methods(facts, rules, method, where)


async def _classic(
    api: Api, token: str, path: str, found: branch.BranchFacts
) -> branch.Classic | Unknown | None:
    """Read classic protection; without administration: read, what the branch itself shows."""
    got = await api.get(f"{path}/branches/{quote(found.name, safe='')}/protection", token)
    if got.ok:
        return fit(branch.Classic, got)
    if got.status == HTTPStatus.NOT_FOUND or not found.protected:
        return None
    shown = found.protection.required_status_checks is not None
    return found.protection if shown else got.unknown()


async def _rules(api: Api, token: str, path: str, name: str) -> tuple[branch.Rule, ...] | Unknown:
    """Read the rules of rulesets; a forge that does not know the question has none."""
    got = await api.get(f"{path}/rules/branches/{quote(name, safe='')}", token, per_page=100)
    return () if got.status == HTTPStatus.NOT_FOUND else fit_all(branch.Rule, got)


async def _ledger_branch(api: Api, token: str, repository: str) -> Finding:
    path = f"/repos/{repository}"
    got = await api.get(f"{path}/branches/{branch.LEDGER}", token)
    found = None if got.status == HTTPStatus.NOT_FOUND else fit(branch.BranchFacts, got)
    rules = await _rules(api, token, path, branch.LEDGER)
    return branch.check_ledger_branch(found, rules, repository)


async def _workflows(api: Api, token: str, path: str, base: str) -> dict[str, str] | Unknown:
    """Read the workflows of the base branch: path to text."""
    folder = ".github/workflows"
    got = await api.get(f"{path}/contents/{folder}", token, ref=base)
    if got.status == HTTPStatus.NOT_FOUND:
        return {}
    if not got.ok or not isinstance(got.data, list):
        return got.unknown()
    names = [str(e.get("name", "")) for e in got.data if isinstance(e, dict)]
    wanted = [name for name in names if name.endswith((".yml", ".yaml"))]
    if len(wanted) > _MAX_WORKFLOWS:
        return Unknown(f"there are {len(wanted)} workflows, and {_MAX_WORKFLOWS} are read at most")
    files: dict[str, str] = {}
    for name in wanted:
        text = _text(await api.get(f"{path}/contents/{folder}/{quote(name)}", token, ref=base))
        if isinstance(text, Unknown):
            return text
        files[f"{folder}/{name}"] = text
    return files


def _text(got: Got) -> str | Unknown:
    """Decode a workflow."""
    content = contents(got)
    try:
        return content if isinstance(content, Unknown) else content.decode()
    except UnicodeDecodeError:
        return Unknown("a workflow is not UTF-8 text")


async def _metrics(bot: Bot, tools: Tools) -> list[Finding]:
    """Ask every source of the catalog for one sample; those of guards must answer."""
    subsystems = bot.configuration.subsystems.subsystems.values()
    guards = {metric for each in subsystems for metric in each.guards}
    wanted = {
        metric_id: definition
        for metric_id, definition in bot.configuration.catalog.metrics.items()
        # What the forge tells is asked through the bot that runs.
        if definition.source is not None and not isinstance(definition.source, ForgeFigure)
    }
    samples = await Sources(tools.client, tools.clock, os.environ).sample_all(wanted)
    findings = []
    for sample in samples:
        name = f"metric {sample.metric_id}"
        if sample.value is not None or sample.note.startswith(_FIRST_LOOK):
            findings.append(good(name, f"{sample.source} answers"))
            continue
        level = fail if sample.metric_id in guards else warn
        mend = "mend its source in metrics_catalog.yaml; no data is never a pass"
        findings.append(level(name, f"{sample.source}: {sample.note}", mend))
    return findings


async def _issuer(issuer: str, client: httpx.AsyncClient) -> Finding:
    """The issuer of CI's job tokens publishes where its keys are."""
    name, url = "OIDC issuer", f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    mend = "mend oidc_issuer; without it CI's reports are refused"
    try:
        async with asyncio.timeout(20):
            answer = await client.get(url, follow_redirects=False)
        found = answer.json() if answer.is_success else None
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
        return fail(name, f"{url} does not answer ({type(error).__name__})", mend)
    if not isinstance(found, dict) or not found.get("jwks_uri"):
        return fail(name, f"{url} answers {answer.status_code} and names no keys", mend)
    if found.get("issuer") != issuer:
        return fail(name, f"{url} is of {found.get('issuer')}, not of {issuer}", mend)
    return good(name, issuer)
