"""Annotations of a job, as lines on its output.

Source: GitHub Docs, "Workflow commands for GitHub Actions"; the escapes are `@actions/core`'s.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import typer
from pydantic import ValidationError

from grace.ci.errors import CIError

Level = Literal["error", "warning", "notice"]
_INPUTS = "Correct the inputs of the action: its README says what each may be"


def annotation(level: Level, text: str, **properties: str | int) -> str:
    """Return one annotation; `properties` are title, file and line."""
    said = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{level}{' ' if said else ''}{said}::{_data(text)}"


@contextmanager
def errors_shown(title: str = "") -> Iterator[None]:
    """Show an error, and what to do, as the job's annotation and end with status 1."""
    try:
        yield
    except (CIError, ValidationError) as error:
        advice = error.advice if isinstance(error, CIError) else _INPUTS
        text = f"{str(error).rstrip('.')}. {advice}."
        typer.echo(annotation("error", text, **({"title": title} if title else {})))
        raise typer.Exit(1) from error


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
