"""`grace ci`: the commands that the composite actions call inside a CI job."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from grace.ci import context, load, piece, post
from grace.ci.annotations import annotation, errors_shown
from grace.ci.cli_artifacts import artifacts
from grace.ci.cli_hunter import hunter
from grace.ci.cli_observe import observe
from grace.ci.cli_patch import patch
from grace.ci.cli_tests import Job, Out, collect, run_tests
from grace.ci.errors import LoadFailed
from grace.ci.service import serving

app = typer.Typer(
    name="ci",
    help="Collect test results, run load tests and report them, inside a CI job.",
    no_args_is_help=True,
)

Locustfile = Annotated[Path, typer.Option(help="Locust file with the users.")]
Users = Annotated[int, typer.Option(min=1, help="How many users at a time.")]
SpawnRate = Annotated[float, typer.Option(help="Users that start each second.")]
Duration = Annotated[int, typer.Option(min=1, help="Length of the load in seconds.")]


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


app.command("collect")(collect)
app.command("tests")(run_tests)
app.command("artifacts")(artifacts)
app.command("hunter")(hunter)
app.command("patch")(patch)
app.command("observe")(observe)


_ARTIFACT_ONLY = (
    "the job has no OIDC token, so the report is an artifact only, which the bot finds later: give "
    "the job `permissions: id-token: write`; a pull request from a fork never has it"
)


def _endpoint(url: str) -> str:
    """Return where the bot takes results; its bare address is enough."""
    path = "/ci/results"
    return url if url.endswith(path) else url.rstrip("/") + path


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
