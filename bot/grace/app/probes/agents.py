"""Probes of who does the work: agents and their claims, and playbooks."""

from datetime import timedelta
from typing import Final

from grace.app.probes.findings import Finding, counted, degraded, well
from grace.app.probes.world import WorkSide
from grace.domain.health import HealthPart, HealthState
from grace.domain.phase import Phase
from grace.ports import Clock
from grace.ports.hub import FeedFilter
from grace.ports.probing import ProbedStore

_CLAIMS: Final = 50
_RECENT: Final = timedelta(days=1)
_CLAIMED: Final = "elite.claimed"
_RELEASED: Final = "elite.released"


class Agents:
    """See that who claimed a mission works on it until it is given back, or ended."""

    def __init__(self, store: ProbedStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self) -> Finding:
        wanted = FeedFilter(patterns=(_CLAIMED, _RELEASED))
        newest: dict[str, str] = {}
        for entry in await self._store.feed_back(wanted, limit=_CLAIMS):
            if entry.mission is not None:
                newest.setdefault(entry.mission, entry.kind)
        claimed = [mission for mission, kind in newest.items() if kind == _CLAIMED]
        parts, held = [], 0
        for mission in claimed:
            part = await self._left(mission)
            if part is None:
                held += 1
            else:
                parts.append(part)
        agents = len(await self._store.agents())
        if parts:
            return degraded(
                f"{counted(len(parts), 'claim')} ran out without being given back: see "
                "whether the agent still runs. Others may claim the mission now.",
                parts,
            )
        return well(
            f"{counted(agents, 'agent')} with a record, {counted(held, 'mission')} claimed lately"
        )

    async def _left(self, mission: str) -> HealthPart | None:
        """Tell of a claim that ran out while its mission goes on."""
        lease, now = await self._store.lease(mission), self._clock.now()
        row = await self._store.mission_row(mission, now)
        if lease is None or row is None or row.phase is Phase.CLOSED:
            return None
        if not timedelta(0) <= now - lease.until <= _RECENT:
            return None
        sentence = f"its claim on {mission} ran out at {lease.until:%H:%M} UTC"
        return HealthPart(
            name=lease.agent_id, state=HealthState.DEGRADED, sentence=sentence, log=row.log
        )


class Playbooks:
    """See whether healing missions wait for a playbook that is not there."""

    def __init__(self, store: ProbedStore, work: WorkSide) -> None:
        self._store = store
        self._work = work

    async def __call__(self) -> Finding:
        installed = self._work.playbooks()
        waiting = await self._store.healing_on_hold()
        parts = [
            HealthPart(
                name=mission,
                state=HealthState.DEGRADED,
                sentence="it waits for a person",
                log=log,
            )
            for mission, log in waiting
        ]
        many = f"{counted(len(installed), 'playbook')} installed"
        told = many if installed else "no playbook is installed"
        if parts:
            return degraded(
                f"{told}, and {counted(len(parts), 'healing mission')} held: give each a patch "
                "candidate, or heal it by hand.",
                parts,
            )
        return well(told if installed else f"{told}: healing missions are taken with a patch")
