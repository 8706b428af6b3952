"""What was searched and read most in a period, beside the period before. Changes nothing.

Only searches that are still kept count, robots left out. Shares are None below 20.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from operator import add
from typing import Final

from kb.searchlog.db.database import Database
from kb.searchlog.db.models import midnight
from kb.searchlog.db.statistics import ENOUGH, steps

LEAST_ALIKE: Final = 3  # visits that opened an article for a question, to tell of it


@dataclass(frozen=True, slots=True)
class Asked:
    """The searches for a query in a period."""

    searches: int = 0
    clicked: int = 0  # an article was opened
    missed: int = 0  # as the miss rate counts

    @property
    def click_rate(self) -> float | None:
        """From 0 to 1; None below 20 searches."""
        return self.clicked / self.searches if self.searches >= ENOUGH else None


@dataclass(frozen=True, slots=True)
class TopSearch:
    """A query with the searches for it, now and in the period before."""

    query: str
    now: Asked
    before: Asked = Asked()


@dataclass(frozen=True, slots=True)
class Reading:
    """How readers used an article in a period."""

    opened: int = 0  # searches it was opened from
    exits: int = 0  # of them, the last thing its visit did
    letters: int = 0  # of them, followed by a letter within 30 minutes
    helpful: int = 0  # votes
    unhelpful: int = 0

    @property
    def votes(self) -> int:
        """All of them."""
        return self.helpful + self.unhelpful

    @property
    def helpful_share(self) -> float | None:
        """From 0 to 1; None below 20 votes."""
        return self.helpful / self.votes if self.votes >= ENOUGH else None


@dataclass(frozen=True, slots=True)
class ArticleUse:
    """An article as readers used it, now and in the period before."""

    slug: str
    now: Reading
    before: Reading = Reading()


@dataclass(frozen=True, slots=True)
class Refinement:
    """A query and the next one of the same visit, asked within a minute."""

    query: str
    next: str
    times: int
    before: int  # times in the period before


@dataclass(frozen=True, slots=True)
class OpenedAlike:
    """Two articles that visits opened for the same questions, the one opened more often first.

    `questions` are as asked, with the visits that opened each of the two.
    """

    slugs: tuple[str, str]
    questions: tuple[tuple[str, int, int], ...]

    @property
    def visits(self) -> tuple[int, int]:
        """Those that opened each of the two, of all questions."""
        return sum(n for _, n, _ in self.questions), sum(n for _, _, n in self.questions)


class Usage:
    """Reads single searches, opened articles and votes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def searches(self, since: date, until: date, *, lang: str | None = None) -> list[TopSearch]:
        """Queries of a period, those searched most first."""
        now = self._counted(_SEARCHES, since, until, lang)
        past = self._counted(_SEARCHES, *before(since, until), lang)
        found = [
            TopSearch(query, Asked(*counts), Asked(*past.get((query,), ())))
            for (query,), counts in now.items()
        ]
        return sorted(found, key=lambda each: (-each.now.searches, each.query))

    def articles(self, since: date, until: date) -> list[ArticleUse]:
        """Articles that were opened or voted on in a period, those opened most first."""
        now, past = self._readings(since, until), self._readings(*before(since, until))
        found = [ArticleUse(slug, use, past.get(slug, Reading())) for slug, use in now.items()]
        return sorted(found, key=lambda each: (-each.now.opened, -each.now.helpful, each.slug))

    def _readings(self, since: date, until: date) -> dict[str, Reading]:
        opened = self._counted(_OPENED, since, until)
        votes = self._counted(_VOTES, since, until)
        found = {}
        for (slug,) in opened.keys() | votes.keys():
            searches, letters, exits = opened.get((slug,), (0, 0, 0))
            cast, thanks = votes.get((slug,), (0, 0))
            found[slug] = Reading(searches, exits, letters, thanks, cast - thanks)
        return found

    def refinements(self, since: date, until: date, *, lang: str | None = None) -> list[Refinement]:
        """Queries that visits asked in other words, the commonest first."""
        now = self._counted(_REFINED, since, until, lang, names=2)
        past = self._counted(_REFINED, *before(since, until), lang, names=2)
        found = [
            Refinement(query, next, times, past.get((query, next), (0,))[0])
            for (query, next), (times, *_) in now.items()
        ]
        return sorted(found, key=lambda each: (-each.times, each.query, each.next))

    def opened_alike(
        self, since: date, until: date, *, lang: str | None = None
    ) -> list[OpenedAlike]:
        """Which two articles were opened about as often for one question, those of most visits
        first?

        For each question the two opened most, if `LEAST_ALIKE` visits opened the second and it
        has at least half as many as the first.
        """
        by_question: dict[str, list[tuple[int, str]]] = defaultdict(list)
        opened = self._counted(_OPENED_FOR, since, until, lang, names=2)
        for (question, slug), (visits, *_) in opened.items():
            by_question[question].append((visits, slug))
        pairs: dict[frozenset[str], list[tuple[str, Counter[str]]]] = defaultdict(list)
        for question, found in sorted(by_question.items()):
            best = sorted(found, key=lambda each: (-each[0], each[1]))[:2]
            if len(best) == 2 and best[1][0] >= max(LEAST_ALIKE, best[0][0] / 2):
                counts = Counter({slug: visits for visits, slug in best})
                pairs[frozenset(counts)].append((question, counts))
        alike = [_opened_alike(asked) for asked in pairs.values()]
        return sorted(alike, key=lambda each: (-sum(each.visits), each.slugs))

    def _counted(
        self, query: str, since: date, until: date, lang: str | None = None, *, names: int = 1
    ) -> dict[tuple[str, ...], tuple[int, ...]]:
        """The counts of a period by name; the first `names` columns of the query are the name."""
        found: dict[tuple[str, ...], tuple[int, ...]] = {}
        for first, last in steps(since, until):
            low, high = midnight(first), midnight(last + timedelta(days=1))
            for row in self._database.select_tuples(query, low=low, high=high, lang=lang or ""):
                name, counts = row[:names], tuple(map(int, row[names:]))
                known = found.get(name)
                found[name] = tuple(map(add, known, counts)) if known else counts
        return found


_IN: Final = """r.ended >= :low and r.ended < :high and not r.robot and r.surface <> 'agent'
                and (cast(:lang as text) = '' or r.lang = :lang)"""
_SEARCHES: Final = f"""
    select phrase as name, count(*) as n,
           sum(case when clicked then 1 else 0 end) as clicked,
           sum(case when counted then 1 else 0 end) as missed
    from runs r where {_IN} and phrase <> '' group by phrase"""  # noqa: S608
# A visit goes on where it searches, opens another article or writes a letter afterwards.
_OPENED: Final = f"""
    select slug as name, count(*) as n, sum(letter) as letters, sum(1 - onward) as exits
    from (
      select r.id, e.slug, max(case when r.ticketed then 1 else 0 end) as letter,
             min(case when r.ticketed
                        or exists (select 1 from runs n
                                   where n.visit = r.visit and n.started > r.started)
                        or exists (select 1 from events f where f.run = r.id and f.kind = 'click'
                                   and f.slug <> e.slug and f.ms > e.ms)
                      then 1 else 0 end) as onward
      from runs r join events e on e.run = r.id and e.kind = 'click'
      where {_IN} and e.slug <> '' group by r.id, e.slug) v
    group by slug"""  # noqa: S608
_VOTES: Final = """
    select slug as name, count(*) as n, sum(case when helpful then 1 else 0 end) as helpful
    from feedback where at >= :low and at < :high and cast(:lang as text) = '' group by slug"""
_REFINED: Final = f"""
    select name, next, count(*) as n
    from (
      select r.phrase as name,
             (select n.phrase from runs n where n.visit = r.visit and n.started > r.started
              order by n.started, n.id limit 1) as next
      from runs r where {_IN} and r.refined) v
    where next is not null and next <> name group by name, next"""  # noqa: S608


_OPENED_FOR: Final = f"""
    select name, slug, count(*) as n
    from (select distinct r.phrase as name, e.slug as slug, r.visit as visit
          from runs r join events e on e.run = r.id and e.kind in ('click', 'answered')
          where {_IN} and r.phrase <> '' and e.slug <> '') v
    group by name, slug"""  # noqa: S608


def _opened_alike(asked: list[tuple[str, Counter[str]]]) -> OpenedAlike:
    """One pair of articles with its questions, those of most visits first."""
    total = sum((counts for _, counts in asked), Counter())
    first, second = sorted(total, key=lambda slug: (-total[slug], slug))
    rows = [(question, counts[first], counts[second]) for question, counts in asked]
    return OpenedAlike(
        (first, second), tuple(sorted(rows, key=lambda row: (-row[1] - row[2], row)))
    )


def before(since: date, until: date) -> tuple[date, date]:
    """The period of the same length that ended the day before."""
    return since - (until - since) - timedelta(days=1), since - timedelta(days=1)
