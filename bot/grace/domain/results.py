"""What CI reports about one commit: test results, stress runs and security scans, in one schema.

A report is bound to workflow, run, attempt, head SHA, base SHA and the tree that was tested.
The job that posts it checks out nothing and runs no code of the pull request.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from grace.domain.base import Frozen
from grace.domain.phase import Severity

Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
MAX_INT = 2**53 - 1  # what canonical JSON can carry exactly
Count = Annotated[int, Field(ge=0, le=MAX_INT)]
Number = Annotated[int, Field(gt=0, le=MAX_INT)]
Millis = Annotated[float, Field(ge=0, allow_inf_nan=False)]
MAX_FINDINGS = 500
MAX_LINE = 10_000_000


def _inside(path: str) -> str:
    """Refuse a path that leads out of the repository or that no file of one has."""
    if not path.isprintable() or "\\" in path:
        raise ValueError("the path has a control character or a backslash")
    if {"", ".", ".."} & set(path.split("/")):
        raise ValueError("the path is not plain and relative to the repository's root")
    return path


RepositoryPath = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_inside)]
Line = Annotated[int, Field(ge=1, le=MAX_LINE)]


class TestOutcome(StrEnum):
    """How one test ended; an error counts as failed."""

    __test__ = False

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class TestCase(Frozen):
    """One test of a suite, named as JUnit names it: `classname.name` (dots, not slashes).

    `file` and `line` say where it is or where it failed, in the tested tree, if that is known.
    `earlier`: how it ended before, oldest first, where it was run again on the same commit.
    """

    __test__ = False

    name: Annotated[str, Field(min_length=1, max_length=500)]
    outcome: TestOutcome
    duration_s: Annotated[float, Field(ge=0)] = 0.0
    message: Annotated[str, Field(max_length=2000)] = ""
    file: RepositoryPath | None = None
    line: Line | None = None
    earlier: Annotated[tuple[TestOutcome, ...], Field(max_length=10)] = ()

    @property
    def flaky(self) -> bool:
        """Tell whether it passed and failed on the same commit."""
        return {TestOutcome.PASSED, TestOutcome.FAILED} <= {self.outcome, *self.earlier}


class SuiteReport(Frozen):
    """One CI job's tests. `job` is the check run's name at the forge.

    `subject` base: the tests of the head, run on the code of the base. `left_out`: how many of the
    tests that passed are not among the cases listed.
    """

    suite: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
    job: Annotated[str, Field(min_length=1, max_length=200)]
    passed: Count
    failed: Count
    skipped: Count
    subject: Literal["head", "base"] = "head"
    left_out: Count = 0
    duration_s: Annotated[float, Field(ge=0)]
    cases: Annotated[tuple[TestCase, ...], Field(max_length=20_000)] = ()

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        counted = [sum(c.outcome is o for c in self.cases) for o in TestOutcome]
        if counted != [self.passed - self.left_out, self.failed, self.skipped]:
            raise ValueError(f"suite {self.suite}: counts do not agree with the cases listed")
        return self


class StressReport(Frozen):
    """One load test against one tree. Latencies in milliseconds, `error_rate` in percent."""

    subject: Literal["head", "base"]
    job: Annotated[str, Field(min_length=1, max_length=200)]
    requests: Count
    failures: Count
    duration_s: Annotated[float, Field(ge=0)]
    throughput_rps: Annotated[float, Field(ge=0)]
    p50_ms: Millis
    p95_ms: Millis
    p99_ms: Millis
    error_rate: Annotated[float, Field(ge=0, le=100)]


class Finding(Frozen):
    """One finding of a security scanner; `new` where what it was compared with has it not.

    `fingerprint` stays the same when the line moves; a waiver names it.
    """

    tool: Annotated[str, Field(min_length=1, max_length=100)]
    rule: Annotated[str, Field(min_length=1, max_length=200)]
    severity: Severity
    message: Annotated[str, Field(max_length=1000)] = ""
    file: RepositoryPath | None = None
    line: Line | None = None
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    new: bool


class ScanReport(Frozen):
    """One job's security scan of one tree. `job` is the check run's name at the forge.

    `base_sha` is the commit it was compared with; without one every finding is new. `found` and
    `new` count all findings; those listed are the new ones first, and among them the worst.
    """

    job: Annotated[str, Field(min_length=1, max_length=200)]
    subject: Literal["head", "base"] = "head"
    tools: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
        Field(min_length=1, max_length=50),
    ]
    base_sha: Sha | None = None
    found: Count
    new: Count
    findings: Annotated[tuple[Finding, ...], Field(max_length=MAX_FINDINGS)] = ()

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        listed = sum(finding.new for finding in self.findings)
        if len(self.findings) != min(self.found, MAX_FINDINGS) or self.new > self.found:
            raise ValueError(
                f"scan of {self.job}: the counts do not agree with the findings listed"
            )
        if listed != min(self.new, MAX_FINDINGS):
            raise ValueError(f"scan of {self.job}: the new findings are not listed first")
        if self.base_sha is None and self.new != self.found:
            raise ValueError(f"scan of {self.job}: compared with nothing, every finding is new")
        return self


class ArtifactReport(Frozen):
    """A build artifact of the tested tree, with the sigstore bundle that attests where it is from.

    `sha256` is what CI says of the artifact; only the verified bundle proves it.
    """

    name: Annotated[str, Field(min_length=1, max_length=300)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bundle: Annotated[str, Field(min_length=2, max_length=100_000)]


class CIReport(Frozen):
    """Everything one workflow run found about `head_sha`."""

    v: Literal[1] = 1
    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    workflow: Annotated[str, Field(min_length=1, max_length=300)]
    run_id: Number
    run_attempt: Number
    head_sha: Sha
    base_sha: Sha
    tree: Sha
    at: AwareDatetime
    suites: Annotated[tuple[SuiteReport, ...], Field(max_length=50)] = ()
    stress: Annotated[tuple[StressReport, ...], Field(max_length=10)] = ()
    scans: Annotated[tuple[ScanReport, ...], Field(max_length=10)] = ()
    artifacts: Annotated[tuple[ArtifactReport, ...], Field(max_length=20)] = ()
