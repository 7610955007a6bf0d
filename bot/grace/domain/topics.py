"""Patterns that events are subscribed to by: `mission.*`, `crypto.log_opened`, `*`."""

import re
from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import StringConstraints

PATTERN: Final = r"^(\*|[a-z_]{1,40}(\.[a-z_]{1,60}){0,4}(\.\*)?)$"
Pattern = Annotated[str, StringConstraints(pattern=PATTERN)]
EVERYTHING: Final = "*"
_WELL_FORMED: Final = re.compile(PATTERN)


def well_formed(pattern: str) -> bool:
    """Tell whether a text is a pattern."""
    return _WELL_FORMED.fullmatch(pattern) is not None


def matches(pattern: str, kind: str) -> bool:
    """Tell whether a kind of event is meant by a pattern; `a.*` means all below `a.`."""
    if pattern == EVERYTHING:
        return True
    return kind.startswith(pattern[:-1]) if pattern.endswith(".*") else kind == pattern


def any_matches(patterns: Iterable[str], kind: str) -> bool:
    """Tell whether one of the patterns means a kind of event."""
    return any(matches(pattern, kind) for pattern in patterns)
