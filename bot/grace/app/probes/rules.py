"""Probes of what governs: the policy and repositories' own, and what stops Grace."""

from typing import Final

from grace.app.probes.findings import Finding, counted, degraded, unhealthy, well, worst_of
from grace.app.probes.world import RuleSide, WorkSide
from grace.domain.access import OWN_LOG
from grace.domain.health import HealthPart, HealthState
from grace.domain.inspection import POLICY_FILE
from grace.domain.mission import MissionRef
from grace.ports import ForgeError, Repositories, RuleReader
from grace.ports.probing import ProbedStore

_SHOWN: Final = 3


class PolicyFiles:
    """See that the floor is loaded, and that every repository's own policy can be read."""

    def __init__(self, rules: RuleSide) -> None:
        self._rules = rules

    async def __call__(self) -> Finding:
        policy = self._rules.policy()
        repositories, reader = self._rules.repositories(), self._rules.reader()
        if policy is None or repositories is None or reader is None:
            return unhealthy(
                "no policy is in force until the forge is reached: see the forge's probe."
            )
        found = []
        missing = self._rules.missing()
        if missing:
            found.append(
                degraded(
                    f"{counted(len(missing), 'subsystem')} of subsystems.yaml without a "
                    "repository at the forge: install the App there, or correct the name.",
                    [_part(name, "its repository cannot be found", OWN_LOG) for name in missing],
                )
            )
        parts = []
        places = {
            (ref.log, policy.subsystem(name).base_branch): ref
            for name, ref in sorted(self._rules.refs.items())
        }
        for (_, branch), ref in places.items():
            problem = await _problem(ref, branch, repositories, reader)
            if problem is not None:
                parts.append(_part(ref.log, problem, ref.log))
        if parts:
            found.append(
                degraded(
                    f"{counted(len(parts), 'policy', 'policies')} of repositories cannot be read, "
                    f"so that nothing merges there: correct {POLICY_FILE} on the base branch.",
                    parts,
                )
            )
        return worst_of(found, well(f"rules {policy.digest()[:19]} are in force"))


async def _problem(
    ref: MissionRef, branch: str, repositories: Repositories, reader: RuleReader
) -> str | None:
    """Read a repository's own policy; None: there is nothing against it."""
    try:
        text = await repositories.read(ref, branch, POLICY_FILE)
    except ForgeError as error:
        return error.sentence
    problems = reader.rules(text).problems
    return "; ".join(str(problem) for problem in problems[:_SHOWN]) or None


class Brakes:
    """Say what stops Grace, and whether that can be told."""

    def __init__(self, store: ProbedStore, work: WorkSide) -> None:
        self._store = store
        self._work = work

    async def __call__(self) -> Finding:
        if "brakes" in self._work.failures():
            return unhealthy(
                "what stops Grace cannot be read, and so nothing goes forward: see the log. It is "
                "tried again."
            )
        if await self._store.kill_switch():
            return degraded(
                "the kill switch is on: nothing is merged until somebody turns it off. Windows go "
                "on, and reverts wait for a person."
            )
        return well("nothing stops Grace everywhere")


def _part(name: str, sentence: str, log: str) -> HealthPart:
    return HealthPart(name=name, state=HealthState.DEGRADED, sentence=sentence, log=log)
