"""Statistics for leads, as the article on numbers defines them. Changes nothing.

Nothing is said of fewer than 20: a share, median or mean is None there, never 0.
Days are UTC. Long periods are read in steps, since a reader blocks the recorder.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from statistics import fmean, median
from typing import Any, Final

from kb.searchlog.db.choices import KINDS
from kb.searchlog.db.database import Database
from kb.searchlog.db.models import midnight, to_ms
from kb.searchlog.db.records import RANKS
from kb.searchlog.miss_kinds import MISS_KINDS

ENOUGH: Final = 20
# Kinds and flags in the miss rate; a search may have two.
PARTS: Final = tuple(kind.name for kind in MISS_KINDS if kind.in_rate)
STRETCHES: Final = (1, 3, 8, 31)  # whole days at which a time to answer is long enough for the next
_STEP, _MONTH = timedelta(days=5), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Rate:
    """The number of searches, and of the misses among them."""

    searches: int = 0
    missed: int = 0  # each search once
    parts: Mapping[str, int] = field(default_factory=dict)  # of PARTS, those that occur
    kinds: Mapping[str, int] = field(default_factory=dict)  # of KINDS, those outside the rate too
    clicked: int = 0
    answered: int = 0  # "this answered me"
    robots: int = 0  # left out of all the others
    agents: int = 0  # searches of programs, left out too
    agents_missed: int = 0

    def __add__(self, other: "Rate") -> "Rate":
        """The rate of two periods, or of two languages, together."""
        return Rate(
            self.searches + other.searches,
            self.missed + other.missed,
            Counter(self.parts) + Counter(other.parts),
            Counter(self.kinds) + Counter(other.kinds),
            self.clicked + other.clicked,
            self.answered + other.answered,
            self.robots + other.robots,
            self.agents + other.agents,
            self.agents_missed + other.agents_missed,
        )

    @property
    def share(self) -> float | None:
        """The miss rate, from 0 to 1; None below 20 searches."""
        return self.missed / self.searches if self.searches >= ENOUGH else None


@dataclass(frozen=True, slots=True)
class Deflection:
    """The share of visits that opened the contact form and sent no letter, as an interval."""

    opened: int  # visits that opened the form
    answered: int  # of them, that said "this answered me"
    silent: int  # of them, that were shown articles and sent nothing within 24 hours

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper bound, from 0 to 1; None below 20 visits."""
        if self.opened < ENOUGH:
            return None
        return self.answered / self.opened, max(self.answered, self.silent) / self.opened


@dataclass(frozen=True, slots=True)
class Times:
    """The distribution of a duration; None where it happened fewer than 20 times."""

    n: int
    median: timedelta | None = None
    p90: timedelta | None = None
    spread: tuple[int, ...] = ()  # how many in each of the stretches that STRETCHES part


@dataclass(frozen=True, slots=True)
class Repaid:
    """The cost of the questions that an article answers, before it did."""

    slug: str
    questions: int
    misses: int  # searches
    tickets: int  # visits that wrote to support


@dataclass(frozen=True, slots=True)
class TicketType:
    """Letters of one type, and how long support takes to reply to them."""

    type: str
    tickets: int
    replied: int  # of how many the reply time is known
    mean: timedelta | None = None
    median: timedelta | None = None

    @property
    def cost(self) -> timedelta:
        """The sum of all reply times of this type; unknown ones count as the mean."""
        return (self.mean or timedelta()) * self.tickets


@dataclass(frozen=True, slots=True)
class Week:
    """What the board says of a week in five lines."""

    rate: Rate
    answered: int  # groups whose answer was proved
    regressed: int  # groups that lost their answer
    letters: int


class Statistics:
    """Reads sums by day."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def week(self, since: date, until: date) -> Week:
        """What happened in a stretch of days: searches, misses, answers won and lost, letters?"""
        low, high = midnight(since), midnight(until + timedelta(days=1))
        turned = {
            row["what"]: int(row["n"])
            for row in self._database.select(
                """select what, count(distinct group_id) as n from history
                   where what in ('answered', 'regressed') and at >= :low and at < :high
                   group by what""",
                low=low,
                high=high,
            )
        }
        query = "select count(*) as n from letters where at >= :low and at < :high"
        letters = self._database.select_one(query, low=low, high=high)
        return Week(
            self.rate(since, until),
            turned.get("answered", 0),
            turned.get("regressed", 0),
            int(letters["n"]) if letters else 0,
        )

    def rate(self, since: date, until: date, *, lang: str | None = None) -> Rate:
        """The miss rate of a period with its parts."""
        return _rate(_added(self._days_by_months(since, until, lang).values()))

    def rates(self, since: date, until: date, *, lang: str | None = None) -> dict[str, Rate]:
        """The miss rate of each day (ISO) of a period, also where nobody asked."""
        found = self._days_by_months(since, until, lang)
        return {day: _rate(found.get(day, {})) for day in _each(since, until)}

    def days(
        self, since: str = "", until: str = "9999", *, lang: str | None = None
    ) -> dict[str, dict[str, int]]:
        """How many searches of which kind were there on each day (ISO, UTC)? Outlives retention."""
        query = f"""
            select day, name, sum(n) as n from days where day >= :since and day <= :until
            {"and lang = :lang" if lang is not None else ""}
            group by day, name order by day, name"""  # noqa: S608
        values = {"lang": lang} if lang is not None else {}
        found: dict[str, dict[str, int]] = {}
        for row in self._database.select(query, since=since, until=until, **values):
            if row["n"]:
                found.setdefault(row["day"], {})[row["name"]] = int(row["n"])
        return found

    def click_ranks(
        self, since: date, until: date, *, lang: str | None = None
    ) -> dict[int, int] | None:
        """The number of first clicks by rank, from 1; 11 stands for all further ranks.

        None below 20 clicks.
        """
        counts = _added(self._days_by_months(since, until, lang).values())
        ranks = {n: counts.get(f"rank:{n}", 0) for n in range(1, RANKS + 1)}
        ranks[RANKS + 1] = counts.get("rank:more", 0)
        return ranks if sum(ranks.values()) >= ENOUGH else None

    def deflection(self, since: date, until: date) -> Deflection:
        """The deflection of the contact form, as far back as searches are kept."""
        opened = answered = silent = 0
        for first, last in steps(since, until):
            query = """
                select count(*) as opened, sum(did) as did, sum(silent) as silent
                from (
                  select max(case when helped <> '' then 1 else 0 end) as did,
                         max(case when shown <> '' and sent = 0 and not exists (
                               select 1 from sent s where s.visit = f.visit
                                 and s.at between f.at and f.at + :day)
                             then 1 else 0 end) as silent
                  from forms f where day >= :first and day <= :last group by visit) v"""
            row = self._database.select_one(
                query, first=str(first), last=str(last), day=to_ms(24 * 3600)
            )
            if row is not None and row["opened"]:
                opened += row["opened"]
                answered += int(row["did"])
                silent += int(row["silent"])
        return Deflection(opened, answered, silent)

    def answer_times(self, since: date, until: date) -> Times:
        """The times from the first miss to the commit of the answering article.

        Without git it is the build that counts. An article older than the question took no time
        to write and is left out.
        """
        took = "(case when answer_committed > 0 then answer_committed else answer_at end) - first"
        source = f"""from groups where answer_at >= :since and answer_at < :until
                     and status = 'answered' and {_OWN} and {took} > 0"""
        values: dict[str, Any] = {
            "since": midnight(since),
            "until": midnight(until + timedelta(days=1)),
        }
        shorter = [
            f"sum(case when {took} < {to_ms(days * 24 * 3600)} then 1 else 0 end)"
            for days in STRETCHES
        ]
        query = f"select count(*), {', '.join(shorter)} {source}"
        [(n, *within)] = self._database.select_tuples(query, **values)
        if n < ENOUGH:
            return Times(n)
        spread = tuple(upto - below for below, upto in pairwise((0, *map(int, within), n)))
        places = [(n - 1) // 2, -(-9 * n // 10) - 1]
        found = []
        for place in places:
            query = f"select {took} as ms {source} order by ms limit 1 offset :at"
            row = self._database.select_one(query, at=place, **values)
            found.append(timedelta(milliseconds=int(row["ms"]) if row else 0))
        return Times(n, found[0], found[1], spread)

    def repaid(self, *, limit: int = 10) -> list[Repaid]:
        """Which articles answer the questions that had cost most?"""
        query = f"""
            select answer_slug as slug, count(*) as questions, sum(searches) as misses,
                   sum(tickets) as tickets
            from groups where answer_at > 0 and status = 'answered' and {_OWN}
              and answer_slug <> '' group by answer_slug
            order by sum(searches) + 2 * sum(tickets) desc, answer_slug limit :limit"""  # noqa: S608
        rows = self._database.select(query, limit=limit)
        return [
            Repaid(row["slug"], row["questions"], int(row["misses"]), int(row["tickets"]))
            for row in rows
        ]

    def misses_by_category(self, since: date, until: date) -> dict[str, dict[str, int]]:
        """Searches that missed, by category of the nearest article and day (ISO)."""
        found: dict[str, dict[str, int]] = {}
        for first, last in steps(since, until):
            query = """
                select g.category, d.day, sum(d.searches) as n
                from group_days d cross join groups g
                where g.id = d.group_id and d.day >= :first and d.day <= :last and g.merged_into = 0
                group by g.category, d.day"""
            for row in self._database.select(query, first=str(first), last=str(last)):
                found.setdefault(row["category"], {})[row["day"]] = int(row["n"])
        return dict(sorted(found.items(), key=lambda each: (-sum(each[1].values()), each[0])))

    def ticket_types(self, since: date, until: date) -> list[TicketType]:
        """Letters by type, what costs most time first: letters × mean reply time, then letters."""
        query = """
            select type, at, replied from letters
            where at >= :since and at < :until order by at, id limit :most offset :skip"""
        counts: Counter[str] = Counter()
        took: dict[str, list[float]] = {}
        skip = 0
        while True:
            rows = self._database.select(query, since=midnight(since), skip=skip, most=_LETTERS,
                until=midnight(until + timedelta(days=1)),
            )  # fmt: skip
            for row in rows:
                counts[row["type"]] += 1
                if row["replied"] > row["at"]:
                    took.setdefault(row["type"], []).append((row["replied"] - row["at"]) / 1000)
            skip += _LETTERS
            if len(rows) < _LETTERS:
                break
        types = [_type(name, n, took.get(name, [])) for name, n in counts.items()]
        return sorted(types, key=lambda each: (-each.cost, -each.tickets, each.type))

    def _days_by_months(
        self, since: date, until: date, lang: str | None
    ) -> dict[str, dict[str, int]]:
        """As `days`, asked a month at a time, so that no question to the database takes long."""
        query = f"""
            select day, name, sum(n) as n from days where day >= :since and day <= :until
            {"and lang = :lang" if lang else ""} group by day, name"""  # noqa: S608
        values: dict[str, Any] = {"lang": lang} if lang else {}
        found: dict[str, dict[str, int]] = {}
        for first, last in steps(since, until, _MONTH):
            for row in self._database.select(query, since=str(first), until=str(last), **values):
                found.setdefault(row["day"], {})[row["name"]] = int(row["n"])
        return found


# With a sign SQLite goes by `groups_answered`, not by the index that begins with this column.
_OWN: Final = "+merged_into = 0"
_LETTERS: Final = 5_000


def _type(name: str, n: int, seconds: list[float]) -> TicketType:
    if len(seconds) < ENOUGH:
        return TicketType(name, n, len(seconds))
    mean, middle = timedelta(seconds=fmean(seconds)), timedelta(seconds=median(seconds))
    return TicketType(name, n, len(seconds), mean, middle)


def _rate(counts: Mapping[str, int]) -> Rate:
    return Rate(
        searches=counts.get("searches", 0),
        missed=counts.get("counted", 0),
        parts={name: counts[name] for name in PARTS if counts.get(name)},
        kinds={name: counts[name] for name in KINDS if counts.get(name)},
        clicked=counts.get("clicked", 0),
        answered=counts.get("answered", 0),
        robots=counts.get("robots", 0),
        agents=counts.get("agents", 0),
        agents_missed=counts.get("agent misses", 0),
    )


def _added(days: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for counts in days:
        total.update(counts)
    return total


def _each(since: date, until: date) -> Iterator[str]:
    for n in range((until - since).days + 1):
        yield (since + timedelta(days=n)).isoformat()


def steps(since: date, until: date, step: timedelta = _STEP) -> Iterator[tuple[date, date]]:
    """The first and last days of the stretches of a period that are read at once."""
    first = since
    while first <= until:
        last = min(first + step - timedelta(days=1), until)
        yield first, last
        first = last + timedelta(days=1)
