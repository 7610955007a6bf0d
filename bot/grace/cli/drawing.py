"""Load what draws: an extra, asked for by `--plot`."""

from importlib import import_module
from pathlib import Path
from typing import Any, Final

import typer

PLOTS: Final = (".svg", ".png", ".pdf")


def drawing(module: str, plot: Path) -> Any:
    """Load `draw` of a module beside this one; the file's kind is checked before any work is done.

    Raises `typer.BadParameter` for another kind of file, and where the extra is not installed.
    """
    if plot.suffix.lower() not in PLOTS:
        told = f"{plot.name} is none of {', '.join(PLOTS)}"
        raise typer.BadParameter(told, param_hint="--plot")
    try:
        return import_module(f"grace.cli.{module}").draw
    except ModuleNotFoundError as error:
        told = "drawing needs matplotlib: pip install 'grace-mission-control[plot]'"
        raise typer.BadParameter(told, param_hint="--plot") from error
