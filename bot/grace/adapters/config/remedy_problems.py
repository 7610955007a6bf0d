"""What is wrong with remedies beyond their form: metrics and subsystems that are not there."""

from collections.abc import Iterator

from grace.adapters.config.strict import ConfigProblem, Source, compose, locate
from grace.domain.catalog import Catalog, Subsystems
from grace.domain.proactive import Remedies


def unknown_in_remedies(
    source: Source, remedies: Remedies, catalog: Catalog, subsystems: Subsystems
) -> Iterator[ConfigProblem]:
    """Find names in remedies that no catalog and no subsystem has."""
    root = compose(source)
    for i, remedy in enumerate(remedies.remedies):
        named = (
            ("metrics", remedy.metrics, catalog.metrics, "the metrics catalog"),
            ("subsystems", remedy.subsystems, subsystems.subsystems, "subsystems.yaml"),
        )
        for field, names, known, file in named:
            for j, name in enumerate(names):
                if name not in known:
                    node, path = locate(root, ("remedies", i, field, j))
                    yield source.problem(node, path, f"{name} is not in {file}; add it there")
