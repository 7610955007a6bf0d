"""JUnit XML as pytest and most runners write it, into a `SuiteReport`.

Read with expat's events and without a tree; a document type declaration is refused, and with it
every entity, so a few bytes cannot become gigabytes.
"""

import math
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from grace.ci.errors import ResultsInvalid
from grace.ci.places import Place, Traceback, Workspace
from grace.domain.results import SuiteReport, TestCase, TestOutcome

MAX_BYTES = 64 * 1024 * 1024
MAX_CASES = 20_000
_NAME, _MESSAGE = 500, 2000
_WORST = (TestOutcome.PASSED, TestOutcome.SKIPPED, TestOutcome.FAILED)


class _Reader:
    """Collects test cases from expat's events; a test that is told of twice counts once."""

    def __init__(self, workspace: Workspace) -> None:
        self.cases: dict[str, TestCase] = {}
        self._workspace = workspace
        self._place: Place | None = None
        self._trace: Traceback | None = None
        self._name = ""
        self._seconds = 0.0
        self._outcome = TestOutcome.PASSED
        self._message = ""
        self._taking = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        match tag.rpartition("}")[2]:
            case "testcase":
                self._name = _case_name(attributes)
                self._seconds = _seconds(attributes.get("time", "0"))
                self._outcome, self._message = TestOutcome.PASSED, ""
                self._place = self._workspace.of_attributes(attributes)
            case "failure" | "error":
                self._take(TestOutcome.FAILED, attributes)
            case "skipped":
                self._take(TestOutcome.SKIPPED, attributes)
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
        before = self.cases.get(self._name)
        case = TestCase(
            name=self._name,
            outcome=self._outcome,
            duration_s=self._seconds,
            message=self._message.strip()[:_MESSAGE],
            file=place.file if place else None,
            line=place.line if place else None,
        )
        self.cases[self._name] = case if before is None else _worse(before, case)
        if len(self.cases) > MAX_CASES:
            raise ResultsInvalid(f"the suite has more than {MAX_CASES} tests")

    def _take(self, outcome: TestOutcome, attributes: dict[str, str]) -> None:
        self._outcome = max(self._outcome, outcome, key=_rank)
        self._message = attributes.get("message", "")[:_MESSAGE]
        self._taking = not self._message
        if self._place is None:
            self._trace = Traceback(self._workspace)


def read(path: Path, *, suite: str, job: str, root: Path) -> SuiteReport:
    """Read a file of tests of the checkout at `root`.

    Raises `ResultsInvalid` where it is missing, too large or not JUnit XML.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ResultsInvalid(f"{path.name} has {size} bytes; at most {MAX_BYTES} are read")
        data = path.read_bytes()
    except OSError as error:
        raise ResultsInvalid(f"no test results at {path.name}: {error.strerror}") from error
    return parse(data, suite=suite, job=job, root=root)


def parse(data: bytes, *, suite: str, job: str, root: Path) -> SuiteReport:
    """Parse JUnit XML; names are `classname.name` with dots, places are files below `root`."""
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
    cases = tuple(reader.cases.values())
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


def _rank(outcome: TestOutcome) -> int:
    return _WORST.index(outcome)


def _worse(one: TestCase, other: TestCase) -> TestCase:
    worst = max(one, other, key=lambda case: _rank(case.outcome))
    return worst.model_copy(update={"duration_s": one.duration_s + other.duration_s})
