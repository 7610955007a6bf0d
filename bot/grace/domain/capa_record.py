"""A CAPA as the register keeps it, and what a change of it makes Grace do at the forge."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, TypeAdapter

from grace.domain.base import Frozen
from grace.domain.capa import Capa, CapaId
from grace.domain.decision import Note
from grace.domain.mission import MissionRef
from grace.domain.people import Actor


class FileCapa(Frozen):
    """File the issue of a CAPA."""

    kind: Literal["file"] = "file"
    title: str
    body: str


class SayOnCapa(Frozen):
    """Comment on the issue, once; `surface` is in the marker by which it is found again."""

    kind: Literal["say"] = "say"
    surface: str
    body: str


class CloseCapa(Frozen):
    """Close the issue."""

    kind: Literal["close"] = "close"


class TellMission(Frozen):
    """Tell the mission that filed the issue who closed it: it asks that person's right itself."""

    kind: Literal["tell"] = "tell"
    login: str
    at: AwareDatetime


CapaEffect = Annotated[FileCapa | SayOnCapa | CloseCapa | TellMission, Field(discriminator="kind")]
CAPA_EFFECT: Final[TypeAdapter[CapaEffect]] = TypeAdapter(CapaEffect)


class CapaRecord(Frozen):
    """A CAPA with what the register alone needs.

    `uid` stands in the markers; of a mission's `own`, whose issue the mission filed, it is the
    mission's. `heard_at`: when the newest closing or opening that counted happened.
    """

    uid: UUID
    own: bool = False
    capa: Capa
    heard_at: AwareDatetime | None = None


class Birth(Frozen):
    """What a new CAPA is born with; the store counts its number and draws its `uid`."""

    capa_id: CapaId
    uid: UUID
    ref: MissionRef
    fingerprint: str = ""


class CapaMove(Frozen):
    """What one thing that happened makes of a CAPA: stored at once, then carried out."""

    record: CapaRecord
    notes: tuple[Note, ...]
    effects: tuple[CapaEffect, ...] = ()


class CapaWord(Frozen):
    """Somebody closed the issue of a CAPA, or opened it again; whether he may is to be asked."""

    uid: UUID
    open: bool
    actor: Actor
    at: AwareDatetime
