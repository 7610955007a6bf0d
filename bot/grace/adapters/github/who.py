"""Accounts and lists in GraphQL's answers."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from grace.adapters.github.graph import Node
from grace.adapters.github.payloads import Id, User

WHO: Final = """
fragment who on Actor { __typename login ... on User { databaseId } ... on Bot { databaseId } }
"""


class WhoNode(Node):
    """An account; GraphQL leaves out the `[bot]` that every other place has."""

    login: str
    typename: Annotated[str, Field(alias="__typename")] = "User"
    database_id: Id | None = None

    def user(self) -> User:
        bot = self.typename == "Bot" and not self.login.endswith("[bot]")
        login = f"{self.login}[bot]" if bot else self.login
        return User(login=login, id=self.database_id or 0, type=self.typename)


def nodes_of(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return a connection's nodes; one that GitHub could not read is null."""
    return [node for node in (data.get(name) or {}).get("nodes") or [] if node is not None]
