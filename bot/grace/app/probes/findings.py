"""What a probe is, and what it finds."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from grace.domain.health import HealthPart, HealthState, worst

EVERY_S: Final = 15.0
TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe found; the sentence names no repository, and says what to do where not well."""

    state: HealthState
    sentence: str = ""
    parts: tuple[HealthPart, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """A live check of one subsystem. `critical`: when it is unhealthy, so is the whole."""

    name: str
    title: str
    ask: Callable[[], Awaitable[Finding]]
    ties: tuple[str, ...]
    critical: bool = False
    every_s: float = EVERY_S
    timeout_s: float = TIMEOUT_S


def well(sentence: str = "", parts: Sequence[HealthPart] = ()) -> Finding:
    """Find it healthy."""
    return Finding(HealthState.HEALTHY, sentence, tuple(parts))


def degraded(sentence: str, parts: Sequence[HealthPart] = ()) -> Finding:
    """Find that it works, and not as it should."""
    return Finding(HealthState.DEGRADED, sentence, tuple(parts))


def unhealthy(sentence: str, parts: Sequence[HealthPart] = ()) -> Finding:
    """Find that it does not work."""
    return Finding(HealthState.UNHEALTHY, sentence, tuple(parts))


def worst_of(findings: Sequence[Finding], otherwise: Finding) -> Finding:
    """Return the worst of some findings with all parts; `otherwise` where there is none."""
    if not findings:
        return otherwise
    state = worst(finding.state for finding in findings)
    said = [finding.sentence for finding in findings if finding.state is state]
    parts = tuple(part for finding in findings for part in finding.parts)
    return Finding(state, " ".join(dict.fromkeys(said)), parts)


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun; `many` where an s does not do."""
    return f"{number} {one if number == 1 else many or one + 's'}"


class Stuck:
    """Tell whether an amount that should go down has not for some looks in a row."""

    def __init__(self, looks: int) -> None:
        self._looks = looks
        self._last = 0
        self._seen = 0

    def saw(self, amount: int) -> bool:
        """Take what is seen now."""
        self._seen = self._seen + 1 if amount and amount >= self._last > 0 else 0
        self._last = amount
        return self._seen >= self._looks
