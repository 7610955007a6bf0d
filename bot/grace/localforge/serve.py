"""Running the forge alone until told to stop."""

import asyncio
import signal
from collections.abc import Callable

from grace.localforge.forge import ForgeConfig, LocalForge
from grace.localforge.runs import WorkflowRunner

WARNING = "This forge is for demo, development and tests: it is not a host for the public."
FIRST_ADMIN = "admin"


async def serve(
    config: ForgeConfig,
    runner: WorkflowRunner | None = None,
    *,
    say: Callable[[str], None],
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until `stop` is set, or SIGTERM or SIGINT where it is not given.

    At the first start in a data folder it makes the site admin and says its token, once.
    """
    fresh = not (config.data / "forge.sqlite3").exists()
    stopping = stop or asyncio.Event()
    forge = LocalForge(config, runner)
    try:
        token = await forge.create_user(FIRST_ADMIN, site_admin=True) if fresh else None
        await forge.start()
        if stop is None:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, stopping.set)
        say(f"Local forge at {forge.url} (API {forge.api_url}, git {forge.url}/OWNER/NAME.git)")
        say(WARNING)
        if token is not None:
            say(f"Token of {FIRST_ADMIN}, shown this once: {token}")
        await stopping.wait()
    finally:
        await forge.close()
