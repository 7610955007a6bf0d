"""One command that is to be obeyed."""

from dataclasses import dataclass

from grace.domain.events import CommandGiven, Permission
from grace.domain.results import Sha


@dataclass(frozen=True, slots=True)
class Order:
    """One command, who gave it with what permission, and the head that stood when it was heard."""

    given: CommandGiven
    permission: Permission
    head: Sha | None

    @property
    def login(self) -> str:
        return self.given.actor.login
