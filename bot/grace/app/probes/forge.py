"""Probes of the forge: does it answer and know us, and what do its limits leave."""

from collections.abc import Sequence
from typing import Final

from grace.app.observe import Budget
from grace.app.probes.findings import Finding, degraded, unhealthy, well
from grace.app.probes.world import ForgeSide
from grace.domain.health import HealthPart, HealthState
from grace.ports import ForgeError, ForgeUnavailable

# What is little of a limit: below it only what is urgent is asked.
_LITTLE: Final = {"requests_per_hour": 500, "content_per_hour": 25}
_QUEUE: Final = 50


class ForgeApi:
    """Ask the forge who we are: one cheap call."""

    def __init__(self, side: ForgeSide) -> None:
        self._side = side

    async def __call__(self) -> Finding:
        try:
            await self._side.reach()
        except ForgeUnavailable as error:
            sentence = f"{error.sentence}. Missions wait and go on by themselves once it answers."
            return unhealthy(sentence)
        except ForgeError as error:
            return unhealthy(f"{error.sentence}. Check the App's id, its key and its installation.")
        return well("it answers and knows us")


class RateBudget:
    """Look at what the forge's limits leave each installation; no call is made."""

    def __init__(self, side: ForgeSide) -> None:
        self._side = side

    async def __call__(self) -> Finding:
        budgets = self._side.budgets()
        parts = [part for budget in budgets if (part := _short(budget)) is not None]
        if parts:
            return degraded(
                "the forge's limits hold calls back: what is urgent goes first and the rest waits. "
                "Fewer missions at once, or another installation, would help if it stays so",
                parts,
            )
        return well(_left(budgets))


def _short(budget: Budget) -> HealthPart | None:
    """Say what an installation is short of; None: of nothing."""
    said = []
    if budget.paused_s > 0:
        said.append(f"the forge asked for {budget.paused_s:.0f} s of silence")
    for limit, little in _LITTLE.items():
        left = budget.left.get(limit)
        if left is not None and left < little:
            said.append(f"{left} {limit.replace('_', ' ')} are left")
    if budget.waiting >= _QUEUE:
        said.append(f"{budget.waiting} calls wait")
    if not said:
        return None
    name = f"installation {budget.installation}"
    return HealthPart(name=name, state=HealthState.DEGRADED, sentence="; ".join(said))


def _left(budgets: Sequence[Budget]) -> str:
    known = [n for b in budgets if (n := b.left.get("requests_per_hour")) is not None]
    return f"{min(known)} requests are left in this hour" if known else "no call has told it yet"
