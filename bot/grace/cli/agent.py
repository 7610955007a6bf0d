"""`grace agent`: list agents, check their file, and try one on a checkout."""

import os
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from grace.adapters.config import ConfigError, load_configuration
from grace.adapters.config.files import AGENTS_FILE
from grace.agents.presets import ABOUT
from grace.cli.agent_trying import Trial, try_agent
from grace.cli.agent_words import proposal_told
from grace.domain.agents import Agent, Agents, Builtin, Preset
from grace.domain.proposals import AgentTask, Proposal
from grace.sandbox import Strength

NO_PATCH = 3

app = typer.Typer(no_args_is_help=True)
ConfigFolder = Annotated[
    Path | None,
    typer.Option("--config-dir", envvar="GRACE_CONFIG_DIR", help="The configuration files."),
]


@app.callback()
def agent() -> None:
    """Look at agents, and try them."""


@app.command("list")
def list_agents(config: ConfigFolder = None) -> None:
    """List the agents of agents.yaml, in the order in which they are asked."""
    table = Table(box=None, pad_edge=False)
    for title in ("NAME", "WHAT", "MODEL", "NETWORK", "MINUTES", "MONEY", "SUBSYSTEMS"):
        table.add_column(title, no_wrap=title != "SUBSYSTEMS")
    for each in _agents(config).agents:
        table.add_row(
            each.name,
            _kind(each),
            each.model or "-",
            "yes" if each.network else "no",
            f"{each.minutes:g}",
            f"{each.money_usd:g}" if each.money_usd else "-",
            ", ".join(each.subsystems) or "all",
        )
    Console(width=120).print(table)


@app.command("presets")
def list_presets() -> None:
    """List the command line agents of others that are known: what installs each, and its page."""
    for preset, about in ABOUT.items():
        typer.echo(f"{preset.value}\n  {about.makes}\n  {about.page}")


@app.command("lint")
def lint(config: ConfigFolder = None) -> None:
    """Check agents.yaml, with everything that it names."""
    count = len(_agents(config).agents)
    typer.echo(f"{AGENTS_FILE}: {count} agent{'' if count == 1 else 's'}, nothing wrong")


@app.command("try")
def try_one(  # noqa: PLR0913, PLR0917 - the options of a command
    name: Annotated[str, typer.Argument(help="Of agents.yaml, or a built-in one, or a preset.")],
    repo: Annotated[Path, typer.Option(help="A repository; its HEAD is cloned.")] = Path(),
    test: Annotated[str, typer.Option(help="Shell command that fails now.")] = "",
    say: Annotated[str, typer.Option(help="What is wrong, in words.")] = "",
    file: Annotated[
        list[str] | None, typer.Option(help="File that repair may change; none: all.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(min=0.05, help="How long it may take.")] = None,
    network: Annotated[bool, typer.Option("--network", help="Let it open connections.")] = False,
    wheels: Annotated[Path | None, typer.Option(help="Folder of wheels for bump.")] = None,
    index: Annotated[
        str, typer.Option(envvar="PIP_INDEX_URL", help="Package index for bump.")
    ] = "https://pypi.org/simple",
    readable: Annotated[
        list[Path] | None, typer.Option(help="Place that it sees, beside programs on the PATH.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for patch and proposal.")] = None,
    sandbox: Annotated[bool, typer.Option(help="Refuse to run without a sandbox.")] = True,
    config: ConfigFolder = None,
) -> None:
    """Run an agent on a clone of a repository, in a sandbox, and print its patch.

    The repository itself is not touched. Ends with 0 and a patch, or with 3 and the sentence that
    says why there is none. A preset's key is read from GRACE_MODEL_KEY; it stays outside.
    """
    chosen = _chosen(name, config)
    given = minutes if minutes is not None else chosen.minutes
    changes = {"network": network or chosen.network, "minutes": given}
    trial = Trial(
        agent=chosen.model_copy(update=changes),
        repo=repo,
        test=test or None,
        say=say,
        files=tuple(file or ()),
        wheels=wheels.resolve() if wheels is not None else None,
        index=index,
        readable=tuple(path.resolve() for path in readable or ()),
        least=Strength.UNSHARE if sandbox else Strength.BARE,
    )
    _told(try_agent(trial, os.environ, _aside), out)


@app.command("run")
def run_task(  # noqa: PLR0913, PLR0917 - the options of a command
    name: Annotated[str, typer.Argument(help="Of agents.yaml, or a built-in one, or a preset.")],
    task: Annotated[Path, typer.Option(help="A task as JSON, as the bot gives it.")],
    out: Annotated[Path, typer.Option(help="Folder for patch and proposal.")],
    repo: Annotated[Path, typer.Option(help="A repository that has the task's base.")] = Path(),
    test: Annotated[str, typer.Option(help="Shell command that fails at the base.")] = "",
    config: ConfigFolder = None,
) -> None:
    """Run an agent on a clone of a repository for a task in a file, as a CI job does."""
    try:
        asked = AgentTask.model_validate_json(task.read_bytes())
    except (OSError, ValidationError) as error:
        typer.echo(f"grace agent: {task.name} is no task: {error}", err=True)
        raise typer.Exit(2) from error
    trial = Trial(_chosen(name, config), repo, test=test or None, task=asked)
    _told(try_agent(trial, os.environ, _aside), out)


def _aside(line: str) -> None:
    typer.echo(line, err=True)


def _told(proposal: Proposal, out: Path | None) -> None:
    """Print a proposal, keep it where that is wanted, and end with its status."""
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        told = proposal.model_dump_json(indent=1) + "\n"
        (out / "proposal.json").write_text(told, encoding="utf-8")
        if proposal.diff is not None:
            (out / "patch.diff").write_text(proposal.diff, encoding="utf-8")
    if proposal.diff is not None:
        typer.echo(proposal.diff, nl=not proposal.diff.endswith("\n"))
    _aside(proposal_told(proposal))
    if proposal.diff is None:
        raise typer.Exit(NO_PATCH)


def _agents(config: Path | None) -> Agents:
    try:
        return load_configuration(config).agents
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


def _chosen(name: str, config: Path | None) -> Agent:
    """Find an agent by its name in agents.yaml, else as one that comes with Grace or a preset."""
    agents = _agents(config)
    found = agents.named(name)
    if found is not None:
        return found
    if name in set(Builtin):
        return Agent(name=name, builtin=Builtin(name))
    if name in set(Preset):
        return Agent(name=name, preset=Preset(name))
    known = [*(each.name for each in agents.agents), *Builtin, *Preset]
    told = ", ".join(dict.fromkeys(known))
    typer.echo(f"grace agent: there is no agent {name}; there are: {told}", err=True)
    raise typer.Exit(2)


def _kind(each: Agent) -> str:
    if each.builtin is not None:
        return f"built in: {each.builtin.value}"
    return f"preset: {each.preset.value}" if each.preset is not None else "command"
