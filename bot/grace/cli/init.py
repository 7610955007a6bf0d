"""`grace init`: the files that a repository needs, shown before they are written."""

import re
from pathlib import Path
from textwrap import indent
from typing import Annotated

import typer
from rich.console import Console
from rich.syntax import Syntax

from grace.setup import plan
from grace.setup.policy_text import subsystem
from grace.setup.repository import Found, NoWorkTree, look, work_tree
from grace.setup.workflow_text import edits

ACTIONS = "grace-mission-control/grace@v1"
_MAKE_APP = """\
Make the GitHub App, once for all repositories, on the machine of the bot:
     grace github setup --url https://grace.example.org
   What it asks for: grace github manifest --url https://grace.example.org"""
_INSTALL = """\
Install the App on {repository}, and say where the bot is:
     gh variable set GRACE_URL --repo {repository} --body https://grace.example.org"""
_REQUIRE = """\
Commit these files. Then require the check mission/governance, with your App as its source, and
   never mission/observation."""


def init(
    repo: Annotated[Path, typer.Option("--repo", help="A clone of your repository.")] = Path(),
    actions: Annotated[
        str, typer.Option("--actions", help="Where Grace's actions are: OWNER/NAME@REF.")
    ] = ACTIONS,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="Write new files without asking; others stay as they are.")
    ] = False,
) -> None:
    """Write issue form, workflows, labels and mission-control.yml, the rules; show them first."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+@[\w./-]+", actions):
        raise typer.BadParameter("write OWNER/NAME@REF", param_hint="--actions")
    try:
        root = work_tree(repo)
        found = look(root)
        changes = plan.changes(root, plan.drafts(found, actions))
        written = [change for change in changes if _wanted(change, yes=yes)]
        for change in written:
            plan.write(root, change)
    except (NoWorkTree, plan.Unwritable, OSError) as error:
        typer.echo(f"grace init: {error}", err=True)
        raise typer.Exit(2) from error
    if not changes:
        typer.echo("nothing to do: every file is as `grace init` would write it")
        return
    for change in written:
        typer.echo(f"wrote {change.draft.path}")
    if written:
        _next_steps(found, written)


def _wanted(change: plan.Change, *, yes: bool) -> bool:
    """Show what would change and ask; `--yes` answers for new files alone."""
    new = change.before is None
    console = Console()
    if console.is_terminal:
        console.print(Syntax(change.diff(), "diff", background_color="default", word_wrap=True))
    else:
        typer.echo(change.diff())  # a diff that is wrapped is none
    if not yes:
        verb = "write" if new else "replace your"
        return typer.confirm(f"{verb} {change.draft.path}?", default=new)
    if not new:
        typer.echo(f"kept your {change.draft.path}: it differs; run without --yes to replace it")
    return new


def _next_steps(found: Found, written: list[plan.Change]) -> None:
    marked = sum(edits(c.draft.text) for c in written if c.draft.path == plan.WORKFLOW)
    repository = found.full_name or "OWNER/NAME"
    steps = []
    if marked:
        lines = "line" if marked == 1 else "lines"
        steps.append(f"Look at the {marked} {lines} marked EDIT THIS in {plan.WORKFLOW}.")
    place = subsystem(found).rstrip()
    labels = "\n".join(f"     {command}" for command in plan.label_commands())
    steps += [
        f"Make the labels; the issue form sets only labels that exist:\n{labels}",
        _MAKE_APP,
        _INSTALL.format(repository=repository),
        f"Write the subsystem into the bot's subsystems.yaml:\n{indent(place, '     ')}",
        f"Look at the rules in {plan.CONTROL}: grace policy check {plan.CONTROL}",
        _REQUIRE,
        f"See that all is well: grace doctor --repo {repository}",
    ]
    typer.echo("\nNext:")
    for number, step in enumerate(steps, 1):
        typer.echo(f"{number}. {step}")
