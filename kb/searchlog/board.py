"""The board: which groups there are, narrowed, ordered, counted by facet. Changes nothing.

With SQLite's rollback journal a reader holds up whoever records, so no query here reads more than
some thousand groups: with a period or a text they are walked in steps, each a reading of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy.engine import Connection

from kb.searchlog.database import Database
from kb.searchlog.rows import SUMMED, folded, group_of, kinds_of
from kb.searchlog.statements import select, select_one
from kb.searchlog.values import KINDS, ORDERS, STATUSES, UNSOLVED, Board, Filter, MissGroup, dump

STEP: Final = 4_000  # groups that one query may look at one by one
PAGE_SIZE: Final = 50
_PHRASINGS: Final = 20  # of a group in a list
_FACETS: Final = ("status", "owner", "category", "lang", "cause")

Key = tuple[int, int, int]  # what is ordered by, then age, then id


class Boards(Database):
    """Reads the groups as leads look at them."""

    def board(
        self,
        filter: Filter | None = None,
        *,
        order: str = "cost",
        page: int = 1,
        limit: int = PAGE_SIZE,
    ) -> Board:
        """A page of the groups a filter leaves, in one of ORDERS, with the facets of all.

        `cost` is distinct visits × (3 if a letter came), then age (LEADS.md §6). A value that no
        group has leaves none; an unknown order is `cost`.
        """
        filter = filter or Filter()
        steps = list(self._steps(filter))
        combinations: dict[tuple[str, ...], list[int]] = {}
        for step in steps:
            self._count(filter, step, combinations)
        facets, total = _facets(filter, combinations)
        pages = max(1, -(-total // limit))
        page = min(max(page, 1), pages)
        keys: list[Key] = []
        for step in steps:
            keys += self._keys(filter, order, step, page * limit)
        ids = [id for *_, id in sorted(keys)[(page - 1) * limit : page * limit]]
        return Board(tuple(self._groups(ids, filter)), total, page, pages, facets)

    def misses(
        self,
        *,
        since: date | None = None,
        until: date | None = None,
        status: str | None = None,
        kind: str | None = None,
        owner: str | None = None,
        category: str | None = None,
        lang: str | None = None,
        text: str = "",
        order: str = "cost",
        limit: int = 50,
        offset: int = 0,
    ) -> list[MissGroup]:
        """What could people not find, the costliest first? Without facets; as Filter otherwise."""
        filter = Filter(
            status or "", kind or "", owner, category, lang or "", text=text, since=since,
            until=until,
        )  # fmt: skip
        keys: list[Key] = []
        for step in self._steps(filter):
            keys += self._keys(filter, order, step, offset + limit)
        ids = [id for *_, id in sorted(keys)[offset : offset + limit]]
        return self._groups(ids, filter)

    def _steps(self, filter: Filter) -> Iterator[tuple[int, int]]:
        """Ranges of ids, each of them short work."""
        with self._reading() as connection:
            row = select_one(connection, "select coalesce(max(id), 0) as last from groups")
        last = int(row["last"]) if row else 0
        size = STEP if filter.text or _has_period(filter) else max(last, 1)
        for low in range(0, last, size):
            yield low, low + size

    def _count(
        self, filter: Filter, step: tuple[int, int], into: dict[tuple[str, ...], list[int]]
    ) -> None:
        """Groups by the values of all facets at once: in all, and by kind."""
        sums = ", ".join(f"sum((mask / {1 << at}) % 2) as {name}" for at, name in enumerate(KINDS))
        source, values = _source(filter, step)
        query = f"""select {", ".join(_FACETS)}, count(*) as n, {sums}
                    from ({source}) x group by {", ".join(_FACETS)}"""  # noqa: S608 (our own words)
        with self._reading() as connection:
            for row in select(connection, query, **values):
                counts = into.setdefault(
                    tuple(row[name] for name in _FACETS), [0] * (len(KINDS) + 1)
                )
                for at, name in enumerate(("n", *KINDS)):
                    counts[at] += int(row[name])

    def _keys(self, filter: Filter, order: str, step: tuple[int, int], most: int) -> list[Key]:
        source, values = _source(filter, step)
        for name in _FACETS:
            condition, value = _condition(filter, name)
            source += condition
            values |= value
        if filter.kind:
            bit = 1 << KINDS.index(filter.kind) if filter.kind in KINDS else 0
            # A kind that does not exist is one that no group has.
            mask = "d.mask" if _has_period(filter) else "g.mask"
            source += f" and ({mask} / {bit}) % 2 = 1" if bit else " and 1 = 0"
        by = _ORDERED[order if order in ORDERS else "cost"]
        query = f"""select {by} as by, first, id from ({source}) x
                    order by {by}, first, id limit :most"""  # noqa: S608 (our own words)
        with self._reading() as connection:
            rows = select(connection, query, **values, most=most)
        return [(int(row["by"]), int(row["first"]), int(row["id"])) for row in rows]

    def _groups(self, ids: list[int], filter: Filter) -> list[MissGroup]:
        """The groups with these ids, in this order; with a period, its numbers."""
        if not ids:
            return []
        with self._reading() as connection:
            rows = {
                row["id"]: row
                for row in select(connection, "select * from groups where id in :ids", ids=ids)
            }
            if _has_period(filter):
                since, until = _period(filter)
                for sums in select(
                    connection,
                    f"""select group_id, {_summed(SUMMED)} from group_days
                        where group_id in :ids and day >= :since and day <= :until
                        group by group_id""",  # noqa: S608
                    ids=ids,
                    since=since,
                    until=until,
                ):
                    row = rows[sums["group_id"]]
                    row |= {name: sums[name] for name in ("visits", "searches", "tickets")}
                    row["kinds"] = dump(kinds_of(sums))
            return grouped(connection, [rows[id] for id in ids if id in rows])


def grouped(connection: Connection, rows: list[dict[str, Any]]) -> list[MissGroup]:
    """Rows as groups, with their phrasings."""
    if not rows:
        return []
    used: dict[int, list[tuple[str, int]]] = {}
    for row in select(
        connection,
        """select group_id, query, visits from phrasings where group_id in :ids and visits > 0
           order by visits desc, phrase""",
        ids=[row["id"] for row in rows],
    ):
        used.setdefault(row["group_id"], []).append((row["query"], row["visits"]))
    return [group_of(row, used.get(row["id"], [])[:_PHRASINGS]) for row in rows]


def _has_period(filter: Filter) -> bool:
    return filter.since is not None or filter.until is not None


def _period(filter: Filter) -> tuple[str, str]:
    since = filter.since.isoformat() if filter.since else ""
    return since, filter.until.isoformat() if filter.until else "9999"


def _summed(names: Iterable[str]) -> str:
    return ", ".join(f"sum({name}) as {name}" for name in names)


_PLAIN: Final = "g.visits, g.tickets, g.priority, g.mask"
_RECENT: Final = (
    "d.visits, d.tickets, d.visits * (case when d.tickets > 0 then 3 else 1 end) as "
    "priority, d.mask"
)
_MASK: Final = " + ".join(
    f"(case when sum(n_{name}) > 0 then {1 << at} else 0 end)" for at, name in enumerate(KINDS)
)
_ORDERED: Final = {
    "cost": "-priority",
    "visits": "-visits",
    "latest": "-last",
    "newest": "-first",
    "oldest": "first",
}


def _source(filter: Filter, step: tuple[int, int]) -> tuple[str, dict[str, Any]]:
    """The groups of a step that text and period leave; other conditions may follow."""
    low, high = step
    values: dict[str, Any] = {"low": low, "high": high}
    joined = ""
    if _has_period(filter):
        values["since"], values["until"] = _period(filter)
        joined = f"""
            join (select group_id, sum(visits) as visits, sum(tickets) as tickets, {_MASK} as mask
                  from group_days where group_id > :low and group_id <= :high
                    and day >= :since and day <= :until group by group_id) d
              on d.group_id = g.id"""  # noqa: S608
    query = f"""
        select g.id, g.status, g.owner, g.category, g.lang, g.cause, g.first, g.last,
               {_RECENT if joined else _PLAIN}
        from groups g {joined}
        where g.merged_into = 0 and g.visits > 0 and g.id > :low and g.id <= :high"""  # noqa: S608
    words = folded(filter.text).split()
    if words:
        like = []
        for at, word in enumerate(words):
            values[f"like{at}"] = f"%{_escaped(word)}%"
            like.append(f"phrase like :like{at} escape '!'")
        query += f""" and g.id in (select group_id from phrasings
            where group_id > :low and group_id <= :high and {" and ".join(like)})"""  # noqa: S608
    return query, values


def _escaped(word: str) -> str:
    return word.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _condition(filter: Filter, name: str) -> tuple[str, dict[str, Any]]:
    wanted = _wanted(filter, name)
    if wanted is None:
        return "", {}
    return f" and g.{name} in :{name}", {name: wanted}


def _wanted(filter: Filter, name: str) -> list[str] | None:
    """The values of a facet that a filter leaves; None: all."""
    if name == "status":
        chosen = filter.status
        return None if chosen == "all" else [chosen] if chosen else list(UNSOLVED)
    value: str | None = getattr(filter, name)
    if value is None or (value == "" and name in ("lang", "cause")):
        return None
    return [value]


def _facets(
    filter: Filter, combinations: Mapping[tuple[str, ...], list[int]]
) -> tuple[dict[str, dict[str, int]], int]:
    """Counts by value, each facet as if only its own filter were open; and the groups left."""
    wanted = {name: _wanted(filter, name) for name in _FACETS}
    column = KINDS.index(filter.kind) + 1 if filter.kind in KINDS else 0
    impossible = bool(filter.kind) and not column
    facets: dict[str, dict[str, int]] = {name: {} for name in _FACETS}
    facets["status"] = dict.fromkeys(STATUSES, 0)
    kinds = dict.fromkeys(KINDS, 0)
    total = 0
    for values, counts in combinations.items():
        n = 0 if impossible else counts[column]
        refused = [
            name
            for name, value in zip(_FACETS, values, strict=True)
            if (allowed := wanted[name]) is not None and value not in allowed
        ]
        if len(refused) > 1:
            continue
        for name, value in zip(_FACETS, values, strict=True):
            if (not refused or refused == [name]) and n:
                facets[name][value] = facets[name].get(value, 0) + n
        if not refused:
            total += n
            for at, name in enumerate(KINDS, 1):
                kinds[name] += counts[at]
    facets["kind"] = {name: n for name, n in kinds.items() if n}
    return {name: _ordered(counts) for name, counts in facets.items()}, total


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
