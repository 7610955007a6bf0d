"""Who wants which topics."""

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from importlib import resources


class Subscriptions:
    """Patterns and their subscribers; `*` stands for any run of characters."""

    def __init__(self, patterns: Mapping[str, Sequence[str]]) -> None:
        self._patterns = {pattern: tuple(names) for pattern, names in patterns.items()}

    @property
    def names(self) -> frozenset[str]:
        """Every subscriber."""
        return frozenset(name for names in self._patterns.values() for name in names)

    def matching(self, topic: str) -> tuple[str, ...]:
        """Name the subscribers of a topic, each once, in the order of the file."""
        found: dict[str, None] = {}
        for pattern, names in self._patterns.items():
            if fnmatchcase(topic, pattern):
                found.update(dict.fromkeys(names))
        return tuple(found)


def load() -> Subscriptions:
    """Read the subscriptions that ship with the service."""
    text = resources.files("trigger_mesh").joinpath("subscriptions.json").read_text("utf-8")
    return Subscriptions(json.loads(text))
