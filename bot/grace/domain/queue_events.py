"""What a forge's merge queue tells of a change of ours."""

from typing import Literal

from pydantic import AwareDatetime

from grace.domain.base import Frozen
from grace.domain.results import Sha


class GroupSeen(Frozen):
    """The merge queue made a group with our pull request on top, or took it apart.

    `head` is the commit that would land and `base` what it builds on; `ended` says why the group
    is no more: `merged`, `invalidated` or `dequeued`.
    """

    kind: Literal["group_seen"] = "group_seen"
    pull: int
    head: Sha
    base: Sha
    ended: str | None = None


class Enqueued(Frozen):
    """Our pull request stands in the forge's merge queue at `head`."""

    kind: Literal["enqueued"] = "enqueued"
    number: int
    head: Sha


class Dequeued(Frozen):
    """Our pull request stands in the forge's merge queue no more, and did not land.

    `at`: when the forge was seen so; None: it answered us so just now.
    """

    kind: Literal["dequeued"] = "dequeued"
    number: int
    reason: str
    at: AwareDatetime | None = None
