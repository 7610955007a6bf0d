"""What is usual at this time of day and week, learned from the values that came then."""

from array import array

DAY, HOUR = 86_400.0, 3_600.0
SLOTS, HOURS = 48, 168
SLOT = DAY / SLOTS
KNOWN = 2
DAYS, WEEKS = 5, 3
SWIFT = 1.5


class Season:
    """A mean for each half hour of the day, and a correction for each hour of the week.

    Each follows its latest days (or weeks), weighed by time and not by points, so that any
    interval does. Days and hours are those of UTC.
    """

    __slots__ = ("day", "days", "hour", "slot", "week", "weeks")

    def __init__(
        self, means: bytes = b"", counts: bytes = b"", places: tuple[int, int] = (-1, -1)
    ) -> None:
        every = array("d", means or bytes(8 * (SLOTS + HOURS)))
        self.day, self.week = every[:SLOTS], every[SLOTS:]
        counted = array("B", counts or bytes(SLOTS + HOURS))
        self.days, self.weeks = counted[:SLOTS], counted[SLOTS:]
        self.slot, self.hour = places

    def take(self, at: float, value: float, gap: float) -> float | None:
        """Answer what was awaited now (None: not known yet), and learn what came.

        `gap`: seconds since the point before.
        """
        slot = int(at % DAY / SLOT) % SLOTS  # just before 0 the rest may round up to a whole day
        hour = int(at // HOUR) % HOURS
        days, weeks = self.days[slot], self.weeks[hour]
        if slot != self.slot:
            self.slot = slot
            if days < DAYS:
                self.days[slot] = days + 1
        if hour != self.hour:
            self.hour = hour
            if weeks < WEEKS:
                self.weeks[hour] = weeks + 1
        if not days:
            self.day[slot] = value
            return None
        gap = min(gap, SLOT)
        mean = self.day[slot]
        off = value - mean
        self.day[slot] = mean + off * min(1.0, SWIFT * gap / SLOT / self.days[slot])
        if days < KNOWN:
            return None
        shift = self.week[hour]
        self.week[hour] = shift + (off - shift) * min(1.0, gap / HOUR / self.weeks[hour])
        return mean + shift if weeks >= KNOWN else mean

    def freeze(self) -> tuple[bytes, bytes]:
        """Write the means and the counts down."""
        return (self.day + self.week).tobytes(), (self.days + self.weeks).tobytes()
