"""Queries of the log, one method per question. Changes nothing."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from heapq import nsmallest
from typing import Any, Final

from kb.searchlog.db.board import grouped, last_group
from kb.searchlog.db.database import Database
from kb.searchlog.db.models import (
    FORGOTTEN,
    UNSOLVED,
    ArticleRank,
    Details,
    GroupDay,
    HistoryEntry,
    Miss,
    MissGroup,
    Suggestions,
    Ticket,
    Vote,
    stamp,
    when,
)
from kb.searchlog.db.records import SUMMED, group_of, kinds_of, miss_of, past_miss
from kb.searchlog.db.sql import PAGE, select, select_one
from kb.support.promises import Exchange

MOST: Final = 20_000  # groups that are looked at one by one, whatever is in the log


class GroupQueries:
    """Reads groups of misses, one method per question."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, id: int) -> MissGroup | None:
        """What is known of one group? A merged one leads to the group it is in."""
        with self._database.reading() as connection:
            row = select_one(connection, "select * from groups where id = :id", id=id)
            while row is not None and row["merged_into"]:
                row = select_one(
                    connection, "select * from groups where id = :id", id=row["merged_into"]
                )
            return grouped(connection, [row])[0] if row is not None else None

    def details(self, id: int) -> Details | None:
        """All that is stored of one group; what was shown and clicked, of the last searches."""
        group = self.get(id)
        if group is None:
            return None
        id = group.id
        with self._database.reading() as connection:
            phrasings = select(
                connection,
                """select query, visits from phrasings where group_id = :id and visits > 0
                   order by visits desc, phrase limit 500""",
                id=id,
            )
            days = select(
                connection,
                f"""select day, {", ".join(f"sum({name}) as {name}" for name in SUMMED)}
                    from group_days where group_id = :id group by day order by day""",  # noqa: S608
                id=id,
            )
            merged = select(
                connection, "select * from groups where merged_into = :id order by id", id=id
            )
            others = grouped(connection, merged)
        runs, clicks = self._last_runs(id)
        shown = [(slug, rank) for row in runs for slug, rank in json.loads(row["shown"])]
        filters = Counter(row["filters"] for row in runs if row["filters"] != "{}")
        return Details(
            group=group,
            phrasings=tuple((row["query"], row["visits"]) for row in phrasings),
            days=tuple(
                GroupDay(
                    row["day"], int(row["visits"]), int(row["searches"]), int(row["tickets"]),
                    kinds_of(row),
                )
                for row in days
            ),
            shown=_seen(shown),
            clicked=_seen((row["slug"], row["rank"]) for row in clicks),
            filters=tuple((json.loads(held), n) for held, n in filters.most_common()),
            merged=tuple(others),
            history=tuple(self.history(id)),
        )  # fmt: skip

    def _last_runs(self, id: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """What the last searches of a group showed, and what was opened from them."""
        runs = self._database.select(
            """select shown, filters from runs where group_id = :id
               order by day desc, visit limit :most""",
            id=id,
            most=PAGE,
        )
        clicks = self._database.select(
            """select e.slug, e.rank from runs r join events e on e.run = r.id
               where r.group_id = :id and e.kind in ('click', 'answered') and e.slug <> ''
               order by r.day desc, r.visit, e.ms, e.kind limit :most""",
            id=id,
            most=PAGE,
        )
        return runs, clicks

    def to_replay(self, after: int = 0, limit: int = 500) -> list[MissGroup]:
        """Which groups are asked again after a build, by id: all but dismissed and merged ones."""
        query = """
            select * from groups
            where id > :after and merged_into = 0 and status <> 'dismissed' and question <> :gone
            order by id limit :limit"""
        with self._database.reading() as connection:
            rows = select(connection, query, after=after, limit=limit, gone=FORGOTTEN)
            return [group_of(row) for row in rows]

    def costliest_to_replay(self, most: int = MOST) -> tuple[list[int], int]:
        """Which groups are asked again after a build, the costliest first, and how many are there?

        All but dismissed and merged ones; of their ids at most `most` are returned.
        """
        return self._costliest("status <> 'dismissed'", most)

    def to_triage(self, build: str, most: int = MOST) -> list[int]:
        """Which groups has nobody examined with this build, the `most` costliest first?

        Those that wait for an answer, and answered ones that were never examined.
        """
        ids, _ = self._costliest(
            """triage_build <> :build
               and (status in :unsolved or (status = 'answered' and triage_build = ''))""",
            most,
            build=build,
            unsolved=UNSOLVED,
        )
        return ids

    def _costliest(self, condition: str, most: int, **values: Any) -> tuple[list[int], int]:
        """The `most` costliest groups that fulfil a condition, and how many do; read in steps."""
        query = f"""
            select -priority, first, id from groups where id > :after and id <= :until
              and merged_into = 0 and visits > 0 and question <> :gone and {condition}"""  # noqa: S608
        best: list[tuple[int, ...]] = []
        total = 0
        with self._database.reading() as connection:
            last = last_group(connection)
        for after in range(0, last, PAGE):
            rows = self._database.select_tuples(
                query, after=after, until=after + PAGE, gone=FORGOTTEN, **values
            )
            total += len(rows)
            best = nsmallest(most, best + rows)
        return [id for _, _, id in best], total

    def get_all(self, ids: Sequence[int]) -> list[MissGroup]:
        """What is known of these groups, in this order; without their phrasings."""
        if not ids:
            return []
        rows = self._database.select("select * from groups where id in :ids", ids=list(ids))
        found = {row["id"]: group_of(row) for row in rows}
        return [found[id] for id in ids if id in found]

    def reworded(self, group: int, *, limit: int = 20) -> list[str]:
        """What did visits of a group ask in the next five minutes and find, most of them first?"""
        query = """
            select min(b.query) as query from runs b join
              (select visit, started, ended, phrase from runs where group_id = :id
               order by day desc, visit limit :most) a on a.visit = b.visit
            where b.started > a.started and b.started <= a.ended + 300000 and not b.miss
              and (b.clicked or b.answered) and b.phrase <> a.phrase
            group by b.phrase order by count(distinct b.visit) desc, b.phrase limit :limit"""
        rows = self._database.select(query, id=group, most=PAGE, limit=limit)
        return [row["query"] for row in rows]

    def history(self, group: int) -> list[HistoryEntry]:
        """Who did what to a group, the oldest first?"""
        query = "select * from history where group_id = :group order by at, id"
        return [
            HistoryEntry(
                when(row["at"]),
                row["who"],
                row["what"],
                row["detail"],
                row["group_id"],
                row["action"],
                row["undone"],
            )
            for row in self._database.select(query, group=group)
        ]


class ClosingQueries:
    """Reads what decides whether a group is answered."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def misses(self, group: MissGroup, *, limit: int = 2 * PAGE) -> list[Miss]:
        """What did people ask of a group, the last `limit` searches; since its lost answer, if any?

        Where no search is kept, the question itself stands for them.
        """
        rows = self._database.select(
            """select visit, query, phrase, lang, filters, kind, ticketed, unhelpful, offered,
                      total, ended
               from runs where group_id = :id and not crowded
               order by day desc, visit limit :limit""",
            id=group.id,
            limit=limit,
        )
        lost = stamp(group.answer.at) if group.answer and group.status == "regressed" else 0
        rows = [row for row in rows if row["ended"] > lost] or rows
        return [miss_of(row) for row in rows] or [past_miss(group)]

    def sketch(self, digest: str) -> bytes | None:
        """Which words did the version of an article with this digest have?"""
        query = "select sketch from sketches where digest = :digest"
        row = self._database.select_one(query, digest=digest)
        return bytes(row["sketch"]) if row else None

    def later_askers(self, group: int, since: datetime) -> int:
        """How many askers of the days after `since` found with a wording of the group?"""
        query = """
            select sum(n) as n from (
              select a.lang, a.name, a.day, max(a.n) as n from askers a
              where a.kind = 'found' and a.day > :day and a.name in
                    (select phrase from phrasings where group_id = :group)
              group by a.lang, a.name, a.day) counted"""
        day = since.astimezone(UTC).date().isoformat()
        row = self._database.select_one(query, group=group, day=day)
        return int(row["n"] or 0) if row else 0


class Inbox:
    """Reads what readers wrote: votes on articles and letters of the contact form."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tickets(self, *, since: datetime | None = None, limit: int = 1000) -> list[Ticket]:
        """Which letters came, the newest first?"""
        query = "select * from letters where at >= :since order by at desc, id limit :limit"
        return [
            Ticket(
                row["key"],
                when(row["at"]),
                row["lang"],
                row["type"],
                row["text"],
                row["reply_to"],
                tuple(json.loads(row["offered"])),
                when(row["replied"]) if row["replied"] else None,
            )
            for row in self._database.select(query, since=stamp(since) if since else 0, limit=limit)
        ]

    def exchanges(self, *, since: datetime, limit: int = 5000) -> list[Exchange]:
        """When did letters come, and when were they replied to, the newest first?

        One that was closed without a reply waits for none, and is left out.
        """
        query = """
            select at, replied, plan, type from letters
            where at >= :since and (replied > 0 or state <> 'closed')
            order by at desc, id limit :limit"""
        return [
            Exchange(
                when(row["at"]),
                when(row["replied"]) if row["replied"] else None,
                row["plan"],
                row["type"],
            )
            for row in self._database.select(query, since=stamp(since), limit=limit)
        ]

    def votes(
        self, slug: str | None = None, *, since: datetime | None = None, limit: int = 1000
    ) -> list[Vote]:
        """What did readers think of an article, or of all, the newest first?"""
        query = f"""
            select * from feedback where at >= :since {"and slug = :slug" if slug else ""}
            order by at desc, id limit :limit"""  # noqa: S608
        values = {"slug": slug} if slug else {}
        return [
            _vote(row)
            for row in self._database.select(
                query, since=stamp(since) if since else 0, limit=limit, **values
            )
        ]

    def suggestions(self, since: datetime, *, page: int = 1, limit: int = 20) -> Suggestions:
        """What did readers write of articles, in their own words? The nearest page there is."""
        written = "from feedback where text <> '' and at >= :since"
        with self._database.reading() as connection:
            row = select_one(connection, f"select count(*) as n {written}", since=stamp(since))
            total = int(row["n"]) if row else 0
            pages = max(1, -(-total // limit))
            page = min(max(page, 1), pages)
            rows = select(
                connection,
                f"select * {written} order by at desc, id limit :limit offset :skip",
                since=stamp(since),
                limit=limit,
                skip=(page - 1) * limit,
            )
        return Suggestions(tuple(map(_vote, rows)), total, page, pages)

    def votes_by_article(self, low: datetime, middle: datetime) -> dict[str, tuple[int, ...]]:
        """How many of how many found an article helpful: since `middle`, and from `low` to it?"""
        query = """
            select slug,
                   sum(case when helpful and at >= :middle then 1 else 0 end) as liked,
                   sum(case when at >= :middle then 1 else 0 end) as n,
                   sum(case when helpful and at < :middle then 1 else 0 end) as liked_before,
                   sum(case when at < :middle then 1 else 0 end) as n_before
            from feedback where at >= :low group by slug"""
        return {
            row["slug"]: (
                int(row["liked"]),
                int(row["n"]),
                int(row["liked_before"]),
                int(row["n_before"]),
            )
            for row in self._database.select(query, low=stamp(low), middle=stamp(middle))
        }


def _vote(row: Mapping[str, Any]) -> Vote:
    return Vote(row["slug"], row["helpful"], row["reason"], row["text"], when(row["at"]))


def _seen(places: Iterable[tuple[str, int]]) -> tuple[ArticleRank, ...]:
    ranks: dict[str, list[int]] = {}
    for slug, rank in places:
        ranks.setdefault(slug, []).append(rank)
    seen = [ArticleRank(slug, len(found), sum(found) / len(found)) for slug, found in ranks.items()]
    return tuple(sorted(seen, key=lambda each: (-each.searches, each.rank, each.slug)))
