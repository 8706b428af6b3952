"""What the log is asked: one method per question. Changes nothing."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from kb.errors import LogUnavailable
from kb.searchlog.board import grouped, last_group
from kb.searchlog.database import Database
from kb.searchlog.rows import SUMMED, exported, group_of, kinds_of
from kb.searchlog.statements import PAGE, select, select_one, select_tuples
from kb.searchlog.values import (
    FORGOTTEN,
    UNSOLVED,
    Change,
    Details,
    GroupDay,
    Health,
    MissGroup,
    Popular,
    Seen,
    Suggestions,
    Ticket,
    Vote,
    stamp,
    when,
)


class Questions(Database):
    """Reads the log."""

    def group(self, id: int) -> MissGroup | None:
        """What is known of one group? A merged one leads to the group it is in."""
        with self._reading() as connection:
            row = select_one(connection, "select * from groups where id = :id", id=id)
            while row is not None and row["merged_into"]:
                row = select_one(
                    connection, "select * from groups where id = :id", id=row["merged_into"]
                )
            return grouped(connection, [row])[0] if row is not None else None

    def details(self, id: int) -> Details | None:
        """All that is known of one group; of what was shown and clicked, the last searches."""
        group = self.group(id)
        if group is None:
            return None
        id = group.id
        with self._reading() as connection:
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
        with self._reading() as connection:
            runs = select(
                connection,
                """select shown, filters from runs where group_id = :id
                   order by day desc, visit limit :most""",
                id=id,
                most=PAGE,
            )
            clicks = select(
                connection,
                """select e.slug, e.rank from runs r join events e on e.run = r.id
                   where r.group_id = :id and e.kind in ('click', 'answered') and e.slug <> ''
                   order by r.day desc, r.visit, e.ms, e.kind limit :most""",
                id=id,
                most=PAGE,
            )
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

    def groups_to_replay(self, after: int = 0, limit: int = 500) -> list[MissGroup]:
        """Which groups are asked again after a build, by id: all but dismissed and merged ones."""
        query = """
            select * from groups
            where id > :after and merged_into = 0 and status <> 'dismissed' and question <> :gone
            order by id limit :limit"""
        with self._reading() as connection:
            rows = select(connection, query, after=after, limit=limit, gone=FORGOTTEN)
            return [group_of(row) for row in rows]

    def groups_to_triage(self, build: str) -> list[int]:
        """Which groups has nobody examined with this build, the costliest first?

        Those that wait for an answer, and answered ones that were never examined.
        """
        query = """
            select -priority, first, id from groups where id > :after and id <= :until
              and merged_into = 0 and visits > 0 and triage_build <> :build and question <> :gone
              and (status in :unsolved or (status = 'answered' and triage_build = ''))"""
        found: list[tuple[int, ...]] = []
        with self._reading() as connection:
            last = last_group(connection)
        for after in range(0, last, PAGE):
            with self._reading() as connection:
                found += select_tuples(
                    connection, query, after=after, until=after + PAGE, build=build,
                    gone=FORGOTTEN, unsolved=UNSOLVED,
                )  # fmt: skip
        return [id for _, _, id in sorted(found)]

    def groups(self, ids: Sequence[int]) -> list[MissGroup]:
        """What is known of these groups, in this order; without their phrasings."""
        if not ids:
            return []
        with self._reading() as connection:
            rows = select(connection, "select * from groups where id in :ids", ids=list(ids))
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
        with self._reading() as connection:
            rows = select(connection, query, id=group, most=PAGE, limit=limit)
        return [row["query"] for row in rows]

    def tickets(self, *, since: datetime | None = None, limit: int = 1000) -> list[Ticket]:
        """Which letters came, the newest first?"""
        query = "select * from tickets where at >= :since order by at desc, id limit :limit"
        with self._reading() as connection:
            return [
                Ticket(
                    row["id"],
                    when(row["at"]),
                    row["lang"],
                    row["type"],
                    row["text"],
                    row["reply_to"],
                    tuple(json.loads(row["offered"])),
                    when(row["replied"]) if row["replied"] else None,
                )
                for row in select(
                    connection, query, since=stamp(since) if since else 0, limit=limit
                )
            ]

    def votes(
        self, slug: str | None = None, *, since: datetime | None = None, limit: int = 1000
    ) -> list[Vote]:
        """What did readers think of an article, or of all, the newest first?"""
        query = f"""
            select * from feedback where at >= :since {"and slug = :slug" if slug else ""}
            order by at desc, id limit :limit"""  # noqa: S608
        values = {"slug": slug} if slug else {}
        with self._reading() as connection:
            return [
                _vote(row)
                for row in select(
                    connection, query, since=stamp(since) if since else 0, limit=limit, **values
                )
            ]

    def suggestions(self, since: datetime, *, page: int = 1, limit: int = 20) -> Suggestions:
        """What did readers write of articles, in their own words? The nearest page there is."""
        written = "from feedback where text <> '' and at >= :since"
        with self._reading() as connection:
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
        with self._reading() as connection:
            return {
                row["slug"]: (
                    int(row["liked"]),
                    int(row["n"]),
                    int(row["liked_before"]),
                    int(row["n_before"]),
                )
                for row in select(connection, query, low=stamp(low), middle=stamp(middle))
            }

    def successful_queries(self, lang: str, *, limit: int = 500) -> list[Popular]:
        """What did at least three visits ask in these words and find?"""
        query = """
            select min(query) as name, count(distinct visit) as visits from runs
            where lang = :lang and not robot and (clicked or answered) and query not like '%‹%'
            group by phrase having count(distinct visit) >= 3
            order by visits desc, phrase limit :limit"""
        with self._reading() as connection:
            return [
                Popular(r["name"], r["visits"])
                for r in select(connection, query, lang=lang, limit=limit)
            ]

    def popular(
        self, lang: str | None = None, *, since: datetime | None = None, limit: int = 10
    ) -> list[Popular]:
        """Which articles were opened from a search by most visits (of searches in `lang`)?"""
        query = f"""
            select e.slug as name, count(distinct r.visit) as visits
            from events e join runs r on r.id = e.run
            where e.kind in ('click', 'answered') and e.slug <> '' and not r.robot
              and e.at >= :since {"and r.lang = :lang" if lang else ""}
            group by e.slug order by visits desc, e.slug limit :limit"""  # noqa: S608
        values: dict[str, Any] = {"lang": lang} if lang else {}
        values |= {"since": stamp(since) if since else 0, "limit": limit}
        with self._reading() as connection:
            return [
                Popular(row["name"], row["visits"]) for row in select(connection, query, **values)
            ]

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
        with self._reading() as connection:
            for row in select(connection, query, since=since, until=until, **values):
                if row["n"]:
                    found.setdefault(row["day"], {})[row["name"]] = int(row["n"])
        return found

    def history(self, group: int) -> list[Change]:
        """Who did what to a group, the oldest first?"""
        query = "select * from history where group_id = :group order by at, id"
        with self._reading() as connection:
            return [
                Change(
                    when(row["at"]),
                    row["who"],
                    row["what"],
                    row["detail"],
                    row["group_id"],
                    row["action"],
                    row["undone"],
                )
                for row in select(connection, query, group=group)
            ]

    def health(self) -> Health:
        """Can the log be read, and how much is in it? Never raises."""
        try:
            with self._reading() as connection:
                name = "SQLite" if connection.dialect.name == "sqlite" else "PostgreSQL"
                version = ".".join(map(str, connection.dialect.server_version_info or ()))
                count = select_one(connection, "select count(*) as n from runs")
                return Health(True, f"{name} {version}", count["n"] if count else 0)
        except LogUnavailable as error:
            return Health(False, self._url.get_backend_name(), message=error.message)

    def export(self, *, page: int = PAGE) -> Iterator[dict[str, Any]]:
        """Every search that is kept, by id; read in pages so that nobody waits for it."""
        after = ""
        while True:
            query = "select * from runs where id > :after order by id limit :page"
            with self._reading() as connection:
                rows = select(connection, query, after=after, page=page)
                ids = [row["id"] for row in rows]
                events = select(
                    connection,
                    "select * from events where run in :ids order by run, ms, kind, slug",
                    ids=ids or [""],
                )
            by_run: dict[str, list[dict[str, Any]]] = {}
            for event in events:
                came = {k: event[k] for k in ("kind", "slug", "rank", "ms")}
                by_run.setdefault(event["run"], []).append(came)
            for row in rows:
                yield exported(row, by_run.get(row["id"], []))
            if len(rows) < page:
                return
            after = ids[-1]


def _vote(row: Mapping[str, Any]) -> Vote:
    return Vote(row["slug"], row["helpful"], row["reason"], row["text"], when(row["at"]))


def _seen(places: Iterable[tuple[str, int]]) -> tuple[Seen, ...]:
    ranks: dict[str, list[int]] = {}
    for slug, rank in places:
        ranks.setdefault(slug, []).append(rank)
    seen = [Seen(slug, len(found), sum(found) / len(found)) for slug, found in ranks.items()]
    return tuple(sorted(seen, key=lambda each: (-each.searches, each.rank, each.slug)))
