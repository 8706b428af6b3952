"""What support promises is what its letters are measured by, and in which order they are due."""

from datetime import UTC, datetime, timedelta

import pytest

from kb.support import promises
from kb.support.promises import Exchange

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)  # a Friday, 15:00 in Moscow
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
WEEKDAYS = "on weekdays 9–18 Europe/Moscow"
MEASURED = promises.configured({"*": f"measured, else within 4 hours {WEEKDAYS}"})
PLANS = promises.configured(
    {
        "paid": f"within 30 minutes {WEEKDAYS}",
        "paid/billing": f"within 10 minutes {WEEKDAYS}",
        "*/billing": f"within 2 hours {WEEKDAYS}",
        "*": f"within 1 day {WEEKDAYS}",
    }
)


def replied(minutes, at=NOW - 2 * DAY, **more):
    return Exchange(at, at + minutes * MINUTE, **more)


def expected(known, letters):
    return known.expected(known.kept(letters, NOW), NOW)


@pytest.mark.parametrize(
    ("plan", "type", "key"),
    [
        ("paid", "billing", ("paid", "billing")),
        ("paid", "other", ("paid", "*")),
        ("free", "billing", ("*", "billing")),
        ("free", "", ("*", "*")),
    ],
)
def test_the_nearest_promise_counts(plan, type, key):
    assert PLANS.key(plan, type) == key


def test_without_a_promise_to_all_some_are_promised_nothing():
    only_paid = promises.configured({"paid": "within 1 hour"})

    assert only_paid.key("free", "") is None
    assert only_paid.due(Exchange(NOW, plan="free")) is None


def test_five_letters_are_measured_and_four_are_not():
    letters = [replied(minutes) for minutes in (5, 10, 15, 20)]

    assert expected(MEASURED, letters)[0].measured is None
    found = expected(MEASURED, [*letters, replied(100)])[0].measured
    assert found == promises.Measured(5, 15 * MINUTE, 100 * MINUTE)


def test_nine_of_ten_letters_are_within_the_ninetieth_percentile():
    letters = [replied(minutes) for minutes in range(1, 21)]

    found = expected(MEASURED, letters)[0].measured

    assert found.p90 == 18 * MINUTE
    assert found.median == 10.5 * MINUTE


def test_only_working_time_is_measured():
    monday = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)  # 9:30 in Moscow
    friday_evening = monday - 3 * DAY + timedelta(hours=8)  # 17:30

    found = expected(MEASURED, [Exchange(friday_evening, monday)] * 5)[0].measured

    assert found.median == 60 * MINUTE


def test_letters_of_more_than_four_weeks_ago_and_of_tomorrow_are_not_measured():
    old = [replied(5, NOW - 29 * DAY)] * 5
    strange = [replied(5, NOW + DAY)] * 5 + [replied(-5)] * 5

    assert expected(MEASURED, old + strange)[0].measured is None


def test_each_letter_is_measured_under_its_own_promise():
    letters = [replied(5, plan="paid")] * 5 + [replied(50, plan="free")] * 6

    found = {(e.plan, e.type): e.measured for e in expected(PLANS, letters)}

    assert found["paid", "*"].n == 5
    assert found["*", "*"].n == 6
    assert found["paid", "billing"] is None


def test_what_is_written_now_is_due_by_the_measured_time_or_the_configured():
    given = ([], [replied(20)] * 5)

    due = [expected(MEASURED, letters)[0].due for letters in given]

    assert due == [
        datetime(2026, 11, 30, 7, 0, tzinfo=UTC),  # three hours are left of Friday
        NOW + 20 * MINUTE,
    ]


def test_a_delay_is_told_when_letters_wait_longer_than_promised():
    answered = [replied(10, NOW - 3 * DAY, plan="paid")] * 10
    waiting = [Exchange(NOW - DAY, plan="paid")]

    assert PLANS.late(answered + waiting * 2, NOW) == 0  # two are none
    assert PLANS.late(answered + waiting * 3, NOW) == 3
    assert PLANS.late(answered * 5 + waiting * 3, NOW) == 0  # of 53 they are none
    assert PLANS.late(waiting * 30, NOW) == 0  # nobody records replies here
    assert PLANS.late(answered + [Exchange(NOW - 8 * DAY, plan="paid")] * 9, NOW) == 0  # forgotten
    assert PLANS.late(answered + [Exchange(NOW - MINUTE, plan="paid")] * 9, NOW) == 0  # not due
