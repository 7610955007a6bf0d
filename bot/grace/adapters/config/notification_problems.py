"""What notifications name that is nowhere else, at its line of the file."""

from collections.abc import Iterator, Sequence

from grace.adapters.config.strict import ConfigProblem, Part, Source, compose, locate
from grace.domain.catalog import Subsystems
from grace.domain.notifying.config import Notifications, Wanted


def unknown_names(
    source: Source, notifications: Notifications, subsystems: Subsystems | None
) -> Iterator[ConfigProblem]:
    """Find channels and subsystems that do not exist, and names that are given twice.

    `subsystems` None: their file could not be read, and none is looked up.
    """
    root = compose(source)
    for loc, told in _problems(notifications, subsystems):
        node, path = locate(root, loc)
        yield source.problem(node, path, told)


def _problems(
    notifications: Notifications, subsystems: Subsystems | None
) -> Iterator[tuple[tuple[Part, ...], str]]:
    seen: set[str] = set()
    for i, route in enumerate(notifications.routes):
        if route.name in seen:
            yield ("routes", i, "name"), f"{route.name} is the name of two routes; rename one"
        seen.add(route.name)
        for j, channel in enumerate(route.channels):
            if channel not in notifications.channels:
                told = f"{channel} is not among the channels; add it there"
                yield ("routes", i, "channels", j), told
        yield from _unknown(route, ("routes", i), subsystems)
    for name, webhook in notifications.webhooks.items():
        yield from _unknown(webhook, ("webhooks", name), subsystems)


def _unknown(
    wanted: Wanted, place: Sequence[Part], subsystems: Subsystems | None
) -> Iterator[tuple[tuple[Part, ...], str]]:
    for i, name in enumerate(wanted.subsystems):
        if subsystems is not None and name not in subsystems.subsystems:
            told = f"{name} is not in subsystems.yaml; add it there"
            yield (*place, "subsystems", i), told
