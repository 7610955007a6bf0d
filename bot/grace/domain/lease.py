"""Who has taken a mission's work, and until when."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from grace.domain.base import Frozen
from grace.domain.package import MissionId, Name

AgentId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:@#+/-]{0,119}$")]


class Lease(Frozen):
    """A claim on a mission's work. `holder`: the principal that may renew it or give it back."""

    mission_id: MissionId
    agent_id: AgentId
    agent_role: Name
    holder: str
    since: AwareDatetime
    until: AwareDatetime
