"""`grace audit`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from grace.adapters.audit_git import CloneError, audit_repository
from grace.adapters.keys import Ed25519Key, KeyMaterialError, PublicKeys
from grace.adapters.sqlite.errors import StoreError
from grace.adapters.sqlite.reader import StoreReader
from grace.domain.audit import AuditReport, split_lines, verify_store_lines
from grace.domain.audit_comment import audit_comment

app = typer.Typer(no_args_is_help=True)

ALL = 10_000_000


@app.callback()
def group() -> None:
    """Keep `verify` a command of its own."""


@app.command()
def verify(
    repo: Annotated[
        Path | None, typer.Option("--repo", help="A clone: ledger branch, commits, trailers.")
    ] = None,
    comment: Annotated[
        Path | None,
        typer.Option("--comment", help="A saved sticky comment; - reads it from stdin."),
    ] = None,
    lines: Annotated[
        Path | None,
        typer.Option("--lines", help="A whole log as the API sends it; - reads it from stdin."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="The bot's public key: raw, ssh or allowed-signers."),
    ] = None,
    data: Annotated[
        Path, typer.Option("--data", help="The bot's data folder.", envvar="GRACE_DATA_DIR")
    ] = Path("grace-data"),
) -> None:
    """Verify a clone, a saved comment, a log's lines or, with none of them, the bot's own store."""
    try:
        keys = (
            PublicKeys.load(key)
            if key
            else PublicKeys(Ed25519Key.load(data / "signing.key").public)
        )
        if repo is not None:
            reports = [audit_repository(repo, keys)]
        elif comment is not None:
            text = (
                typer.get_text_stream("stdin").read()
                if str(comment) == "-"
                else comment.read_text()
            )
            reports = [audit_comment(text, keys)]
        elif lines is not None:
            content = (
                typer.get_binary_stream("stdin").read() if str(lines) == "-" else lines.read_bytes()
            )
            reports = [verify_store_lines(split_lines(content), keys)]
        else:
            reports = asyncio.run(_store(data / "grace.db", keys))
    except (CloneError, KeyMaterialError, StoreError, OSError, UnicodeDecodeError) as error:
        typer.echo(f"cannot verify: {error}", err=True)
        raise typer.Exit(2) from error
    for report in reports:
        for line in report.lines():
            typer.echo(line)
    if not reports:
        typer.echo("nothing to verify: the store has no ledger yet", err=True)
        raise typer.Exit(2)
    if not all(report.ok for report in reports):
        raise typer.Exit(1)


async def _store(path: Path, keys: PublicKeys) -> list[AuditReport]:
    reader = await StoreReader.look(path)
    try:
        return [
            verify_store_lines(await reader.lines(log, 0, ALL), keys) for log in await reader.logs()
        ]
    finally:
        await reader.close()
