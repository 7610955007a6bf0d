"""The last word: the test command itself, in a process that shares nothing with the search."""

import os
import secrets
import signal
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

from grace.repair.baseline import Baseline
from grace.repair.command import Command
from grace.repair.link import Place
from grace.repair.source import Candidate

LEAST_WAIT = 20.0


def passes(candidate: Candidate, command: Command, place: Place, base: Baseline) -> bool:
    """Run the command on the candidate: exit code 0, and a report of every test that was known.

    A process that ends itself early leaves no report, whatever its exit code.
    """
    path = Path(place.copy, candidate.path)
    before = path.read_bytes()
    report = place.temp / f"report-{secrets.token_hex(8)}.xml"
    wanted = len(base.seen) + len(base.held)
    path.write_bytes(candidate.text.encode())
    try:
        status = _run(command, place, report, LEAST_WAIT + 10 * sum(base.walls.values()))
        return status == 0 and _passed(report) >= wanted
    finally:
        path.write_bytes(before)


def _run(command: Command, place: Place, report: Path, wait: float) -> int | None:
    process = subprocess.Popen(
        [*command.words, "-p", "no:cacheprovider", f"--junitxml={report}"],
        cwd=place.copy,
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(wait)
    except subprocess.TimeoutExpired:
        return None
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.poll()
        process.wait()


def _passed(report: Path) -> int:
    """Count the tests that a JUnit report says passed; -1 if there is none or one failed."""
    try:
        cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 - written by our own pytest
    except (OSError, ET.ParseError):
        return -1
    if any(case.find(kind) is not None for case in cases for kind in ("failure", "error")):
        return -1
    return sum(case.find("skipped") is None for case in cases)
