"""Promises of a reply as people write them, in English or Russian, to values. Pure.

`within 30 minutes on weekdays 9–18 Europe/Moscow`, `за 1 рабочий день, пн–пт 9–18, сб 10–14 МСК`,
`measured, else within 4 hours on weekdays 9–18 Europe/Moscow`. What is not understood raises
ValueError with the words in question and an example.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from kb.base.messages import Message, quoted
from kb.base.working_hours import ALWAYS, DAY, Holidays, Spans, WorkingHours

EXAMPLE: Final = Message("within 30 minutes on weekdays 9–18 Europe/Moscow")
_NO_HOLIDAYS: Final = Holidays()
LONGEST: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Promise:
    """How soon support replies: in working time, or by the end of a working day.

    `is_measured`: the time is that of the letters replied to of late, and this only stands in
    where they are too few.
    """

    hours: WorkingHours
    minutes: int = 0
    days: int = 0  # working days; 0: it is promised in minutes
    is_measured: bool = False


def promise(text: str, holidays: Holidays = _NO_HOLIDAYS) -> Promise:
    """The promise that a text makes; raises ValueError where it is not understood."""
    words = _Words(text)
    is_measured = words.take(_MEASURED) is not None
    minutes, days, is_weekdays = _time(words)
    spans, zone = _schedule(words), _zone(words)
    words.must_be_empty()
    if zone is None and spans not in (None, ALWAYS):
        raise ValueError(
            Message(
                "{text} names no time zone; write it behind the hours: “{example}”",
                text=quoted(text),
                example=EXAMPLE,
            )
        )
    if spans is None and is_weekdays:
        spans = _WEEKDAYS
    hours = WorkingHours(spans or ALWAYS, zone or "UTC", holidays)
    if days and hours.is_always:
        minutes, days = days * DAY, 0
    return Promise(hours, minutes, days, is_measured)


def holidays(written: Iterable[str]) -> Holidays:
    """Holidays of `2027-01-01`, `01-01` (of every year), `09.05` and ranges with `..`.

    Raises ValueError for anything else.
    """
    once: set[date] = set()
    yearly: set[tuple[int, int]] = set()
    for entry in written:
        first, _, last = entry.partition("..")
        low, high = _day(first, entry), _day(last or first, entry)
        is_yearly = low.year == _ANY_YEAR
        if is_yearly != (high.year == _ANY_YEAR):
            raise ValueError(
                Message("{entry}: write the year at both days or at none", entry=quoted(entry))
            )
        if high < low and is_yearly:  # 31.12..08.01
            low, high = low.replace(year=_ANY_YEAR + 3), high.replace(year=_ANY_YEAR + 4)
        days = [low + timedelta(days=n) for n in range((high - low).days + 1)]
        if not 0 < len(days) <= 366:
            raise ValueError(
                Message(
                    "{entry}: the last day stands behind the first, within a year",
                    entry=quoted(entry),
                )
            )
        if is_yearly:
            yearly.update((day.month, day.day) for day in days)
        else:
            once.update(days)
    return Holidays(frozenset(once), frozenset(yearly))


_WEEKDAYS = (*(((0, DAY),),) * 5, (), ())
_ANY_YEAR = 2000  # a leap year: 02-29 is a day of it
_ISO_DAY = re.compile(r"(?:(?P<y>\d{4})-)?(?P<m>\d{1,2})-(?P<d>\d{1,2})")
_DOTTED_DAY = re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})(?:\.(?P<y>\d{4}))?")


def _day(text: str, entry: str) -> date:
    found = _ISO_DAY.fullmatch(text.strip()) or _DOTTED_DAY.fullmatch(text.strip())
    try:
        if found:
            return date(int(found["y"] or _ANY_YEAR), int(found["m"]), int(found["d"]))
    except ValueError:
        pass
    raise ValueError(
        Message(
            "{entry} is no day; write 2027-01-01, 01-01 or 2027-01-01..2027-01-08",
            entry=quoted(entry),
        )
    )


# --- words --------------------------------------------------------------------------------------


class _Words:
    """A text that is read from its beginning; what was read is gone."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._left = re.sub(r"[–—−]", "-", " ".join(text.split())).strip(" .,;")

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What stands at the beginning, if it is of the pattern."""
        found = pattern.match(self._left)
        if found:
            self._left = self._left[found.end() :].lstrip(" .,;:(")
        return found

    def must_be_empty(self) -> None:
        """Raises ValueError if something was not read."""
        if left := self._left.strip(" ).,;"):
            raise ValueError(
                Message(
                    "{words} in {text} is not understood; write “{example}”",
                    words=quoted(left),
                    text=quoted(self.text),
                    example=EXAMPLE,
                )
            )


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_MEASURED = _pattern(
    r"(?:measured|computed|по (?:письмам|ответам|факту)|измерен\w*)\b,?\s*"
    r"(?:(?:or )?else|otherwise|иначе|или)?\b"
)
_LEAD = _pattern(
    r"(?:we )?(?:reply |answer )?(?:with)?in\b|(?:мы )?(?:отвечаем )?(?:за|в течение)\b"
)
_AMOUNT = _pattern(
    r"(?P<half>half an|half a|полчаса\b|пол)?\s*(?P<n>\d{1,4}|an?\b|one\b|один\b|одну\b)?\s*"
    r"(?P<working>working |business |рабоч\w+ )?"
    r"(?P<unit>min\w*|мин\w*|h(?:ours?)?\b|ч(?:ас\w*)?\b|days?\b|д(?:ень|ня|ней|н)\b)?"
)


def _time(words: _Words) -> tuple[int, int, bool]:
    """Minutes, or else days, of “30 minutes”, «2 рабочих дня», «полчаса»; are they working ones?"""
    words.take(_LEAD)
    found = words.take(_AMOUNT)
    if not found or not found[0].strip() or not (found["unit"] or found["half"]):
        raise ValueError(
            Message(
                "{text} names no time to reply; write “{example}”",
                text=quoted(words.text),
                example=EXAMPLE,
            )
        )
    if found["half"]:
        minutes, days = 30, 0
    else:
        n = int(found["n"]) if found["n"] and found["n"].isdigit() else 1
        minutes, days = _in_minutes(n, found["unit"].lower())
    if not timedelta() < timedelta(minutes=minutes, days=days) <= LONGEST:
        raise ValueError(
            Message(
                "{text}: the time is between a minute and {n} days",
                text=quoted(words.text),
                n=LONGEST.days,
            )
        )
    return minutes, days, bool(found["working"])


def _in_minutes(n: int, unit: str) -> tuple[int, int]:
    if unit.startswith(("d", "д")):
        return 0, n
    return (n, 0) if unit.startswith(("min", "мин")) else (n * 60, 0)


# --- hours --------------------------------------------------------------------------------------

_NAMES = (
    ("mon", "пн", "понедельник"), ("tue", "вт", "вторник"), ("wed", "ср", "сред"),
    ("thu", "чт", "четверг"), ("fri", "пт", "пятниц"), ("sat", "сб", "суббот"),
    ("sun", "вс", "воскресень"),
)  # fmt: skip
_ONE = (
    r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*|понедельник\w*|вторник\w*|сред\w*|четверг\w*"
    r"|пятниц\w*|суббот\w*|воскресень\w*|пн|вт|ср|чт|пт|сб|вс"
)
_DAYS = _pattern(
    r"(?:(?:and|и|on|по|в|во|с)\s+)*(?:"
    r"(?P<weekdays>weekdays?|working days|business days|будн\w*|рабочи\w+ дн\w+)"
    r"|(?P<weekends>weekends?|выходн\w*)"
    r"|(?P<all>every day|daily|each day|ежедневно|каждый день|без выходных)"
    rf"|(?P<first>{_ONE})\b(?:\s*(?:-|to|till|по|до)\s*(?P<last>{_ONE})\b)?)"
)
_ALWAYS = _pattern(r"(?:around the clock|24/7|24x7|круглосуточно|круглые сутки)")
_CLOCK = r"(\d{1,2})(?:[:.](\d{2}))?\s*(?:(am|pm)\b)?"
_HOURS = _pattern(
    rf"(?:(?:and|и|from|с|at)\s+)*{_CLOCK}(?:\s*час\w*)?\s*(?:-|to|till|until|до|по)\s*{_CLOCK}"
    r"(?:\s*час\w*)?"
)


def _schedule(words: _Words) -> tuple[Spans, ...] | None:
    """The stretches of each day; None where no hours and no days are named."""
    if words.take(_ALWAYS):
        return ALWAYS
    week: list[list[tuple[int, int]]] = [[] for _ in range(7)]
    is_any = False
    while True:
        days = _days(words)
        spans = _hours(words)
        if not days and not spans:
            break
        is_any = True
        for day in days or range(7):
            for first, last in spans or [(0, DAY)]:
                week[day].append((first, min(last, DAY)))
                if last > DAY:  # 22–6: the rest is of the next day
                    week[(day + 1) % 7].append((0, last - DAY))
    return tuple(_merged(spans) for spans in week) if is_any else None


def _days(words: _Words) -> list[int]:
    found: list[int] = []
    while match := words.take(_DAYS):
        if match["weekdays"]:
            found += range(5)
        elif match["weekends"]:
            found += (5, 6)
        elif match["all"]:
            found += range(7)
        else:
            first = _number(match["first"])
            last = _number(match["last"]) if match["last"] else first
            found += ((first + n) % 7 for n in range((last - first) % 7 + 1))
    return sorted(set(found))


def _number(name: str) -> int:
    return next(n for n, names in enumerate(_NAMES) if name.lower().startswith(names))


def _hours(words: _Words) -> list[tuple[int, int]]:
    spans = []
    while match := words.take(_HOURS):
        first = _minute(match[1], match[2], match[3])
        last = _minute(match[4], match[5], match[6])
        if max(first, last) > DAY or first == last:
            raise ValueError(
                Message(
                    "{hours} in {text} are no hours of a day; write 9–18",
                    hours=quoted(match[0]),
                    text=quoted(words.text),
                )
            )
        spans.append((first, last if last > first else last + DAY))
    return spans


def _minute(hour: str, minute: str | None, half: str | None) -> int:
    n = int(hour)
    if half:
        n = n % 12 + (12 if half.lower() == "pm" else 0)
    return n * 60 + int(minute or 0)


def _merged(spans: list[tuple[int, int]]) -> Spans:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if last <= first:
            continue
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


# --- zones --------------------------------------------------------------------------------------

_ZONE = re.compile(r"\(?(?:по времени\s+|time(?: zone)?:?\s+)?([A-Za-z]+(?:/[A-Za-z0-9_+-]+)*)")
_MOSCOW = _pattern(
    r"\(?(?:мск|msk|moscow(?: time)?\b|по москве|по московскому времени|время московское)"
)


def _zone(words: _Words) -> str | None:
    if words.take(_MOSCOW):
        return "Europe/Moscow"
    found = words.take(_ZONE)
    if not found:
        return None
    try:
        ZoneInfo(found[1])
    except (KeyError, ValueError, OSError):
        raise ValueError(
            Message(
                "no time zone {zone} is known here; write it as Europe/Moscow, and install `tzdata`"
                " where the system has no time zones",
                zone=quoted(found[1]),
            )
        ) from None
    return found[1]
