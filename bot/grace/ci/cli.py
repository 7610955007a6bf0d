"""`grace ci`: the commands that the composite actions call inside a CI job."""

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import typer

from grace.ci import context, junit, load, piece, post
from grace.ci.annotations import annotation, errors_shown
from grace.ci.cli_hunter import hunter
from grace.ci.cli_observe import observe
from grace.ci.cli_patch import patch
from grace.ci.errors import LoadFailed, ResultsInvalid
from grace.ci.process import SHELL, child_env, running
from grace.ci.service import serving
from grace.domain.results import SuiteReport, TestOutcome

app = typer.Typer(
    name="ci",
    help="Collect test results, run load tests and report them, inside a CI job.",
    no_args_is_help=True,
)

Suite = Annotated[str, typer.Option(help="Name of the suite, such as unit.")]
Job = Annotated[str, typer.Option(help="The job's name at the forge.")]
Out = Annotated[Path, typer.Option(help="JSON file to write.")]
Locustfile = Annotated[Path, typer.Option(help="Locust file with the users.")]
Users = Annotated[int, typer.Option(min=1, help="How many users at a time.")]
SpawnRate = Annotated[float, typer.Option(help="Users that start each second.")]
Duration = Annotated[int, typer.Option(min=1, help="Length of the load in seconds.")]


@app.command()
def collect(
    suite: Suite,
    job: Job,
    out: Out,
    junit_file: Annotated[Path, typer.Option("--junit", help="JUnit XML file to read.")],
) -> None:
    """Turn a JUnit XML file into a result of this checkout."""
    with errors_shown(f"Suite {suite}"):
        _collect(piece.tested_in(Path()), suite, job, junit_file, out)


@app.command()
def tests(
    suite: Suite,
    job: Job,
    out: Out,
    command: Annotated[str, typer.Option(help="Shell command; {junit} is the file to write.")],
) -> None:
    """Run a suite, collect its results even if it fails, and end with its status.

    pytest is told where to write by PYTEST_ADDOPTS, others by {junit} or GRACE_JUNIT.
    """
    with errors_shown(f"Suite {suite}"), tempfile.TemporaryDirectory() as folder:
        tested = piece.tested_in(Path())
        file = Path(folder) / "junit.xml"
        options = f"{os.environ.get('PYTEST_ADDOPTS', '')} --junitxml={file}".strip()
        env = child_env(os.environ, PYTEST_ADDOPTS=options, GRACE_JUNIT=str(file))
        shell = command.replace("{junit}", str(file))
        with running((*SHELL, shell), cwd=Path.cwd(), env=env) as process:
            status = process.wait()
        try:
            found = _collect(tested, suite, job, file, out)
        except ResultsInvalid as error:
            raise ResultsInvalid(
                f"the command ended with status {status}; {error}", _JUNIT
            ) from error
        if status != 0:
            typer.echo(annotation("error", _advice(found, command), title=f"Suite {suite}"))
            for line in _failures(found):
                typer.echo(line)
    raise typer.Exit(status if status >= 0 else 1)


@app.command()
def stress(  # noqa: PLR0913, PLR0917 - the options of a command
    locustfile: Locustfile,
    host: Annotated[str, typer.Option(help="URL of the service.")],
    users: Users,
    spawn_rate: SpawnRate,
    duration: Duration,
    subject: Annotated[Literal["head", "base"], typer.Option(help="What is running there.")],
    job: Job,
    out: Out,
) -> None:
    """Put load on a running service and write what it did."""
    with errors_shown("Stress test"):
        tested = piece.tested_in(Path())
        spec = _spec(locustfile, host, users, spawn_rate, duration)
        report = load.run(spec, subject=subject, job=job)
        piece.write(piece.Piece(tested=tested, stress=(report,)), out)


@app.command()
def compare(  # noqa: PLR0913, PLR0917 - the options of a command
    start: Annotated[str, typer.Option(help="Shell command that serves on $PORT.")],
    locustfile: Locustfile,
    users: Users,
    duration: Duration,
    job: Job,
    out: Out,
    spawn_rate: SpawnRate = 100.0,
    health: Annotated[str, typer.Option(help="Path that answers 2xx when it is up.")] = "/healthz",
    base_path: Annotated[
        str, typer.Option(help="Checkout of the base, measured too; empty for none.")
    ] = "",
    within: Annotated[float, typer.Option(help="Seconds the service has to come up.")] = 30.0,
) -> None:
    """Start the service from this checkout and from the base's, and put the same load on both.

    Fails where the head cannot be measured; a base that cannot be is left out with a warning.
    """
    with errors_shown("Stress test"):
        tested = piece.tested_in(Path())
        reports = []
        places: list[tuple[Literal["head", "base"], Path]] = [("head", Path.cwd())]
        if base_path:
            places.append(("base", Path(base_path).resolve()))
        for subject, cwd in places:
            try:
                with serving(start, cwd=cwd, health=health, within_s=within) as url:
                    spec = _spec(locustfile, url, users, spawn_rate, duration)
                    report = load.run(spec, subject=subject, job=job)
            except LoadFailed as error:
                if subject == "head":
                    raise
                typer.echo(f"::warning::the base could not be measured: {error}")
                continue
            typer.echo(
                f"{subject}: {report.requests} requests, p50 {report.p50_ms:g} ms, "
                f"p95 {report.p95_ms:g} ms, p99 {report.p99_ms:g} ms, "
                f"errors {report.error_rate:g} %"
            )
            reports.append(report)
        piece.write(piece.Piece(tested=tested, stress=tuple(reports)), out)


@app.command()
def report(
    results: Annotated[Path, typer.Option(help="Folder with the results of all jobs.")],
    out: Out,
    url: Annotated[str, typer.Option(help="The bot's address; empty: only write.")] = "",
    audience: Annotated[str, typer.Option(help="Audience of the OIDC token.")] = "grace",
) -> None:
    """Merge the results of a run, write the report, and post it to the bot."""
    with errors_shown("No report"):
        pieces = piece.read_all(results)
        merged = context.merge(pieces, context.from_env(os.environ), datetime.now(UTC))
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(merged.model_dump_json(indent=1) + "\n", encoding="utf-8")
        if url and not post.has_token(os.environ):
            typer.echo(annotation("warning", _ARTIFACT_ONLY, title="Not posted"))
        elif url:
            post.send(
                merged, _endpoint(url), audience=audience, env=os.environ, patience=post.Patience()
            )
            typer.echo(f"reported {len(merged.suites)} suites, {len(merged.stress)} load tests")
        else:
            typer.echo("no url: the report was only written")


app.command("hunter")(hunter)
app.command("patch")(patch)
app.command("observe")(observe)


_SHOWN = 9
_JUNIT = (
    "The log above says why; pytest is told by itself where to write, other runners write JUnit "
    "XML to {junit} in the command, or to $GRACE_JUNIT"
)
_ARTIFACT_ONLY = (
    "the job has no OIDC token, so the report is an artifact only, which the bot finds later: give "
    "the job `permissions: id-token: write`; a pull request from a fork never has it"
)


def _endpoint(url: str) -> str:
    """Return where the bot takes results; its bare address is enough."""
    path = "/ci/results"
    return url if url.endswith(path) else url.rstrip("/") + path


def _advice(found: SuiteReport, command: str) -> str:
    """Say what to do about a suite that ended red."""
    failed = [case.name for case in found.cases if case.outcome is TestOutcome.FAILED]
    if not failed:
        return f"no test failed but the command did: look above, and run it yourself: {command}"
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"{failed[0]}{more} failed: mend what they test, and run it yourself: {command}"


def _failures(found: SuiteReport) -> Iterator[str]:
    """Yield failed tests as annotations where they failed; a step may have ten, advice included."""
    failed = (case for case in found.cases if case.outcome is TestOutcome.FAILED)
    for case in islice(failed, _SHOWN):
        place = {"file": case.file} if case.file else {}
        line = {"line": case.line} if case.line else {}
        yield annotation(
            "error", case.message or "failed without a message", **place, **line, title=case.name
        )


def _collect(tested: piece.Tested, suite: str, job: str, source: Path, out: Path) -> SuiteReport:
    found = junit.read(source, suite=suite, job=job, root=Path.cwd())
    piece.write(piece.Piece(tested=tested, suites=(found,)), out)
    typer.echo(
        f"suite {suite}: {found.passed} passed, {found.failed} failed, {found.skipped} skipped"
    )
    return found


def _spec(
    locustfile: Path, host: str, users: int, spawn_rate: float, duration: int
) -> load.LoadSpec:
    return load.LoadSpec(
        locustfile=locustfile.resolve(),
        host=host,
        users=users,
        spawn_rate=spawn_rate,
        duration_s=duration,
    )
