"""A suite's command, run in a checkout, and again where tests failed."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from grace.ci import junit
from grace.ci.annotations import Level, annotation
from grace.ci.errors import CheckoutInvalid, ResultsInvalid
from grace.ci.piece import Tested, tested_in
from grace.ci.process import SHELL, child_env, running
from grace.ci.reruns import joined
from grace.domain.results import SuiteReport, TestCase, TestOutcome

SHOWN = 9  # a step may have ten annotations of a level, and one is the advice
_JUNIT = (
    "The log above says why; pytest is told by itself where to write, other runners write JUnit "
    "XML to {junit} in the command, or to $GRACE_JUNIT"
)


@dataclass(frozen=True, slots=True)
class SuiteCommand:
    """What to run, where, and what it is called. `cwd` is the root of a checkout."""

    suite: str
    job: str
    command: str
    cwd: Path
    subject: Literal["head", "base"] = "head"


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of it: the status of the last run, all runs' results, notes for the log."""

    status: int
    report: SuiteReport
    notes: tuple[str, ...] = ()


def run(wanted: SuiteCommand) -> Ran:
    """Run the suite once. Raises `ResultsInvalid` where it leaves no JUnit XML."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "junit.xml"
        options = f"{os.environ.get('PYTEST_ADDOPTS', '')} --junitxml={file}".strip()
        env = child_env(os.environ, PYTEST_ADDOPTS=options, GRACE_JUNIT=str(file))
        if wanted.subject == "base":
            env["GITHUB_WORKSPACE"] = str(wanted.cwd)
        shell = wanted.command.replace("{junit}", str(file))
        with running((*SHELL, shell), cwd=wanted.cwd, env=env) as process:
            status = process.wait()
        try:
            found = junit.read(
                file,
                suite=wanted.suite,
                job=wanted.job,
                root=wanted.cwd,
                ended_well=status == 0,
            )
        except ResultsInvalid as error:
            raise ResultsInvalid(
                f"the command ended with status {status}; {error}", _JUNIT
            ) from error
    return Ran(status, found.model_copy(update={"subject": wanted.subject}))


def run_again(wanted: SuiteCommand, times: int) -> Ran:
    """Run the suite, and again up to `times` while tests of its last run failed.

    Each run is of the same commit: what changed the checkout is not run again. The status is 0
    only where the last run's is and no test is left that failed and was not run again.
    """
    tested = tested_in(wanted.cwd)
    runs, notes = [run(wanted)], []
    for _ in range(times):
        if not runs[-1].report.failed:
            break
        changed = _changed(wanted.cwd, tested)
        if changed:
            notes.append(_note("warning", wanted, f"the tests are not run again: {changed}"))
            break
        try:
            runs.append(run(wanted))
        except ResultsInvalid as error:
            notes.append(_note("error", wanted, f"run again, it left no results: {error}"))
            return Ran(1, joined([each.report for each in runs]), tuple(notes))
    status, report = runs[-1].status, joined([each.report for each in runs])
    left = _failed(report) - _failed(runs[-1].report)
    if left and status == 0:
        status = 1
        notes.append(_note("error", wanted, f"{min(left)} failed and was not run again"))
    return Ran(status, report, tuple(notes))


def failures(found: SuiteReport) -> Iterator[str]:
    """Yield failed tests as annotations where they failed."""
    failed = (case for case in found.cases if case.outcome is TestOutcome.FAILED)
    for case in islice(failed, SHOWN):
        yield _at(case, "error", case.message or "failed without a message", case.name)


def flaky(found: SuiteReport) -> Iterator[str]:
    """Yield the tests that passed and failed on one commit, as warnings."""
    for case in islice((case for case in found.cases if case.flaky), SHOWN):
        said = ", then ".join((*case.earlier, case.outcome))
        reason = f": {case.message}" if case.message else ""
        yield _at(case, "warning", f"{said}, on the same commit{reason}", f"{case.name} is flaky")


def _changed(checkout: Path, tested: Tested) -> str:
    """Say how a checkout came to differ from what was tested; empty where it does not."""
    try:
        now = tested_in(checkout)
    except CheckoutInvalid as error:
        return str(error)
    return "" if now == tested else f"they moved the checkout to {now.head_sha}"


def _failed(report: SuiteReport) -> set[str]:
    return {case.name for case in report.cases if case.outcome is TestOutcome.FAILED}


def _note(level: Level, wanted: SuiteCommand, text: str) -> str:
    return annotation(level, text, title=f"Suite {wanted.suite}")


def _at(case: TestCase, level: Level, text: str, title: str) -> str:
    place = {"file": case.file} if case.file else {}
    line = {"line": case.line} if case.line else {}
    return annotation(level, text, **place, **line, title=title)
