"""What the log is asked: one method per question. Changes nothing."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from kb import runs
from kb.errors import LogUnavailable
from kb.searchlog.database import Database
from kb.searchlog.rows import exported, group_of
from kb.searchlog.statements import PAGE, select, select_one
from kb.searchlog.values import (
    FORGOTTEN,
    UNSOLVED,
    Change,
    Health,
    MissGroup,
    Popular,
    Ticket,
    Vote,
    stamp,
    when,
)


class Questions(Database):
    """Reads the log."""

    def misses(
        self,
        *,
        since: datetime | None = None,
        status: str | None = None,
        kind: str | None = None,
        owner: str | None = None,
        lang: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> list[MissGroup]:
        """What could people not find, the costliest first: visits × (3 if a letter came), then age.

        `status` None means what nobody has solved, `all` everything. With `since` or `kind` only
        such misses count.
        """
        recent = since is not None or kind is not None
        query = f"""
            select g.*, {"r.visits" if recent else "g.visits"} as v,
                   {"r.searches" if recent else "g.searches"} as s
            from groups g {_RECENT.format(kind=_KIND_SQL.get(kind or "", "")) if recent else ""}
            where g.merged_into = 0 and g.visits > 0
              {"" if status == "all" else "and g.status in :statuses"}
              {"and g.owner = :owner" if owner is not None else ""}
              {"and g.lang = :lang" if lang is not None else ""}
            order by {
            "r.visits * (case when g.tickets > 0 then 3 else 1 end)" if recent else "g.priority"
        } desc, g.first, g.id
            limit :limit offset :offset"""  # noqa: S608 (only our own words are put in)
        values: dict[str, Any] = {"limit": limit, "offset": offset}
        if status != "all":
            values["statuses"] = UNSOLVED if status is None else (status,)
        if owner is not None:
            values["owner"] = owner
        if lang is not None:
            values["lang"] = lang
        if recent:
            values["since"] = stamp(since) if since else 0
            if kind is not None and kind not in _KIND_SQL:
                return []
        with self._reading() as connection:
            return [group_of(row) for row in select(connection, query, **values)]

    def group(self, id: int) -> MissGroup | None:
        """What is known of one group? A merged one leads to the group it is in."""
        query = "select *, visits as v, searches as s from groups where id = :id"
        with self._reading() as connection:
            row = select_one(connection, query, id=id)
            while row is not None and row["merged_into"]:
                row = select_one(connection, query, id=row["merged_into"])
            return group_of(row) if row is not None else None

    def groups_to_replay(self, after: int = 0, limit: int = 500) -> list[MissGroup]:
        """Which groups are asked again after a build, by id: all but dismissed and merged ones."""
        query = """
            select *, visits as v, searches as s from groups
            where id > :after and merged_into = 0 and status <> 'dismissed' and question <> :gone
            order by id limit :limit"""
        with self._reading() as connection:
            rows = select(connection, query, after=after, limit=limit, gone=FORGOTTEN)
            return [group_of(row) for row in rows]

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
                Vote(row["slug"], row["helpful"], row["reason"], row["text"], when(row["at"]))
                for row in select(
                    connection, query, since=stamp(since) if since else 0, limit=limit, **values
                )
            ]

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
                Change(when(row["at"]), row["who"], row["what"], row["detail"])
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
            return Health(False, self._url.get_backend_name(), message=str(error))

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


_RECENT = """
    join (select group_id, count(distinct visit) as visits, count(*) as searches from runs
          where miss and not robot and ended >= :since {kind} group by group_id) r
      on r.group_id = g.id"""
_KIND_SQL = {name: f"and kind = '{name}'" for name in runs.KINDS} | {
    "ticketed": "and ticketed",
    "unhelpful": "and unhelpful",
    "": "",
}
