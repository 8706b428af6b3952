"""Periods of time as writers give them, `from` and `until`, to moments. Knows no clock.

2026-12-05                         # `from`: its beginning, `until`: its end, in UTC
2026-12-05 14:00 Europe/Moscow     # or МСК, MSK, +03:00, Z
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from kb.base.messages import Message
from kb.content.front_matter import short

BEGINS: Final = "from"
ENDS: Final = "until"
NO_ZONE: Final = Message("the time names no time zone; it is read as UTC")
ADD_ZONE: Final = Message("add the zone: `14:00 Europe/Moscow` or `14:00 +03:00`")


class NotAMoment(Exception):
    """A text that is no moment; the message says so and `cure` what to write."""

    def __init__(self, message: Message, cure: Message) -> None:
        super().__init__(message)
        self.message, self.cure = message, cure


@dataclass(frozen=True, slots=True)
class Period:
    """The time from a moment on and before another one, both in UTC; None is no bound."""

    begins: datetime | None = None
    ends: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether a moment is within the period."""
        return not self.is_ahead(now) and not self.is_over(now)

    def is_ahead(self, now: datetime) -> bool:
        """Whether the period begins after a moment."""
        return self.begins is not None and now < self.begins

    def is_over(self, now: datetime) -> bool:
        """Whether the period ended at or before a moment."""
        return self.ends is not None and self.ends <= now

    def overlaps(self, other: "Period") -> bool:
        """Whether some moment is within both periods."""
        return not (_is_before(self, other) or _is_before(other, self))

    @property
    def is_empty(self) -> bool:
        """Whether no moment is within the period: it ends before it begins."""
        return self.begins is not None and self.is_over(self.begins)

    @property
    def bounds(self) -> tuple[datetime, ...]:
        """The moments at which something begins or ends."""
        return tuple(moment for moment in (self.begins, self.ends) if moment is not None)


def _is_before(one: Period, other: Period) -> bool:
    return other.begins is not None and one.is_over(other.begins)


_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ]+(\d{1,2}:\d{2}(?::\d{2})?)(?:\.\d+)?\s*(.*))?", re.S
)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?", re.I)
_UTC = ("", "z", "utc", "gmt")
_MOSCOW = ("мск", "msk")


def moment(written: str, *, is_end: bool = False) -> datetime:
    """The moment that a text gives, in UTC; a day is its beginning or, for `is_end`, its end.

    A time without a time zone is in UTC. Raises NotAMoment.
    """
    found = _MOMENT.fullmatch(written.strip())
    if not found:
        raise _no_moment(written)
    try:
        day = date.fromisoformat(found[1])
        if found[2] is None:
            return datetime.combine(day, time(), UTC) + timedelta(days=is_end)
        at = time.fromisoformat(found[2].rjust(5, "0") if len(found[2]) < 6 else found[2])
        return datetime.combine(day, at, _zone(found[3])).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _no_moment(written) from None


def names_zone(written: str) -> bool:
    """Whether a text that is a moment says of which time zone its time is, or gives no time."""
    found = _MOMENT.fullmatch(written.strip())
    return found is None or found[2] is None or bool(found[3].strip())


def _zone(written: str) -> tzinfo:
    """The time zone of its name or offset; raises NotAMoment."""
    name = written.strip()
    if name.casefold() in _UTC:
        return UTC
    if offset := _OFFSET.fullmatch(name):
        behind = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(-behind if offset[1] == "-" else behind)
    try:
        return ZoneInfo("Europe/Moscow" if name.casefold() in _MOSCOW else name)
    except (KeyError, ValueError, OSError):
        raise NotAMoment(
            Message("names no time zone known here: {written}", written=short(name)),
            Message("write it as Europe/Moscow or +03:00"),
        ) from None


def _no_moment(written: str) -> NotAMoment:
    return NotAMoment(
        Message("is no date or time: {written}", written=short(written)),
        Message("write a day such as 2026-08-31, or 2026-08-31 14:00 Europe/Moscow"),
    )
