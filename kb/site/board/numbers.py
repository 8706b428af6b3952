"""The statistics page of the board: charts and tables of what the log counts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from flask import abort, g
from flask.typing import ResponseReturnValue

from kb.base.errors import KBError
from kb.catalog import Page
from kb.content import versions
from kb.searchlog.db import usage
from kb.searchlog.db.statistics import ENOUGH, Deflection, Rate, Times
from kb.site import charts, csv_export
from kb.site.board import labels
from kb.site.board.sign_in import download, leads, query_param
from kb.site.context import kb, render, site, title_of
from kb.site.formatting import gettext

PERIODS: Final = ("7", "30", "90", "365")  # days
SHOWN: Final = 12  # rows of a table on the page
MOST_ROWS: Final = 5_000  # of a table as CSV
MOST_ALIKE: Final = 100  # pairs of articles that are looked at


@dataclass(frozen=True, slots=True)
class Period:
    """What the page tells of: days, and the language that narrows searches."""

    since: date
    until: date
    lang: str | None

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.until - self.since).days + 1

    @property
    def before(self) -> "Period":
        """The period of the same length that ended the day before."""
        return Period(*usage.before(self.since, self.until), self.lang)

    def is_kept(self) -> bool:
        """Whether all its single searches are still there, as far as KB_RETENTION_DAYS goes."""
        kept = timedelta(days=site().settings.retention_days)
        return self.since >= kb().today() - kept


def _chosen() -> Period:
    period, lang = query_param("period", 4), query_param("lang", 8)
    days = int(period) if period in PERIODS else 30
    until = kb().today()
    known = lang if lang in site().settings.langs else None
    return Period(until - timedelta(days=days - 1), until, known)


@leads.get("/numbers")
def numbers() -> ResponseReturnValue:
    """The statistics of a period and a language."""
    period = _chosen()
    since, until, lang = period.since, period.until, period.lang
    statistics, uses = kb().log.statistics, kb().log.usage
    rates = statistics.rates(since, until, lang=lang)
    return render(
        "leads/numbers.html",
        chosen={"period": str(period.days), "lang": lang or ""},
        days=period.days,
        periods=PERIODS,
        enough=ENOUGH,
        is_before_kept=period.before.is_kept(),
        past=_sums(period.before),
        since=since,
        until=until,
        now=_sums(period),
        rate=sum(rates.values(), Rate()),
        course=_period_charts(rates),
        ranks=statistics.click_ranks(since, until, lang=lang),
        repaid=statistics.repaid(limit=SHOWN),
        categories=_categories(statistics.misses_by_category(since, until)),
        types=statistics.ticket_types(since, until)[:SHOWN],
        searches=uses.searches(since, until, lang=lang)[:SHOWN],
        articles=uses.articles(since, until)[:SHOWN],
        refinements=uses.refinements(since, until, lang=lang)[:SHOWN],
        alike=_alike(period)[:SHOWN],
    )


@leads.get("/numbers/<table>.csv")
def numbers_csv(table: str) -> ResponseReturnValue:
    """A table of the page as CSV, with all its rows; 404 for a name that is none of TABLES."""
    if table not in TABLES:
        abort(404)
    heads, *rows = TABLES[table](_chosen())
    content = csv_export.to_csv([heads, *rows[:MOST_ROWS]], lang=str(g.lang))
    return download(content, f"{table}.csv", "text/csv")


Table = list[Sequence[object]]  # the names of the columns, then the rows


def _paired(*names: str) -> tuple[str, ...]:
    """Names of columns, each followed by its own of the period before."""
    before = gettext("the period before")
    return tuple(each for name in names for each in (name, f"{name}, {before}"))


def _beside(period: Period, now: Iterable[object], before: Iterable[object]) -> list[object]:
    """Numbers, each followed by that of the period before; none where its searches are gone."""
    is_kept = period.before.is_kept()
    pairs = zip(now, before, strict=True)
    return [each for n, was in pairs for each in (n, was if is_kept else None)]


def _share(part: float | None) -> float | None:
    return None if part is None else round(part, 3)


def _searches(period: Period) -> Table:
    heads = _paired(
        gettext("Searches"), gettext("Opened an answer"), gettext("Share that opened an answer"),
        gettext("Misses"),
    )  # fmt: skip

    def numbers(use: usage.Asked) -> tuple[object, ...]:
        return use.searches, use.clicked, _share(use.click_rate), use.missed

    found = kb().log.usage.searches(period.since, period.until, lang=period.lang)
    rows = ((s.query, *_beside(period, numbers(s.now), numbers(s.before))) for s in found)
    return [(gettext("Query"), *heads), *rows]


def _articles(period: Period) -> Table:
    heads = _paired(
        gettext("Opened"), gettext("Helped"), gettext("Did not help"), gettext("Share helpful"),
        gettext("Letters"), gettext("Exits"),
    )  # fmt: skip

    def numbers(use: usage.Reading) -> tuple[object, ...]:
        helped = _share(use.helpful_share)
        return use.opened, use.helpful, use.unhelpful, helped, use.letters, use.exits

    found = kb().log.usage.articles(period.since, period.until)
    rows = (
        (title_of(a.slug), a.slug, *_beside(period, numbers(a.now), numbers(a.before)))
        for a in found
    )
    return [(gettext("Article"), gettext("Address"), *heads), *rows]


def _refinements(period: Period) -> Table:
    heads = (gettext("Query"), gettext("Then"), *_paired(gettext("Times")))
    found = kb().log.usage.refinements(period.since, period.until, lang=period.lang)
    return [heads, *((r.query, r.next, *_beside(period, [r.times], [r.before])) for r in found)]


def _alike(period: Period) -> list[usage.OpenedAlike]:
    """Pairs of articles opened alike, without versions and translations of one page."""
    found = kb().log.usage.opened_alike(period.since, period.until, lang=period.lang)
    return [each for each in found[:MOST_ALIKE] if _are_two(*each.slugs)]


def _are_two(*slugs: str) -> bool:
    """Whether two articles of one language are served here, and not one page twice."""
    try:
        one, other = (kb().article(slug) for slug in slugs)
    except KBError:
        return False
    if not (isinstance(one, Page) and isinstance(other, Page)) or one.lang != other.lang:
        return False
    paths = one.path, other.path
    return not (versions.are_mirrored(*paths) or versions.are_of_versions(*paths))


def _opened_alike(period: Period) -> Table:
    heads = (
        gettext("Query"), gettext("Article"), gettext("Address"), gettext("Visits"),
        gettext("Article"), gettext("Address"), gettext("Visits"),
    )  # fmt: skip
    rows = (
        (question, title_of(one), one, n, title_of(other), other, m)
        for each in _alike(period)
        for one, other in [each.slugs]
        for question, n, m in each.questions
    )
    return [heads, *rows]


def _by_day(period: Period) -> Table:
    kinds = labels.kinds()
    heads = (gettext("Day"), gettext("Searches"), gettext("Misses"), *kinds.values())
    rates = kb().log.statistics.rates(period.since, period.until, lang=period.lang)
    rows = (
        (day, rate.searches, rate.missed, *(rate.kinds.get(kind, 0) for kind in kinds))
        for day, rate in sorted(rates.items())
    )
    return [heads, *rows]


def _by_kind(period: Period) -> Table:
    rate = kb().log.statistics.rate(period.since, period.until, lang=period.lang)
    names = labels.kinds()
    rows = sorted(rate.kinds.items(), key=lambda each: -each[1])
    heads = (gettext("Kind of miss"), gettext("Searches"))
    return [heads, *((names.get(kind, kind), n) for kind, n in rows)]


def _by_category(period: Period) -> Table:
    found = kb().log.statistics.misses_by_category(period.since, period.until)
    rows = ((name, sum(by_day.values())) for name, by_day in found.items())
    return [(gettext("Category"), gettext("Searches")), *rows]


def _by_rank(period: Period) -> Table:
    found = kb().log.statistics.click_ranks(period.since, period.until, lang=period.lang) or {}
    return [(gettext("Place"), gettext("Searches")), *found.items()]


def _repaid(period: Period) -> Table:
    heads = (
        gettext("Article"), gettext("Address"), gettext("Questions"), gettext("Letters"),
        gettext("Misses"),
    )  # fmt: skip
    found = kb().log.statistics.repaid(limit=MOST_ROWS)
    return [
        heads,
        *((title_of(r.slug), r.slug, r.questions, r.tickets, r.misses) for r in found),
    ]


def _times(period: Period) -> Table:
    times = kb().log.statistics.answer_times(period.since, period.until)
    names = labels.answer_times()
    heads = (gettext("From the first miss to the article"), gettext("Questions"))
    return [heads, *zip(names, times.spread, strict=False)]


def _types(period: Period) -> Table:
    heads = (
        gettext("Type"), gettext("Letters"), gettext("Mean time to reply, minutes"),
        gettext("Median time to reply, minutes"), gettext("Waited in all, minutes"),
    )  # fmt: skip
    found = kb().log.statistics.ticket_types(period.since, period.until)
    rows = (
        (t.type, t.tickets, _minutes(t.mean), _minutes(t.median), _minutes(t.cost or None))
        for t in found
    )
    return [heads, *rows]


def _minutes(time: timedelta | None) -> int | None:
    return None if time is None else round(time.total_seconds() / 60)


TABLES: Final[Mapping[str, Callable[[Period], Table]]] = {
    "searches": _searches,
    "articles": _articles,
    "refinements": _refinements,
    "alike": _opened_alike,
    "days": _by_day,
    "kinds": _by_kind,
    "categories": _by_category,
    "ranks": _by_rank,
    "repaid": _repaid,
    "times": _times,
    "types": _types,
}


@dataclass(frozen=True, slots=True)
class Sums:
    """What the tiles on top tell of a period."""

    rate: Rate
    deflection: Deflection
    times: Times


def _sums(period: Period) -> Sums:
    statistics, since, until = kb().log.statistics, period.since, period.until
    return Sums(
        statistics.rate(since, until, lang=period.lang),
        statistics.deflection(since, until),
        statistics.answer_times(since, until),
    )


@dataclass(frozen=True, slots=True)
class PeriodCharts:
    """The charts of a period, day by day."""

    days: tuple[tuple[date, Rate], ...]
    searches: charts.ColumnChart  # answered, not answered
    share: charts.LineChart  # the miss rate, where a day has searches enough


def _period_charts(rates: Mapping[str, Rate]) -> PeriodCharts:
    days = tuple((date.fromisoformat(day), rate) for day, rate in sorted(rates.items()))
    return PeriodCharts(
        days,
        charts.column_chart([[rate.searches - rate.missed, rate.missed] for _, rate in days]),
        charts.line_chart([rate.share for _, rate in days]),
    )


def _categories(found: Mapping[str, Mapping[str, int]]) -> list[tuple[str, int]]:
    """Categories and their misses, most first."""
    sums = [(name, sum(by_day.values())) for name, by_day in found.items()]
    return sorted(sums, key=lambda each: -each[1])[:SHOWN]
