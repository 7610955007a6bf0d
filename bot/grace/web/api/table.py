"""All operations of the API: nothing is served that does not stand here."""

from typing import Final

from grace.web.api import (
    capas,
    claims,
    commands,
    entries,
    evidence,
    filing,
    missions,
    outgoing,
    proposing,
    runs,
    status,
    trust,
)
from grace.web.api.operation import Operation

TABLE: Final[tuple[Operation, ...]] = (
    *status.OPERATIONS,
    *missions.OPERATIONS,
    *filing.OPERATIONS,
    *commands.OPERATIONS,
    *claims.OPERATIONS,
    *proposing.OPERATIONS,
    *evidence.OPERATIONS,
    *entries.OPERATIONS,
    *capas.OPERATIONS,
    *trust.OPERATIONS,
    *outgoing.OPERATIONS,
    *runs.OPERATIONS,
)
