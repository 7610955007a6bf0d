"""JUnit XML as pytest and most runners write it, into a `SuiteReport`.

Read with expat's events and without a tree; a document type declaration is refused, and with it
every entity, so a few bytes cannot become gigabytes.

Runners that try a failed test again say so in one of three ways, and each ends in `earlier`:
Surefire, and Gradle with `mergeReruns`, put `flakyFailure` or `rerunFailure` into the test case;
gotestsum, and Gradle without it, tell of the test once an attempt; pytest-rerunfailures does so
too, but leaves the case of an attempt that failed empty.
"""

import math
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from grace.ci.errors import ResultsInvalid
from grace.ci.places import Place, Traceback, Workspace
from grace.ci.reruns import rank, settled, with_earlier
from grace.domain.results import SuiteReport, TestCase, TestOutcome

MAX_BYTES = 64 * 1024 * 1024
MAX_CASES = 20_000
_NAME, _MESSAGE = 500, 2000
_TOLD_TWICE = 2 * MAX_CASES


class _Reader:
    """Collects test cases from expat's events, each time that one is told of, by name."""

    def __init__(self, workspace: Workspace) -> None:
        self.told: dict[str, list[TestCase]] = {}
        self._count = 0
        self.of_pytest = False
        self._workspace = workspace
        self._place: Place | None = None
        self._trace: Traceback | None = None
        self._name = ""
        self._seconds = 0.0
        self._outcome = TestOutcome.PASSED
        self._failed_before = 0
        self._message = ""
        self._taking = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        match tag.rpartition("}")[2]:
            case "testcase":
                self._name = _case_name(attributes)
                self._seconds = _seconds(attributes.get("time", "0"))
                self._outcome, self._message = TestOutcome.PASSED, ""
                self._failed_before = 0
                self._place = self._workspace.of_attributes(attributes)
            case "failure" | "error":
                self._take(TestOutcome.FAILED, attributes)
            case "skipped":
                self._take(TestOutcome.SKIPPED, attributes)
            case "flakyFailure" | "flakyError" | "rerunFailure" | "rerunError" | "rerun":
                self._failed_before += 1
                if not self._message:
                    self._take(self._outcome, attributes)
            case "testsuite":
                self.of_pytest = attributes.get("name") == "pytest"
            case _:
                pass

    def text(self, data: str) -> None:
        if self._trace is not None:
            self._trace.take(data)
        if self._taking and len(self._message) < _MESSAGE:
            self._message += data

    def end(self, tag: str) -> None:
        self._taking = False
        if self._trace is not None:
            self._place, self._trace = self._trace.place(), None
        if tag.rpartition("}")[2] != "testcase" or not self._name:
            return
        place = self._place
        case = TestCase(
            name=self._name,
            outcome=self._outcome,
            duration_s=self._seconds,
            message=self._message.strip()[:_MESSAGE],
            file=place.file if place else None,
            line=place.line if place else None,
        )
        case = with_earlier(case, (TestOutcome.FAILED,) * self._failed_before)
        self.told.setdefault(self._name, []).append(case)
        self._count += 1
        if len(self.told) > MAX_CASES or self._count > _TOLD_TWICE:
            raise ResultsInvalid(f"the suite has more than {MAX_CASES} tests")

    def _take(self, outcome: TestOutcome, attributes: dict[str, str]) -> None:
        self._outcome = max(self._outcome, outcome, key=rank)
        self._message = attributes.get("message", "")[:_MESSAGE]
        self._taking = not self._message
        if self._place is None:
            self._trace = Traceback(self._workspace)


def read(path: Path, *, suite: str, job: str, root: Path, ended_well: bool = False) -> SuiteReport:
    """Read a file of tests of the checkout at `root`; see `parse`.

    Raises `ResultsInvalid` where it is missing, too large or not JUnit XML.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ResultsInvalid(f"{path.name} has {size} bytes; at most {MAX_BYTES} are read")
        data = path.read_bytes()
    except OSError as error:
        raise ResultsInvalid(f"no test results at {path.name}: {error.strerror}") from error
    return parse(data, suite=suite, job=job, root=root, ended_well=ended_well)


def parse(
    data: bytes, *, suite: str, job: str, root: Path, ended_well: bool = False
) -> SuiteReport:
    """Parse JUnit XML; names are `classname.name` with dots, places are files below `root`.

    `ended_well`: the command that wrote it is known to have ended with 0.
    """
    reader = _Reader(Workspace(root))
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ResultsInvalid(f"the results of suite {suite} are not XML: {error}") from error
    cases = tuple(
        settled(told, of_pytest=reader.of_pytest, ended_well=ended_well)
        for told in reader.told.values()
    )
    count = [sum(case.outcome is outcome for case in cases) for outcome in TestOutcome]
    return SuiteReport(
        suite=suite,
        job=job,
        passed=count[0],
        failed=count[1],
        skipped=count[2],
        duration_s=round(sum(case.duration_s for case in cases), 6),
        cases=cases,
    )


def _refuse_doctype(*_: object) -> NoReturn:
    raise ResultsInvalid("the results have a document type declaration, which is refused")


def _case_name(attributes: dict[str, str]) -> str:
    group = attributes.get("classname", "").replace("/", ".")
    name = attributes.get("name", "")
    return (f"{group}.{name}" if group and name else group or name)[:_NAME]


def _seconds(text: str) -> float:
    try:
        value = float(text.replace(",", ""))
    except ValueError as error:
        raise ResultsInvalid(f"a test's time is {text!r}, not a number") from error
    return value if math.isfinite(value) and value > 0 else 0.0
