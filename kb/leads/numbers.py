"""The numbers: counted by the log, drawn as charts, each with its table. Counts nothing itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from flask import render_template
from flask.typing import ResponseReturnValue

from kb import charts
from kb.front import kb, site
from kb.leads.door import asked, leads
from kb.searchlog import ENOUGH, Rate

PERIODS: Final = ("7", "30", "90", "365")  # days
SHOWN: Final = 12  # categories, types and articles in a table


@leads.get("/numbers")
def numbers() -> ResponseReturnValue:
    """Searches, misses, time to answer, what is repaid: for a period and a language."""
    chosen = {"period": asked("period", 4), "lang": asked("lang", 8)}
    days = int(chosen["period"]) if chosen["period"] in PERIODS else 30
    lang = chosen["lang"] if chosen["lang"] in site().settings.langs else None
    log, until = kb().numbers(), kb().today()
    since = until - timedelta(days=days - 1)
    rates = log.rates(since, until, lang=lang)
    return render_template(
        "leads/numbers.html",
        chosen=chosen,
        days=days,
        periods=PERIODS,
        enough=ENOUGH,
        since=since,
        until=until,
        rate=sum(rates.values(), Rate()),
        course=_course(rates),
        ranks=log.click_ranks(since, until, lang=lang),
        deflection=log.deflection(since, until),
        times=log.answer_times(since, until),
        repaid=log.repaid(limit=SHOWN),
        categories=_categories(log.misses_by_category(since, until)),
        types=log.ticket_types(since, until)[:SHOWN],
    )


@dataclass(frozen=True, slots=True)
class Course:
    """How a period went, day by day."""

    days: tuple[tuple[date, Rate], ...]
    searches: charts.Columns  # answered, not answered
    share: charts.Line  # the miss rate, where a day has searches enough


def _course(rates: Mapping[str, Rate]) -> Course:
    days = tuple((date.fromisoformat(day), rate) for day, rate in sorted(rates.items()))
    return Course(
        days,
        charts.columns([[rate.searches - rate.missed, rate.missed] for _, rate in days]),
        charts.line([rate.share for _, rate in days]),
    )


def _categories(found: Mapping[str, Mapping[str, int]]) -> list[tuple[str, int]]:
    """Misses by category, most first."""
    sums = [(name, sum(by_day.values())) for name, by_day in found.items()]
    return sorted(sums, key=lambda each: -each[1])[:SHOWN]
