"""What groups are compared by, and which of them people told apart. Changes nothing."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from sqlalchemy.engine import Connection

from kb.searchlog.db.database import Database
from kb.searchlog.db.models import FORGOTTEN
from kb.searchlog.db.sql import PAGE, select, select_tuples
from kb.searchlog.likeness import AlikePair, GroupProfile, alike

MOST: Final = 1_000  # groups that are compared, the costliest
_LATER: Final = 300_000  # ms after a miss in which a visit may open what answers it


class LikenessQueries:
    """Reads which groups probably ask the same."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pairs(self, of: int | None = None) -> list[AlikePair]:
        """Which groups look like the same question, or like group `of`? The likeliest first.

        Of the costliest groups that nobody dismissed; those that people told apart are left out.
        """
        with self._database.reading() as connection:
            ids = _costliest(connection)
            if of is not None and of not in ids:
                ids.append(of)
            family = _families(connection, ids)
            profiles = _profiles(connection, ids, family)
            apart = {
                frozenset((family.get(low, low), family.get(high, high)))
                for low, high in select_tuples(connection, "select low, high from apart")
            }
        return alike(profiles, apart, of=of)


def _costliest(connection: Connection) -> list[int]:
    query = """select id from groups
               where merged_into = 0 and visits > 0 and status <> 'dismissed' and question <> :gone
               order by priority desc, first, id limit :most"""
    return [id for (id,) in select_tuples(connection, query, gone=FORGOTTEN, most=MOST)]


def _families(connection: Connection, ids: Sequence[int]) -> dict[int, int]:
    """The group that each group and each merged one is counted in."""
    query = "select id, merged_into from groups where merged_into in :ids"
    merged = dict(select_tuples(connection, query, ids=list(ids)))
    return {**{id: id for id in ids}, **merged}


def _profiles(
    connection: Connection, ids: Sequence[int], family: dict[int, int]
) -> list[GroupProfile]:
    words: defaultdict[int, Counter[str]] = defaultdict(Counter)
    nearest: defaultdict[int, Counter[str]] = defaultdict(Counter)
    members = list(family)
    for at in range(0, len(members), PAGE):
        some = members[at : at + PAGE]
        query = "select group_id, word from group_words where group_id in :ids"
        for id, word in select_tuples(connection, query, ids=some):
            words[family[id]][word] += 1
        query = "select id, nearest from groups where id in :ids and nearest <> ''"
        for id, slugs in select_tuples(connection, query, ids=some):
            for place, slug in enumerate(slugs.split("\n"), 1):
                nearest[family[id]][slug] += 1 / place  # type: ignore[assignment]
    opened = _opened(connection, ids)
    return [GroupProfile(id, words[id], nearest[id], opened[id]) for id in ids]


def _opened(connection: Connection, ids: Sequence[int]) -> defaultdict[int, dict[str, int]]:
    """What visits of a group opened in the five minutes after it, by visits."""
    query = """
        select a.group_id, e.slug, count(distinct a.visit) as visits
        from runs a join runs b on b.visit = a.visit and b.started >= a.started
             and b.started <= a.ended + :later
        join events e on e.run = b.id and e.kind in ('click', 'answered') and e.slug <> ''
        where a.group_id in :ids and not b.unhelpful group by a.group_id, e.slug"""
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for row in select(connection, query, ids=list(ids), later=_LATER):
        found[row["group_id"]][row["slug"]] = int(row["visits"])
    return found
