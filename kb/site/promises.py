"""Promises of a reply in the reader's words, for pages and programs. Decides none."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import get_day_names
from flask import g

from kb.base.promise_text import Promise
from kb.base.working_hours import DAY, Spans, WorkingHours
from kb.site import formatting
from kb.site.context import kb, site
from kb.site.formatting import gettext, ngettext
from kb.support import promises
from kb.support.promises import ANY, Exchange, Expected, Measured, Promises

_IN_MINUTES = 120  # measured times below that are told in minutes


@dataclass(frozen=True, slots=True)
class Row:
    """What somebody of a plan, with a letter of a type, may expect."""

    name: str  # of plan and type; "": anybody
    time: str  # “within 30 minutes”
    hours: str  # “on weekdays 9:00–18:00 (Moscow time)”
    now: str  # when that would be now, “today by 14:30”; "": nobody works for years
    expected: Expected

    @property
    def reply(self) -> str:
        """Time and hours."""
        return f"{self.time}, {self.hours}"


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of promises; `delay` is why they may not be kept today, or ""."""

    sentence: str = ""  # all in a sentence, for places that have room for no list
    rows: tuple[Row, ...] = ()  # as the operator ordered them
    hours: str = ""  # if they are those of all rows
    delay: str = ""
    late: int = 0  # letters that wait longer than promised


@cache
def _configured(written: tuple[tuple[str, str], ...], holidays: tuple[str, ...]) -> Promises:
    """Promises of settings, which do not change while a site runs."""
    return promises.configured(dict(written), holidays)


def shown() -> Shown:
    """What is promised, in the language of this request."""
    settings, now = site().settings, kb().now()
    if not settings.promises:
        return Shown(delay=_notice(now))
    known = _configured(tuple(settings.promises.items()), settings.holidays)
    kept = kb().kept()
    rows = tuple(_row(each, now) for each in known.expected(kept, now))
    late, common = kept.late, _common_hours(rows)
    return Shown(_sentence(rows, common), rows, common, _notice(now) or _lateness(late), late)


def in_a_sentence(shown: Shown) -> str:
    """The operator's own sentence if there is one, else what is promised; perhaps ""."""
    own = site().settings.promise
    return str(gettext(own)) if own else shown.sentence


def of(plan: str, type: str) -> tuple[Row, ...]:
    """The promise that a letter of a plan and type falls under, as the only row; or none."""
    settings = site().settings
    known = _configured(tuple(settings.promises.items()), settings.holidays)
    key = known.key(plan, type)
    return tuple(row for row in shown().rows if (row.expected.plan, row.expected.type) == key)


@dataclass(frozen=True, slots=True)
class Due:
    """By when a letter is to be replied to."""

    by: str  # “today by 14:30”
    is_late: bool


def due(letter: Exchange) -> Due | None:
    """By when a letter that waits is to be replied to, as promised; None: nothing was."""
    settings, now = site().settings, kb().now()
    known = _configured(tuple(settings.promises.items()), settings.holidays)
    promise, by = known.of(letter), known.due(letter)
    if promise is None or by is None:
        return None
    return Due(_moment(by, now, promise.hours.zone), by < now)


def shape(row: Row) -> dict[str, Any]:
    """A row for programs."""
    expected, promise = row.expected, row.expected.promise
    found = expected.measured
    return {
        "plan": None if expected.plan == ANY else expected.plan,
        "type": None if expected.type == ANY else expected.type,
        "sentence": row.reply,
        "minutes": promise.minutes or None,
        "days": promise.days or None,
        "measured": promise.is_measured and found is not None,
        "time_zone": promise.hours.zone,
        "usual": found and {
            "letters": found.n,
            "median_minutes": round(found.median.total_seconds() / 60),
            "p90_minutes": round(found.p90.total_seconds() / 60),
        },
        "due": expected.due,
    }  # fmt: skip


# --- sentences ----------------------------------------------------------------------------------


def _row(expected: Expected, now: datetime) -> Row:
    names = (name for name in (expected.plan, expected.type) if name != ANY)
    promise, found = expected.promise, expected.measured
    time = _usual(found) if promise.is_measured and found else _within(promise)
    by = _moment(expected.due, now, promise.hours.zone) if expected.due else ""
    return Row(", ".join(gettext(name) for name in names), time, _when(promise.hours), by, expected)


def _common_hours(rows: tuple[Row, ...]) -> str:
    return rows[0].hours if len({row.hours for row in rows}) == 1 else ""


def _sentence(rows: tuple[Row, ...], common: str) -> str:
    """One promise to all as a sentence; several as what each plan may expect."""
    if len(rows) == 1 and not rows[0].name:
        return str(gettext("We reply %(when)s.", when=rows[0].reply))
    told = [
        f"{row.name or gettext('everybody else')}: {row.time if common else row.reply}"
        for row in rows
    ]
    listed = "; ".join([*told, common] if common else told)
    return str(gettext("When we reply. %(list)s.", list=listed))


def _within(promise: Promise) -> str:
    if promise.days:
        n = promise.days
        return str(ngettext("within %(num)s working day", "within %(num)s working days", n))
    return _in_minutes(promise.minutes) if promise.minutes % 60 else _in_hours(promise.minutes)


def _duration(time: timedelta) -> str:
    """A measured time, rounded up: what is said of it stays true."""
    minutes = max(1, ceil(time.total_seconds() / 60))
    return _in_minutes(minutes) if minutes < _IN_MINUTES else _in_hours(minutes)


def _in_minutes(minutes: int) -> str:
    return str(ngettext("within %(num)s minute", "within %(num)s minutes", minutes))


def _in_hours(minutes: int) -> str:
    return str(ngettext("within %(num)s hour", "within %(num)s hours", ceil(minutes / 60)))


def _usual(found: Measured) -> str:
    letters = ngettext("%(num)s letter", "%(num)s letters", found.n)
    said = gettext("usually %(median)s, nine letters of ten %(p90)s (%(letters)s in %(days)s days)",
        median=_duration(found.median), p90=_duration(found.p90), letters=letters,
        days=promises.MEASURED.days,
    )  # fmt: skip
    return str(said)


def _when(hours: WorkingHours) -> str:
    """Working hours: “on weekdays 9:00–18:00 (Moscow time)”."""
    if hours.is_always:
        return str(gettext("at any hour"))
    alike = [(days, list(group)) for days, group in groupby(enumerate(hours.days), lambda e: e[1])]
    told = ", ".join(
        f"{_days([day for day, _ in group])} {_clock(spans)}".strip()
        for spans, group in alike
        if spans
    )
    zone = formatting.zone_name(hours.zone, g.lang)
    return str(gettext("%(hours)s (%(zone)s time)", hours=told, zone=zone))


def _days(days: list[int]) -> str:
    if days == [0, 1, 2, 3, 4]:
        return str(gettext("on weekdays"))
    if len(days) == 7:
        return str(gettext("every day"))
    names = get_day_names("abbreviated", locale=g.lang)
    ends = [names[day] for day in (days[0], days[-1])]
    return ends[0] if len(days) == 1 else "–".join(ends)


def _clock(spans: Spans) -> str:
    if spans == ((0, DAY),):
        return ""
    return ", ".join("–".join(f"{n // 60}:{n % 60:02}" for n in span) for span in spans)


def _moment(by: datetime, now: datetime, name: str) -> str:
    """A moment of these days: “today by 14:30”, “by 30 November, 10:30”."""
    zone = ZoneInfo(name)
    local = by.astimezone(zone)
    clock = f"{local.hour}:{local.minute:02}"
    if local.date() == now.astimezone(zone).date():
        return str(gettext("today by %(time)s", time=clock))
    day = formatting.day_and_month(local.date(), g.lang)
    return str(gettext("by %(day)s, %(time)s", day=day, time=clock))


def _notice(now: datetime) -> str:
    """The operator's notice of a delay, until its last day."""
    settings = site().settings
    is_over = settings.delay_until is not None and now.date() > settings.delay_until
    return "" if is_over or not settings.delay else str(gettext(settings.delay))


def _lateness(late: int) -> str:
    """The notice that letters wait longer than promised."""
    if not late:
        return ""
    said = ngettext("Replies take longer than promised: %(num)s letter still waits.",
        "Replies take longer than promised: %(num)s letters still wait.", late,
    )  # fmt: skip
    return str(said)
