"""What a rule is judged on: one mission's patch, what is known of it, and the moment."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from grace.domain.facts import Facts
from grace.domain.inspection import Inspection
from grace.domain.mission import Attempt, Mission
from grace.domain.package import AcceptanceCriteria, MissionRequest
from grace.domain.policy import Governance, Policy
from grace.domain.results import CIReport
from grace.domain.rules.language import Rule
from grace.domain.rules.paths import PathIndex
from grace.domain.trust import Score


@dataclass(frozen=True)
class Case:
    """Everything that the evaluator may look at; the same case gives the same verdict.

    `trust`: the agent's score in this subsystem, for this severity, at this moment. `landing`:
    what is judged instead of the attempt, where a merge group is about to land.
    """

    mission: Mission
    facts: Facts
    policy: Policy
    trust: Score
    now: datetime
    landing: Attempt | None = None

    @property
    def governance(self) -> Governance:
        return self.policy.governance

    @property
    def attempt(self) -> Attempt:
        """Return what is judged: the attempt in play, or the merge group that it became."""
        found = self.landing or self.mission.attempt
        assert found is not None  # the phases that judge a patch have one
        return found

    @property
    def request(self) -> MissionRequest:
        """Return the frozen contract of the mission."""
        assert self.mission.request is not None  # gates run on started missions only
        return self.mission.request

    @property
    def criteria(self) -> AcceptanceCriteria:
        return self.request.acceptance_criteria

    @property
    def head(self) -> str:
        return self.attempt.head or ""

    @property
    def patch_head(self) -> str:
        """Return the head of the patch itself, also where a merge group's commit is judged."""
        own = self.mission.attempt or self.landing
        return (own.head if own is not None else None) or ""

    @property
    def report(self) -> CIReport | None:
        """Return what CI reported of the head, where it is about this base too."""
        report = self.facts.report(self.head)
        return report if report is not None and report.base_sha == self.attempt.base else None

    @property
    def inspection(self) -> Inspection | None:
        """Return what was read of the patch; None: not yet."""
        return self.facts.inspections.get(self.patch_head)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """List all rules, of the floor and of the repository."""
        read = self.inspection
        own = read.rules.policy.rules if read is not None and read.rules.policy is not None else ()
        return (*self.governance.rules, *own)

    @property
    def labels_looked_at(self) -> frozenset[str]:
        """Name the labels that some rule's `when:` looks at."""
        parts = (part for rule in self.rules if rule.when is not None for part in rule.when.walk())
        return frozenset(label for part in parts for label in part.labels or ())

    @cached_property
    def paths(self) -> PathIndex:
        """Return the changed paths, to be matched; none before the patch was read."""
        found = self.inspection
        return PathIndex(() if found is None else (f.path for f in found.files))
