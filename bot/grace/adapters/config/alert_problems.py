"""What `alert_sources.yaml` names that is nowhere else, at its line of the file."""

from collections.abc import Iterator

import jmespath
from jmespath.exceptions import JMESPathError

from grace.adapters.config.strict import ConfigProblem, Part, Source, compose, locate
from grace.domain.alerting.sources import AlertSources, CustomSource, Words
from grace.domain.catalog import Catalog, Subsystems

Found = Iterator[tuple[tuple[Part, ...], str]]


def alert_problems(
    source: Source, sources: AlertSources, subsystems: Subsystems, catalog: Catalog
) -> Iterator[ConfigProblem]:
    """Find subsystems and metrics that do not exist, and expressions that are none."""
    root = compose(source)
    for loc, told in _problems(sources, subsystems, catalog):
        node, path = locate(root, loc)
        yield source.problem(node, path, told)


def _problems(sources: AlertSources, subsystems: Subsystems, catalog: Catalog) -> Found:
    named: dict[tuple[Part, ...], Words] = {
        ("alertmanager",): sources.alertmanager,
        ("grafana",): sources.grafana,
        ("sentry",): sources.sentry,
        ("pagerduty",): sources.pagerduty,
    }
    custom = {("custom", name): each for name, each in sources.custom.items()}
    for place, words in (named | custom).items():
        for word, subsystem in words.subsystems.items():
            if subsystem not in subsystems.subsystems:
                told = f"{subsystem} is not in subsystems.yaml; add it there"
                yield (*place, "subsystems", word), told
        for word, metric in words.metrics.items():
            definition = catalog.metrics.get(metric)
            if definition is None:
                yield (*place, "metrics", word), f"{metric} is not in the catalog; add it there"
            elif not definition.measurable:
                told = f"{metric} has no source in the metrics catalog; add one there"
                yield (*place, "metrics", word), told
    for where, source in custom.items():
        yield from _expressions(where, source)


def _expressions(place: tuple[Part, ...], source: CustomSource) -> Found:
    given: dict[tuple[Part, ...], str | None] = {
        ("items",): source.items,
        ("delivery",): source.delivery,
    }
    given |= {("fields", n): text for n, text in source.fields.model_dump().items()}
    for where, text in given.items():
        try:
            if text is not None:
                jmespath.compile(text)
        except JMESPathError as error:
            first = str(error).splitlines()[0]
            yield (*place, *where), f"is no JMESPath expression (jmespath.org): {first}"
    both = {str(v).casefold() for v in source.firing} & {str(v).casefold() for v in source.resolved}
    if both:
        yield (*place, "resolved"), f"{', '.join(sorted(both))} is among firing too; keep one"
