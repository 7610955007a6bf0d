"""The policy language: rules with `when:` and `require:`, typed and strict.

A rule is skipped only where its `when:` is certainly false, and holds only where all that its
`require:` names holds. There is no expression language. A mapping with several keys asks for all
of them.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from grace.domain.base import Frozen
from grace.domain.package import MemoryScope, MetricTarget, Name, Text
from grace.domain.people import Permission
from grace.domain.phase import MissionType, Severity
from grace.domain.rules.calendar import Calendar
from grace.domain.weakening import WeakeningKind

Glob = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Globs = Annotated[tuple[Glob, ...], Field(min_length=1, max_length=200)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Login = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9\[\]_.-]{0,99}$")]
Suite = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1, le=1_000_000)]
Natural = Annotated[int, Field(ge=0, le=1_000_000)]
MAX_RULES = 2000
MIN_IDENTITY = 8


class SizeOver(Frozen):
    """True where a change touches more files, or more lines added and removed, than this."""

    files: Natural | None = None
    lines: Natural | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.files is None and self.lines is None:
            raise ValueError("name files, lines or both")
        return self


class When(Frozen):
    """Where a rule applies: true, false or unknown; several keys must all be true.

    `paths`: some changed path matches; `only_paths`: every one does. `labels`: the pull request
    has one of them. `trust_below`: the agent's score in this subsystem.
    """

    all_of: Annotated[tuple["When", ...], Field(min_length=1)] | None = None
    any_of: Annotated[tuple["When", ...], Field(min_length=1)] | None = None
    not_: Annotated["When | None", Field(alias="not")] = None
    severity: Annotated[tuple[Severity, ...], Field(min_length=1)] | None = None
    subsystem: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    environment: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    mission_type: Annotated[tuple[MissionType, ...], Field(min_length=1)] | None = None
    agent: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    paths: Globs | None = None
    only_paths: Globs | None = None
    labels: Annotated[tuple[Label, ...], Field(min_length=1)] | None = None
    change_over: SizeOver | None = None
    trust_below: Share | None = None
    during: Calendar | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("is empty; remove it, and the rule applies always")
        return self

    def walk(self) -> Iterator["When"]:
        """Go through this and all predicates inside."""
        yield self
        inside = (*(self.all_of or ()), *(self.any_of or ()))
        inside += (self.not_,) if self.not_ is not None else ()
        for each in inside:
            yield from each.walk()


class Tests(Frozen):
    """These suites passed on the head and these tests are found in their reports as passed."""

    __test__ = False

    suites: tuple[Suite, ...] = ()
    must_pass: tuple[Text, ...] = ()


class FlakeProof(Frozen):
    """Every test that failed was run again on the same commit; at most so many differed."""

    at_most: Natural = 0


class Stress(Frozen):
    """The head's stress run: load, errors, percentiles in ms, and p95 against the base's."""

    min_requests: Positive = 50
    max_error_rate: Annotated[float, Field(ge=0, le=100)] | None = None
    max_p95_ms: Annotated[float, Field(gt=0)] | None = None
    max_p99_ms: Annotated[float, Field(gt=0)] | None = None
    max_regression: Annotated[float, Field(ge=0, le=10)] | None = None


class Metric(MetricTarget):
    """A live metric holds over its rolling window, before the merge."""

    min_samples: Positive = 3


class Approvals(Frozen):
    """So many people approve this very patch, each with the permission, role and team named.

    `code_owners`: every changed path that CODEOWNERS names is approved by one of its owners.
    `team`: `organisation/team` at the forge. `role`: people listed in governance.yaml.
    """

    count: Annotated[int, Field(ge=1, le=20)] = 1
    permission: Permission = Permission.WRITE
    role: Name | None = None
    team: Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    code_owners: bool = False


class SeparationOfDuties(Frozen):
    """Who asks, who operates the agent and who approves differ; for critical ones two approve."""

    critical_approvers: Annotated[int, Field(ge=1, le=20)] = 2


class Trust(Frozen):
    """The agent's score in this subsystem; an approval stands in where `or_approval`."""

    at_least: Share
    or_approval: bool = True


class Security(Frozen):
    """No new finding of this severity or worse, unless a waiver covers it; these tools have run."""

    severity: Severity = Severity.HIGH
    tools: tuple[Annotated[str, StringConstraints(min_length=1, max_length=100)], ...] = ()


class ProtectedPaths(Frozen):
    """No changed path matches."""

    paths: Globs


class ChangeSize(Frozen):
    """At most so many files, and lines added and removed."""

    files: Positive | None = None
    lines: Positive | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.files is None and self.lines is None:
            raise ValueError("name files, lines or both")
        return self


class Labels(Frozen):
    """The pull request has all of these labels and none of those, set by people who may write."""

    all_of: tuple[Label, ...] = ()
    none_of: tuple[Label, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.all_of and not self.none_of:
            raise ValueError("name labels in all_of, none_of or both")
        return self


class Attestations(Frozen):
    """Every artifact that matches has a verified sigstore bundle of this signer, over its digest.

    `identity` may end in `*`; `issuer` is the OIDC issuer of the signing certificate.
    """

    artifacts: Globs
    identity: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    issuer: Annotated[str, StringConstraints(min_length=1, max_length=300)]

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if len(self.identity.removesuffix("*")) < MIN_IDENTITY:
            raise ValueError("the identity accepts nearly any signer; write more of it out")
        return self


class SignedCommits(Frozen):
    """Every commit between base and head carries a good signature."""


class History(Frozen):
    """`linear`: no commit of the change has two parents and none is made. `merge`: one is made."""

    kind: Literal["linear", "merge"]


class Deployment(Frozen):
    """The newest deployment to an environment that we know of is in one of these states."""

    environment: Text
    states: Annotated[tuple[Text, ...], Field(min_length=1)] = ("success",)
    max_age_minutes: Annotated[float, Field(gt=0)] | None = None


class OpenCapas(Frozen):
    """At most so many CAPA tickets of the subsystem are open."""

    at_most: Natural = 0


class DailyCap(Frozen):
    """At most so many merges within 24 hours, in the subsystem or the whole repository."""

    merges: Positive
    scope: Literal["subsystem", "repository"] = "subsystem"


class RedOnBase(Frozen):
    """Every must-pass test fails on the base's code and passes on the head's, both run by CI."""


class WeakenedTests(Frozen):
    """The change weakens no test, threshold, check, workflow or policy, but in these ways."""

    allow: tuple[WeakeningKind, ...] = ()


class TestedTree(Frozen):
    """CI tested the head's own tree, on the base that the head contains."""

    __test__ = False


class Roles(Frozen):
    """The agent's role is one of these."""

    any_of: Annotated[tuple[Name, ...], Field(min_length=1)]


class MemoryScopeAtMost(Frozen):
    """The mission lets its agent write no more to memory than this."""

    at_most: MemoryScope


class Wait(Frozen):
    """So long has passed since the head was pushed."""

    minutes: Annotated[float, Field(gt=0, le=14 * 1440)]


class AtLeast(Frozen):
    """So many of these hold."""

    count: Positive
    of: tuple["Requirement", ...]


class Requirement(Frozen):
    """What must hold. Several keys must all hold; none at all never holds."""

    all_of: tuple["Requirement", ...] | None = None
    any_of: tuple["Requirement", ...] | None = None
    at_least: AtLeast | None = None
    tests: Tests | None = None
    flake_proof: FlakeProof | None = None
    stress: Stress | None = None
    metric: Metric | None = None
    approvals: Approvals | None = None
    separation_of_duties: SeparationOfDuties | None = None
    trust: Trust | None = None
    memory_scope: MemoryScopeAtMost | None = None
    security: Security | None = None
    protected_paths: ProtectedPaths | None = None
    change_size: ChangeSize | None = None
    freeze: Calendar | None = None
    labels: Labels | None = None
    attestations: Attestations | None = None
    signed_commits: SignedCommits | None = None
    history: History | None = None
    deployment: Deployment | None = None
    open_capas: OpenCapas | None = None
    daily_cap: DailyCap | None = None
    red_on_base: RedOnBase | None = None
    weakened_tests: WeakenedTests | None = None
    tested_tree: TestedTree | None = None
    roles: Roles | None = None
    wait: Wait | None = None

    def walk(self) -> Iterator["Requirement"]:
        """Go through this and all requirements inside."""
        yield self
        inside = (*(self.all_of or ()), *(self.any_of or ()))
        inside += self.at_least.of if self.at_least is not None else ()
        for each in inside:
            yield from each.walk()


class Rule(Frozen):
    """One rule: where it applies, and what must hold there."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    when: When | None = None
    require: Requirement


Rules = Annotated[tuple[Rule, ...], Field(max_length=MAX_RULES)]


def names_differ(rules: tuple[Rule, ...]) -> None:
    """Raise ValueError where two rules share a name: a verdict names the rule that holds it."""
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            raise ValueError(f"two rules are named {rule.name!r}")
        seen.add(rule.name)


class RepositoryPolicy(Frozen):
    """`.github/mission-control.yml` of a repository: it adds rules and can take none away.

    `shadow`: everything is decided and shown here, and nothing is merged.
    """

    version: Literal[1]
    rules: Rules = ()
    shadow: bool = False

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names_differ(self.rules)
        return self
