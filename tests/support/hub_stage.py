"""The bot on a flow's stage with its hub as people meet it: they sign in, and acme operates."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from grace.app.boot import hub_loops, kept_going, reach
from grace.app.bootstrap import HubParts, Machine, listening, open_hub, open_system
from grace.app.rights import FRESH
from grace.app.settings import Settings
from support.flow_look import Look, eventually
from support.flows import OWNER, Stage

REVIEW_S = 0.2  # how often a socket asks again who reads


@dataclass
class Ahead:
    """The machine's clock, put forward as far as a test says."""

    by: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


@dataclass
class Hub:
    """A running bot with its hub."""

    url: str
    look: Look
    clock: Ahead
    parts: HubParts

    async def rights_are_asked_again(self, stage: Stage, login: str) -> None:
        """Let what the forge said of people grow old, until it was asked again about somebody."""

        async def times() -> int:
            calls = await stage.forge.calls(stage.app.bot)
            return sum(f"/collaborators/{login}/permission" in call.path for call in calls)

        async def again() -> bool | None:
            return await times() > before or None

        before = await times()
        self.clock.by += FRESH
        await eventually(again, f"a question about {login}")


@asynccontextmanager
async def hub_of(stage: Stage) -> AsyncIterator[Hub]:
    """Run the bot with its worker and its hub; the stage's owner operates it."""
    settings = Settings.model_validate(
        {
            **stage.settings(),
            "public_url": stage.bot_url,
            "oauth_client_id": stage.app.client_id,
            "oauth_client_secret": stage.app.client_secret,
            "operators": OWNER,
        }
    )
    clock = Ahead()
    async with open_system(settings, Machine(clock)) as system, open_hub(system, "") as parts:
        parts.live.limits = replace(parts.live.limits, review_s=REVIEW_S)
        async with listening(system, parts) as url, kept_going(system, hub_loops(system, parts)):
            await reach(system, lambda _: None)
            assert system.worker is not None
            loops = {"worker": system.worker.run(), "capas": parts.capas.run()}
            async with kept_going(system, loops):
                look = await Look.at(stage)
                try:
                    yield Hub(url, look, clock, parts)
                finally:
                    await look.close()
