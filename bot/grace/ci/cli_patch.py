"""`grace ci patch`."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from grace.adapters.secrets import secret_scan
from grace.ci.annotations import annotation, errors_shown
from grace.ci.errors import CIError, PatchRefused
from grace.ci.patch import (
    PatchWanted,
    Sandbox,
    Surroundings,
    propose,
    proposed,
    refuse_secrets,
    refused,
    task_of,
)
from grace.domain.hidden import strip_characters
from grace.domain.proposals import AgentTask, Proposal


def patch(  # noqa: PLR0913, PLR0917 - the options of a command
    out: Annotated[Path, typer.Option(help="Folder for the patch and the proposal.")],
    command: Annotated[str, typer.Option(help="Shell command; it reads $GRACE_TASK.")] = "",
    agent: Annotated[str, typer.Option(help="An agent that comes with Grace, or the task's.")] = "",
    task: Annotated[str, typer.Option(help="Task as JSON, as the bot gives it.")] = "",
    mission: Annotated[str, typer.Option(help="Mission package as JSON instead.")] = "",
    base: Annotated[str, typer.Option(help="SHA of the commit that is checked out.")] = "",
    test: Annotated[str, typer.Option(help="Shell command that fails at the base.")] = "",
    readable: Annotated[list[Path] | None, typer.Option(help="Place that the agent sees.")] = None,
    max_bytes: Annotated[int, typer.Option(min=1, help="Largest patch that may leave.")] = 200_000,
    limit: Annotated[float, typer.Option(min=1, help="Seconds that the agent has.")] = 1800.0,
    model_url: Annotated[str, typer.Option(help="Where a model's key may go.")] = "",
    network: Annotated[bool, typer.Option(help="Let the agent open connections.")] = False,
    sandbox: Annotated[
        Sandbox, typer.Option(help="Refuse without a sandbox, or use none.")
    ] = Sandbox.NEEDED,
) -> None:
    """Run a coding agent that gets no secret, in a sandbox, and keep what it changed as a patch.

    It writes patch.diff, patch.json and, for a task, proposal.json. With a task a refusal is an
    answer too: proposal.json has it, and the command succeeds.
    """
    with errors_shown("No patch"):
        wanted = PatchWanted(
            command=command or None,
            agent=agent or None,
            task=Path(task) if task else None,
            mission=Path(mission) if mission else None,
            base=base or None,
            test=test or None,
            readable=tuple(path.resolve() for path in readable or ()),
            max_bytes=max_bytes,
            limit_s=limit,
            network=network,
            model_url=model_url,
            sandbox=sandbox,
        )
        if wanted.task is None:
            refuse_secrets(os.environ, sandbox)
        asked = task_of(wanted)
        try:
            with _no_commands():
                job = Surroundings(Path.cwd(), os.environ, secret_scan(), typer.echo, _show)
                proposal = propose(wanted, asked, job)
        except CIError as error:
            if wanted.task is None:
                raise
            proposal = refused(asked, error)
        _write(wanted, asked, proposal, out)


def _write(wanted: PatchWanted, asked: AgentTask, proposal: Proposal, out: Path) -> None:
    """Write what came of the run; a refusal without a task is the step's error."""
    if proposal.diff is None and wanted.task is None:
        raise PatchRefused(strip_characters(proposal.sentence).rstrip("."))
    out.mkdir(parents=True, exist_ok=True)
    if wanted.task is not None:
        told = proposal.model_dump_json(indent=1) + "\n"
        (out / "proposal.json").write_text(told, encoding="utf-8")
    if proposal.diff is None:
        said = strip_characters(proposal.sentence)
        typer.echo(annotation("warning", said, title="No patch"))
        return
    diff = proposal.diff.encode()
    bound = proposed(asked, diff, Path.cwd())
    (out / "patch.diff").write_bytes(diff)
    (out / "patch.json").write_text(bound.model_dump_json(indent=1) + "\n", encoding="utf-8")
    typer.echo(f"a patch of {bound.size} bytes to {', '.join(bound.paths[:20])}")


@contextmanager
def _no_commands() -> Iterator[None]:
    """Have the forge take nothing that is printed meanwhile for a workflow command."""
    mark = secrets.token_hex(16)
    typer.echo(f"::stop-commands::{mark}")
    try:
        yield
    finally:
        typer.echo(f"\n::{mark}::")


def _show(said: bytes) -> None:
    sys.stdout.buffer.write(said)
    sys.stdout.flush()
