"""How measurements are taken and told: one line each, and two things of one run as a ratio."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something was done in how many seconds."""

    name: str
    count: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    def __str__(self) -> str:
        return f"{self.name}: {self.per_second:,.0f} a second"


def rate(name: str, work: Callable[[], int], at_least: float = 0.5) -> Rate:
    """Repeat `work`, which returns how many things it did, for a while."""
    work()
    done, started = 0, perf_counter()
    while (spent := perf_counter() - started) < at_least:
        done += work()
    return Rate(name, done, spent)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * share // 1) - 1)]


def tell(*lines: str) -> None:
    """Print figures so that they stand apart in pytest's output."""
    print("", *(f"  {line}" for line in lines), sep="\n")  # noqa: T201 - figures are what a bench is for


def tell_ratio(fast: Rate, slow: Rate) -> float:
    """Print two rates of one run and how they compare; return the ratio."""
    ratio = fast.per_second / slow.per_second
    tell(str(fast), str(slow), f"ratio {ratio:.2f}")
    return ratio
