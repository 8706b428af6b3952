"""Random working hours, and the arithmetic of promises minute by minute: slow, and plain to see."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from kb.base.working_hours import DAY, Holidays, WorkingHours

MINUTE = timedelta(minutes=1)
# Offsets of quarters of an hour, summer times of an hour and of half an hour, none at all.
ZONES = (
    "Europe/Moscow", "Europe/Berlin", "America/New_York", "America/St_Johns", "Asia/Kathmandu",
    "Australia/Lord_Howe", "Pacific/Chatham", "America/Santiago", "Africa/Casablanca", "UTC",
    "Asia/Beirut", "Atlantic/Azores",
)  # fmt: skip


def calendar(chance: random.Random) -> WorkingHours:
    """Working hours with lunch breaks, nights, days off and holidays."""
    days = [_spans(chance) if chance.random() < 0.75 else () for _ in range(7)]
    if not any(days):
        days[chance.randrange(7)] = ((540, 1080),)
    once = frozenset(date(2026, 1, 1) + timedelta(days=chance.randrange(730)) for _ in range(60))
    yearly = frozenset((chance.randint(1, 12), chance.randint(1, 28)) for _ in range(10))
    return WorkingHours(tuple(days), chance.choice(ZONES), Holidays(once, yearly))


def _spans(chance: random.Random) -> tuple[tuple[int, int], ...]:
    if chance.random() < 0.1:
        return ((0, DAY),)
    edges = sorted(
        chance.sample(range(0, DAY + 1, chance.choice((1, 15, 30))), 2 * chance.randint(1, 2))
    )
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def moment(chance: random.Random) -> datetime:
    """A whole minute, often within two days of a change of some zone's clock."""
    changes = (
        date(2026, 3, 8),
        date(2026, 3, 29),
        date(2026, 4, 5),
        date(2026, 10, 25),
        date(2026, 11, 1),
    )
    day = chance.choice(changes) if chance.random() < 0.7 else date(2026, chance.randint(1, 12), 15)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return midnight + timedelta(minutes=chance.randint(-2 * DAY, 2 * DAY))


def working_minutes(hours: WorkingHours, start: datetime) -> Iterator[tuple[datetime, date]]:
    """Every working minute from `start` on, and the day it belongs to."""
    zone = ZoneInfo(hours.zone)
    while True:
        local = start.astimezone(zone)
        of_day = local.hour * 60 + local.minute
        if any(low <= of_day < high for low, high in hours.spans(local.date())):
            yield start, local.date()
        start += MINUTE


def after(hours: WorkingHours, start: datetime, minutes: int) -> datetime:
    """By when so many minutes were worked."""
    each = working_minutes(hours, start)
    for _ in range(minutes - 1):
        next(each)
    return next(each)[0] + MINUTE


def between(hours: WorkingHours, start: datetime, end: datetime) -> int:
    """How many minutes were worked."""
    return sum(1 for _ in takewhile(lambda each: each[0] < end, working_minutes(hours, start)))


def end_of_day(hours: WorkingHours, start: datetime, days: int) -> datetime:
    """The end of the last working minute of a later working day."""
    today = start.astimezone(ZoneInfo(hours.zone)).date()
    found, current, last = 0, today, start
    for at, day in working_minutes(hours, start):
        if day > current:
            if found == days:
                return last + MINUTE
            found, current = found + 1, day
        last = at
    raise AssertionError("time ends")


def differing(calendars: int, seed: int) -> list[str]:
    """Where the arithmetic and its reference differ, over so many generated calendars."""
    chance, wrong = random.Random(seed), []
    for number in range(calendars):
        hours, start = calendar(chance), moment(chance)
        minutes, days = chance.randint(1, 2400), chance.randint(1, 3)
        end = start + timedelta(minutes=chance.randint(0, 5 * DAY))
        found = (
            hours.after(start, minutes * MINUTE), hours.between(start, end),
            hours.end_of_day(start, days),
        )  # fmt: skip
        expected = (
            after(hours, start, minutes), between(hours, start, end) * MINUTE,
            end_of_day(hours, start, days),
        )  # fmt: skip
        if found != expected:
            wrong.append(f"{number}: {hours} from {start}: {found}, not {expected}")
    return wrong
