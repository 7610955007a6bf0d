"""What governance hears: a patch that was read, labels, teams, attestations, reviews that ended."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from grace.domain.base import Frozen
from grace.domain.inspection import Inspection
from grace.domain.people import Actor
from grace.domain.results import Sha


class PatchInspected(Frozen):
    """What a patch changes, and what its base says about who may change it."""

    kind: Literal["patch_inspected"] = "patch_inspected"
    inspection: Inspection


class LabelSeen(Frozen):
    """A label was put on a pull request or issue of ours, or taken off it.

    `actor` None: nobody knows by whom. One that another event names later (`at`) is the newer.
    """

    kind: Literal["label_seen"] = "label_seen"
    number: int
    label: str
    present: bool
    actor: Actor | None
    at: AwareDatetime


class TeamRead(Frozen):
    """The forge's answer to whether somebody is in a team, `organisation/team`."""

    kind: Literal["team_read"] = "team_read"
    login: str
    team: str
    member: bool


class AttestedArtifact(Frozen):
    """What offline verification said of one artifact's bundle; empty `problem`: it is good.

    `identity` and `issuer` are those of the signing certificate; so are `repository` (its URL),
    `ref` and `commit`, which a workflow ran on, where there was one. In a job for a pull request
    they are `refs/pull/N/merge` and its merge commit.
    """

    name: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    identity: str = ""
    issuer: str = ""
    repository: str = ""
    ref: str = ""
    commit: str = ""
    problem: str = ""


class AttestationsVerified(Frozen):
    """The bundles of a head's artifacts were verified."""

    kind: Literal["attestations_verified"] = "attestations_verified"
    head: Sha
    artifacts: tuple[AttestedArtifact, ...]


class TicketClosed(Frozen):
    """An issue that Grace filed, a CAPA or a review, was closed or opened again by somebody."""

    kind: Literal["ticket_closed"] = "ticket_closed"
    purpose: Literal["capa", "review"]
    number: int
    open: bool = False
    actor: Actor
    at: AwareDatetime
