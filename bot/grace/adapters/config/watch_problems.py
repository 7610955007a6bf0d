"""What metrics that are watched name, and cannot be: at its line of the catalog."""

from collections.abc import Iterator

from grace.adapters.config.strict import ConfigProblem, Part, Source, compose, locate
from grace.domain.catalog import Catalog, ForgeFigure, MetricDefinition, Subsystems


def watch_problems(
    source: Source, catalog: Catalog, subsystems: Subsystems
) -> Iterator[ConfigProblem]:
    """Find what is wrong with the watched metrics of a catalog that was read from `source`."""
    root = None
    for name, definition in catalog.metrics.items():
        for path, told in _problems(definition, subsystems):
            root = root or compose(source)
            node, where = locate(root, ("metrics", name, *path))
            yield source.problem(node, where, told)


def _problems(
    definition: MetricDefinition, subsystems: Subsystems
) -> Iterator[tuple[tuple[Part, ...], str]]:
    if isinstance(definition.source, ForgeFigure):
        told = _unknown(definition.source.subsystem, subsystems)
        if told is not None:
            yield ("source", "subsystem"), told
    watching = definition.watch
    if watching is None:
        return
    told = _unknown(watching.subsystem, subsystems)
    if told is not None:
        yield ("watch", "subsystem"), told
    if definition.source is None:
        yield (
            ("watch",),
            "is given for a metric without a source for live samples; give it one, or take it away",
        )
    if ("burn_rate" in watching.detectors) != (watching.objective is not None):
        yield (
            ("watch", "objective"),
            "belongs to the detector burn_rate: give both, or neither",
        )


def _unknown(name: str | None, subsystems: Subsystems) -> str | None:
    if name is None or name in subsystems.subsystems:
        return None
    known = ", ".join(sorted(subsystems.subsystems)) or "none"
    return f"{name} is no subsystem of subsystems.yaml; known are: {known}"
