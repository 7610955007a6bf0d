"""`grace ci patch`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from grace.ci.annotations import errors_shown
from grace.ci.patch import PatchWanted, propose


def patch(  # noqa: PLR0913, PLR0917 - the options of a command
    command: Annotated[str, typer.Option(help="Shell command; it reads $GRACE_MISSION.")],
    mission: Annotated[Path, typer.Option(help="Mission package as JSON.")],
    base: Annotated[str, typer.Option(help="SHA of the commit that is checked out.")],
    out: Annotated[Path, typer.Option(help="Folder for patch.diff and patch.json.")],
    max_bytes: Annotated[int, typer.Option(min=1, help="Largest patch that may leave.")] = 200_000,
    limit: Annotated[float, typer.Option(min=1, help="Seconds that the agent has.")] = 1800.0,
) -> None:
    """Run a coding agent that gets no secret, and keep what it changed as a patch.

    The agent sees PATH, a home of its own, GRACE_MISSION and GRACE_BASE. Changes to workflows,
    links and binary files are refused, and so is an environment that holds a secret.
    """
    with errors_shown("No patch"):
        wanted = PatchWanted(
            command=command, mission=mission, base=base, max_bytes=max_bytes, limit_s=limit
        )
        proposed, diff = propose(wanted, Path.cwd(), os.environ)
        out.mkdir(parents=True, exist_ok=True)
        (out / "patch.diff").write_bytes(diff)
        told = proposed.model_dump_json(indent=1) + "\n"
        (out / "patch.json").write_text(told, encoding="utf-8")
        typer.echo(f"a patch of {proposed.size} bytes to {', '.join(proposed.paths[:20])}")
