"""Replay verdicts from the ledger alone, and say what other rules would have decided."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, ValidationError

from grace.domain.base import Frozen
from grace.domain.evidence import Evidence, Replay
from grace.domain.inspection import RepositoryRules
from grace.domain.judging import explained
from grace.domain.phase import Phase
from grace.domain.policy import Governance, Policy, hashed
from grace.domain.rules.language import RepositoryPolicy
from grace.domain.rules.standings import Standing, holding
from grace.domain.verdict import EVALUATOR, PASSING, Condition, Result

KINDS = (
    "policy.in_force",
    "mission.evidence",
    "mission.verdict",
    "mission.merge_requested",
    "mission.closed",
)
JUDGED = frozenset({Phase.TESTING.value, Phase.GATING.value})


class Change(Frozen):
    """What proposed rules say of the verdict that decided a mission.

    `held`: the gates and rules that do not pass, under whichever of the two holds it back.
    `merged`: Grace asked for its merge. `outcome`: how it ended; None: it lives.
    """

    mission: str
    at: AwareDatetime
    before: Result
    after: Result
    held: tuple[Standing, ...]
    merged: bool
    outcome: str | None

    @property
    def changed(self) -> bool:
        return (self.before in PASSING) != (self.after in PASSING)


@dataclass(frozen=True, slots=True)
class Proposal:
    """Rules to try on the past: a floor, a repository's file, or both; None: as it was then."""

    governance: Governance | None = None
    repository: RepositoryPolicy | None = None

    def policy(self, of_its_time: Policy) -> Policy:
        """Put the proposed floor in the place of that of its time."""
        if self.governance is None:
            return of_its_time
        return Policy(
            governance=self.governance,
            catalog=of_its_time.catalog,
            subsystems=of_its_time.subsystems,
            bot_login=of_its_time.bot_login,
            app_id=of_its_time.app_id,
        )

    def evidence(self, found: Evidence) -> Evidence:
        """Put the proposed file in the place of the one that stood at the base."""
        if self.repository is None:
            return found
        rules = RepositoryRules(policy=self.repository)
        inspections = {
            sha: read.model_copy(update={"rules": rules})
            for sha, read in found.facts.inspections.items()
        }
        facts = found.facts.model_copy(update={"inspections": inspections})
        return found.model_copy(update={"facts": facts})


@dataclass(frozen=True, slots=True)
class _Entry:
    """A verdict as the ledger has it."""

    payload: Mapping[str, Any]
    at: datetime


@dataclass(slots=True)
class _Past:
    """One mission that has not closed yet: its evidence so far, and the verdict that decides it."""

    replay: Replay = field(default_factory=Replay)
    decisive: _Entry | None = None
    merged: bool = False


@dataclass(slots=True)
class Simulation:
    """Feed it entries in the order of a log, all logs one after another; then `finish`.

    Without a `proposal` each verdict since `since` is replayed under the policy that was in force.
    With one only that which decided a mission is, the last of its testing or gating; then it is
    judged under the proposal, and `changes` says what comes of it.

    `reproduced` counts verdicts that came out the same to the last bit, `different` names the
    others, and `unreadable` those whose evidence or policy is not in the log: of older evaluators,
    or redacted. What is kept in memory is that of missions that have not closed.
    """

    proposal: Proposal | None = None
    since: datetime | None = None
    reproduced: int = 0
    different: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    _policies: dict[str, Policy] = field(default_factory=dict)
    _proposed: dict[str, Policy] = field(default_factory=dict)
    _open: dict[str, _Past] = field(default_factory=dict)

    def feed(
        self, kind: str, mission: str | None, payload: Mapping[str, Any] | None, at: datetime
    ) -> None:
        """Take one entry; kinds that say nothing here are passed over. No payload: redacted."""
        if mission is not None:
            self._of_mission(kind, mission, payload or {}, at)
        elif kind == "policy.in_force" and payload is not None:
            self._in_force(payload)

    def finish(self) -> None:
        """Settle the missions that have not closed."""
        for mission in sorted(self._open):
            self._settle(mission, None)

    def _in_force(self, payload: Mapping[str, Any]) -> None:
        """Keep a policy; one that this version cannot read leaves its verdicts unreadable.

        So does one that is not what its hash says.
        """
        digest = str(payload["policy_hash"])
        try:
            policy = Policy.model_validate(payload["policy"])
        except ValidationError:
            return
        if hashed(payload["policy"]) != digest:
            return
        self._policies[digest] = policy
        if self.proposal is not None:
            self._proposed[digest] = self.proposal.policy(policy)

    def _of_mission(
        self, kind: str, mission: str, payload: Mapping[str, Any], at: datetime
    ) -> None:
        past = self._open.setdefault(mission, _Past())
        match kind:
            case "mission.evidence" if payload:
                past.replay.part(payload)
            case "mission.verdict":
                self._verdict(mission, past, _Entry(payload, at))
            case "mission.merge_requested":
                past.merged = True
            case "mission.closed":
                self._settle(mission, str(payload.get("outcome", "")))
            case _:
                pass

    def _verdict(self, mission: str, past: _Past, entry: _Entry) -> None:
        if self.proposal is None:
            self._replayed(mission, past, entry)
        elif decides(entry.payload):
            past.decisive = entry

    def _settle(self, mission: str, outcome: str | None) -> None:
        past = self._open.pop(mission)
        if self.proposal is None or past.decisive is None:
            return
        evidence = self._replayed(mission, past, past.decisive)
        if evidence is None:
            return
        payload = past.decisive.payload
        before = Condition.model_validate(payload["tree"])
        proposed = self._proposed[payload["floor"]]
        after = explained(self.proposal.evidence(evidence).case(proposed))
        self.changes.append(
            Change(
                mission=mission,
                at=past.decisive.at,
                before=before.result,
                after=after.result,
                held=holding(before if after.passes else after),
                merged=past.merged,
                outcome=outcome,
            )
        )

    def _replayed(self, mission: str, past: _Past, entry: _Entry) -> Evidence | None:
        """Replay a verdict under the policy of its time; return what it was made from."""
        if self.since is not None and entry.at < self.since:
            return None
        name, payload = f"{mission} at {entry.at:%Y-%m-%d %H:%M:%S}", entry.payload
        policy = self._policies.get(str(payload.get("floor")))
        evidence = _evidence(past, payload)
        if policy is None or evidence is None:
            self.unreadable.append(name)
            return None
        tree = explained(evidence.case(policy))
        same = evidence.digest() == payload["facts_hash"]
        if same and tree.model_dump(mode="json", exclude_defaults=True) == payload["tree"]:
            self.reproduced += 1
        else:
            self.different.append(name)
        return evidence


def _evidence(past: _Past, payload: Mapping[str, Any]) -> Evidence | None:
    """Read what a verdict was made from; None: the log has not all of it."""
    if payload.get("evaluator") != EVALUATOR:
        return None
    try:
        return past.replay.evidence(payload["evidence"])
    except (KeyError, ValidationError):
        return None


def decides(payload: Mapping[str, Any]) -> bool:
    """Tell whether a recorded verdict is one on a merge: of testing or gating."""
    evidence = payload.get("evidence") or {}
    return evidence.get("mission", {}).get("phase") in JUDGED


def loosened(changes: list[Change]) -> Iterator[Change]:
    """Find missions that were held, and that the proposal would have let merge."""
    return (c for c in changes if c.changed and c.after in PASSING)


def tightened(changes: list[Change]) -> Iterator[Change]:
    """Find missions that passed, and that the proposal would have held."""
    return (c for c in changes if c.changed and c.before in PASSING)
