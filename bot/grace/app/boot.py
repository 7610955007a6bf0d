"""Boot in nine steps, each printed with what it found; then run until told to stop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from grace import __version__
from grace.app.bootstrap import (
    Machine,
    System,
    configuration_hash,
    connect,
    git_state,
    listening,
    open_system,
)
from grace.app.settings import Settings
from grace.ports import ForgeError

RETRY_S = 5.0
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
        steps.done("git state detected", await git_state())
        steps.done("config hash calculated", configuration_hash(system))
        catalog = system.configuration.catalog.metrics
        measured = sum(m.source is not None for m in catalog.values())
        steps.done(
            "metrics catalog loaded", f"{len(catalog)} metrics, {measured} with a live source"
        )
        subsystems = system.configuration.subsystems.subsystems
        names = ", ".join(subsystems) or "none yet: write config/subsystems.yaml"
        steps.done("subsystem health initialised", names)
        steps.done(
            "trust scores loaded",
            f"none recorded yet; entries are signed by {system.signer.key_id}",
        )
        async with listening(system) as url:
            found = await reach(system, say)
            assert system.worker is not None
            work = asyncio.create_task(system.worker.run(), name="worker")
            asking = asyncio.create_task(ask_for_missed(system), name="redelivery")
            try:
                steps.done("coding pipeline starts", found)
                steps.done(
                    "healing workflow starts",
                    "healing missions are taken with a pull request; no playbook is installed",
                )
                steps.done("all systems operational", f"listening on {url}")
                yield system, url
            finally:
                work.cancel()
                asking.cancel()
                await asyncio.gather(work, asking, return_exceptions=True)


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


async def ask_for_missed(system: System) -> None:
    """Have sent again what the forge could not deliver: at the start, and every few minutes."""
    log = structlog.get_logger("redelivery")
    since = system.clock.now() - KEPT
    while True:
        now = system.clock.now()
        try:
            asked = await system.forge.ask_again(since)
        except ForgeError as error:
            log.warning("failed", reason=error.sentence)
        except Exception:
            log.exception("failed")
            system.measures.faults.labels(loop="redelivery").inc()
        else:
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
