"""Strangers' texts, made harmless: one bounded printable line each, and known severities."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from grace.domain.hidden_characters import visible
from grace.domain.phase import Severity

TITLE_LIMIT: Final = 200
TEXT_LIMIT: Final = 2000
SHOWN_LIMIT: Final = 80
MAX_LABELS: Final = 40

SEVERITIES: Final[Mapping[str, Severity]] = MappingProxyType(
    {
        "critical": Severity.CRITICAL,
        "fatal": Severity.CRITICAL,
        "page": Severity.CRITICAL,
        "emergency": Severity.CRITICAL,
        "p1": Severity.CRITICAL,
        "high": Severity.HIGH,
        "error": Severity.HIGH,
        "major": Severity.HIGH,
        "p2": Severity.HIGH,
        "medium": Severity.MEDIUM,
        "warning": Severity.MEDIUM,
        "p3": Severity.MEDIUM,
        "low": Severity.LOW,
        "minor": Severity.LOW,
        "info": Severity.LOW,
        "debug": Severity.LOW,
        "p4": Severity.LOW,
        "p5": Severity.LOW,
        "none": Severity.LOW,
    }
)


def plain(text: str, limit: int = TEXT_LIMIT) -> str:
    """Bound a stranger's text to one printable line without characters that nobody sees."""
    seen = text[: 4 * limit]
    if not (seen.isascii() and seen.isprintable()):  # a storm has many texts, and most are plain
        seen = "".join(c if c.isprintable() else " " for c in visible(seen))
    line = " ".join(seen.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def bounded(labels: Mapping[str, str]) -> dict[str, str]:
    """Keep the first labels by name, each name and value bounded; one without a name goes."""
    kept: dict[str, str] = {}
    for name, value in sorted(labels.items())[:MAX_LABELS]:
        clean = plain(name, SHOWN_LIMIT)
        if clean:
            kept[clean] = plain(value, TITLE_LIMIT)
    return kept


def text_of(value: object) -> str:
    """Write a value of JSON as text; what is neither text, number nor truth is nothing."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
        case float():
            return repr(value)
        case _:
            return ""
