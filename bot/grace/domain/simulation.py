"""Replay a policy over past missions, from the ledger alone: what it would have changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from grace.domain.evidence import Evidence, Replay
from grace.domain.judging import explained
from grace.domain.phase import Phase
from grace.domain.policy import Governance, Policy
from grace.domain.render import why
from grace.domain.verdict import EVALUATOR, Condition, Result

KINDS = (
    "policy.in_force",
    "mission.evidence",
    "mission.verdict",
    "mission.merge_requested",
    "mission.closed",
)
JUDGED = frozenset({Phase.TESTING, Phase.GATING})


@dataclass(frozen=True, slots=True)
class Recorded:
    """One verdict as the ledger has it, with what it was made from put together again."""

    mission: str
    at: datetime
    tree: Condition
    floor: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Change:
    """What another policy says of the verdict that decided a mission."""

    mission: str
    at: datetime
    before: Result
    after: Result
    reason: str
    merged: bool
    outcome: str | None

    @property
    def changed(self) -> bool:
        passing = {Result.PASS, Result.SKIPPED, Result.DEFERRED}
        return (self.before in passing) != (self.after in passing)


@dataclass(slots=True)
class Past:
    """One mission: the verdict that decided it, whether it merged, and how it ended."""

    decisive: Recorded | None = None
    merged: bool = False
    outcome: str | None = None


@dataclass(slots=True)
class Simulation:
    """Feed it entries in the order of a log; then ask.

    `verify` replays each verdict under the policy that was in force: `reproduced` counts those
    that came out the same to the last bit, `different` names the others, and `unreadable` those
    whose evidence is not in the log (older evaluators, redacted entries).
    """

    verify: bool = True
    past: dict[str, Past] = field(default_factory=dict)
    reproduced: int = 0
    different: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    _policies: dict[str, Policy] = field(default_factory=dict)
    _replays: dict[str, Replay] = field(default_factory=dict)

    def feed(
        self, kind: str, mission: str | None, payload: Mapping[str, Any] | None, at: datetime
    ) -> None:
        """Take one entry; kinds that say nothing here are passed over."""
        if payload is None:
            return
        if kind == "policy.in_force":
            found = Policy.model_validate(payload["policy"])
            self._policies[str(payload["policy_hash"])] = found
        elif mission is not None:
            self._of_mission(kind, mission, payload, at)

    def _of_mission(
        self, kind: str, mission: str, payload: Mapping[str, Any], at: datetime
    ) -> None:
        past = self.past.setdefault(mission, Past())
        replay = self._replays.setdefault(mission, Replay())
        match kind:
            case "mission.evidence":
                replay.part(payload)
            case "mission.verdict":
                self._verdict(mission, payload, at)
            case "mission.merge_requested":
                past.merged = True
            case "mission.closed":
                past.outcome = str(payload.get("outcome", ""))
                del self._replays[mission]
            case _:
                pass

    def _verdict(self, mission: str, payload: Mapping[str, Any], at: datetime) -> None:
        name = f"{mission} at {at:%Y-%m-%d %H:%M:%S}"
        if payload.get("evaluator") != EVALUATOR or "evidence" not in payload:
            self.unreadable.append(name)
            return
        try:
            evidence = self._replays[mission].evidence(payload["evidence"])
            tree = Condition.model_validate(payload["tree"])
        except (KeyError, ValidationError):
            self.unreadable.append(name)
            return
        found = Recorded(mission, at, tree, str(payload.get("floor", "")), evidence)
        if evidence.mission.phase in JUDGED:
            self.past[mission].decisive = found
        if self.verify:
            self._compare(name, found, payload)

    def _compare(self, name: str, found: Recorded, payload: Mapping[str, Any]) -> None:
        policy = self._policies.get(found.floor)
        if policy is None:
            self.unreadable.append(name)
            return
        same = found.evidence.digest() == payload["facts_hash"]
        if same and explained(found.evidence.case(policy)) == found.tree:
            self.reproduced += 1
        else:
            self.different.append(name)

    def under(self, governance: Governance | None) -> list[Change]:
        """Judge what decided each mission under another floor; None: under the one of its time."""
        found: list[Change] = []
        for name, past in sorted(self.past.items()):
            decisive = past.decisive
            policy = self._policies.get(decisive.floor) if decisive is not None else None
            if decisive is None or policy is None:
                continue
            if governance is not None:
                policy = policy.model_copy(update={"governance": governance})
            tree = explained(decisive.evidence.case(policy))
            found.append(
                Change(
                    mission=name,
                    at=decisive.at,
                    before=decisive.tree.result,
                    after=tree.result,
                    reason=why(tree),
                    merged=past.merged,
                    outcome=past.outcome,
                )
            )
        return found
