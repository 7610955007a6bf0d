"""`grace keys`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from grace.adapters.keys import Ed25519Key, KeyMaterialError, allowed_signers_line, raw_line

app = typer.Typer(no_args_is_help=True)

DEFAULT = Path("grace-data/signing.key")
KeyPath = Annotated[
    Path, typer.Option("--path", help="The private key's file.", envvar="GRACE_SIGNING_KEY_FILE")
]


class Format(StrEnum):
    """How a public key is written."""

    ALLOWED_SIGNERS = "allowed-signers"
    RAW = "raw"


@app.command()
def init(path: KeyPath = DEFAULT) -> None:
    """Make a new private key, readable by its owner alone."""
    try:
        key = Ed25519Key.generate(path)
    except KeyMaterialError as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(f"{key.key_id} written to {path}; keep it, and publish: grace keys show")


@app.command()
def show(
    path: KeyPath = DEFAULT,
    form: Annotated[
        Format, typer.Option("--format", help="For git and ssh-keygen, or the 32 bytes in base64.")
    ] = Format.RAW,
) -> None:
    """Print the public key."""
    try:
        key = Ed25519Key.load(path)
    except KeyMaterialError as error:
        raise typer.BadParameter(str(error)) from error
    line = allowed_signers_line if form is Format.ALLOWED_SIGNERS else raw_line
    typer.echo(line(key.public))
