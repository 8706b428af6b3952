"""Working hours: minutes of the week in a time zone, holidays, and time counted in them. Pure.

Time zones change their offset: a working day of nine hours by the clock may have eight or ten. All
that is counted here is real time, in which the clock of the zone shows a working minute.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

DAY: Final = 24 * 60  # minutes
ALWAYS: Final = (((0, DAY),),) * 7
LOOKED_AHEAD: Final = 1100  # days; where nobody works so long, there is no answer
_A_DAY = timedelta(days=1)
_EXACT = timedelta(seconds=1)

Spans = tuple[tuple[int, int], ...]  # first and last minute of each stretch of a day, in order


@dataclass(frozen=True, slots=True)
class Holidays:
    """Days on which nobody works: single ones, and those of every year."""

    once: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()  # month and day

    def __contains__(self, day: date) -> bool:
        return day in self.once or (day.month, day.day) in self.yearly


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """When people work. `days` are the stretches of Monday to Sunday, each in order and apart."""

    days: tuple[Spans, ...] = ALWAYS
    zone: str = "UTC"
    holidays: Holidays = Holidays()

    @property
    def is_always(self) -> bool:
        """Whether people work around the clock, apart from holidays."""
        return self.days == ALWAYS

    def spans(self, day: date) -> Spans:
        """The working stretches of a day, by the clock of the zone."""
        return () if day in self.holidays else self.days[day.weekday()]

    def stretches(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Working stretches from a moment on, in order, in UTC; neighbours may touch."""
        zone = ZoneInfo(self.zone)
        low = start.astimezone(UTC)
        for _ in range(LOOKED_AHEAD):
            high = datetime.combine(low.date() + _A_DAY, time(), UTC)
            for begin, end in _steady(zone, low, high):
                yield from self._within(begin, end, _offset(zone, begin))
            low = high

    def _within(
        self, begin: datetime, end: datetime, offset: timedelta
    ) -> Iterator[tuple[datetime, datetime]]:
        """The stretches between two moments between which the zone keeps its offset."""
        local_begin, local_end = begin + offset, end + offset
        day = local_begin.date()
        while day <= local_end.date():
            midnight = datetime.combine(day, time(), UTC)
            for first, last in self.spans(day):
                low = max(local_begin, midnight + timedelta(minutes=first))
                high = min(local_end, midnight + timedelta(minutes=last))
                if low < high:
                    yield low - offset, high - offset
            day += _A_DAY

    def after(self, start: datetime, worked: timedelta) -> datetime | None:
        """The moment by which so much was worked since `start`, in UTC; None if that is too far."""
        left = worked
        for begin, end in self.stretches(start):
            if end - begin >= left:
                return begin + left
            left -= end - begin
        return None

    def between(self, start: datetime, end: datetime) -> timedelta:
        """How much was worked between two moments."""
        total, end = timedelta(), end.astimezone(UTC)
        for low, high in self.stretches(start):
            if low >= end:
                break
            total += min(high, end) - low
        return total

    def end_of_day(self, start: datetime, days: int) -> datetime | None:
        """The end of the `days`-th working day after the day of `start`, in UTC, or None."""
        zone = ZoneInfo(self.zone)
        found, current, end = 0, start.astimezone(zone).date(), None
        for low, high in self.stretches(start):
            day = low.astimezone(zone).date()
            if day > current:
                if found == days:
                    return end
                found, current = found + 1, day
            end = high
        return None


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _steady(zone: ZoneInfo, low: datetime, high: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The parts of a stretch of a day in which the zone keeps its offset; it changes once."""
    before = _offset(zone, low)
    if before == _offset(zone, high):
        yield low, high
        return
    old, new = low, high
    while new - old > _EXACT:
        middle = old + (new - old) / 2
        old, new = (middle, new) if _offset(zone, middle) == before else (old, middle)
    change = new.replace(microsecond=0)  # offsets change at whole seconds
    yield low, max(low, change)
    yield max(low, change), high
