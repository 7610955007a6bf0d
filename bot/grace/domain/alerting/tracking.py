"""What one alert's words come to: does it fire now, since when, and how often did it change.

An alert's own time is a stranger's. It never lies in the future here, and it only sorts words about
the same alert that came close to one another: a notification that was sent late is old news for
`group_minutes`, and after that it counts by its arrival. So a source whose clock is wrong is heard
late and not silenced; a word that it says only once may be lost. Where a source says that it fires
since later than it said before, and was silent for `flap_minutes`, its `resolved` in between was
lost.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime

from grace.domain.alerting.rules import Alerting
from grace.domain.base import Frozen

Status = Literal["firing", "resolved"]
MAX_FLAPS = 20  # a settling time is bounded long before


class News(StrEnum):
    """What a word about an alert says."""

    FIRED = "fired"
    RENEWED = "fired anew"
    RESOLVED = "resolved"
    REPEATED = "repeated"
    LATE = "late"


class Word(Frozen):
    """A word about an alert; `said_at` is the source's time, `at` when it came."""

    status: Status
    said_at: AwareDatetime
    at: AwareDatetime


class Track(Frozen):
    """Where an alert stands.

    `said_at`: the source's time of that, no later than it came; `changed_at`: when it came;
    `heard_at`: when the newest word came.
    `fired`: how often it began to fire; `flaps`: how often in a row it fired again soon after it
    was resolved.
    """

    status: Status
    said_at: AwareDatetime
    changed_at: AwareDatetime
    heard_at: AwareDatetime
    fired: int
    flaps: int = 0

    @property
    def firing(self) -> bool:
        return self.status == "firing"


def hear(track: Track | None, word: Word, rules: Alerting) -> tuple[Track, News]:
    """Take one word about an alert; `track` None: nothing was heard of it before."""
    said = min(word.said_at, word.at)
    firing = word.status == "firing"
    if track is None:
        at = {"said_at": said, "changed_at": word.at, "heard_at": word.at}
        fresh = Track(status=word.status, fired=int(firing), **at)
        return fresh, News.FIRED if firing else News.RESOLVED
    if track.status == word.status:
        return _again(track, said, word.at, rules)
    since = word.at - track.changed_at
    if said < track.said_at and since <= timedelta(minutes=rules.group_minutes):
        return track.model_copy(update={"heard_at": word.at}), News.LATE
    changes: dict[str, object] = {"status": word.status, "said_at": said}
    changes |= {"changed_at": word.at, "heard_at": word.at}
    if not firing:
        return track.model_copy(update=changes), News.RESOLVED
    again = track.fired > 0 and since <= timedelta(minutes=rules.flap_minutes)
    changes["flaps"] = min(track.flaps + 1, MAX_FLAPS) if again else 0
    changes["fired"] = track.fired + 1
    return track.model_copy(update=changes), News.FIRED


def _again(track: Track, said: datetime, at: datetime, rules: Alerting) -> tuple[Track, News]:
    """Take a word that says what the last one said."""
    silent = at - track.heard_at > timedelta(minutes=rules.flap_minutes)
    newest = max(track.said_at, said)
    changes: dict[str, object] = {"said_at": newest, "heard_at": at}
    if not (track.firing and silent and said > track.said_at):
        return track.model_copy(update=changes), News.REPEATED
    changes |= {"changed_at": at, "fired": track.fired + 1, "flaps": 0}
    return track.model_copy(update=changes), News.RENEWED


def settle_after(flaps: int, rules: Alerting) -> timedelta:
    """Say how long alerts must stay resolved before that counts, after so many flaps."""
    most = max(rules.settle_minutes, rules.max_settle_minutes)
    minutes = min(most, rules.settle_minutes * 2.0 ** min(flaps, MAX_FLAPS))
    return timedelta(minutes=minutes)


def may_join_group(first_at: datetime, now: datetime, rules: Alerting) -> bool:
    """Tell whether a group's first alert came so lately that others belong to it."""
    return now - first_at <= timedelta(minutes=rules.group_minutes)
