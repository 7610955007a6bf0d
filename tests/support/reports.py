"""What CI reports about a head, as a test wants it."""

import hashlib
from datetime import UTC, datetime

from grace.domain.phase import Severity
from grace.domain.results import (
    CIReport,
    Finding,
    ScanReport,
    StressReport,
    SuiteReport,
    TestCase,
    TestOutcome,
)

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MUST_PASS = "tests.unit.test_delivery.test_cost"
BASE = "b" * 40


def sha(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def make_report(
    head: str,
    tree: str,
    *,
    base: str = BASE,
    passed: bool = True,
    p95: float = 20.0,
    run_id: int = 1,
) -> CIReport:
    outcome = TestOutcome.PASSED if passed else TestOutcome.FAILED

    def suite(name: str, case: str, result: TestOutcome) -> SuiteReport:
        return SuiteReport(
            suite=name,
            job=name,
            passed=int(result is TestOutcome.PASSED),
            failed=int(result is TestOutcome.FAILED),
            skipped=0,
            duration_s=1,
            cases=(TestCase(name=case, outcome=result),),
        )

    def stress(subject: str, value: float) -> StressReport:
        return StressReport(
            subject=subject,
            job="stress",
            requests=1000,
            failures=0,
            duration_s=6,
            throughput_rps=160,
            p50_ms=value / 2,
            p95_ms=value,
            p99_ms=value * 2,
            error_rate=0,
        )

    return CIReport(
        repository="acme/mesh",
        workflow=".github/workflows/ci.yml",
        run_id=run_id,
        run_attempt=1,
        head_sha=head,
        base_sha=base,
        tree=tree,
        at=START,
        suites=(
            suite("unit", MUST_PASS, outcome),
            suite("integration", "tests.integration.test_http.test_up", TestOutcome.PASSED),
        ),
        stress=(stress("head", p95), stress("base", 500.0)),
    )


def make_finding(**changes: object) -> Finding:
    """Make one new finding of high severity; `changes` are its fields."""
    told: dict[str, object] = {
        "tool": "bandit",
        "rule": "B602",
        "severity": Severity.HIGH,
        "message": "a shell is started with words of a stranger",
        "file": "mesh.py",
        "line": 7,
        "new": True,
    }
    return Finding.model_validate(told | changes)


def make_scan(*findings: Finding, base: str = BASE) -> ScanReport:
    """Make the hunter's scan that found these, the new ones first."""
    return ScanReport(
        job="hunter",
        tools=("bandit 1.9.2", "detect-secrets 1.5.0", "zizmor 1.16.0"),
        base_sha=base,
        found=len(findings),
        new=sum(finding.new for finding in findings),
        findings=tuple(sorted(findings, key=lambda each: not each.new)),
    )
