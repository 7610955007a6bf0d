"""Boot in nine steps, each printed with what it found; then run until told to stop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from grace import __version__
from grace.app.bootstrap import (
    HubParts,
    Machine,
    System,
    configuration_hash,
    connect,
    listening,
    open_hub,
    open_system,
    resolve,
)
from grace.app.settings import Settings
from grace.ports import ForgeError

RETRY_S = 5.0
TELL_S = 5.0
KEPT = timedelta(days=3)  # how long the forge remembers deliveries
OVERLAP = timedelta(minutes=10)
STEPS = 9

Say = Callable[[str], None]


class Steps:
    """Count the steps of a boot aloud."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._number = 0

    def done(self, name: str, found: str) -> None:
        self._number += 1
        self._say(f"[{self._number}/{STEPS}] {name}: {found}")


@asynccontextmanager
async def running(
    settings: Settings, say: Say, machine: Machine | None = None
) -> AsyncIterator[tuple[System, str]]:
    """Boot, work, and shut down; yield the system and its base URL."""
    steps = Steps(say)
    async with open_system(settings, machine) as system:
        steps.done("hub loads", f"grace {__version__}, store {settings.data_dir / 'grace.db'}")
        code = await git_state()
        steps.done("git state detected", code)
        steps.done("config hash calculated", configuration_hash(system))
        catalog = system.configuration.catalog.metrics
        measured = sum(m.source is not None for m in catalog.values())
        steps.done(
            "metrics catalog loaded", f"{len(catalog)} metrics, {measured} with a live source"
        )
        async with (
            open_hub(system, code) as parts,
            listening(system, parts) as url,
            kept_going(system, hub_loops(system, parts)),
        ):
            steps.done("subsystem health initialised", probed(system, parts))
            steps.done("trust scores loaded", await trusted(system))
            found = await reach(system, say)
            parts.board.again()
            assert system.worker is not None
            assert system.brakes is not None
            loops = {
                "worker": system.worker.run(),
                "sweep": reconcile(system),
                "brakes": system.brakes.run(),
                "capas": parts.capas.run(),
            }
            if not settings.poll:
                loops["redelivery"] = ask_for_missed(system)
            async with kept_going(system, loops):
                steps.done("coding pipeline starts", f"{found}; {hears(settings)}")
                steps.done("healing workflow starts", heals(system))
                steps.done("all systems operational", f"listening on {url}")
                yield system, url


def probed(system: System, parts: HubParts) -> str:
    """Say what is probed, and for whom."""
    names = ", ".join(system.configuration.subsystems.subsystems)
    served = names or "no subsystem yet: write config/subsystems.yaml"
    return f"{len(parts.board.health())} probes; {served}"


def heals(system: System) -> str:
    """Say what can be healed without a patch."""
    playbooks = len(system.configuration.playbooks.playbooks)
    targets = sum(len(s.targets) for s in system.configuration.subsystems.subsystems.values())
    reached = f"{targets} targets" if targets else "no target yet: name some in subsystems.yaml"
    return f"{playbooks} playbooks; {reached}"


async def trusted(system: System) -> str:
    """Say of how many there is a record, and who signs."""
    outcomes = await system.store.outcomes()
    agents = len({o.agent for o in outcomes})
    record = (
        f"{agents} agents, {len(outcomes)} missions ended" if agents else "no mission ended yet"
    )
    return f"{record}; entries are signed by {system.signer.key_id}"


@asynccontextmanager
async def kept_going(
    system: System, loops: Mapping[str, Coroutine[Any, Any, None]]
) -> AsyncIterator[None]:
    """Run loops, each in a task of its own, until it is over here; then end them all."""
    tasks = {name: asyncio.create_task(work, name=name) for name, work in loops.items()}
    system.tasks |= tasks
    try:
        yield
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


def hub_loops(system: System, parts: HubParts) -> dict[str, Coroutine[Any, Any, None]]:
    """List what goes on whether or not the forge is reached."""
    assert system.watcher is not None  # made with the hub
    return {
        "mesh": parts.mesh.run(),
        "probes": parts.board.run(),
        "notifications": parts.outlets.notifier.run(),
        "webhooks": parts.outlets.webhooks.run(),
        "announcer": tell_of_tokens(system, parts),
        "watching": system.watcher.run(),
    }


async def tell_of_tokens(system: System, parts: HubParts) -> None:
    """Write to the ledger what `grace token` did, every few seconds."""
    log = structlog.get_logger("announcer")
    while True:
        try:
            await parts.tell()
        except Exception as error:
            log.exception("failed")
            system.measures.faults.labels(loop="announcer").inc()
            system.failures["tokens"] = f"{type(error).__name__}: {error}"
        else:
            system.failures.pop("tokens", None)
        await asyncio.sleep(TELL_S)


async def reach(system: System, say: Say) -> str:
    """Reach the forge, however long it takes; deliveries are stored meanwhile."""
    while True:
        try:
            found = await connect(system)
        except ForgeError as error:
            system.waiting_for = f"the forge: {error.sentence}"
            say(f"the forge does not answer as it should: {error.sentence}; trying again")
            await asyncio.sleep(RETRY_S)
        else:
            system.waiting_for = None
            return found


def hears(settings: Settings) -> str:
    """Say how news of the forge comes in."""
    every = f"{settings.sweep_every:g} s"
    if settings.poll:
        return f"polling every {every}, no webhook needed"
    return f"webhooks, and a sweep every {every}"


async def reconcile(system: System) -> None:
    """Sweep live missions, and look at the news: while polling each time, else now and then.

    Repositories that could not be asked about before are asked about again.
    The first look without polling comes after `news_seconds`: at the boot, deliveries that were
    missed are asked for again.
    """
    log = structlog.get_logger("sweep")
    sweep, news, settings = system.sweep, system.news, system.settings
    assert sweep is not None  # built once the forge is reached
    assert news is not None  # built with it
    assert system.worker is not None  # built with it
    failures = system.worker.failures
    pause = timedelta(seconds=0 if settings.poll else settings.news_seconds)
    next_look = system.clock.now() + pause
    while True:
        try:
            await resolve(system)
            found = await sweep.round()
            if system.clock.now() >= next_look:
                await news.look()
                next_look = system.clock.now() + pause
            elif found.closed:
                await news.look(found.closed)
        except Exception as error:
            log.exception("failed")
            system.measures.faults.labels(loop="sweep").inc()
            failures["reconciliation"] = f"{type(error).__name__}: {error}"
        else:
            failures.pop("reconciliation", None)
        await asyncio.sleep(settings.sweep_every)


async def ask_for_missed(system: System) -> None:
    """Have sent again what the forge could not deliver: at the start, and every few minutes."""
    log = structlog.get_logger("redelivery")
    assert system.worker is not None  # built once the forge is reached
    failures = system.worker.failures
    since = system.clock.now() - KEPT
    while True:
        now = system.clock.now()
        try:
            asked = await system.forge.ask_again(since)
        except ForgeError as error:
            log.warning("failed", reason=error.sentence)
            failures["redelivery"] = error.sentence
        except Exception as error:
            log.exception("failed")
            system.measures.faults.labels(loop="redelivery").inc()
            failures["redelivery"] = f"{type(error).__name__}: {error}"
        else:
            failures.pop("redelivery", None)
            since = min(now, system.clock.now()) - OVERLAP
            if asked:
                log.info("asked again", deliveries=asked)
        await asyncio.sleep(system.settings.redelivery_seconds)


async def serve(settings: Settings, say: Say) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    waiting = asyncio.create_task(stop.wait())
    serving = asyncio.create_task(_forever(settings, say))
    await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    # Cancelling is the clean way: everything that runs is closed in the opposite order.
    serving.cancel()
    (end,) = await asyncio.gather(serving, return_exceptions=True)
    if isinstance(end, BaseException) and not isinstance(end, asyncio.CancelledError):
        raise end
    say("stopped")


async def _forever(settings: Settings, say: Say) -> None:
    async with running(settings, say):
        await asyncio.Event().wait()


async def git_state() -> str:
    """Describe the code that runs: commit and branch in a checkout, else the version."""
    process = await asyncio.create_subprocess_exec(
        "git",
        "-C",
        str(Path(__file__).parent),
        "log",
        "-1",
        "--format=%h %D",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    return output.decode().strip() or "installed package, no checkout"
