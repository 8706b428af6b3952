"""Times and durations as help desks write them. Pure; a column is read in one way."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_PARTED = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_DAY_MONTH = re.compile(r"(\d{1,2})[\s-]([^\W\d_]{3,12})\.?,?[\s-](\d{4})")
_MONTH_DAY = re.compile(r"([^\W\d_]{3,12})\.? (\d{1,2}),? (\d{4})")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?\s*(am|pm)?", re.I)
_OFFSET = re.compile(r"(?:Z|UTC|GMT)?\s*([+-])(\d{2}):?(\d{2})$")
_MONTHS: Final = (
    ("jan", "янв"), ("feb", "фев"), ("mar", "мар"), ("apr", "апр"), ("may", "май", "мая"),
    ("jun", "июн"), ("jul", "июл"), ("aug", "авг"), ("sep", "сен"), ("oct", "окт"), ("nov", "ноя"),
    ("dec", "дек"),
)  # fmt: skip
_EPOCH = re.compile(r"\d{9,10}(?:\.\d+)?|\d{12,13}")
_NUMBER = re.compile(r"\d{1,9}(?:[.,]\d+)?")
_LONG = re.compile(r"(?:(\d{1,4})\s*(?:d|дн?|days?)\D{0,3})?(\d{1,5}):(\d{2})(?::(\d{2}))?")
_UNITS: Final = (
    (1 / 60, ("sec", "сек")),
    (60.0, ("hour", "hrs", "час")),
    (1440.0, ("day", "дня", "дней", "сутк")),
    (1.0, ("min", "мин")),
)

Read = Callable[[str], datetime | None]


def reader(values: Iterable[str]) -> Read:
    """How to read the times of a column: whether the day or the month stands first is seen in it.

    Where nothing tells, a dot means that the day does, a slash that the month does.
    """
    day_first: bool | None = None
    for value in values:
        if found := _PARTED.match(value.strip()):
            first, second = int(found[1]), int(found[3])
            if first > 12 or second > 12:
                day_first = first > 12
                break

    def read(value: str) -> datetime | None:
        try:
            return _time(value.strip(), day_first)
        except (ValueError, OverflowError):
            return None

    return read


def _time(text: str, day_first: bool | None) -> datetime | None:
    if _EPOCH.fullmatch(text):
        seconds = float(text)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    try:
        return _in_utc(datetime.fromisoformat(text))
    except ValueError:
        pass
    found = _day(text, day_first)
    if found is None:
        return None
    (year, month, day), rest = found
    clock = _CLOCK.search(rest)
    hour, minute, second = (int(clock[n] or 0) for n in (1, 2, 3)) if clock else (0, 0, 0)
    if clock and clock[4]:
        hour = hour % 12 + (12 if clock[4].lower() == "pm" else 0)
    time = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    offset = _OFFSET.search(rest)
    if not offset:
        return time
    shift = (int(offset[2]) * 60 + int(offset[3])) * 60 * (1 if offset[1] == "+" else -1)
    return datetime.fromtimestamp(time.timestamp() - shift, UTC)


def _in_utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _day(text: str, day_first: bool | None) -> tuple[tuple[int, int, int], str] | None:
    """Year, month and day at the beginning of a text, and what follows."""
    if found := _ISO.match(text):
        return (int(found[1]), int(found[2]), int(found[3])), text[found.end() :]
    if found := _PARTED.match(text):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        is_day_first = found[2] == "." if day_first is None else day_first
        day, month = (first, second) if is_day_first else (second, first)
        return (year if year > 99 else 2000 + year, month, day), text[found.end() :]
    if found := _DAY_MONTH.search(text):
        return (int(found[3]), _month(found[2]), int(found[1])), text[found.end() :]
    if found := _MONTH_DAY.search(text):
        return (int(found[3]), _month(found[1]), int(found[2])), text[found.end() :]
    return None


def _month(name: str) -> int:
    """The number of a month; 0, which is none of a date, for another word."""
    return next((n for n, names in enumerate(_MONTHS, 1) if name.lower().startswith(names)), 0)


def minutes(value: str, header: str = "") -> float | None:
    """A duration in minutes: `95`, `1:35:00`, `1 d 02:10`; the header says of what a number is."""
    text = value.strip()
    if found := _LONG.fullmatch(text):
        days, hours, rest, seconds = (int(found[n] or 0) for n in (1, 2, 3, 4))
        return days * 1440 + hours * 60 + rest + seconds / 60
    if not _NUMBER.fullmatch(text):
        return None
    name = header.lower()
    unit = next((unit for unit, names in _UNITS if any(each in name for each in names)), 1.0)
    return float(text.replace(",", ".")) * unit


def is_duration(values: Iterable[str]) -> bool:
    """Whether the values of a column are durations, not moments."""
    given = [value.strip() for value in values if value.strip()]
    return bool(given) and all(
        (_NUMBER.fullmatch(v) and not _EPOCH.fullmatch(v)) or _LONG.fullmatch(v) for v in given
    )
