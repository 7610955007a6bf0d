"""People at the forge: who somebody is, and what the forge lets them do."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from grace.domain.base import Frozen


class Permission(StrEnum):
    """A person's permission on the repository, as the forge answers it."""

    NONE = "none"
    READ = "read"
    TRIAGE = "triage"
    WRITE = "write"
    MAINTAIN = "maintain"
    ADMIN = "admin"

    @property
    def may_write(self) -> bool:
        return self.reaches(Permission.WRITE)

    def reaches(self, needed: "Permission") -> bool:
        """Tell whether this is `needed` or more."""
        order = list(Permission)
        return order.index(self) >= order.index(needed)


class Actor(Frozen):
    """Who did something at the forge. `app_id` is set when an app did."""

    login: Annotated[str, Field(min_length=1, max_length=100)]
    id: int = 0
    app_id: int | None = None
