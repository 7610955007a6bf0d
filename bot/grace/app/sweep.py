"""The sweep: what the forge shows of all live missions, told to those that have not heard it.

It is level-triggered: it keeps no cursor, and a round that was lost is made good by the next.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog
from pydantic import TypeAdapter

from grace.app.differences import differences
from grace.app.places import settled
from grace.domain.facts import fold
from grace.domain.mission import Mission
from grace.domain.phase import LANDED, Phase
from grace.domain.policy import Policy
from grace.ports import (
    Clock,
    Courtesy,
    Delivery,
    Forge,
    ForgeError,
    LiveQuery,
    LiveState,
    Routed,
    Store,
    Target,
)

AT_ONCE: Final = 50
ORIGIN: Final = "sweep"
OWED: Final = "courtesies"
ROUTED: Final[TypeAdapter[tuple[Routed, ...]]] = TypeAdapter(tuple[Routed, ...])
COURTESIES: Final[TypeAdapter[tuple[Courtesy, ...]]] = TypeAdapter(tuple[Courtesy, ...])
# In these phases it matters what runs in the environment: before a merge its health, then ours.
RELEASED: Final = frozenset({Phase.TESTING, Phase.GATING, Phase.MERGING}) | LANDED
GONE_AFTER: Final = 2  # rounds: a mission cannot be opened again, a forge can be wrong for a minute


@dataclass(frozen=True, slots=True)
class Inbox:
    """Where what was found goes: the way of every webhook.

    `count` counts a delivery by origin and answer, `fault` an unexpected error by its loop.
    """

    store: Store
    clock: Clock
    count: Callable[[str, str], None]
    fault: Callable[[str], None]
    wake: Callable[[], None]

    async def tell(self, event: str, routed: Sequence[Routed]) -> bool:
        """Store events, unless exactly these were stored before; tell whether they were new."""
        return await self._keep(event, ROUTED.dump_json(tuple(routed)))

    async def owe(self, courtesies: Sequence[Courtesy]) -> bool:
        """Store commits of other people's on which our check owes an answer."""
        return await self._keep(OWED, COURTESIES.dump_json(tuple(courtesies)))

    async def _keep(self, event: str, body: bytes) -> bool:
        delivery_id = hashlib.sha256(body).hexdigest()
        now = self.clock.now()
        fresh = await self.store.accept(Delivery(ORIGIN, delivery_id, event, body, now))
        self.count(ORIGIN, "accepted" if fresh else "duplicate")
        if fresh:
            self.wake()
        return fresh


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did. `closed`: repositories in which an issue was found closed since."""

    missions: int
    told: int
    closed: frozenset[int] = frozenset()


class Sweep:
    """Compare live missions with the forge. `failure`: why the last round is not whole, or None."""

    def __init__(self, forge: Forge, policy: Policy, inbox: Inbox) -> None:
        self._forge = forge
        self._policy = policy
        self._inbox = inbox
        self._gone: dict[UUID, int] = {}
        self._closed: set[UUID] = set()
        self._log = structlog.get_logger("sweep")
        self.failure: str | None = None

    async def round(self) -> Round:
        """Read every live mission, 50 in a query; a query that fails does not stop the others."""
        missions = await self._inbox.store.missions(live=True)
        self._forget({mission.uid for mission in missions})
        failures: list[str] = []
        told, closed = 0, set[int]()
        for group in groups(missions):
            try:
                states = await self._forge.read_live([self.query(mission) for mission in group])
                found = {state.uid: state for state in states}
                for mission in group:
                    if mission.uid in found:
                        told += await self._compare(mission, found[mission.uid])
            except ForgeError as error:
                self._log.warning("failed", missions=len(group), reason=error.sentence)
                failures.append(error.sentence)
            except Exception as error:  # noqa: BLE001 - one group's fault is not another's
                self._log.exception("failed", missions=len(group))
                self._inbox.fault(ORIGIN)
                failures.append(f"{type(error).__name__}: {error}")
            else:
                shut = self._newly_closed(states)
                closed |= {m.ref.repository_id for m in group if m.uid in shut}
                unseen = [m.name for m in group if m.uid not in found]
                if unseen:
                    failures.append(f"the forge says nothing about {', '.join(unseen)}")
        self.failure = "; ".join(dict.fromkeys(failures)) or None
        if told:
            self._log.info("differences", missions=len(missions), told=told)
        return Round(len(missions), told, frozenset(closed))

    def query(self, mission: Mission) -> LiveQuery:
        """Ask for what may still change a mission in its phase."""
        pull = mission.pull if mission.landing is None else None
        undoing = mission.revert.pull if mission.revert is not None else None
        observed = mission.landing if mission.phase is Phase.OBSERVING else None
        if mission.revert is not None:
            observed = mission.revert.landed
        request = mission.request if mission.phase in RELEASED else None
        name = None if request is None else request.subsystem_id
        subsystem = None if name is None else self._policy.subsystems.subsystems.get(name)
        return LiveQuery(
            ref=mission.ref,
            uid=mission.uid,
            issue=mission.issue,
            pulls=tuple(p.number for p in (pull, undoing) if p is not None),
            landed=None if observed is None else observed.sha,
            environment=None if subsystem is None else subsystem.environment,
            places=mission.queued or (mission.revert is not None and mission.revert.queued),
        )

    async def _compare(self, mission: Mission, state: LiveState) -> bool:
        """Tell a mission what it has not heard; what waits for it already counts as heard.

        It is read anew: it may have heard much since the round began.
        """
        if state.gone:
            self._gone[state.uid] = self._gone.get(state.uid, 0) + 1
            if self._gone[state.uid] < GONE_AFTER:
                return False
        else:
            self._gone.pop(state.uid, None)
        store, now = self._inbox.store, self._inbox.clock.now()
        known = await store.find(mission.name)
        if known is None or not differences(known[0], known[1], state, now):
            return False
        turn = await store.turn(state.uid)
        if turn is None or not turn.mission.live:
            return False
        facts = turn.facts
        for _, event in turn.events:
            facts = fold(facts, event, now)
        waiting = [event for _, event in turn.events]
        state = settled(mission, turn.mission, waiting, state)
        target = Target(ref=turn.mission.ref, uid=state.uid)
        news = [
            Routed(target=target, event=event)
            for event in differences(turn.mission, facts, state, now)
        ]
        return bool(news) and await self._inbox.tell("state", news)

    def _newly_closed(self, states: Sequence[LiveState]) -> set[UUID]:
        shut = {state.uid for state in states if state.issue_closed}
        new = shut - self._closed
        self._closed = (self._closed - {state.uid for state in states}) | shut
        return new

    def _forget(self, live: set[UUID]) -> None:
        self._closed &= live
        self._gone = {uid: times for uid, times in self._gone.items() if uid in live}


def groups(missions: Sequence[Mission]) -> list[Sequence[Mission]]:
    """Split missions by installation, which fail apart, and then by what fits into a query."""
    apart: dict[int | str, list[Mission]] = {}
    for mission in missions:
        ref = mission.ref
        apart.setdefault(ref.installation_id or ref.repository, []).append(mission)
    return [
        together[start : start + AT_ONCE]
        for together in apart.values()
        for start in range(0, len(together), AT_ONCE)
    ]
