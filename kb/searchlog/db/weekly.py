"""Queries of the weekly letter: what happened in a period. Changes nothing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from kb.searchlog.db.database import Database
from kb.searchlog.db.models import MOST_LISTED, UNSOLVED, Liked, MissGroup, Vote, stamp, when
from kb.searchlog.db.records import group_of
from kb.searchlog.db.sql import select


@dataclass(frozen=True, slots=True)
class Waiting:
    """The unanswered questions of one owner; an empty owner is nobody."""

    owner: str
    groups: int
    visits: int
    oldest: datetime  # when the first of them was first asked in vain


@dataclass(frozen=True, slots=True)
class WeeklyReport:
    """The numbers and questions of the weekly letter."""

    searches: int
    missed: int  # of them, as in the published miss rate
    appeared: tuple[MissGroup, ...]  # asked in vain for the first time, the costliest first
    found: tuple[MissGroup, ...]  # that a build of this time answers, to be proved still
    answered: tuple[MissGroup, ...]  # whose answer was proved in this time, and holds still
    regressed: tuple[MissGroup, ...]  # that lost their answer in this time, and have none still
    waiting: tuple[Waiting, ...]  # whose questions have waited longest, first
    thanked: tuple[Liked, ...]  # articles, with the visits that said they helped
    suggestions: tuple[Vote, ...]  # what readers wrote, the newest first


class WeeklyQueries:
    """Reads the log for the weekly letter."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(
        self, since: datetime, until: datetime, *, wishes_since: datetime | None = None
    ) -> WeeklyReport:
        """What happened from `since` until before `until`, and who has waited longest by then?

        What readers wrote is told from `wishes_since`, by default `since`.
        """
        low, high = stamp(since), stamp(until)
        with self._database.reading() as c:
            days = {
                row["name"]: int(row["n"])
                for row in select(
                    c,
                    """select name, sum(n) as n from days where day >= :low and day < :high
                       and name in ('searches', 'counted') group by name""",
                    low=since.date().isoformat(),
                    high=until.date().isoformat(),
                )
            }
            return WeeklyReport(
                searches=days.get("searches", 0),
                missed=days.get("counted", 0),
                appeared=_groups(c, "g.first >= :low and g.first < :high", low, high, UNSOLVED),
                found=_groups(c, _TURNED.format("waiting"), low, high, ("waiting",)),
                answered=_groups(c, _TURNED.format("answered"), low, high, ("answered",)),
                regressed=_groups(c, _TURNED.format("regressed"), low, high, ("regressed",)),
                waiting=_waiting(c),
                thanked=_thanked(c, low, high),
                suggestions=_suggestions(c, stamp(wishes_since or since), high),
            )


_TURNED = """exists (select 1 from history h where h.group_id = g.id and h.what = '{}'
                     and h.at >= :low and h.at < :high)"""


def _groups(
    c: Connection, condition: str, low: int, high: int, statuses: tuple[str, ...]
) -> tuple[MissGroup, ...]:
    query = f"""
        select g.* from groups g
        where g.merged_into = 0 and g.visits > 0 and g.status in :statuses and {condition}
        order by g.priority desc, g.first, g.id limit :most"""  # noqa: S608 (only our own words)
    rows = select(c, query, low=low, high=high, statuses=statuses, most=MOST_LISTED)
    return tuple(map(group_of, rows))


def _waiting(c: Connection) -> tuple[Waiting, ...]:
    rows = select(
        c,
        """select owner, count(*) as n, sum(visits) as visits, min(first) as oldest from groups
           where merged_into = 0 and visits > 0 and status in :statuses
           group by owner order by oldest, owner limit :most""",
        statuses=UNSOLVED,
        most=MOST_LISTED,
    )
    return tuple(
        Waiting(row["owner"], int(row["n"]), int(row["visits"]), when(row["oldest"]))
        for row in rows
    )


def _thanked(c: Connection, low: int, high: int) -> tuple[Liked, ...]:
    rows = select(
        c,
        """select slug, count(distinct who) as thanks from (
             select slug, case when run = '' then id else run end as who from feedback
             where helpful and at >= :low and at < :high
             union
             select e.slug, r.report as who from events e join reports r on r.run = e.run
             where e.kind = 'answered' and e.slug <> '' and e.at >= :low and e.at < :high
           ) as said
           group by slug order by thanks desc, slug limit :most""",
        low=low,
        high=high,
        most=MOST_LISTED,
    )
    return tuple(Liked(row["slug"], int(row["thanks"])) for row in rows)


def _suggestions(c: Connection, low: int, high: int) -> tuple[Vote, ...]:
    rows = select(
        c,
        """select * from feedback where text <> '' and done_by = '' and not helpful
             and at >= :low and at < :high order by at desc, id limit :most""",
        low=low,
        high=high,
        most=MOST_LISTED,
    )
    return tuple(
        Vote(row["slug"], row["helpful"], row["reason"], row["text"], when(row["at"]))
        for row in rows
    )
