"""What a step may do: each action with its parameters, its risk, and who must agree to it.

An action says of itself how dangerous it is. A playbook may call a step graver than its action
says, never milder.
"""

from enum import StrEnum
from math import isfinite
from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints

from grace.domain.base import Frozen
from grace.domain.results import MAX_INT

# bool before int: a union is written by the first that fits, and true would become 1.
Scalar = str | bool | int | float


def _as_json(found: dict[str, Scalar]) -> dict[str, Scalar]:
    """Write a number that JSON does not have, or not exactly, as text."""
    return {
        name: str(value)
        if (isinstance(value, float) and not isfinite(value))
        or (isinstance(value, int) and abs(value) > MAX_INT)
        else value
        for name, value in found.items()
    }


# What an action measured: whatever it is, it can be stored, signed and read again.
Found = Annotated[dict[str, Scalar], AfterValidator(_as_json)]
ActionName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]


class TargetKind(StrEnum):
    """What an action can be done to."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    REDIS = "redis"
    MEMCACHED = "memcached"
    SUPERVISORD = "supervisord"
    SYSTEMD = "systemd"
    KUBERNETES = "kubernetes"
    DOCKER = "docker"
    HTTP = "http"
    CHECKOUT = "checkout"


class Risk(StrEnum):
    """What an action can break: nothing, little, a service for moments, or data."""

    READ = "read"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """Order by danger: 0 is the least."""
        return list(Risk).index(self)

    @property
    def mild(self) -> bool:
        """Tell whether it breaks nothing that lasts longer than moments."""
        return self is not Risk.HIGH


class Radius(StrEnum):
    """The most that an action touches when it goes wrong."""

    NOTHING = "nothing"
    SESSION = "one session"
    PROCESS = "one process"
    SERVICE = "one service"
    DATABASE = "one database"
    REPOSITORY = "a pull request"

    @property
    def rank(self) -> int:
        """Order by how much it is: 0 is the least. A pull request waits for its gates."""
        order = (
            Radius.NOTHING,
            Radius.REPOSITORY,
            Radius.SESSION,
            Radius.PROCESS,
            Radius.SERVICE,
            Radius.DATABASE,
        )
        return order.index(self)


class Param(Frozen):
    """One parameter of an action; `default` None: it must be given."""

    name: str
    type: Literal["text", "integer", "number", "flag"]
    words: str
    default: Scalar | None = None
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()


class ActionSpec(Frozen):
    """One action: `person`: a named person must agree each time, whatever anybody's record is.

    `undo`: it can be taken back. `proposes`: it ends in a patch, which goes to a pull request.
    """

    name: ActionName
    kinds: tuple[TargetKind, ...]
    words: str
    risk: Risk
    radius: Radius
    params: tuple[Param, ...] = ()
    undo: bool = False
    person: bool = False
    proposes: bool = False

    def param(self, name: str) -> Param | None:
        return next((p for p in self.params if p.name == name), None)
