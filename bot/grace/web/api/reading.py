"""Find what a path names, for those for whom it exists."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Protocol, Self

from pydantic import Field

from grace.domain.base import Frozen
from grace.domain.facts import Facts
from grace.domain.mission import Mission, MissionRef
from grace.domain.package import MissionId
from grace.domain.people import Permission
from grace.domain.verdict import Verdict
from grace.ports import ForgeError
from grace.ports.hub import MissionRow
from grace.web.api.operation import Call, not_there
from grace.web.api.paging import Numbered
from grace.web.hub import Hub
from grace.web.problems import Refused

Named = Annotated[
    MissionId, Field(description="name of the mission", examples=["mission_20261122_001"])
]


class OfMission(Frozen):
    """Which mission."""

    mission_id: Named


class PageOfMission(Numbered):
    """Which mission, and which page of its list."""

    mission_id: Named


class NamesMission(Protocol):
    """Parameters that name a mission."""

    @property
    def mission_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Found:
    """A mission as it is stored."""

    mission: Mission
    facts: Facts
    verdict: Verdict | None
    decided_at: datetime

    @classmethod
    def of(cls, found: tuple[Mission, Facts, Mapping[str, object] | None, datetime]) -> Self:
        """Read what the store found."""
        mission, facts, verdict, decided_at = found
        read = None if verdict is None else Verdict.model_validate(verdict)
        return cls(mission, facts, read, decided_at)


async def row_of(call: Call[NamesMission, Any]) -> MissionRow:
    """Return the columns of the mission that the path names."""
    row = await call.hub.store.mission_row(call.given.mission_id, call.hub.clock.now())
    if row is None or not call.reach.sees(row.log):
        raise not_there("mission")
    return row


async def mission_of(call: Call[NamesMission, Any]) -> Found:
    """Return the mission that the path names, whole."""
    row = await row_of(call)
    found = await call.hub.store.find(row.mission_id)
    if found is None:
        raise not_there("mission")
    return Found.of(found)


def place_of(call: Call[Any, Any], subsystem: str) -> MissionRef:
    """Return the repository of a subsystem; for those who do not see it, it is no subsystem."""
    hub = call.hub
    ref = hub.refs.get(subsystem)
    if ref is not None and call.reach.sees(ref.log):
        return ref
    if ref is None and subsystem in hub.subsystems.subsystems and call.reach.logs is None:
        raise Refused(503, f"{subsystem} is not reachable at the forge now; send it again")
    known = ", ".join(subsystems_seen(call)) or "none"
    wrong = {"field": "subsystem_id", "problem": f"is no subsystem; there are: {known}"}
    raise Refused(422, "the body does not fit what is configured", (wrong,))


def subsystems_seen(call: Call[Any, Any]) -> list[str]:
    """Name the subsystems whose repository exists for whoever is asking."""
    refs = call.hub.refs
    return [
        name
        for name in sorted(call.hub.subsystems.subsystems)
        if (call.reach.logs is None if name not in refs else call.reach.sees(refs[name].log))
    ]


async def check_permission(call: Call[Any, Any], ref: MissionRef, needed: Permission) -> None:
    """Refuse those whom the forge lets do less in a repository."""
    login = call.principal.login
    assert login is not None  # the operation needs one
    try:
        permission = await call.hub.rights.permission(ref, login, call.principal.user_id)
    except ForgeError as error:
        raise Refused(503, f"the forge cannot say what {login} may do: {error.sentence}") from error
    if not permission.reaches(needed):
        raise Refused(
            403,
            f"this needs {needed.value} permission on {ref.repository}; the forge says that "
            f"{login} has {permission.value}",
        )


def web_url(hub: Hub, repository: str, *path: object) -> str:
    """Write the address of something of a repository at the forge."""
    parts = [hub.about.forge_web_url.rstrip("/"), repository, *map(str, path)]
    return "/".join(parts)
