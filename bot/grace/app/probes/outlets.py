"""Probes of what goes out: live events, notifications and webhooks, and the register of CAPAs."""

from typing import Final

from grace.app.probes.findings import Finding, counted, degraded, unhealthy, well
from grace.app.probes.world import WorkSide
from grace.domain.access import OWN_LOG
from grace.domain.health import HealthPart, HealthState

_BEHIND: Final = 1000
_WAITS_S: Final = 30.0


class LiveFeed:
    """See that everybody who follows the feed is told of every entry soon."""

    def __init__(self, work: WorkSide) -> None:
        self._work = work

    async def __call__(self) -> Finding:
        lags = await self._work.lags()
        parts = []
        for name, lag in sorted(lags.items()):
            if lag.failures:
                sentence = f"it failed {lag.failures} times in a row; it is asked again"
            elif lag.behind and (lag.waits_s > _WAITS_S or lag.behind > _BEHIND):
                sentence = f"it is {lag.behind} entries behind, for {lag.waits_s:.0f} s"
            else:
                continue
            parts.append(HealthPart(name=name, state=HealthState.DEGRADED, sentence=sentence))
        if not parts:
            return well(f"{counted(len(lags), 'subscriber')} told of every entry")
        sentence = (
            f"{len(parts)} of {len(lags)} subscribers lag: nobody else waits for them and no entry "
            "is lost. The log says what they fail at."
        )
        return (unhealthy if len(parts) == len(lags) > 1 else degraded)(sentence, parts)


class Outlets:
    """See that channels and webhooks take what they are sent."""

    def __init__(self, work: WorkSide) -> None:
        self._work = work

    async def __call__(self) -> Finding:
        parts, told = [], 0
        for outlet, status in sorted(self._work.outlets.items()):
            state = await status()
            told += len(state.parts)
            if state.failure is not None:
                parts.append(_part(outlet, "it fails, and is tried again: see the log"))
            for name, tally in sorted(state.parts.items()):
                if tally.failed:
                    parts.append(_part(f"{outlet}: {name}", f"{tally.failed} were given up"))
            parts += [
                _part(f"{outlet}: {name}", "it was turned off after failures")
                for name in sorted(state.off)
            ]
        if parts:
            sentence = "not everybody outside is told: correct the address, then deliver again."
            return degraded(sentence, parts)
        if not told:
            return well("nobody outside is told: name channels in notifications.yaml")
        reached = counted(told, "channel or webhook", "channels and webhooks")
        return well(f"{reached} without a failure")


class CapaRegister:
    """See that issues of CAPAs are filed, reminded of and checked."""

    def __init__(self, work: WorkSide) -> None:
        self._work = work

    async def __call__(self) -> Finding:
        if "capas" in self._work.failures():
            return degraded(
                "not all that is owed to the issues of CAPAs could be done: it is tried again, and "
                "the log says what is refused."
            )
        return well("issues are filed, reminded of and checked on their dates")


def _part(name: str, sentence: str) -> HealthPart:
    return HealthPart(name=name, state=HealthState.DEGRADED, sentence=sentence, log=OWN_LOG)
