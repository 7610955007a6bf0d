"""`grace schema`."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from grace.domain.base import Frozen
from grace.domain.package import MissionPackage, MissionRequest
from grace.domain.results import CIReport


class Subject(StrEnum):
    """What has a schema."""

    MISSION = "mission"
    REQUEST = "request"
    REPORT = "report"


MODELS: dict[Subject, type[Frozen]] = {
    Subject.MISSION: MissionPackage,
    Subject.REQUEST: MissionRequest,
    Subject.REPORT: CIReport,
}


def schema(
    subject: Annotated[
        Subject,
        typer.Argument(help="mission: the package; request: what one may ask for; report: CI's."),
    ],
) -> None:
    """Print a JSON Schema (2020-12)."""
    model = MODELS[subject]
    body = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(mode="validation"),
    }
    typer.echo(json.dumps(body, indent=2))
