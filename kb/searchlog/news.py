"""What happened in a stretch of time, for the weekly letter. Changes nothing."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from kb.searchlog.database import Database
from kb.searchlog.rows import group_of
from kb.searchlog.statements import select
from kb.searchlog.values import UNSOLVED, MissGroup, Popular, Vote, stamp, when

MOST = 200  # of each kind; a letter that tells more is read by nobody


@dataclass(frozen=True, slots=True)
class Waiting:
    """Unanswered questions of one owner; an empty owner is nobody."""

    owner: str
    groups: int
    visits: int
    oldest: datetime  # when the first of them was first asked in vain


@dataclass(frozen=True, slots=True)
class News:
    """What a lead wants to hear of on Monday."""

    searches: int
    missed: int  # of them, as in the published miss rate
    appeared: tuple[MissGroup, ...]  # asked in vain for the first time, the costliest first
    answered: tuple[MissGroup, ...]  # by a build of this time, and answered still
    regressed: tuple[MissGroup, ...]  # that lost their answer in this time, and have none still
    waiting: tuple[Waiting, ...]  # whose questions have waited longest, first
    thanked: tuple[Popular, ...]  # articles, with the visits that said they helped
    suggestions: tuple[Vote, ...]  # what readers wrote, the newest first


class Newsroom(Database):
    """Reads the log for letters."""

    def news(self, since: datetime, until: datetime) -> News:
        """What happened from `since` until before `until`, and who has waited longest by then?"""
        low, high = stamp(since), stamp(until)
        with self._reading() as c:
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
            return News(
                searches=days.get("searches", 0),
                missed=days.get("counted", 0),
                appeared=_groups(c, "g.first >= :low and g.first < :high", low, high, UNSOLVED),
                answered=_groups(c, _TURNED.format("answered"), low, high, ("answered",)),
                regressed=_groups(c, _TURNED.format("regressed"), low, high, ("regressed",)),
                waiting=_waiting(c),
                thanked=_thanked(c, low, high),
                suggestions=_suggestions(c, low, high),
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
    rows = select(c, query, low=low, high=high, statuses=statuses, most=MOST)
    return tuple(map(group_of, rows))


def _waiting(c: Connection) -> tuple[Waiting, ...]:
    rows = select(
        c,
        """select owner, count(*) as n, sum(visits) as visits, min(first) as oldest from groups
           where merged_into = 0 and visits > 0 and status in :statuses
           group by owner order by oldest, owner limit :most""",
        statuses=UNSOLVED,
        most=MOST,
    )
    return tuple(
        Waiting(row["owner"], int(row["n"]), int(row["visits"]), when(row["oldest"]))
        for row in rows
    )


def _thanked(c: Connection, low: int, high: int) -> tuple[Popular, ...]:
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
        most=MOST,
    )
    return tuple(Popular(row["slug"], int(row["thanks"])) for row in rows)


def _suggestions(c: Connection, low: int, high: int) -> tuple[Vote, ...]:
    rows = select(
        c,
        """select * from feedback where text <> '' and at >= :low and at < :high
           order by at desc, id limit :most""",
        low=low,
        high=high,
        most=MOST,
    )
    return tuple(
        Vote(row["slug"], row["helpful"], row["reason"], row["text"], when(row["at"]))
        for row in rows
    )
