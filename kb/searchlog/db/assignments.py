"""Which questions are somebody's since they were last told by letter. Sends nothing.

A question counts as told until it is answered, dismissed or somebody else's; what comes back to its
owner after that is news again. What people took themselves is none to them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.engine import Connection

from kb.searchlog.db.database import Database
from kb.searchlog.db.models import MOST_LISTED, UNSOLVED, MissGroup, midnight, stamp
from kb.searchlog.db.records import group_of
from kb.searchlog.db.sql import execute, select, select_one, upsert
from kb.searchlog.db.tables import TOLD


@dataclass(frozen=True, slots=True)
class Assignment:
    """A question that is somebody's; `by` assigned it, "" the service itself."""

    group: MissGroup
    by: str


@dataclass(frozen=True, slots=True)
class Assignments:
    """What one person is to be told of."""

    listed: tuple[Assignment, ...] = ()  # the costliest first, MOST_LISTED at most
    total: int = 0


class AssignmentQueries:
    """Reads and marks what owners are told of, each question once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def owners(self) -> list[str]:
        """Whose names stand at questions that nobody has solved?"""
        rows = self._database.select(
            """select distinct owner from groups
               where merged_into = 0 and owner <> '' and status in :statuses order by owner""",
            statuses=UNSOLVED,
        )
        return [row["owner"] for row in rows]

    def pending(self, owners: Collection[str], now: datetime) -> Assignments:
        """What would somebody of these names be told of? Nothing twice on a day (UTC)."""
        with self._database.reading() as connection:
            return _pending(connection, owners, now)

    def claim(self, owners: Collection[str], now: datetime) -> Assignments:
        """What `pending` says, marked as told, so that nobody else tells it."""
        with self._database.writing() as connection:
            found = _pending(connection, owners, now)
            if found.total:
                rows = select(connection, f"select id, owner from ({_NEW}) n", **_names(owners))  # noqa: S608
                at = stamp(now)
                upsert(
                    connection,
                    TOLD,
                    *({"group_id": row["id"], "owner": row["owner"], "at": at} for row in rows),
                )
        return found

    def forget_ended(self, now: datetime) -> None:
        """Forgets who was told before today of questions that are no longer theirs to answer."""
        with self._database.writing() as connection:
            execute(connection, _FORGET_ENDED, statuses=UNSOLVED, today=_today(now))

    def release(self, owners: Collection[str], now: datetime) -> None:
        """Takes back what was claimed at this moment: the letter did not leave."""
        with self._database.writing() as connection:
            query = "delete from told where owner in :owners and at = :at"
            execute(connection, query, owners=list(owners), at=stamp(now))


# A question is no news to whoever took it: the last assignment is by the owner.
_NEW = """
    select * from (
      select g.*, coalesce((select h.who from history h
                            where h.group_id = g.id and h.what = 'assigned' and not h.undone
                            order by h.id desc limit 1), '') as assigned_by
      from groups g
      where g.merged_into = 0 and g.visits > 0 and g.owner in :owners and g.status in :statuses
        and not exists (select 1 from told t where t.group_id = g.id and t.owner = g.owner)
    ) a where assigned_by <> owner"""
_FORGET_ENDED = """
    delete from told where at < :today and not exists (
      select 1 from groups g where g.id = told.group_id and g.owner = told.owner
        and g.merged_into = 0 and g.status in :statuses)"""


def _names(owners: Collection[str]) -> dict[str, list[str]]:
    return {"owners": sorted(owners), "statuses": list(UNSOLVED)}


def _today(now: datetime) -> int:
    return midnight(now.astimezone(UTC).date())


def _pending(c: Connection, owners: Collection[str], now: datetime) -> Assignments:
    query = "select 1 from told where owner in :owners and at >= :today limit 1"
    if select_one(c, query, owners=sorted(owners), today=_today(now)):
        return Assignments()
    query = f"select * from ({_NEW}) n order by priority desc, first, id limit :most"  # noqa: S608
    rows = select(c, query, most=MOST_LISTED, **_names(owners))
    counted = select_one(c, f"select count(*) as n from ({_NEW}) n", **_names(owners))  # noqa: S608
    listed = tuple(Assignment(group_of(row), row["assigned_by"]) for row in rows)
    return Assignments(listed, int(counted["n"]) if counted else 0)
