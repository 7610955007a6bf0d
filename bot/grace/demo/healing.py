"""A database that is locked, and what heals it: a stuck process, an alert, and a runner."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from grace.demo.play import PATIENCE_S, Play, Say, StoryFailed
from grace.demo.scenes import Built, Scene, demo_files, subsystem_of
from grace.demo.stage import Stage
from grace.demo.stories import HEAL, REPAIR, STORIES, Alarm
from grace.demo.tools import python_path
from grace.domain.healing_gates import thing_of
from grace.domain.mission import Mission

TARGET: Final = "mesh-archive"
PLAYBOOK: Final = "database-locked-sqlite"
ALERT_TOKEN: Final = "demo-alert-token"  # noqa: S105 - both ends live and die with this process
APPLICATION_ID: Final = 0x6D657368  # what the archive's file says that it is
WAIT_S: Final = 3
_LOCKED: Final = "database is locked"
_REPORT: Final = '''\
"""A report that somebody wrote in a hurry: it took the write lock, and then it hung."""

import sqlite3
import sys
import time

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("DELETE FROM events WHERE topic = 'billing.due'")
print("locked", flush=True)
time.sleep(3600)
'''


def story_scene() -> Scene:
    """Return what the stories are played on: a repository each, one agent, one target."""
    return Scene(
        templates={story.name: story.first for story in STORIES},
        files=story_files,
        settings={"alert_token": ALERT_TOKEN},
    )


def story_files(built: Built) -> dict[str, Any]:
    """Write the bot's configuration: whom to ask for a patch, and what a playbook may act on."""
    files = demo_files(built)
    subsystems = files["subsystems.yaml"]["subsystems"]
    repair = {"name": "repair", "builtin": "repair", "needs_tests": True, "minutes": 4}
    if REPAIR.name in built.repositories:
        repair["subsystems"] = [subsystem_of(REPAIR.name)]
    files["agents.yaml"] = {"agents": [repair]}
    if HEAL.name in built.repositories:
        subsystems[subsystem_of(HEAL.name)]["targets"] = {TARGET: "sqlite"}
    files[f"playbooks/{PLAYBOOK}.yaml"] = hurried_playbook()
    return files


def hurried_playbook() -> dict[str, Any]:
    """Return the playbook that ships, with half a minute of waiting cut to seconds."""
    text = (resources.files("grace") / "playbooks" / f"{PLAYBOOK}.yaml").read_text("utf-8")
    playbook: dict[str, Any] = yaml.safe_load(text)
    playbook["healed"]["with"]["busy_seconds"] = 1
    for step in playbook["steps"]:
        if step["id"] == "wait":
            step["with"]["seconds"] = WAIT_S
    return playbook


class HealPlay(Play):
    """A locked database: an alert begins it, a runner heals, a person agrees to the worst."""

    def __init__(self, stage: Stage, alarm: Alarm, say: Say) -> None:
        super().__init__(stage, alarm, say)
        self._alarm = alarm

    async def _act(self, stack: AsyncExitStack) -> Mission:
        deployer = await self._produce(stack)
        database = deployer.config.data / "archive.db"
        await stack.enter_async_context(runner(self._stage, database))
        self._say(f"a runner of its own serves the target {TARGET}, with a token for that alone")
        pid = await stack.enter_async_context(stuck(self._stage.workdir, database))
        self._say(f"process {pid} takes the archive's write lock and hangs")
        log = deployer.config.work / "logs" / f"{(deployer.live_sha or '')[:12]}.log"
        await self._alert(await complaint(log))
        mission = await self._until(lambda m: _waits(m) or not m.live)
        if mission.live:
            assert mission.trying is not None  # it waits with a step
            self._say(f"  the step {mission.trying.waiting_for} means {thing_of(mission.trying)}")
            await self._command(mission, f"/grace approve {mission.trying.waiting_for}")
            mission = await self._until(lambda m: not m.live)
        return mission

    async def _alert(self, said: str) -> None:
        """Tell the bot as Alertmanager would."""
        alarm = self._alarm
        alert = {
            "status": "firing",
            "labels": {
                "alertname": alarm.title,
                "subsystem_id": subsystem_of(alarm.name),
                "metric_id": alarm.target.metric_id,
                "severity": alarm.severity,
            },
            "annotations": {
                "summary": alarm.title,
                "description": f"The service's log says: {said}",
                "observation_window_minutes": f"{alarm.window_minutes:g}",
                "rolling_window_minutes": f"{alarm.rolling_minutes:g}",
            },
            "startsAt": datetime.now(UTC).isoformat(),
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": "archive",
        }
        body = {"version": "4", "groupKey": "demo", "alerts": [alert]}
        headers = {"Authorization": f"Bearer {ALERT_TOKEN}"}
        async with httpx.AsyncClient(base_url=self._stage.bot_url, headers=headers) as client:
            (await client.post("/alerts/alertmanager", json=body)).raise_for_status()
        self._say(f"an alert fires: {alarm.title}")


def _waits(mission: Mission) -> bool:
    """Tell whether a step waits for a named person."""
    each = mission.trying
    return each is not None and each.state is None and each.waiting_for is not None


async def complaint(log: Path) -> str:
    """Wait until the service's log says that the database is locked, and return that line's end."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        lines = (await asyncio.to_thread(log.read_text, "utf-8")).splitlines()
        found = next((line for line in lines if _LOCKED in line), None)
        if found is not None:
            return found.rpartition("] ")[2]
        await asyncio.sleep(0.1)
    raise StoryFailed("the service never said that its database is locked")


@asynccontextmanager
async def stuck(folder: Path, database: Path) -> AsyncIterator[int]:
    """Keep a process that holds the database's write lock; yield its number."""
    program = folder / "nightly_report.py"
    await asyncio.to_thread(program.write_text, _REPORT)
    process = await asyncio.create_subprocess_exec(
        python_path(), str(program), str(database), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        if await process.stdout.readline() != b"locked\n":
            raise StoryFailed("the process that should hold the database's lock could not")
        yield process.pid
    finally:
        await _ended(process)


@asynccontextmanager
async def runner(stage: Stage, database: Path) -> AsyncIterator[None]:
    """Run `grace runner` beside the database, with a token of its own."""
    folder = stage.workdir / "runner"
    config = {
        "name": "beside-the-archive",
        "state": "state",
        "poll_seconds": 0.5,
        "lease_seconds": 10,
        "targets": {
            TARGET: {
                "kind": "sqlite",
                "settings": {"path": str(database), "application_id": APPLICATION_ID},
            }
        },
    }
    await asyncio.to_thread(_write, folder / "runner.yaml", yaml.safe_dump(config))
    token = await _token(stage.settings.data_dir)
    with (folder / "runner.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *_grace("runner", "--url", stage.bot_url, "--config", str(folder / "runner.yaml")),
            env={"PATH": os.environ.get("PATH", os.defpath), "GRACE_RUNNER_TOKEN": token},
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        await _ended(process)


async def _token(data: Path) -> str:
    """Have a token made that is good for the one target, as an operator does."""
    words = ("--name", "demo runner", "--scope", "runner", "--target", TARGET, "--expires", "1h")
    process = await asyncio.create_subprocess_exec(
        *_grace("token", "create", *words, "--data", str(data)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    made, said = await process.communicate()
    if process.returncode != 0:
        raise StoryFailed(f"no token could be made: {said.decode()}")
    return made.decode().strip()


def _grace(*words: str) -> tuple[str, ...]:
    return (str(python_path().parent / "grace"), *words)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """End a process, where it has not ended by itself."""
    if process.returncode is None:
        process.terminate()
    await process.wait()
