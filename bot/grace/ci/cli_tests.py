"""`grace ci tests` and `grace ci collect`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, assert_never

import typer

from grace.ci import junit, piece, planting, suites
from grace.ci.annotations import annotation, errors_shown
from grace.ci.errors import CheckoutInvalid
from grace.domain.results import SuiteReport, TestOutcome

Suite = Annotated[str, typer.Option(help="Name of the suite, such as unit.")]
Job = Annotated[str, typer.Option(help="The job's name at the forge.")]
Out = Annotated[Path, typer.Option(help="JSON file to write.")]


def collect(
    suite: Suite,
    job: Job,
    out: Out,
    junit_file: Annotated[Path, typer.Option("--junit", help="JUnit XML file to read.")],
) -> None:
    """Turn a JUnit XML file into a result of this checkout."""
    with errors_shown(f"Suite {suite}"):
        tested = piece.tested_in(Path())
        found = junit.read(junit_file, suite=suite, job=job, root=Path.cwd())
        _keep(piece.Piece(tested=tested, suites=(found,)), out)


def run_tests(  # noqa: PLR0913, PLR0917 - the options of a command
    suite: Suite,
    job: Job,
    out: Out,
    command: Annotated[str, typer.Option(help="Shell command; {junit} is the file to write.")],
    rerun: Annotated[
        int, typer.Option(min=0, max=5, help="How often to run again where tests failed.")
    ] = 0,
    subject: Annotated[
        Literal["head", "base"], typer.Option(help="Whose code the head's tests run on.")
    ] = "head",
    base_path: Annotated[
        str, typer.Option(help="Checkout of the base, whose tests are replaced.")
    ] = "",
    test_files: Annotated[
        str, typer.Option("--tests", help="Globs of files that are tests, one a line.")
    ] = "",
) -> None:
    """Run a suite, collect its results even if it fails, and end with its status.

    pytest is told where to write by PYTEST_ADDOPTS, others by {junit} or GRACE_JUNIT. On the base
    the head's tests run once, and any end is a good one that leaves results.
    """
    with errors_shown(f"Suite {suite}"):
        wanted = suites.SuiteCommand(suite, job, command, Path.cwd())
        match subject:
            case "head":
                status = _on_head(wanted, rerun, out)
            case "base":
                if not base_path:
                    raise CheckoutInvalid("no checkout of the base is given", _BASE_PATH)
                globs = tuple(each.strip() for each in test_files.splitlines() if each.strip())
                _on_base(wanted, Path(base_path).resolve(), globs or planting.USUAL, out)
                status = 0
            case _:
                assert_never(subject)
    raise typer.Exit(status if status >= 0 else 1)


_BASE_PATH = "Check the base out outside of the head's checkout and name its folder by base-path"
_NAMED = 20


def _on_head(wanted: suites.SuiteCommand, rerun: int, out: Path) -> int:
    """Run a suite on the head, again where tests failed; return the status to end with."""
    tested = piece.tested_in(wanted.cwd)
    ran = suites.run_again(wanted, rerun)
    _keep(piece.Piece(tested=tested, suites=(ran.report,)), out)
    if ran.status != 0:
        advice = _advice(ran.report, wanted.command)
        typer.echo(annotation("error", advice, title=f"Suite {wanted.suite}"))
    said = suites.failures(ran.report) if ran.status != 0 else ()
    for line in (*ran.notes, *said, *suites.flaky(ran.report)):
        typer.echo(line)
    return ran.status


def _on_base(wanted: suites.SuiteCommand, base: Path, globs: tuple[str, ...], out: Path) -> None:
    """Run the head's tests on the base's code and say which fail there."""
    tested = piece.tested_in(wanted.cwd)
    planted = planting.plant(wanted.cwd, base, globs)
    typer.echo(
        f"{len(planted.put)} test files of the head are put on {planted.base_sha[:12]}, "
        f"{len(planted.taken)} of the base's taken away"
    )
    for path in planted.links:
        typer.echo(f"left out, because it is a link: {path}")
    ran = suites.run(replace(wanted, cwd=base, subject="base"))
    _keep(piece.Piece(tested=tested, base_sha=planted.base_sha, suites=(ran.report,)), out)
    failed = [case.name for case in ran.report.cases if case.outcome is TestOutcome.FAILED]
    if not failed:
        typer.echo("no test fails on the base: none shows what the change mends")
    for name in failed[:_NAMED]:
        typer.echo(f"fails on the base: {name}")


def _keep(found: piece.Piece, out: Path) -> None:
    """Write a piece of one suite and say what it counts."""
    piece.write(found, out)
    (suite,) = found.suites
    where = " on the base" if suite.subject == "base" else ""
    flaky = sum(case.flaky for case in suite.cases)
    typer.echo(
        f"suite {suite.suite}{where}: {suite.passed} passed, {suite.failed} failed, "
        f"{suite.skipped} skipped{f', {flaky} flaky' if flaky else ''}"
    )


def _advice(found: SuiteReport, command: str) -> str:
    """Say what to do about a suite that ended red."""
    failed = [case.name for case in found.cases if case.outcome is TestOutcome.FAILED]
    if not failed:
        return f"no test failed but the command did: look above, and run it yourself: {command}"
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"{failed[0]}{more} failed: mend what they test, and run it yourself: {command}"
