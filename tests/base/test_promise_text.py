"""Promises are written as people say them, in both languages; what is not understood is told."""

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.base import promise_text
from kb.base.working_hours import ALWAYS

ALL_DAY = ((0, 1440),)
NINE_TO_SIX = ((540, 1080),)
WEEKDAYS = (*(NINE_TO_SIX,) * 5, (), ())


@pytest.mark.parametrize(
    "text",
    [
        "within 30 minutes on weekdays 9–18 Europe/Moscow",
        "30 min Mon-Fri 9:00-18:00 Europe/Moscow",
        "in half an hour, Monday to Friday from 9am to 6pm, Moscow time",
        "We reply within 30 minutes on working days 9-18 (Europe/Moscow).",
        "за 30 минут по будням 9–18 Europe/Moscow",
        "за полчаса в рабочие дни с 9 до 18 часов по Москве",
        "Отвечаем за 30 мин. пн–пт 9:00–18:00 МСК",
        "в течение 30 минут с понедельника по пятницу с 9:00 до 18:00 по московскому времени",
    ],
)
def test_one_promise_has_many_wordings(text):
    found = promise_text.promise(text)

    assert (found.minutes, found.days, found.is_measured) == (30, 0, False)
    assert (found.hours.days, found.hours.zone) == (WEEKDAYS, "Europe/Moscow")


@pytest.mark.parametrize(
    ("text", "minutes", "days", "week"),
    [
        ("за 1 рабочий день, пн–пт 9–18, сб 10–14 МСК", 0, 1, (*WEEKDAYS[:5], ((600, 840),), ())),
        ("within 2 business days Europe/Berlin", 0, 2, (*(ALL_DAY,) * 5, (), ())),
        ("within 2 days", 2880, 0, ALWAYS),
        ("за час круглосуточно", 60, 0, ALWAYS),
        ("within 1 hour 24/7", 60, 0, ALWAYS),
        ("за 4 часа ежедневно 8–22 UTC", 240, 0, (((480, 1320),),) * 7),
        (
            "within 2 hours on Mon and Wed 10-12, 13-18 and on Saturday 22-6 UTC", 120, 0,
            (((600, 720), (780, 1080)), (), ((600, 720), (780, 1080)), (), (), ((1320, 1440),),
             ((0, 360),)),
        ),
    ],
)  # fmt: skip
def test_days_and_hours_are_read(text, minutes, days, week):
    found = promise_text.promise(text)

    assert (found.minutes, found.days) == (minutes, days)
    assert found.hours.days == week


@pytest.mark.parametrize(
    "text",
    [
        "measured, else within 4 hours on weekdays 9–18 Europe/Moscow",
        "по ответам, иначе за 4 часа по будням 9–18 Europe/Moscow",
    ],
)
def test_a_promise_may_be_measured(text):
    found = promise_text.promise(text)

    assert found.is_measured
    assert found.minutes == 240
    assert found.hours.days == WEEKDAYS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("soon", "names no time to reply"),
        ("", "names no time to reply"),
        ("within 2 hours on weekdays 9-18", "names no time zone"),
        ("within 2 hours on weekdays 9-18 Mars/Phobos", "no time zone 'Mars/Phobos'"),
        ("within 2 hours on weekdays 9-18 Europe/Moscow or so", "'or so' in"),
        ("within 2 hours on weekdays 9-25 Europe/Moscow", "are no hours of a day"),
        ("within 0 minutes", "between a minute and 60 days"),
        ("within 2 hours ../../etc/passwd", "is not understood"),
    ],
)
def test_what_is_not_understood_is_told(text, told):
    with pytest.raises(ValueError, match=told):
        promise_text.promise(text)


@given(st.text(max_size=80))
def test_any_text_is_a_promise_or_a_sentence_about_it(text):
    with suppress(ValueError):
        assert promise_text.promise(text).hours.days


def test_holidays_are_days_ranges_and_days_of_every_year():
    found = promise_text.holidays(["2027-02-22..2027-02-23", "31.12..08.01", "09.05", "02-29"])

    assert date(2027, 2, 22) in found
    assert date(2027, 2, 23) in found
    assert date(2028, 2, 23) not in found
    assert all(date(2030, month, day) in found for month, day in [(12, 31), (1, 1), (1, 8), (5, 9)])
    assert date(2030, 1, 9) not in found
    assert date(2028, 2, 29) in found


@pytest.mark.parametrize(
    "written", ["soon", "2027-13-01", "2027-01-08..2027-01-01", "2027-01-01..01-08"]
)
def test_days_that_are_none_are_told(written):
    with pytest.raises(ValueError, match=written.partition("..")[0]):
        promise_text.holidays([written])
