"""The rules in force: how many approvals, how long to wait, what to brake for."""

import hashlib
from functools import cached_property
from typing import Annotated, Any, Literal, Self

import rfc8785
from pydantic import Field, model_validator

from grace.domain.agents import AGENT, CLAIM, REMEMBERED, Agents, Asking
from grace.domain.alerting.rules import Alerting
from grace.domain.base import Frozen
from grace.domain.catalog import Catalog, Subsystem, Subsystems
from grace.domain.mission import MissionRef
from grace.domain.package import MetricTarget, Name
from grace.domain.people import Permission
from grace.domain.phase import Severity
from grace.domain.playbooks.playbook import Playbooks
from grace.domain.playbooks.rules import PLAYBOOK, Healing
from grace.domain.proactive import REMEDY, Proactive, Remedies
from grace.domain.rules.language import Approvals as ApprovalsRule
from grace.domain.rules.language import (
    Login,
    Requirement,
    Rule,
    Rules,
    WeakenedTests,
    names_differ,
)

Minutes = Annotated[float, Field(gt=0, le=14 * 1440)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Percent = Annotated[float, Field(ge=0, le=100)]


# The App id of GitHub Actions, whose check runs are the jobs of workflows.
GITHUB_ACTIONS = 15368


class Approvals(Frozen):
    """How many people with write permission must approve, by severity."""

    critical: Annotated[int, Field(ge=1, le=10)] = 2
    high: Annotated[int, Field(ge=1, le=10)] = 1
    medium: Annotated[int, Field(ge=1, le=10)] = 1
    low: Annotated[int, Field(ge=0, le=10)] = 1

    def needed(self, severity: Severity) -> int:
        return {
            Severity.CRITICAL: self.critical,
            Severity.HIGH: self.high,
            Severity.MEDIUM: self.medium,
            Severity.LOW: self.low,
        }[severity]


class Tests(Frozen):
    """Which suites must be reported, by which workflows, and how long CI may take.

    A report of any other workflow counts for nothing. A suite is believed only where the check run
    of its job succeeded, and only a check run of `ci_app_ids` counts; `jobs` names the jobs of
    a suite (or of `stress` or `hunter`) where they are not called as it is. So long after CI's
    jobs ended without a report, it is looked for among the run's artifacts.
    """

    __test__ = False

    suites: Annotated[tuple[str, ...], Field(min_length=1)] = ("unit", "integration")
    workflows: Annotated[tuple[str, ...], Field(min_length=1)] = (
        ".github/workflows/ci.yml",
        ".github/workflows/grace.yml",
    )
    jobs: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    ci_app_ids: Annotated[tuple[int, ...], Field(min_length=1)] = (GITHUB_ACTIONS,)
    timeout_minutes: Minutes = 60
    ask_after_minutes: Minutes = 5
    fetch_report_after_seconds: Seconds = 60


class Stress(Frozen):
    """What a stress run must show. `max_regression`: share that p95 may be worse than base."""

    required: bool = True
    min_requests: Annotated[int, Field(ge=1)] = 50
    max_error_rate: Percent = 1.0
    max_regression: Annotated[float, Field(ge=0, le=10)] = 0.25
    noise_floor_ms: Annotated[float, Field(ge=0)] = 10.0


class Observation(Frozen):
    """How the window is sampled and judged.

    `min_samples`: a rolling window with fewer is no data; `early_samples`: before so many nothing
    is rolled back early. `max_missing`: share of rounds without data. `false_rollback_budget`:
    share of harmless releases that may be rolled back, over all metrics of a mission together.
    `min_effect`: the least change, as a share of the level before, that matters. `max_extensions`:
    how often a window that cannot tell is extended before a person is asked.
    """

    sample_interval_seconds: Seconds = 15
    min_samples: Annotated[int, Field(ge=1)] = 3
    early_samples: Annotated[int, Field(ge=2)] = 12
    max_missing: Annotated[float, Field(ge=0, lt=1)] = 0.5
    deployment_timeout_minutes: Minutes = 30
    false_rollback_budget: Annotated[float, Field(gt=0, le=0.2)] = 0.02
    min_effect: Annotated[float, Field(gt=0, le=10)] = 0.1
    max_extensions: Annotated[int, Field(ge=0, le=5)] = 1


class Rollback(Frozen):
    """The brakes of the rollback. `approval` one: a person with write permission approves it.

    `wait_for_ci`: always, never, or only for a tree that is not the one before the merge, which
    was tested and in production. `ci_minutes`: how long its CI may take.
    """

    max_per_day: Annotated[int, Field(ge=0)] = 3
    approval: Literal["none", "one"] = "none"
    wait_for_ci: Literal["always", "untested", "never"] = "untested"
    ci_minutes: Minutes = 15


class AutoMerge(Frozen):
    """Which missions merge without an approval where their agent's record is good enough.

    A mission that asks for a governance approval gets one all the same.
    """

    severities: Annotated[tuple[Severity, ...], Field(min_length=1)] = (Severity.LOW,)
    min_trust: Annotated[float, Field(ge=0.5, le=1)] = 0.8
    max_files: Annotated[int, Field(ge=1)] = 10
    max_lines: Annotated[int, Field(ge=1)] = 200
    max_per_day: Annotated[int, Field(ge=1)] = 3


class Solo(Frozen):
    """For a maintainer who is alone: nobody approves, a waiting time and the window stand in.

    It holds for missions that `maintainer` started, whoever filed them: he has read what he starts.
    """

    maintainer: Login
    wait_minutes: Minutes = 60
    min_window_minutes: Minutes = 30
    severities: Annotated[tuple[Severity, ...], Field(min_length=1)] = (
        Severity.LOW,
        Severity.MEDIUM,
        Severity.HIGH,
    )


class Emergency(Frozen):
    """The lane of critical missions: who may order it, and how its review is chased.

    `waives`: what the order stands in for: people, or freezes, waiting and caps. CI never is.
    """

    enabled: bool = True
    permission: Permission = Permission.MAINTAIN
    waives: tuple[Literal["approvals", "time"], ...] = ("approvals", "time")
    remind_hours: Annotated[float, Field(gt=0, le=720)] = 24
    reminders: Annotated[int, Field(ge=0, le=50)] = 7


# What holds everywhere, unless governance.yaml names its own rules.
FLOOR: tuple[Rule, ...] = (
    Rule(
        name="a change that weakens its own tests or checks takes two people",
        require=Requirement(
            any_of=(
                Requirement(weakened_tests=WeakenedTests()),
                Requirement(approvals=ApprovalsRule(count=2)),
            )
        ),
    ),
)


def _agent_roles() -> dict[str, str]:
    return {
        "candidate": "developer",
        REMEDY: REMEDY,
        AGENT: AGENT,
        REMEMBERED: REMEDY,
        PLAYBOOK: PLAYBOOK,
    }


class Governance(Frozen):
    """`config/governance.yaml`: the floor that no repository can go below.

    `rules` are judged beside the gates that every mission has. `roles` names people for
    `approvals: {role: ...}`, `agent_operators` who runs an agent and so may not approve its work.
    `shadow`: everything is decided and shown, and nothing is merged.
    """

    version: Literal[1] = 1
    rules: Rules = FLOOR
    roles: dict[Name, tuple[Login, ...]] = Field(default_factory=dict)
    agent_operators: dict[Name, tuple[Login, ...]] = Field(default_factory=dict)
    auto_merge: AutoMerge | None = None
    solo: Solo | None = None
    emergency: Emergency = Emergency()
    shadow: bool = False
    approvals: Approvals = Approvals()
    tests: Tests = Tests()
    stress: Stress = Stress()
    observation: Observation = Observation()
    rollback: Rollback = Rollback()
    max_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    max_parallel: Annotated[int, Field(ge=1, le=100)] = 5
    base_fresh_seconds: Seconds = 60
    merge_method: Literal["merge", "squash", "rebase"] = "merge"
    agent_roles: dict[str, str] = Field(default_factory=_agent_roles)
    start_alerts: bool = False
    alerting: Alerting = Alerting()
    proactive: Proactive = Proactive()
    asking: Asking = Asking()
    healing: Healing = Healing()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names_differ(self.rules)
        return self

    def role_of(self, agent: str) -> str | None:
        """Return the role of an agent, or of its kind: `remedy:NAME@DIGEST` is a `remedy`.

        `claim:NAME` is what NAME proposed under a claim of its own.
        """
        kind, _, name = agent.partition(":")
        own = self.agent_roles.get(name if kind == CLAIM else agent)
        return own if own is not None else self.agent_roles.get(kind)


def hashed(document: dict[str, Any]) -> str:
    """Hash the document of a policy: canonical JSON by RFC 8785, SHA-256."""
    return "sha256:" + hashlib.sha256(rfc8785.dumps(document)).hexdigest()


class Policy(Frozen):
    """All that `decide` may know of the configuration."""

    governance: Governance = Governance()
    catalog: Catalog = Catalog()
    subsystems: Subsystems = Subsystems()
    remedies: Remedies = Remedies()
    agents: Agents = Agents()
    playbooks: Playbooks = Playbooks()
    bot_login: str = "grace[bot]"
    app_id: int = 0

    def digest(self) -> str:
        """Hash the rules in force, for the verdict that they led to."""
        return self._digest

    def document(self) -> dict[str, Any]:
        """Write the rules in force, as they are read again."""
        return self._document

    @cached_property
    def _document(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True)

    @cached_property
    def _digest(self) -> str:
        return hashed(self._document)

    def narrowed(self, ref: MissionRef, subsystem: str | None = None) -> "Policy":
        """Leave out what readers of a repository may not see, for its log tells them the rules.

        It keeps the subsystems of this repository, and `subsystem`, which a repository that was
        renamed still goes by; and of a metric's source its address goes.
        """
        key = (ref.host, ref.repository.lower(), subsystem)
        found = self._narrowings.get(key)
        if found is None:
            names = {*self.names_in(ref.host, ref.repository), subsystem}
            kept = {n: s for n, s in self.subsystems.subsystems.items() if n in names}
            alerting = self.governance.alerting.within(frozenset(kept))
            found = self._narrowings[key] = Policy(
                governance=self.governance.model_copy(update={"alerting": alerting}),
                catalog=self.catalog.public,
                subsystems=Subsystems(subsystems=kept),
                remedies=self.remedies.within(frozenset(kept)),
                agents=self.agents.within(frozenset(kept)),
                playbooks=self.playbooks.within(frozenset(kept)),
                bot_login=self.bot_login,
                app_id=self.app_id,
            )
        return found

    @cached_property
    def _narrowings(self) -> dict[tuple[str, str, str | None], "Policy"]:
        return {}

    def names_in(self, host: str, repository: str) -> tuple[str, ...]:
        """List the subsystems that live in a repository."""
        return tuple(
            sorted(
                name
                for name, s in self.subsystems.subsystems.items()
                if s.host == host and s.repository.lower() == repository.lower()
            )
        )

    def subsystem(self, name: str) -> Subsystem:
        return self.subsystems.subsystems[name]

    def guards(self, name: str, rolling_window_minutes: float) -> tuple[MetricTarget, ...]:
        """Return the subsystem's guard metrics as targets with the catalog's thresholds."""
        return tuple(
            self.catalog.metrics[m].as_target(m, rolling_window_minutes)
            for m in self.subsystem(name).guards
            if m in self.catalog.metrics
        )
