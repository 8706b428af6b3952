"""Queries of the board: groups filtered, ordered and counted by facet. Changes nothing.

With SQLite's rollback journal a reader blocks the recorder, so each query is short: it reads one
index that covers all filters, some groups at a time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy.engine import Connection

from kb.searchlog.db.database import Database
from kb.searchlog.db.models import UNSOLVED, Board, Filter, MissGroup, dump, midnight, stamp
from kb.searchlog.db.records import (
    SUMMED,
    folded,
    group_of,
    kinds_of,
    mask_of,
    names_in,
    priority_of,
)
from kb.searchlog.db.sql import select, select_one
from kb.searchlog.miss_kinds import MISS_KINDS
from kb.searchlog.reports import MAX_MS

_NEVER: Final = 2**62  # ms
STEP: Final = 500  # groups whose days one query adds up
SPAN: Final = 4_000  # groups that one query counts or orders, in a millisecond or two
PAGE_SIZE: Final = 50
_PHRASINGS: Final = 20  # of a group in a list
_FACETS: Final = ("status", "owner", "category", "lang", "cause", "kind")

Counts = dict[str, dict[str, int]]


class _Recent(NamedTuple):
    """A group with its sums of a period; there may be many thousand."""

    id: int
    status: str
    owner: str
    category: str
    lang: str
    cause: str
    first: int
    last: int
    visits: int
    tickets: int
    mask: int

    @property
    def priority(self) -> int:
        """The cost of the group in the period."""
        return priority_of(self.visits, self.tickets)


class BoardQueries:
    """Reads pages of groups with their facets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        filter: Filter | None = None,
        *,
        order: str = "cost",
        page: int = 1,
        limit: int = PAGE_SIZE,
    ) -> Board:
        """A page of the groups that match a filter, in one of ORDERS, with the facets of all.

        `cost` is distinct visits × (3 if a letter came), then age. A value that no group has
        matches none; an unknown order is `cost`.
        """
        filter = filter or Filter()
        recent = self._recent(filter) if _has_period(filter) else None
        if recent is None:
            facets = {name: self._facet(filter, name) for name in _FACETS}
            wanted = _wanted(filter, "status")
            counted = facets["status"].items()
            total = sum(n for value, n in counted if wanted is None or value in wanted)
        else:
            facets = _facets_of(filter, recent)
            recent = _left(filter, recent)
            total = len(recent)
        pages = max(1, -(-total // limit))
        page = min(max(page, 1), pages)
        ids = self._ids(filter, recent, order, limit, (page - 1) * limit)
        facets = {name: _most_first(counts) for name, counts in facets.items()}
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
        return list(self.listed(filter, order=order, limit=limit, offset=offset))

    def listed(
        self, filter: Filter, *, order: str = "cost", limit: int, offset: int = 0
    ) -> Iterator[MissGroup]:
        """Yields the groups that match a filter, in one of ORDERS; reads some at a time."""
        recent = None
        if _has_period(filter):
            recent = _left(filter, self._recent(filter))
        ids = self._ids(filter, recent, order, limit, offset)
        for at in range(0, len(ids), STEP):
            yield from self._groups(ids[at : at + STEP], filter)

    def trends(self, ids: Sequence[int], since: date, until: date) -> dict[int, tuple[int, ...]]:
        """How many visits asked each of these groups in vain on each day, oldest first?"""
        days = [(since + timedelta(days=n)).isoformat() for n in range((until - since).days + 1)]
        query = """select group_id, day, sum(visits) as n from group_days
                   where group_id in :ids and day >= :since and day <= :until
                   group by group_id, day"""
        found: dict[int, dict[str, int]] = {id: {} for id in ids}
        for row in self._database.select(query, ids=list(ids), since=days[0], until=days[-1]):
            found[row["group_id"]][row["day"]] = int(row["n"])
        return {id: tuple(by_day.get(day, 0) for day in days) for id, by_day in found.items()}

    def count_new(self, since: datetime) -> int:
        """How many unsolved groups were asked for the first time since a moment?"""
        query = """select count(*) as n from groups where merged_into = 0 and visits > 0
                   and status in :unsolved and first >= :since"""
        row = self._database.select_one(query, unsolved=UNSOLVED, since=stamp(since))
        return int(row["n"]) if row else 0

    def _facet(self, filter: Filter, name: str) -> dict[str, int]:
        """The number of groups by value of a facet, without the filter on this facet."""
        column = "mask" if name == "kind" else name
        where, values = _where(filter, but=name)
        query = f"select {column}, count(*) from groups g {where} group by {column}"  # noqa: S608
        counts: Counter[Any] = Counter()
        for rows in self._steps(query, SPAN, **values):
            counts.update(dict(rows))
        return _by_kind(counts.items()) if name == "kind" else counts

    def _steps(self, query: str, step: int, **values: Any) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a query of the groups above `low` up to `high`, for all groups in turn."""
        with self._database.reading() as connection:
            last = last_group(connection)
        for low in range(0, last, step):
            yield self._database.select_tuples(query, low=low, high=low + step, **values)

    def _recent(self, filter: Filter) -> list[_Recent]:
        """The groups asked in a period that match the text of a filter; its facets need all.

        Days are added up only of groups that were asked outside the period, too.
        """
        since, until = _period(filter)
        begins, ends = _times(filter)
        text, values = _text(filter)
        values |= {"since": since, "until": until, "begins": begins, "ends": ends}
        # A day is that of the first letter, `first` the time of the last: a day later at most.
        values["within"] = begins + MAX_MS
        of_group = "g.id, g.status, g.owner, g.category, g.lang, g.cause, g.first, g.last"
        step = f"g.merged_into = 0 and g.id > :low and g.id <= :high {text}"
        is_within = "g.first >= :within and g.last < :ends"
        query = f"""
            select {of_group}, g.visits, g.tickets, g.mask
            from groups g where {step} and {is_within} and g.visits > 0
            union all
            select {of_group}, sum(d.visits), sum(d.tickets), {_MASK}
            from groups g cross join group_days d
            where {step} and g.last >= :begins and not ({is_within})
              and d.group_id = g.id and d.day >= :since and d.day <= :until
            group by g.id having sum(d.visits) > 0"""  # noqa: S608 (our own words)
        rows = self._steps(query, STEP, **values)
        return [_Recent._make(row) for some in rows for row in some]

    def _ids(
        self,
        filter: Filter,
        recent: list[_Recent] | None,
        order: str,
        limit: int,
        offset: int,
    ) -> list[int]:
        """The groups of a page, in order."""
        column, sign = _ORDERED.get(order, _ORDERED["cost"])
        if recent is not None:
            recent.sort(key=lambda each: (sign * getattr(each, column), each.first, each.id))
            return [each.id for each in recent[offset : offset + limit]]
        where, values = _where(filter)
        most = offset + limit
        query = f"""select {"-" if sign < 0 else ""}{column}, first, id from groups g {where}
                    order by 1, 2, 3 limit :most"""  # noqa: S608 (our own words)
        best: list[tuple[int, ...]] = []
        for rows in self._steps(query, SPAN, **values, most=most):
            best = sorted(best + rows)[:most]
        return [id for _, _, id in best[offset:]]

    def _groups(self, ids: list[int], filter: Filter) -> list[MissGroup]:
        """The groups with these ids, in this order; with a period, its numbers."""
        if not ids:
            return []
        with self._database.reading() as connection:
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


def last_group(connection: Connection) -> int:
    """The highest id; 0 where there is no group."""
    row = select_one(connection, "select coalesce(max(id), 0) as last from groups")
    return int(row["last"]) if row else 0


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


def _times(filter: Filter) -> tuple[int, int]:
    """The period from its first millisecond to the first one after it."""
    begins = midnight(filter.since) if filter.since else 0
    return begins, midnight(filter.until + timedelta(days=1)) if filter.until else _NEVER


def _summed(names: Iterable[str]) -> str:
    return ", ".join(f"sum({name}) as {name}" for name in names)


_MASK: Final = " + ".join(
    f"(case when sum({kind.column}) > 0 then {1 << kind.bit} else 0 end)" for kind in MISS_KINDS
)
_ORDERED: Final = {
    "cost": ("priority", -1),
    "visits": ("visits", -1),
    "latest": ("last", -1),
    "newest": ("first", -1),
    "oldest": ("first", 1),
}


def _where(filter: Filter, but: str = "") -> tuple[str, dict[str, Any]]:
    """The SQL conditions of a filter in a step, without those on one facet."""
    text, values = _text(filter)
    query = f"where g.merged_into = 0 and g.visits > 0 and g.id > :low and g.id <= :high {text}"
    for name in _FACETS[:-1]:
        wanted = _wanted(filter, name)
        if name != but and wanted is not None:
            query += f" and g.{name} in :{name}"
            values[name] = wanted
    if filter.kind and but != "kind":
        bit = _bit(filter.kind)
        query += f" and (g.mask / {bit}) % 2 = 1" if bit else " and 1 = 0"
    return query, values


def _text(filter: Filter) -> tuple[str, dict[str, Any]]:
    """The SQL condition that one phrasing, or the question, of a step's groups holds all words."""
    words = folded(filter.text).split()[:_MOST_WORDS]
    if not words:
        return "", {}
    like = " and ".join(f"phrase like :like{at} escape '!'" for at in range(len(words)))
    values = {f"like{at}": f"%{_escaped(word)}%" for at, word in enumerate(words)}
    step = "group_id > :low and group_id <= :high"
    return f"and g.id in (select group_id from phrasings where {step} and {like})", values  # noqa: S608


_MOST_WORDS: Final = 10


def _escaped(word: str) -> str:
    return word.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _bit(kind: str) -> int:
    """The bit of a miss kind; 0, which no group has, for an unknown one."""
    return mask_of({kind: 1})


def _wanted(filter: Filter, name: str) -> list[str] | None:
    """The values of a facet that match a filter; None: all."""
    if name == "status":
        chosen = filter.status
        return None if chosen == "all" else [chosen] if chosen else list(UNSOLVED)
    value: str | None = getattr(filter, name)
    if value is None or (value == "" and name in ("lang", "cause")):
        return None
    return [value]


def _left(filter: Filter, groups: Iterable[_Recent]) -> list[_Recent]:
    """The groups that match every facet of a filter."""
    refused = _refusing(filter)
    return [group for group in groups if not refused(group)]


def _refusing(filter: Filter) -> Callable[[_Recent], list[str]]:
    """A function that gives the facets of a filter that a group does not match."""
    wanted = [
        (_Recent._fields.index(name), name, frozenset(values))
        for name in _FACETS[:-1]
        if (values := _wanted(filter, name)) is not None
    ]
    bit = _bit(filter.kind)

    def refused(group: _Recent) -> list[str]:
        names = [name for at, name, values in wanted if group[at] not in values]
        return [*names, "kind"] if filter.kind and not group.mask & bit else names

    return refused


def _facets_of(filter: Filter, groups: Iterable[_Recent]) -> Counts:
    """The counts of all facets, each without the filter on itself."""
    refused = _refusing(filter)
    open_to: dict[str, list[_Recent]] = {name: [] for name in _FACETS}
    for group in groups:
        names = refused(group)
        if not names:
            for found in open_to.values():
                found.append(group)
        elif len(names) == 1:
            open_to[names[0]].append(group)
    facets: Counts = {
        name: Counter(group[at] for group in open_to[name])  # type: ignore[misc]
        for at, name in enumerate(_Recent._fields)
        if name in _FACETS
    }
    return facets | {"kind": _by_kind(Counter(each.mask for each in open_to["kind"]).items())}


def _by_kind(masks: Iterable[tuple[int, int]]) -> dict[str, int]:
    kinds: Counter[str] = Counter()
    for mask, n in masks:
        kinds.update(dict.fromkeys(names_in(mask), n))
    return kinds


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
