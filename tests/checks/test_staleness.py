"""An article is due for review by its date, by falling votes, or by age when its turn has come."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from kb.checks.staleness import AGE, DATE, TURNS, VOTES, Stale, Votes, is_turn, stale

TODAY = date(2026, 11, 22)


@dataclass(frozen=True)
class Article:
    slug: str
    owner: str = ""
    updated: date | None = None
    review_by: date | None = None


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def votes(helpful: int, of: int, before: int, of_before: int) -> Votes:
    return Votes(helpful, of, before, of_before, since=ago(90))


def test_a_review_is_due_the_day_after_its_date():
    articles = [
        Article("today", review_by=TODAY),
        Article("yesterday", "Anna", updated=TODAY, review_by=ago(1)),
        Article("never"),
    ]

    assert stale(articles, {}, TODAY, 365) == [Stale("yesterday", "Anna", DATE, ago(1))]


def test_a_date_of_its_own_comes_before_age():
    article = Article("a", updated=ago(5000), review_by=TODAY)

    assert stale([article], {}, TODAY, 365, turns=1) == []


def test_the_first_run_over_an_old_base_asks_for_a_thirteenth_of_it():
    old = [Article(f"ru/article-{n}", updated=ago(2000)) for n in range(1300)]

    found = stale(old, {}, TODAY, 365)

    assert 60 <= len(found) <= 140
    assert {one.reason for one in found} == {AGE}
    assert found[0].since == ago(2000 - 365)


def test_every_article_has_one_week_in_thirteen_and_none_is_forgotten():
    for slug in ("ru/vpn", "en/vpn", "", "статья"):
        days = [day for day in range(7 * TURNS) if is_turn(slug, TODAY + timedelta(days=day))]

        assert len(days) == 7
        in_turn = {(TODAY + timedelta(days=day)).isocalendar()[:2] for day in days}
        assert len(in_turn) == 1 or days[0] == 0  # a whole week, Monday to Sunday


def test_without_turns_all_that_are_old_are_told_oldest_first():
    articles = [Article("b", updated=ago(400)), Article("a", updated=ago(500)),
                Article("c", updated=ago(365))]  # fmt: skip

    assert [one.slug for one in stale(articles, {}, TODAY, 365, turns=1)] == ["a", "b"]


@pytest.mark.parametrize(
    ("tally", "fallen"),
    [
        (votes(10, 20, 18, 20), True),  # 90 % → 50 %
        (votes(60, 100, 80, 100), True),  # 80 % → 60 %
        (votes(9, 19, 19, 19), False),  # too few
        (votes(10, 20, 19, 19), False),  # too few before
        (votes(15, 20, 18, 20), False),  # 15 points, and chance explains them
        (votes(760, 1000, 800, 1000), False),  # surely fallen, by 4 points
        (votes(20, 20, 10, 20), False),  # risen
        (votes(0, 20, 0, 20), False),  # never liked: no fall
    ],
)
def test_helpfulness_has_fallen_when_twenty_votes_say_so_and_chance_does_not(tally, fallen):
    found = stale([Article("a", "Boris", updated=TODAY)], {"a": tally}, TODAY, 365)

    assert found == ([Stale("a", "Boris", VOTES, ago(90))] if fallen else [])
