"""`grace schema`."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from grace.domain.base import Frozen
from grace.domain.package import MissionPackage, MissionRequest
from grace.domain.results import CIReport
from grace.domain.rules.language import RepositoryPolicy
from grace.domain.waivers import Waivers


class Subject(StrEnum):
    """What has a schema."""

    MISSION = "mission"
    REQUEST = "request"
    REPORT = "report"
    POLICY = "policy"
    WAIVERS = "waivers"


MODELS: dict[Subject, type[Frozen]] = {
    Subject.MISSION: MissionPackage,
    Subject.REQUEST: MissionRequest,
    Subject.REPORT: CIReport,
    Subject.POLICY: RepositoryPolicy,
    Subject.WAIVERS: Waivers,
}


def schema(
    subject: Annotated[
        Subject,
        typer.Argument(
            help="mission: the package; request: what one may ask for; report: CI's; policy and "
            "waivers: the files of a repository."
        ),
    ],
) -> None:
    """Print a JSON Schema (2020-12)."""
    model = MODELS[subject]
    body = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(mode="validation"),
    }
    typer.echo(json.dumps(body, indent=2))
