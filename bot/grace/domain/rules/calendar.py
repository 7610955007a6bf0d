"""Times that come again, in a named time zone: freeze windows, working hours, exceptions."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from grace.domain.base import Frozen

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
A_DAY = timedelta(days=1)
HORIZON_DAYS = 15


def _known(zone: str) -> str:
    """Refuse a zone that the time zone database does not have."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{zone} is no time zone; write one as Europe/Berlin or UTC") from error
    return zone


Zone = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_known)]


class Weekly(Frozen):
    """Some days of every week; past midnight where `until` is not after `start`."""

    days: Annotated[tuple[Day, ...], Field(min_length=1)] = DAYS
    start: time = time(0, 0)
    until: time = time(0, 0)

    @model_validator(mode="after")
    def _naive(self) -> Self:
        if self.start.tzinfo is not None or self.until.tzinfo is not None:
            raise ValueError("a time of day has no offset; the calendar names the zone")
        return self


class Dates(Frozen):
    """Whole days from the first to the last, both included."""

    first: date
    last: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last < self.first:
            raise ValueError("the last day is before the first")
        return self


class Calendar(Frozen):
    """The times of `weekly` and `dates`, without the days of `except_dates`, in `zone`."""

    zone: Zone = "UTC"
    weekly: tuple[Weekly, ...] = ()
    dates: tuple[Dates, ...] = ()
    except_dates: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.weekly and not self.dates:
            raise ValueError("names no time; add weekly or dates")
        return self

    def holds(self, now: datetime) -> bool:
        """Tell whether a moment is in the calendar. `now` must know its zone."""
        return self._end(now) is not None

    def ends(self, now: datetime) -> datetime | None:
        """Return when the time that `now` is in ends; None: not within two weeks."""
        moment = now
        limit = now + timedelta(days=HORIZON_DAYS)
        while moment < limit:
            end = self._end(moment)
            if end is None:
                return moment
            moment = end.astimezone(now.tzinfo)
        return None

    def _end(self, moment: datetime) -> datetime | None:
        """Return the last end of the spans that a moment is in; None: it is in none."""
        zone = ZoneInfo(self.zone)
        inside = (
            end
            for first, last in self._spans(moment.astimezone(zone).date())
            if min(_instants(first, zone)) <= moment < (end := max(_instants(last, zone)))
        )
        return max(inside, default=None)

    def _spans(self, today: date) -> list[tuple[datetime, datetime]]:
        """List the spans, in local time without zone, that began today or yesterday."""
        found: list[tuple[datetime, datetime]] = []
        for day in (today - A_DAY, today):
            if day in self.except_dates:
                continue
            midnight = datetime.combine(day, time(0, 0))
            if any(d.first <= day <= d.last for d in self.dates):
                found.append((midnight, midnight + A_DAY))
            for weekly in self.weekly:
                if DAYS[day.weekday()] in weekly.days:
                    start = datetime.combine(day, weekly.start)
                    end = datetime.combine(day, weekly.until)
                    found.append((start, end if end > start else end + A_DAY))
        return found


def _instants(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the moments that a local time may mean where the clock is put forward or back.

    A span runs from the earlier one of its start to the later one of its end, without a gap.
    """
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first, second
