"""Waiting until a forge has nothing left to do."""

import asyncio

from grace.localforge.core import Core
from grace.localforge.deliveries import Deliveries


async def wait_idle(core: Core, deliveries: Deliveries, timeout: float) -> None:  # noqa: ASYNC109
    """Return when tasks and deliveries are done; TimeoutError when they are not in time."""
    async with asyncio.timeout(timeout):
        while core.tasks or deliveries.busy:
            await asyncio.wait({*core.tasks, *deliveries.tasks}, return_when=asyncio.ALL_COMPLETED)
            # Callbacks of finished tasks run on the next turn of the loop.
            await asyncio.sleep(0)
