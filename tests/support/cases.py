"""One patch at its gates, where everything is in order, to be changed by a test and judged.

A `Matter` is immutable: every method returns another one. What it is judged on has gone through
`evidence_of`, as it does in a decision.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from grace.domain import events as ev
from grace.domain.evidence import evidence_of
from grace.domain.facts import Facts, check_key, label_about, label_key
from grace.domain.inspection import CommitFact, FileChange, Inspection
from grace.domain.judging import merge_tree
from grace.domain.mission import Attempt, Emergency, Mission, MissionRef, PullRef
from grace.domain.observed import BaseFact, CheckFact, LabelFact, PermissionFact, ReviewFact
from grace.domain.package import AcceptanceCriteria, MissionRequest, Symptom, TrustRequirements
from grace.domain.phase import Outcome, Phase, Severity
from grace.domain.results import CIReport, SuiteReport, TestCase, TestOutcome
from grace.domain.rules.case import Case
from grace.domain.rules.language import RepositoryPolicy, Rule
from grace.domain.surroundings import OutcomeFact
from grace.domain.verdict import Condition, Result
from support.world import BASE, CI_APP, MUST_PASS, START, make_policy, make_report, sha

HEAD, TREE = sha("head"), sha("tree")
NOW = START + timedelta(minutes=10)
WRITE = ev.Permission.WRITE
ABOUT = "command:order:max"


def make_mission() -> Mission:
    """Make a grave mission that alice filed and started, with a patch that CI judges."""
    return Mission(
        uid=UUID(int=1),
        name="mission_20261122_001",
        ref=MissionRef(host="forge.test", repository_id=1, repository="acme/mesh"),
        created_at=START,
        phase=Phase.GATING,
        requester=ev.Actor(login="alice", id=1),
        authors=("alice",),
        proposer_ids=frozenset({1}),
        started_by="alice",
        started_at=START,
        request=MissionRequest(
            subsystem_id="trigger_mesh",
            severity=Severity.HIGH,
            symptoms=(Symptom(description="slow"),),
            acceptance_criteria=AcceptanceCriteria(must_pass_tests=(MUST_PASS,)),
            trust_requirements=TrustRequirements(requires_governance_approval=False),
        ),
        attempts=(
            Attempt(
                number=1,
                candidate="patch-1",
                agent="candidate",
                base=BASE,
                head=HEAD,
                tree=TREE,
                paths=("mesh.py",),
                blobs="blobs",
                pushed_at=START,
            ),
        ),
        pull=PullRef(number=2, url=""),
    )


def make_facts() -> Facts:
    """Make what is known where CI is green and the base stands."""
    bare = Facts(base=BaseFact(branch="main", sha=BASE, at=NOW))
    return bare.model_copy(update={"reports": {HEAD: make_report(HEAD, TREE)}})


def make_inspection() -> Inspection:
    """Make what was read of a small patch, in a repository without a policy of its own."""
    commit = CommitFact(sha=HEAD, parents=(BASE,), author="grace[bot]", signature="good")
    file = FileChange(path="mesh.py", added=1, removed=1)
    return Inspection(head=HEAD, base=BASE, files=(file,), commits=(commit,))


@dataclass(frozen=True)
class Matter:
    """A mission, what is known, what was read of its patch, governance, and the moment."""

    mission: Mission = field(default_factory=make_mission)
    facts: Facts = field(default_factory=make_facts)
    read: Inspection | None = field(default_factory=make_inspection)
    governance: dict[str, object] = field(default_factory=dict)
    now: datetime = NOW

    def case(self) -> Case:
        policy = make_policy(**self.governance)
        read = {} if self.read is None else {HEAD: self.read}
        facts = self.facts.model_copy(update={"inspections": read})
        return evidence_of(self.mission, facts, policy, self.now).case(policy)

    def tree(self) -> Condition:
        return merge_tree(self.case())

    def on(self, **changes: object) -> "Matter":
        """Change fields of the mission."""
        return replace(self, mission=self.mission.with_(**changes))

    def tried(self, **changes: object) -> "Matter":
        """Change fields of the attempt."""
        return replace(self, mission=self.mission.with_attempt(**changes))

    def asks(self, **changes: object) -> "Matter":
        """Change fields of the contract."""
        assert self.mission.request is not None
        return self.on(request=self.mission.request.model_copy(update=changes))

    def criteria(self, **changes: object) -> "Matter":
        assert self.mission.request is not None
        old = self.mission.request.acceptance_criteria
        return self.asks(acceptance_criteria=old.model_copy(update=changes))

    def trusts(self, **changes: object) -> "Matter":
        """Change what the contract asks of who may fix it."""
        assert self.mission.request is not None
        old = self.mission.request.trust_requirements
        return self.asks(trust_requirements=old.model_copy(update=changes))

    def governed(self, **changes: object) -> "Matter":
        return replace(self, governance={**self.governance, **changes})

    def knows(self, **changes: object) -> "Matter":
        """Change the facts."""
        return replace(self, facts=self.facts.model_copy(update=changes))

    def patch(self, **changes: object) -> "Matter":
        """Change what was read of the patch."""
        assert self.read is not None
        return replace(self, read=self.read.model_copy(update=changes))

    def touching(self, *paths: str) -> "Matter":
        return self.patch(files=tuple(FileChange(path=p, added=1) for p in paths))

    def unread(self) -> "Matter":
        return replace(self, read=None)

    def later(self, **time: float) -> "Matter":
        return replace(self, now=self.now + timedelta(**time))

    def at(self, *time: int) -> "Matter":
        return replace(self, now=datetime(*time, tzinfo=START.tzinfo))  # type: ignore[misc,arg-type]

    def rule(self, when: dict[str, object] | None = None, **require: object) -> "Matter":
        """Let the floor require something."""
        known = self.governance.get("rules", ())
        assert isinstance(known, tuple)
        return self.governed(rules=(*known, make_rule(f"rule {len(known)}", when, require)))

    def own_rule(self, when: dict[str, object] | None = None, **require: object) -> "Matter":
        """Let the repository's own file, as it is at the base, require something."""
        assert self.read is not None
        policy = RepositoryPolicy(version=1, rules=(make_rule("own", when, require),))
        return self.patch(rules=self.read.rules.model_copy(update={"policy": policy}))

    def reported(self, **changes: object) -> "Matter":
        """Change CI's report."""
        report = self.facts.reports[HEAD].model_copy(update=changes)
        return self.knows(reports={HEAD: report})

    def report(self) -> CIReport:
        return self.facts.reports[HEAD]

    def unit(self, *cases: TestCase, subject: str = "head") -> "Matter":
        """Let CI report these tests in its unit suite."""
        others = tuple(s for s in self.report().suites if (s.suite, s.subject) != ("unit", subject))
        return self.reported(suites=(make_suite("unit", cases, subject), *others))

    def job(
        self, name: str, conclusion: str | None = "success", app: int = CI_APP, run: int | None = 1
    ) -> "Matter":
        """Let the forge say how a job of a run ended."""
        key = check_key(name, app, run)
        fact = CheckFact(
            id=key, name=name, app_id=app, run_id=run, conclusion=conclusion, url="", at=NOW
        )
        checks = {**self.facts.checks.get(HEAD, {}), key: fact}
        return self.knows(checks={HEAD: checks})

    def may(self, about: str, permission: ev.Permission = WRITE) -> "Matter":
        known = PermissionFact(permission=permission, at=NOW)
        return self.knows(permissions={**self.facts.permissions, about: known})

    def reviewed(
        self,
        login: str,
        permission: ev.Permission = WRITE,
        number: int = 0,
        **changes: object,
    ) -> "Matter":
        """Let somebody review the pull request, `number` being who he is at the forge."""
        told = {
            "id": login,
            "state": ev.ReviewState.APPROVED,
            "sha": HEAD,
            "login": login,
            "actor_id": number,
            "pull": 2,
            "at": NOW,
        }
        fact = ReviewFact.model_validate(told | changes)
        reviews = {**self.facts.reviews, f"{fact.pull}:{login}": fact}
        return self.knows(reviews=reviews).may(f"review:{fact.id}", permission)

    def alone(self) -> "Matter":
        """Let nobody have reviewed it."""
        return self.knows(reviews={})

    def label(
        self,
        name: str,
        by: str | None = "rita",
        permission: ev.Permission = WRITE,
        *,
        present: bool = True,
    ) -> "Matter":
        actor = None if by is None else ev.Actor(login=by)
        fact = LabelFact(present=present, actor=actor, at=NOW)
        labels = {**self.facts.labels, label_key(2, name): fact}
        return self.knows(labels=labels).may(label_about(2, name, by or ""), permission)

    def ordered(
        self, login: str = "max", permission: ev.Permission = ev.Permission.MAINTAIN, at: str = HEAD
    ) -> "Matter":
        """Let somebody order a merge as an emergency."""
        order = Emergency(login=login, reason="all is down", sha=at, at=NOW, about=ABOUT)
        return self.on(emergency=order).may(ABOUT, permission)

    def record(self, *outcomes: OutcomeFact) -> "Matter":
        return self.knows(history=tuple(sorted(outcomes, key=lambda each: each.at)))


def ready() -> Matter:
    """Make a patch that every gate lets merge: CI is green, rita approves, nothing is odd."""
    matter = Matter().reviewed("rita", number=2)
    for name in ("unit", "integration", "stress"):
        matter = matter.job(name)
    return matter


def make_rule(name: str, when: dict[str, object] | None, require: dict[str, object]) -> Rule:
    return Rule.model_validate({"name": name, "when": when, "require": require})


def make_suite(name: str, cases: tuple[TestCase, ...], subject: str = "head") -> SuiteReport:
    return SuiteReport.model_validate(
        {
            "suite": name,
            "job": name,
            "subject": subject,
            "passed": sum(c.outcome is TestOutcome.PASSED for c in cases),
            "failed": sum(c.outcome is TestOutcome.FAILED for c in cases),
            "skipped": sum(c.outcome is TestOutcome.SKIPPED for c in cases),
            "duration_s": 1,
            "cases": cases,
        }
    )


def case_of(name: str = MUST_PASS, outcome: str = "passed", *earlier: str) -> TestCase:
    """Make one test, and how it ended in earlier runs on the same commit."""
    return TestCase.model_validate({"name": name, "outcome": outcome, "earlier": earlier})


def made_good(days_ago: float, **changes: object) -> OutcomeFact:
    """Make an earlier mission that a person approved and that held."""
    told: dict[str, object] = {
        "mission": f"m{days_ago}",
        "agent": "candidate:alice#1",
        "severity": Severity.HIGH,
        "outcome": Outcome.FIXED,
        "basis": "approvals",
        "at": NOW - timedelta(days=days_ago),
    }
    return OutcomeFact.model_validate(told | changes)


def leaves_of(tree: Condition) -> tuple[Condition, ...]:
    """List a tree's leaves."""
    if not tree.children:
        return (tree,)
    return tuple(leaf for child in tree.children for leaf in leaves_of(child))


def nodes_of(tree: Condition) -> tuple[Condition, ...]:
    """List a tree's conditions, itself first."""
    return (tree, *(node for child in tree.children for node in nodes_of(child)))


def told(tree: Condition, result: Result) -> list[str]:
    """List what the leaves of one result say: name and reason."""
    return [f"{c.name}: {c.reason}" for c in leaves_of(tree) if c.result is result]


def row(why: str, honest: Matter, attacked: Matter, result: Result, words: str) -> object:
    """Make one row of a table of attacks: what is in order beside what is not."""
    return pytest.param(honest, attacked, result, words, id=why)


def assert_refused(honest: Matter, attacked: Matter, result: Result, words: str) -> None:
    """Demand that the honest twin merges, and that the attack is refused for its own reason."""
    assert honest.tree().passes, told(honest.tree(), honest.tree().result)
    tree = attacked.tree()
    assert not tree.passes
    assert any(words in reason for reason in told(tree, result)), told(tree, tree.result)
