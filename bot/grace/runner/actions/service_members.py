"""What a service consists of on one machine: processes, units or containers with names."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from grace.runner.action import Situation


@dataclass(frozen=True, slots=True)
class Member:
    """One of them. `mark`: another at every start, None while it does not run.

    `well`: what the one who runs it says of its health.
    """

    name: str
    mark: str | None
    pid: int | None = None
    well: bool = True

    @property
    def up(self) -> bool:
        return self.mark is not None and self.well


class Members(Protocol):
    """How the members of one target are listed, started and stopped."""

    def listed(self) -> Mapping[str, Member]:
        """List all members by name, in their order, those that do not run too."""
        ...

    def start(self, name: str) -> None:
        """Start one; nothing where it runs."""
        ...

    def stop(self, name: str) -> None:
        """Stop one; nothing where it does not run."""
        ...

    def restart(self, name: str) -> None:
        """Restart one, or start it."""
        ...


OpenMembers = Callable[[Situation], Members]


def address_of(member: str, pattern: str) -> str:
    """Fill `{name}` and `{number}`, the digits at the end of the name, into an address."""
    name = member.rsplit(":", 1)[-1].removesuffix(".service")
    digits = re.search(r"(\d+)$", name)
    return pattern.replace("{name}", name).replace("{number}", digits[1] if digits else "")
