"""A campaign: many stories at once, each in its repository, against a forge in any weather."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from grace.adapters.sqlite.reader import StoreReader
from grace.demo.stage import EVENTS, PERMISSIONS
from grace.domain.mission import Mission
from grace.localforge.forge import App, ForgeConfig, LocalForge
from grace.localforge.limits import Limits
from support.campaign_ends import settled_end
from support.campaign_people import People
from support.campaign_stories import End, Story
from support.flow_ci import FastCI
from support.flow_look import Look
from support.flow_people import MetricPage, metric_page
from support.flows import OWNER, SECRET, Bot, Stage, free_port, protect, write_template
from support.proxy import ApiFault, ApiPlan, ApiProxy, HookFault, HookPlan, HookProxy
from support.schema import published
from support.schema_check import SchemaCheck

PEOPLE = {"alice": "write", "rita": "write", "walt": "write", "mallory": "read"}
BOARD_S = 0.15
PLENTY = "1000000"
# Everything that makes good what was lost comes soon; a real one waits for minutes.
SETTINGS = {
    "sweep_seconds": "1",
    "news_seconds": "3",
    "redelivery_seconds": "3",
    "points_per_minute": PLENTY,
    "content_per_minute": PLENTY,
    "content_per_hour": PLENTY,
}
GOVERNANCE: dict[str, Any] = {
    "observation": {
        "sample_interval_seconds": 0.5,
        "min_samples": 2,
        "early_samples": 2,
        "max_missing": 0.9,
    },
    "rollback": {"max_per_day": 1000},
}
TESTS = {"timeout_minutes": 4, "ask_after_minutes": 0.05}


@dataclass(frozen=True, slots=True)
class Weather:
    """How the forge fails. `seed` and the rates decide; a rate is a share of requests."""

    api: ApiPlan
    hooks: HookPlan


def foul(seed: int) -> Weather:
    """Have every fault at a rate that makes each happen several times in eight missions."""
    api = {
        ApiFault.ERROR_BEFORE: 0.02,
        ApiFault.ERROR_AFTER: 0.03,
        ApiFault.TIMEOUT_BEFORE: 0.02,
        ApiFault.TIMEOUT_AFTER: 0.03,
        ApiFault.SECONDARY_LIMIT: 0.01,
        ApiFault.UNAUTHORIZED: 0.01,
        ApiFault.TRUNCATED: 0.02,
    }
    hooks = {
        HookFault.LOST: 0.05,
        HookFault.REFUSED: 0.07,
        HookFault.DUPLICATED: 0.1,
        HookFault.REORDERED: 0.1,
        HookFault.LATE: 0.07,
    }
    # The keys of CI's tokens are not GitHub's API: jobs have a patience of their own.
    spare = ("/_services/",)
    return Weather(
        ApiPlan(api, seed, unauthorized=10_000, spare=spare, git=True),
        HookPlan(hooks, seed, late_hours=1.0, speed=3600 / 4.0),
    )


@dataclass
class Outcome:
    """How each story ended, what was doubled, and what the proxies did, to git among others."""

    ends: dict[int, End]
    wrong: dict[int, list[str]]
    deeds: dict[ApiFault | HookFault, int]
    git_faults: int


class Board:
    """All missions of the bot, read again and again by one reader for everybody who waits."""

    def __init__(self, reader: StoreReader) -> None:
        self._reader = reader
        self.missions: tuple[Mission, ...] = ()

    async def keep(self) -> None:
        while True:
            self.missions = tuple(await self._reader.missions())
            await asyncio.sleep(BOARD_S)


class OneRepository(Look):
    """Look at one repository of many: issues of different ones have the same numbers."""

    def __init__(self, stage: Stage, reader: StoreReader, board: Board) -> None:
        super().__init__(stage, reader)
        self._board = board
        self._id = stage.repository.id

    async def mission(self, issue: int) -> Mission | None:
        mine = (m for m in self._board.missions if m.ref.repository_id == self._id)
        return next((m for m in mine if m.issue == issue), None)


@dataclass
class Field:
    """A forge with a repository for each story, and the proxies before it, if any."""

    stages: dict[int, Stage]
    hooks: HookProxy | None
    api: ApiProxy | None

    @property
    def first(self) -> Stage:
        return next(iter(self.stages.values()))

    def deeds(self) -> dict[ApiFault | HookFault, int]:
        """Count what the proxies did."""
        if self.api is None or self.hooks is None:
            return {}
        return {f: self.api.count(f) for f in ApiFault} | {
            f: self.hooks.count(f) for f in HookFault
        }

    def git_faults(self) -> int:
        """Count the requests of git that failed."""
        deeds = self.api.deeds if self.api is not None else []
        return sum(".git/" in d.path and d.fault is not ApiFault.NONE for d in deeds)


async def play(
    folder: Path, app_key: tuple[str, str], told: Sequence[Story], weather: Weather | None
) -> Outcome:
    """Play all stories at once and say how each ended."""
    async with (
        set_field(folder, app_key, told, weather) as field,
        field.first.bot(**SETTINGS) as bot,
    ):
        reader = await StoreReader.look(field.first.data / "grace.db")
        board = Board(reader)
        keeping = asyncio.create_task(board.keep())
        try:
            return await _play(field, told, bot, board, reader)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await reader.close()


async def _play(
    field: Field, told: Sequence[Story], bot: Bot, board: Board, reader: StoreReader
) -> Outcome:
    cast = [
        People(field.stages[s.number], OneRepository(field.stages[s.number], reader, board), s)
        for s in told
    ]
    async with asyncio.TaskGroup() as group:
        playing = [group.create_task(_named(people)) for people in cast]
    await bot.look.settled()
    if field.hooks is not None:
        await field.hooks.drain()  # what is an hour late arrives after the end
    await field.first.forge.idle()
    await bot.look.settled()
    ends: dict[int, End] = {}
    wrong: dict[int, list[str]] = {}
    for people, task in zip(cast, playing, strict=True):
        ended = task.result()
        latest = await people.look.until(people.issue, lambda m: not m.live)
        end, faults = await settled_end(people, latest)
        ends[people.story.number] = end
        wrong[people.story.number] = faults
        assert latest.outcome is ended.outcome
    return Outcome(ends, wrong, field.deeds(), field.git_faults())


async def _named(people: People) -> Mission:
    """Play one story; what goes wrong says which."""
    with _about(people.story):
        return await people.play()


@contextmanager
def _about(story: Story) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note(f"in {story}")
        raise


@asynccontextmanager
async def set_field(
    folder: Path, app_key: tuple[str, str], told: Sequence[Story], weather: Weather | None
) -> AsyncIterator[Field]:
    """Set the field; at its end all that went to and fro must have been as GitHub publishes it."""
    bot_url, port = f"http://127.0.0.1:{free_port()}", free_port()
    direct = f"http://127.0.0.1:{port}"
    check = SchemaCheck(published())
    async with AsyncExitStack() as stack:
        api = hooks = None
        if weather is not None:
            api = await stack.enter_async_context(ApiProxy(weather.api))
            api.upstream = direct
            hooks = await stack.enter_async_context(HookProxy(weather.hooks))
            hooks.upstream = bot_url
        config = ForgeConfig(
            data=folder / "forge",
            port=port,
            public_url=api.url if api is not None else None,
            rate_limit=10**9,
            limits=Limits.off(),
            parallel_runs=6,
            delivery_timeout=5,
        )
        ci = FastCI(bot_url)
        forge = LocalForge(config, ci)
        forge.watch(check)
        await forge.start()
        stack.push_async_callback(forge.close)
        app = await _app(forge, hooks.url if hooks is not None else bot_url, app_key[1])
        check.requests_of = app.bot
        tokens = {login: await forge.create_user(login) for login in (OWNER, *PEOPLE)}
        clients = await _clients(stack, f"{direct}/api/v3", tokens)
        template = folder / "template"
        write_template(template)
        stages: dict[int, Stage] = {}
        for story in told:
            repository = await forge.create_repository(OWNER, story.subsystem, template=template)
            for login, permission in PEOPLE.items():
                await forge.add_collaborator(repository.full_name, login, permission)
            page = await stack.enter_async_context(metric_page())
            stages[story.number] = Stage(
                folder,
                forge,
                ci,
                page,
                repository,
                app,
                app_key[0],
                bot_url,
                tokens,
                check,
                clients,
            )
        await forge.install_app(app.id, OWNER, [story.subsystem for story in told])
        for stage in stages.values():
            await protect(stage)
        _configure(folder / "config", told, stages, forge.ci_app_id)
        yield Field(stages, hooks, api)
    check.assert_clean()


async def _app(forge: LocalForge, hook_url: str, public_key: str) -> App:
    return await forge.create_app(
        "grace",
        webhook_url=f"{hook_url}/hooks/github",
        webhook_secret=SECRET,
        public_key_pem=public_key,
        permissions=PERMISSIONS,
        events=EVENTS,
    )


async def _clients(
    stack: AsyncExitStack, api_url: str, tokens: dict[str, str]
) -> dict[str | None, httpx.AsyncClient]:
    """Let people speak to the forge itself: they do not try again."""
    clients: dict[str | None, httpx.AsyncClient] = {}
    for login, token in tokens.items():
        client = httpx.AsyncClient(
            base_url=api_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            verify=False,
        )
        clients[login] = await stack.enter_async_context(client)
    return clients


def _configure(
    folder: Path, told: Sequence[Story], stages: dict[int, Stage], ci_app_id: int
) -> None:
    """Write the bot's configuration: a subsystem and a measured metric for each story."""
    metrics = {s.metric: _metric(stages[s.number].page) for s in told}
    subsystems = {
        s.subsystem: {
            "host": "localforge",
            "repository": stages[s.number].repository.full_name,
            "environment": "production",
        }
        for s in told
    }
    folder.mkdir(parents=True)
    for name, content in (
        ("metrics_catalog.yaml", {"metrics": metrics}),
        ("subsystems.yaml", {"subsystems": subsystems}),
        ("governance.yaml", {**GOVERNANCE, "tests": {**TESTS, "ci_app_ids": [ci_app_id]}}),
    ):
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False))


def _metric(page: MetricPage) -> dict[str, Any]:
    source = {"kind": "prometheus_text", "url": page.url, "series": "latency_p95_ms"}
    return {"target": 100, "comparator": "<", "unit": "ms", "stress": "p95_ms", "source": source}
