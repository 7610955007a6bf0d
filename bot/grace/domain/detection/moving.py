"""Anomalies that move together are one incident: the earliest is its likely origin."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Self

from pydantic import Field

from grace.domain.base import Frozen
from grace.domain.detection.anomaly import MAX_MOVED, Anomaly, Moved
from grace.domain.detection.watch import Direction, Episode

TOGETHER_S: Final = 300.0  # onsets at most so far apart belong together
MAX_MEMBERS: Final = 500  # more are counted
PREFIX: Final = "detector:"


class Member(Frozen):
    """A metric's part in an incident; `lasts` until its episode ended."""

    since: float
    surprise: float = 0.0
    direction: Direction
    lasts: bool = True


class Begun(Frozen):
    """An episode that belongs to no incident yet; `place`: of a source that is down as a whole."""

    metric_id: str
    repository: str
    place: str | None = None
    member: Member


class Incident(Frozen):
    """Anomalies that moved together. `fingerprint` stays, even where an earlier origin turns up.

    Times are seconds since the epoch. `began`: the onset as first seen, `earliest`: as it is known
    now. `settled`: one of them became usual, so that nothing recovered. `place`: the source that is
    down. `more`: how many members are not listed. `told`: what was told of it last, `anomaly`: its
    origin as it was told. `held`: it fell into a maintenance window that ends then.
    """

    fingerprint: str
    repository: str
    began: float
    earliest: float
    members: dict[str, Member]
    place: str | None = None
    more: Annotated[int, Field(ge=0)] = 0
    settled: bool = False
    anomaly: Anomaly | None = None
    told: str = ""
    held: float | None = None

    @property
    def lasting(self) -> tuple[str, ...]:
        """Name the metrics whose episodes last, the earliest first."""
        last = (name for name, member in self.members.items() if member.lasts)
        return tuple(sorted(last, key=lambda name: (self.members[name].since, name)))

    @property
    def over(self) -> bool:
        return not self.lasting

    def moved(self, origin: str) -> tuple[Moved, ...]:
        """List what moved besides its origin, earliest first."""
        others = sorted((m.since, name, m) for name, m in self.members.items() if name != origin)
        return tuple(
            Moved(
                metric_id=name,
                since=datetime.fromtimestamp(since, UTC),
                surprise=member.surprise,
                direction=member.direction,
            )
            for since, name, member in others[:MAX_MOVED]
        )

    def near(self, since: float) -> bool:
        """Tell whether an onset lies close enough to those of the incident."""
        return abs(since - self.earliest) <= TOGETHER_S

    def joined(self, name: str, member: Member) -> Self:
        """Take a metric in; one that comes back keeps its onset, one past the bound is counted."""
        known = self.members.get(name)
        if known is None and len(self.members) >= MAX_MEMBERS:
            return self.model_copy(update={"more": self.more + 1})
        if known is not None:
            member = known.model_copy(update={"lasts": True})
        return self.model_copy(
            update={
                "members": self.members | {name: member},
                "earliest": min(self.earliest, member.since),
            }
        )

    def ended(self, name: str, *, settled: bool) -> Self:
        """Note that a metric's episode ended; one that is not listed changes nothing."""
        known = self.members.get(name)
        if known is None:
            return self
        members = self.members | {name: known.model_copy(update={"lasts": False})}
        return self.model_copy(update={"members": members, "settled": self.settled or settled})


def member_of(episode: Episode) -> Member:
    """Make an episode a part of an incident."""
    return Member(since=episode.since, surprise=episode.surprise, direction=episode.direction)


def gather(incidents: Sequence[Incident], begun: Iterable[Begun]) -> tuple[Incident, ...]:
    """Put new episodes where they belong: to an incident near in time, or to one of their own.

    Those of a repository belong together. Those of a source that is down as a whole do whatever
    their repositories are: the incident is the repository's that has most of them.
    """
    known = list(incidents)
    for group in _groups(begun):
        waiting = sorted(group, key=lambda b: (b.member.since, b.metric_id))
        for each in waiting:
            _place(known, each, _homes(waiting))
    return tuple(known)


def _groups(begun: Iterable[Begun]) -> list[list[Begun]]:
    groups: dict[tuple[str | None, str], list[Begun]] = {}
    for each in begun:
        key = (each.place, "" if each.place is not None else each.repository)
        groups.setdefault(key, []).append(each)
    return [groups[key] for key in sorted(groups, key=lambda k: (k[0] or "", k[1]))]


def _homes(group: Sequence[Begun]) -> list[str]:
    """List the repositories of a group, that of the most first."""
    counted = Counter(each.repository for each in group)
    return sorted(counted, key=lambda name: (-counted[name], name))


def _place(known: list[Incident], each: Begun, homes: Sequence[str]) -> None:
    for i, incident in enumerate(known):
        if each.metric_id in incident.members or _together(incident, each, homes):
            known[i] = incident.joined(each.metric_id, each.member)
            return
    known.append(
        Incident(
            fingerprint=f"{PREFIX}{each.metric_id}",
            repository=homes[0],
            place=each.place,
            began=each.member.since,
            earliest=each.member.since,
            members={each.metric_id: each.member},
        )
    )


def _together(incident: Incident, each: Begun, homes: Sequence[str]) -> bool:
    down = each.place is not None and incident.place == each.place
    return (down or incident.repository in homes) and incident.near(each.member.since)


def close(incidents: Sequence[Incident], ends: Mapping[str, bool]) -> tuple[Incident, ...]:
    """Note the episodes that ended, by metric; True: it settled."""
    return tuple(_closed(incident, ends) for incident in incidents)


def _closed(incident: Incident, ends: Mapping[str, bool]) -> Incident:
    for name, settled in ends.items():
        incident = incident.ended(name, settled=settled)
    return incident


def without(incident: Incident, gone: Collection[str]) -> Incident | None:
    """Leave out the metrics that nobody watches any more; None: nothing that lasts is left.

    That nobody watches them ends nothing, so that the incident will not be told as resolved.
    """
    left = {name: m for name, m in incident.members.items() if name not in gone}
    if len(left) == len(incident.members):
        return incident
    if not any(member.lasts for member in left.values()):
        return None
    lasted = any(m.lasts for name, m in incident.members.items() if name in gone)
    update: dict[str, object] = {"members": left, "settled": incident.settled or lasted}
    known = incident.anomaly
    if (
        known is not None
        and not {known.metric_id, *(m.metric_id for m in known.moved)} <= left.keys()
    ):
        update |= {"anomaly": None, "told": ""}  # it is described anew, by what is left
    return incident.model_copy(update=update)
