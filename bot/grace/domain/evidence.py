"""What a verdict was made from, cut down to what the evaluator looks at: it can be replayed.

The evaluator sees nothing else: a verdict is always made from its evidence, and the same evidence
under the same policy gives the same tree, bit for bit.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from pydantic import AwareDatetime

from grace.domain.base import Frozen
from grace.domain.canonical import canonical
from grace.domain.facts import Facts
from grace.domain.gates import find_test
from grace.domain.inspection import Inspection
from grace.domain.mission import Mission
from grace.domain.package import MissionRequest, WorkspaceInfo
from grace.domain.policy import Policy
from grace.domain.results import CIReport, SuiteReport, TestCase, TestOutcome
from grace.domain.rules.case import Case
from grace.domain.rules.language import Rule
from grace.domain.trust import Score, score

MAX_SAMPLES = 500

T = TypeVar("T")
# What of a mission the evaluator looks at; all else is left out of the record.
_MISSION = frozenset(
    [
        "uid",
        "name",
        "ref",
        "created_at",
        "requester",
        "phase",
        "outcome",
        "reason",
        "held",
        "errors",
        "contract_hash",
        "started_by",
        "started_at",
        "approvals",
        "commands",
        "proposer_ids",
        "vetoes",
        "authors",
        "forge_says",
        "queued",
        "leaving",
        "ending",
        "group",
        "attempts",
        "pull",
        "emergency",
        "strange_authors",
        "muted",
        "prepared",
        "released_by",
        "tries",
        "agreements",
    ]
)


class Evidence(Frozen):
    """A mission and its facts as the evaluator saw them, the agent's score, and the moment."""

    mission: Mission
    facts: Facts
    trust: Score
    at: AwareDatetime

    def case(self, policy: Policy) -> Case:
        """Put it under a policy."""
        return Case(
            mission=self.mission,
            facts=self.facts,
            policy=policy,
            trust=self.trust,
            now=self.at,
        )

    def digest(self) -> str:
        """Hash it, canonically: the verdict names what it was made from."""
        return digest_of(self)

    def record(self) -> dict[str, Any]:
        """Write it for the ledger; reports and inspections are named by their hash."""
        parts: dict[str, Any] = {
            "reports": {sha: digest_of(r) for sha, r in self.facts.reports.items()},
            "inspections": {sha: digest_of(i) for sha, i in self.facts.inspections.items()},
        }
        bare = self.facts.model_copy(update={"reports": {}, "inspections": {}})
        body = self.model_copy(update={"facts": bare})
        return {**body.model_dump(mode="json", by_alias=True, exclude_defaults=True), **parts}


def digest_of(value: Frozen) -> str:
    """Hash a value by RFC 8785 and SHA-256, leaving out what is as it is by default."""
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()


def evidence_of(mission: Mission, facts: Facts, policy: Policy, now: datetime) -> Evidence:
    """Cut a mission and its facts down to what the evaluator looks at."""
    return Evidence(
        mission=_mission(mission, facts),
        facts=_facts(mission, facts, policy, now),
        trust=score(facts.history, mission.trusted_as, mission.severity, now),
        at=now,
    )


def _mission(mission: Mission, facts: Facts) -> Mission:
    kept = {name: getattr(mission, name) for name in _MISSION}
    # What is being asked about reviewers keeps a merge waiting for the answer.
    awaited = {f"permission/review:{r.id}" for r in facts.reviews.values()}
    kept["requested"] = mission.requested & awaited
    request = mission.request
    return Mission.model_construct(
        **{**_defaults(), **kept, "request": None if request is None else _request(request)}
    )


def _defaults() -> dict[str, object]:
    return {n: f.get_default() for n, f in Mission.model_fields.items() if not f.is_required()}


def _request(request: MissionRequest) -> MissionRequest:
    """Leave out the patches and the prose."""
    return request.model_copy(
        update={
            "summary": "",
            "symptoms": request.symptoms[:1],
            "evidence": (),
            "workspace": WorkspaceInfo(),
            "detected_by": None,
            "assigned_to": None,
            "parent_id": None,
        }
    )


def _facts(mission: Mission, facts: Facts, policy: Policy, now: datetime) -> Facts:
    attempt, group = mission.attempt, mission.group
    heads = {h for h in (attempt and attempt.head, group and group.head) if h}
    inspections = {h: i for h, i in facts.inspections.items() if h in heads}
    rules = [*policy.governance.rules]
    for read in inspections.values():
        rules += read.rules.policy.rules if read.rules.policy is not None else ()
    pulls = {mission.pull.number} if mission.pull is not None else set()
    reviews = {k: r for k, r in facts.reviews.items() if r.pull in pulls}
    labels = {k: v for k, v in facts.labels.items() if int(k.partition(":")[0]) in pulls}
    abouts = {f"review:{r.id}" for r in reviews.values()} | {a.about for a in mission.approvals}
    abouts |= {a.about for a in mission.agreements}
    abouts |= {f"label:{k}:{v.actor.login}" for k, v in labels.items() if v.actor is not None}
    if mission.emergency is not None:
        abouts.add(mission.emergency.about)
    return Facts(
        checks={h: _in_order(c) for h, c in facts.checks.items() if h in heads},
        reports={h: _report(r, mission, rules) for h, r in facts.reports.items() if h in heads},
        reviews=_in_order(reviews),
        pulls={n: p for n, p in facts.pulls.items() if n in pulls},
        permissions={k: p for k, p in facts.permissions.items() if k in abouts},
        deployments=_in_order(facts.deployments),
        base=facts.base,
        samples=_samples(facts, rules, now),
        inspections=inspections,
        labels=labels,
        teams=facts.teams,
        attested={h: a for h, a in facts.attested.items() if h in heads},
        kill_switch=facts.kill_switch,
        stops=facts.stops,
        merges=facts.merges,
        capas=facts.capas,
    )


def _in_order(table: dict[str, T]) -> dict[str, T]:
    """Put a table in the order of canonical JSON: what was heard first counts for nothing."""
    return dict(sorted(table.items(), key=lambda item: item[0].encode("utf-16-be")))


def _samples(facts: Facts, rules: list[Rule], now: datetime) -> tuple[Any, ...]:
    named = {
        part.metric.metric_id
        for rule in rules
        for part in rule.require.walk()
        if part.metric is not None
    }
    return tuple(s for s in facts.samples if s.metric_id in named and s.at <= now)[-MAX_SAMPLES:]


def _report(report: CIReport, mission: Mission, rules: list[Rule]) -> CIReport:
    """Keep the tests that are named somewhere, and those that did not simply pass."""
    criteria = mission.request.acceptance_criteria if mission.request is not None else None
    named = set(criteria.must_pass_tests if criteria is not None else ())
    for rule in rules:
        for part in rule.require.walk():
            named.update(part.tests.must_pass if part.tests is not None else ())
    kept = {
        id(case)
        for name in named
        for subject in ("head", "base")
        for case in find_test(report, name, "head" if subject == "head" else "base")
    }
    suites = tuple(_suite(suite, kept) for suite in report.suites)
    bare = tuple(a.model_copy(update={"bundle": "{}"}) for a in report.artifacts)
    return report.model_copy(update={"suites": suites, "artifacts": bare})


def _suite(suite: SuiteReport, kept: set[int]) -> SuiteReport:
    def wanted(case: TestCase) -> bool:
        return id(case) in kept or bool(case.earlier) or case.outcome is not TestOutcome.PASSED

    cases = tuple(case for case in suite.cases if wanted(case))
    gone = suite.left_out + len(suite.cases) - len(cases)
    return suite.model_copy(update={"cases": cases, "left_out": gone})


class Replay:
    """Read verdicts again from ledger entries, in order: parts first, then what names them."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[str, Any]] = {}

    def part(self, payload: Mapping[str, Any]) -> None:
        """Take a report or an inspection that later verdicts name."""
        self._parts[str(payload["digest"])] = payload["body"]

    def evidence(self, record: Mapping[str, Any]) -> Evidence:
        """Put a verdict's evidence together again.

        Raises KeyError where a part is missing, ValidationError where one is not what it was.
        """
        body = {k: v for k, v in record.items() if k not in {"reports", "inspections"}}
        reports = {
            sha: CIReport.model_validate(self._parts[digest])
            for sha, digest in record["reports"].items()
        }
        inspections = {
            sha: Inspection.model_validate(self._parts[digest])
            for sha, digest in record["inspections"].items()
        }
        found = Evidence.model_validate(body)
        facts = found.facts.model_copy(update={"reports": reports, "inspections": inspections})
        return found.model_copy(update={"facts": facts})
