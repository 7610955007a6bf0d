"""`grace ci artifacts`."""

from pathlib import Path
from typing import Annotated

import typer

from grace.ci import piece
from grace.ci.annotations import errors_shown
from grace.ci.artifacts import attested


def artifacts(
    artifact: Annotated[
        list[str], typer.Option(help="Artifact, or pattern such as dist/*.whl; also several lines.")
    ],
    bundle: Annotated[
        list[str], typer.Option(help="File with sigstore bundles; also several lines.")
    ],
    out: Annotated[Path, typer.Option(help="JSON file to write.")],
) -> None:
    """Write digest and sigstore bundle of build artifacts as results of this checkout."""
    with errors_shown("Artifacts"):
        tested = piece.tested_in(Path())
        found = attested(_lines(artifact), _lines(bundle), Path.cwd())
        piece.write(piece.Piece(tested=tested, artifacts=found), out)
    for each in found:
        typer.echo(f"{each.name} sha256:{each.sha256}")


def _lines(values: list[str]) -> tuple[str, ...]:
    return tuple(line.strip() for value in values for line in value.splitlines() if line.strip())
