"""What was searched and read most, beside the period before, on SQLite and PostgreSQL."""

from datetime import date
from typing import Any

from logs import Ask, moment

from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.usage import (
    ArticleUse,
    Asked,
    OpenedAlike,
    Reading,
    Refinement,
    TopSearch,
)
from kb.searchlog.reports import Event

HITS: dict[str, Any] = {"total": 3, "confident": True, "shown": (("a", 1), ("b", 2))}
DAY = 86_400
FIRST, LAST = date(2023, 11, 15), date(2023, 11, 21)  # the period, of which day 1 is the first


def opened(*slugs: str) -> dict[str, Any]:
    """A search from which these articles were opened, one after another."""
    events = tuple(Event("click", slug, 1, 10 * n) for n, slug in enumerate(slugs, 1))
    return {**HITS, "events": events}


def test_searches_are_counted_beside_the_period_before(log: SearchLog, ask: Ask) -> None:
    for n in range(20):
        ask(f"old{n}", "сменить тариф", 0, **opened("a") if n < 2 else {})
    for n in range(20):
        ask(f"v{n}", "сменить тариф", (1 + n % 7) * DAY, **opened("a") if n < 5 else {})
    ask("en", "change plan", 2 * DAY, lang="en")
    ask("robot", "change plan", 2 * DAY, robot=True)
    ask("later", "change plan", 8 * DAY)

    tariff, plan = log.usage.searches(FIRST, LAST)

    assert tariff == TopSearch("сменить тариф", Asked(20, 5, 15), Asked(20, 2, 18))
    assert (tariff.now.click_rate, tariff.before.click_rate) == (0.25, 0.1)
    assert plan == TopSearch("change plan", Asked(1, 0, 1), Asked())
    assert (plan.now.click_rate, plan.before.click_rate) == (None, None)
    assert log.usage.searches(FIRST, LAST, lang="en") == [plan]


def test_an_article_is_told_with_votes_letters_and_exits(log: SearchLog, ask: Ask) -> None:
    ask("before", "тариф", 0, **opened("a"))
    ask("stays", "тариф", DAY, **opened("a"))
    ask("returns", "тариф", DAY, **opened("a", "b", "a"))
    ask("searches", "тариф", DAY, **opened("a"))
    ask("searches", "вернуть деньги", DAY + 90)
    ask("writes", "тариф", DAY, **opened("a"))
    log.ticket("помогите", visit="writes", at=moment(DAY + 60))
    log.ticket("помогите", visit="before", at=moment(60))
    log.feedback("a", helpful=False, at=moment(0))
    log.feedback("a", helpful=True, at=moment(DAY))
    log.feedback("a", helpful=True, at=moment(DAY))
    log.feedback("a", helpful=False, at=moment(2 * DAY))
    log.feedback("c", helpful=True, at=moment(2 * DAY))

    assert log.usage.articles(FIRST, LAST) == [
        ArticleUse(
            "a",
            Reading(opened=4, exits=2, letters=1, helpful=2, unhelpful=1),
            Reading(opened=1, exits=0, letters=1, helpful=0, unhelpful=1),
        ),
        ArticleUse("b", Reading(opened=1)),
        ArticleUse("c", Reading(helpful=1)),
    ]


def test_the_share_of_helpful_votes_is_told_from_twenty_on() -> None:
    assert Reading(helpful=15, unhelpful=5).helpful_share == 0.75
    assert Reading(helpful=14, unhelpful=5).helpful_share is None


def test_what_was_asked_again_is_counted_with_the_next_words(log: SearchLog, ask: Ask) -> None:
    for n, day in enumerate((0, 1, 2, 2)):
        ask(f"v{n}", "не пускает", day * DAY)
        ask(f"v{n}", "забыл пароль", day * DAY + 30)
        ask(f"v{n}", "вернуть деньги", day * DAY + 900)  # another matter, a quarter later

    assert log.usage.refinements(FIRST, LAST) == [
        Refinement("не пускает", "забыл пароль", times=3, before=1)
    ]


def test_two_articles_opened_alike_for_a_question_are_a_pair(log: SearchLog, ask: Ask) -> None:
    for n in range(6):
        ask(f"both{n}", "сменить тариф", DAY, **opened("a", "b") if n < 3 else opened("a"))
        ask(f"other{n}", "дешевле", DAY, **opened("b" if n % 2 else "a"))
        ask(f"one{n}", "вернуть деньги", DAY, **opened("a") if n < 4 else opened("c"))
        ask(f"robot{n}", "счёт", DAY, robot=True, **opened("a" if n % 2 else "c"))
        ask(f"later{n}", "пароль", 8 * DAY, **opened("a" if n % 2 else "c"))

    (pair,) = log.usage.opened_alike(FIRST, LAST)

    assert pair == OpenedAlike(("a", "b"), (("сменить тариф", 6, 3), ("дешевле", 3, 3)))
    assert pair.visits == (9, 6)
    assert log.usage.opened_alike(FIRST, LAST, lang="en") == []
