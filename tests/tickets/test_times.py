"""Times are read as help desks of many countries write them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.tickets import times

MARCH = datetime(2026, 3, 4, 15, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-04T15:07:00Z", "2026-03-04 15:07", "2026-03-04T18:07:00+03:00", "2026/03/04 15:07",
        "2026-03-04 15:07:00 UTC", "2026-03-04 18:07:00 +0300", "04.03.2026 15:07",
        "4.3.2026 15:07:00", "03/04/2026 3:07 PM", "4 Mar 2026 15:07", "March 4, 2026 3:07 pm",
        "4 марта 2026, 15:07", "1772636820", "1772636820000",
    ],
)  # fmt: skip
def test_a_moment_has_many_spellings(text):
    assert times.reader([text])(text) == MARCH


@pytest.mark.parametrize(
    ("column", "day", "month"),
    [(["03/04/2026", "25/12/2026"], 3, 4), (["03/04/2026", "12/25/2026"], 4, 3),
     (["03/04/2026"], 4, 3), (["03.04.2026"], 3, 4)],
)  # fmt: skip
def test_a_column_tells_whether_the_day_stands_first(column, day, month):
    found = times.reader(column)(column[0])

    assert (found.day, found.month) == (day, month)


@pytest.mark.parametrize("text", ["", "soon", "32.01.2026", "2026-13-45", "99:99", "4 Foo 2026"])
def test_what_is_no_moment_is_none(text):
    assert times.reader([text])(text) is None


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_none(text):
    found = times.reader([text])(text)
    took = times.minutes(text)

    assert found is None or found.tzinfo is UTC
    assert took is None or took >= 0


@pytest.mark.parametrize(
    ("text", "header", "expected"),
    [
        ("95", "First reply time (min)", 95), ("1.5", "First reply time (hours)", 90),
        ("1,5", "Время ответа, часы", 90), ("120", "Response time, sec", 2),
        ("1", "Дней до ответа", 1440), ("1:35:00", "", 95), ("0:45", "", 45),
        ("1 d 02:10", "", 1570), ("95", "", 95), ("-5", "", None), ("скоро", "", None),
    ],
)  # fmt: skip
def test_a_duration_is_read_by_its_header(text, header, expected):
    assert times.minutes(text, header) == expected


def test_a_column_of_durations_is_told_from_one_of_moments():
    assert times.is_duration(["95", "", "1:30:00"])
    assert not times.is_duration(["2026-03-04 15:07"])
    assert not times.is_duration(["1772636820"])
    assert not times.is_duration(["", ""])
