"""Working time is counted as a clock on the wall would: minute by minute, summer time included."""

from datetime import UTC, datetime, timedelta

import calendars
import pytest

from kb.base.working_hours import Holidays, WorkingHours

HOUR = timedelta(hours=1)
NINE_TO_SIX = ((9 * 60, 18 * 60),)
WEEKDAYS = (*(NINE_TO_SIX,) * 5, (), ())
MOSCOW = WorkingHours(WEEKDAYS, "Europe/Moscow")


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_time_is_counted_as_minute_by_minute():
    assert calendars.differing(40, seed=7) == []


def test_a_letter_of_friday_evening_is_due_on_monday():
    friday = utc("2026-11-27T14:45")  # 17:45 in Moscow

    assert MOSCOW.after(friday, HOUR) == utc("2026-11-30T06:45")
    assert MOSCOW.between(friday, utc("2026-11-30T07:00")) == 1.25 * HOUR


def test_nobody_works_on_a_holiday():
    closed = Holidays(frozenset([utc("2026-11-30").date()]), frozenset([(12, 1)]))
    hours = WorkingHours(WEEKDAYS, "Europe/Moscow", closed)

    assert hours.after(utc("2026-11-27T15:00"), HOUR) == utc("2026-12-02T07:00")


@pytest.mark.parametrize(
    ("start", "end", "worked"),
    [
        ("2026-03-29T00:00", "2026-03-29T02:00", 1),  # 2:00 to 3:00 does not exist
        ("2026-10-24T23:00", "2026-10-25T02:00", 3),  # 2:00 to 3:00 comes twice
    ],
)
def test_a_night_of_a_changing_clock_has_its_real_hours(start, end, worked):
    night = WorkingHours((((60, 180),),) * 7, "Europe/Berlin")  # 1:00 to 3:00

    assert night.between(utc(start), utc(end)) == worked * HOUR


def test_a_working_day_ends_with_its_last_minute():
    assert MOSCOW.end_of_day(utc("2026-11-27T09:00"), 1) == utc("2026-11-30T15:00")
    assert MOSCOW.end_of_day(utc("2026-11-28T09:00"), 1) == utc("2026-11-30T15:00")
    assert MOSCOW.end_of_day(utc("2026-11-27T09:00"), 3) == utc("2026-12-02T15:00")


def test_where_nobody_works_for_years_nothing_is_due():
    closed = WorkingHours(((),) * 7, "UTC")

    assert closed.after(utc("2026-11-27T09:00"), HOUR) is None
    assert closed.end_of_day(utc("2026-11-27T09:00"), 1) is None
    assert closed.between(utc("2026-11-27T09:00"), utc("2027-11-27T09:00")) == timedelta()
