"""`grace ci hunter`."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from grace.ci import piece
from grace.ci.annotations import annotation, errors_shown
from grace.ci.findings import Level
from grace.ci.hunter import Hunt, hunt
from grace.ci.waiver_file import waivers_of
from grace.domain.inspection import WAIVER_FILE

TITLE = "Security scan"


def hunter(  # noqa: PLR0913, PLR0917 - the options of a command
    job: Annotated[str, typer.Option(help="The job's name at the forge.")],
    out: Annotated[Path, typer.Option(help="JSON file to write.")],
    sarif_out: Annotated[Path, typer.Option(help="SARIF file to write, with all findings.")],
    base_path: Annotated[
        str, typer.Option(help="Checkout of the base to compare with; empty: all is new.")
    ] = "",
    sarif: Annotated[str, typer.Option(help="SARIF files of other scanners, one a line.")] = "",
    base_sarif: Annotated[str, typer.Option(help="The same of the base, one a line.")] = "",
    fail_on: Annotated[
        str, typer.Option(help="End red on new findings of this level: error, warning, note, none.")
    ] = "error",
    limit: Annotated[float, typer.Option(min=1, help="Seconds that each scanner has.")] = 300.0,
) -> None:
    """Scan this checkout with bandit, detect-secrets, zizmor and our rules; show what is new."""
    levels = {level.value: level for level in Level}
    if fail_on not in {*levels, "none"}:
        raise typer.BadParameter("must be error, warning, note or none", param_hint="--fail-on")
    with errors_shown(TITLE):
        tested = piece.tested_in(Path())
        wanted = Hunt(
            head=Path.cwd(),
            base=Path(base_path).resolve() if base_path else None,
            sarif=_files(sarif),
            base_sarif=_files(base_sarif),
            limit_s=limit,
        )
        waivers = waivers_of(wanted.base)
        now = datetime.now(UTC)
        found = hunt(wanted).under(waivers.waivers, now)
        sarif_out.parent.mkdir(parents=True, exist_ok=True)
        sarif_out.write_text(json.dumps(found.log(), indent=1) + "\n", encoding="utf-8")
        report = found.report(job)
        piece.write(piece.Piece(tested=tested, scans=(report,)), out)
    for line in (*waivers.warnings(now), *found.annotations()):
        typer.echo(line)
    compared = f"the base {report.base_sha[:12]}" if report.base_sha else "nothing"
    waived = sum(f.new and f.fingerprint in found.waived for f in found.findings)
    typer.echo(
        f"{report.found} findings, {report.new} of them new, {waived} of those waived, "
        f"compared with {compared}"
    )
    bad = found.at_least(levels[fail_on]) if fail_on in levels else ()
    for each in bad:
        typer.echo(
            f"{each.path}:{each.line} {each.tool} {each.rule} fingerprint {each.fingerprint}"
        )
    if bad:
        one = "a new finding" if len(bad) == 1 else f"{len(bad)} new findings"
        typer.echo(
            annotation("error", f"{one} of level {fail_on} or worse: {_ADVICE}", title=TITLE)
        )
        raise typer.Exit(1)


_ADVICE = (
    "change the lines that are marked; an ignore comment changes nothing. Where the finding is "
    f"wrong, let a person waive it by its fingerprint in {WAIVER_FILE} on the base branch"
)


def _files(lines: str) -> tuple[Path, ...]:
    return tuple(Path(line.strip()) for line in lines.splitlines() if line.strip())
