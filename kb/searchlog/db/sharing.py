"""Queries of what may be shown to others or leave the log: what enough askers did.

Askers are counted by day and by memory (`searchlog.askers`). Days add up, for an asker is one of a
day; of two memories that counted the same day, after a restart or on two machines, the higher count
is taken: they may have met the same askers.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from kb.language import query_words
from kb.searchlog.db.database import Database
from kb.searchlog.db.models import MissGroup, Popular
from kb.searchlog.db.queries import GroupQueries


class AskerQueries:
    """Reads what enough askers asked or opened."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._groups = GroupQueries(database)

    def successful_queries(self, lang: str, *, least: int, limit: int = 500) -> list[Popular]:
        """What did at least `least` askers ask in these words and find?"""
        query = f"""
            select min(r.query) as name, a.askers from ({_FOUND}) as a
            join runs r on r.lang = :lang and r.phrase = a.name
            where a.askers >= :least and not r.robot and (r.clicked or r.answered)
              and r.query not like '%‹%'
            group by a.name, a.askers order by a.askers desc, a.name limit :limit"""  # noqa: S608 (our own words)
        rows = self._database.select(query, lang=lang, least=least, limit=limit)
        return [Popular(row["name"], int(row["askers"])) for row in rows]

    def popular(
        self, lang: str, *, least: int, since: datetime | None = None, limit: int = 10
    ) -> list[Popular]:
        """Which articles were opened from a search in `lang` by most askers, at least by `least`?

        Counted are whole days (UTC), from the one that `since` is in.
        """
        day = since.astimezone(UTC).date().isoformat() if since else ""
        query = f"""
            select name, askers from ({_OPENED}) as a
            where askers >= :least order by askers desc, name limit :limit"""  # noqa: S608
        rows = self._database.select(query, lang=lang, day=day, least=least, limit=limit)
        return [Popular(row["name"], int(row["askers"])) for row in rows]

    def shareable(self, least: int) -> Iterator[tuple[MissGroup, int]]:
        """Which questions did `least` askers ask in vain, in words that as many used, by id?

        Each with one phrasing and no other text, and with its number of askers. A group whose
        single searches are deleted, or that was asked in ever different words, stays here.
        """
        asked = self.askers_by_group()
        last = 0
        while page := self._groups.to_replay(last):
            last = page[-1].id
            for group in page:
                if asked.get(group.id, 0) < least:
                    continue
                by_word = self.askers_by_word(group.id)
                question = in_shared_words(self._wordings(group.id), by_word, least)
                if question:
                    public = replace(group, question=question, phrasings=(), note="", triage=None)
                    yield public, asked[group.id]

    def askers_by_group(self) -> dict[int, int]:
        """How many askers asked each question in vain? One that nobody asked is left out."""
        return {row["id"]: int(row["askers"]) for row in self._database.select(_BY_GROUP)}

    def askers_by_word(self, id: int) -> dict[str, int]:
        """How many askers used each word of a question, in its dictionary form?"""
        rows = self._database.select(_BY_WORD, id=id)
        return {row["name"]: int(row["askers"]) for row in rows}

    def shared_phrasings(self, id: int, *, least: int, limit: int) -> list[str]:
        """In which words did at least `least` askers put a question, most of them first?"""
        query = f"""
            select p.query from phrasings p join ({_BY_PHRASE}) as a on a.name = p.phrase
            where p.group_id = :id and p.visits > 0 and a.askers >= :least
            order by a.askers desc, p.phrase limit :limit"""  # noqa: S608
        rows = self._database.select(query, id=id, least=least, limit=limit)
        return [row["query"] for row in rows]

    def _wordings(self, id: int) -> list[str]:
        """In which words is a question kept, those of most askers first?"""
        query = f"""
            select min(r.query) as query from runs r
            left join ({_BY_PHRASE}) as a on a.name = r.phrase
            where r.group_id = :id and r.miss and not r.robot
            group by r.phrase, a.askers order by coalesce(a.askers, 0) desc, r.phrase"""  # noqa: S608
        return [row["query"] for row in self._database.select(query, id=id)]


def in_shared_words(wordings: Iterable[str], askers: Mapping[str, int], least: int) -> str:
    """The first of the wordings whose every word `least` askers used, or "".

    `askers` are those of each word in its dictionary form; a greeting counts for none.
    """
    for wording in wordings:
        words = query_words.key(wording).split()
        if words and all(askers.get(word, 0) >= least for word in words):
            return wording
    return ""


def _by_name(kind: str, condition: str) -> str:
    """The number of askers by name, of one kind."""
    return f"""
        select name, sum(n) as askers from (
          select name, day, max(n) as n from askers where kind = '{kind}' and {condition}
          group by name, day) as daily
        group by name"""  # noqa: S608


_FOUND: Final = _by_name("found", "group_id = 0 and lang = :lang")
_OPENED: Final = _by_name("opened", "group_id = 0 and lang = :lang and day >= :day")
_BY_PHRASE: Final = _by_name(
    "phrase",
    """group_id = 0 and lang = ''
       and name in (select phrase from phrasings where group_id = :id)""",
)
_BY_WORD: Final = _by_name(
    "word", "group_id in (select id from groups where id = :id or merged_into = :id)"
)
_BY_GROUP: Final = """
    select id, sum(n) as askers from (
      select case when g.merged_into > 0 then g.merged_into else g.id end as id, a.day,
             max(a.n) as n
      from askers a join groups g on g.id = a.group_id where a.kind = 'group'
      group by case when g.merged_into > 0 then g.merged_into else g.id end, a.day) as daily
    group by id"""
