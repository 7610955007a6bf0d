"""Policy files as commands take them: which kind, what is wrong, what they say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn, assert_never

import typer

from grace.adapters.config import (
    ConfigError,
    ConfigProblem,
    Configuration,
    PolicyKind,
    check_policy,
    load,
    load_configuration,
    read_policy,
)
from grace.domain.policy import Governance
from grace.domain.rules.language import RepositoryPolicy

Config = Annotated[
    Path | None,
    typer.Option("--config", help="The bot's configuration folder; unset: what ships."),
]
NAMES = {
    "governance.yaml": PolicyKind.GOVERNANCE,
    "governance.yml": PolicyKind.GOVERNANCE,
    "mission-control.yml": PolicyKind.REPOSITORY,
    "mission-control.yaml": PolicyKind.REPOSITORY,
}


def kind_of(file: Path) -> PolicyKind:
    """Tell by its name which of the two a file is."""
    found = NAMES.get(file.name)
    if found is None:
        told = "its name is neither governance.yaml nor mission-control.yml; say which it is"
        raise typer.BadParameter(told, param_hint="--kind")
    return found


def configured(folder: Path | None) -> Configuration:
    """Load a configuration folder, or end with all that is wrong with it."""
    try:
        return load_configuration(folder)
    except ConfigError as error:
        fail(error.problems)


def checked(
    file: Path, kind: PolicyKind, known: Configuration | None = None
) -> Governance | RepositoryPolicy:
    """Read a policy, or end with all that is wrong with it, by line.

    What it names is looked up in `known`, else in the configuration that ships.
    """
    problems = check_policy(file, kind, known)
    if problems:
        fail(problems)
    text = file.read_text("utf-8")
    match kind:
        case PolicyKind.GOVERNANCE:
            return load(Governance, text, str(file))
        case PolicyKind.REPOSITORY:
            return read_policy(text, str(file))
        case _:
            assert_never(kind)


def fail(problems: Sequence[ConfigProblem]) -> NoReturn:
    """Print problems, one a line, and end with status 1."""
    for problem in problems:
        typer.echo(str(problem), err=True)
    raise typer.Exit(1)
