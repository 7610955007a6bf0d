"""`grace ci observe`: the one command here that needs an adapter, which it puts together."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import httpx
import typer

from grace.ci import piece
from grace.ci.annotations import errors_shown
from grace.ci.observe import Watch, source_of
from grace.ci.observe import observe as take
from grace.domain.package import MetricObservation


class _Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


def observe(  # noqa: PLR0913, PLR0917 - the options of a command
    metric: Annotated[str, typer.Option(help="The metric's id, as in the metrics catalog.")],
    source: Annotated[str, typer.Option(help="Its source as in the metrics catalog, as JSON.")],
    out: Annotated[Path, typer.Option(help="JSON file to write.")],
    unit: Annotated[str, typer.Option(help="Unit of the samples.")] = "",
    samples: Annotated[int, typer.Option(min=1, help="How many samples to take.")] = 5,
    interval: Annotated[float, typer.Option(min=0, help="Seconds between two.")] = 10.0,
) -> None:
    """Ask a metrics page or a Prometheus server a few times and keep what it says.

    A quantile or a ratio compares with the look before: its first sample has no value.
    """
    with errors_shown("No samples"):
        tested = piece.tested_in(Path())
        watch = Watch(
            metric_id=metric,
            source=source_of(source),
            unit=unit,
            samples=samples,
            interval_s=interval,
        )
        taken = asyncio.run(_taken(watch))
        piece.write(piece.Piece(tested=tested, observations=taken), out)
    for each in taken:
        said = each.note if each.value is None else f"{each.value:g} {each.unit}".strip()
        typer.echo(f"{each.at:%H:%M:%S} {each.metric_id}: {said}")


async def _taken(watch: Watch) -> tuple[MetricObservation, ...]:
    from grace.adapters.metrics import Sources  # noqa: PLC0415 - the other commands start faster

    async with httpx.AsyncClient() as client:
        return await take(watch, Sources(client, _Now(), os.environ))
