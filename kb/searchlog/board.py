"""The board: which groups there are, narrowed, ordered, counted by facet. Changes nothing.

With SQLite's rollback journal a reader holds up whoever records, so each query is short: it reads
one index that holds all the board narrows by, and with a period some groups at a time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy.engine import Connection

from kb.runs import MAX_MS
from kb.searchlog.database import Database
from kb.searchlog.rows import SUMMED, folded, group_of, kinds_of
from kb.searchlog.statements import select, select_one, select_tuples
from kb.searchlog.values import KINDS, UNSOLVED, Board, Filter, MissGroup, dump, midnight

_NEVER: Final = 2**62  # ms
STEP: Final = 500  # groups whose days one query adds up
PAGE_SIZE: Final = 50
_PHRASINGS: Final = 20  # of a group in a list
_FACETS: Final = ("status", "owner", "category", "lang", "cause", "kind")

Counts = dict[str, dict[str, int]]


class _Recent(NamedTuple):
    """A group, as the days of a period show it; there may be many thousand."""

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
        return self.visits * (3 if self.tickets else 1)


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
        recent = self._recent(filter) if _has_period(filter) else None
        if recent is None:
            facets = {name: self._facet(filter, name) for name in _FACETS}
            total = self._total(filter)
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
        recent = None
        if _has_period(filter):
            recent = _left(filter, self._recent(filter))
        return self._groups(self._ids(filter, recent, order, limit, offset), filter)

    def _facet(self, filter: Filter, name: str) -> dict[str, int]:
        """Groups by the values of a facet, whatever the filter says of this one."""
        column = "mask" if name == "kind" else name
        where, values = _where(filter, but=name)
        query = f"select {column} as value, count(*) as n from groups g {where} group by {column}"  # noqa: S608
        with self._reading() as connection:
            rows = select(connection, query, **values)
        if name == "kind":
            return _by_kind((row["value"], row["n"]) for row in rows)
        return {row["value"]: row["n"] for row in rows}

    def _total(self, filter: Filter) -> int:
        where, values = _where(filter)
        with self._reading() as connection:
            row = select_one(connection, f"select count(*) as n from groups g {where}", **values)  # noqa: S608
        return int(row["n"]) if row else 0

    def _recent(self, filter: Filter) -> list[_Recent]:
        """The groups asked in a period, narrowed by text alone: the facets need all others.

        Days are added up only of groups that were asked outside the period, too.
        """
        since, until = _period(filter)
        begins, ends = _times(filter)
        text, values = _text(filter, "group_id > :low and group_id <= :high")
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
        found: list[_Recent] = []
        with self._reading() as connection:
            last = last_group(connection)
        for low in range(0, last, STEP):
            with self._reading() as connection:
                rows = select_tuples(connection, query, low=low, high=low + STEP, **values)
            found += map(_Recent._make, rows)
        return found

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
        query = f"""select id from groups g {where}
                    order by {"-" if sign < 0 else ""}{column}, first, id
                    limit :limit offset :offset"""  # noqa: S608 (our own words)
        with self._reading() as connection:
            rows = select(connection, query, **values, limit=limit, offset=offset)
        return [int(row["id"]) for row in rows]

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
    f"(case when sum(n_{name}) > 0 then {1 << at} else 0 end)" for at, name in enumerate(KINDS)
)
_ORDERED: Final = {
    "cost": ("priority", -1),
    "visits": ("visits", -1),
    "latest": ("last", -1),
    "newest": ("first", -1),
    "oldest": ("first", 1),
}


def _where(filter: Filter, but: str = "") -> tuple[str, dict[str, Any]]:
    """The conditions of a filter, of one facet not."""
    text, values = _text(filter)
    query = f"where g.merged_into = 0 and g.visits > 0 {text}"
    for name in _FACETS[:-1]:
        wanted = _wanted(filter, name)
        if name != but and wanted is not None:
            query += f" and g.{name} in :{name}"
            values[name] = wanted
    if filter.kind and but != "kind":
        bit = _bit(filter.kind)
        query += f" and (g.mask / {bit}) % 2 = 1" if bit else " and 1 = 0"
    return query, values


def _text(filter: Filter, step: str = "1 = 1") -> tuple[str, dict[str, Any]]:
    """All words stand in one phrasing, or in the question, which is one; looked for in a step."""
    words = folded(filter.text).split()[:_MOST_WORDS]
    if not words:
        return "", {}
    like = " and ".join(f"phrase like :like{at} escape '!'" for at in range(len(words)))
    values = {f"like{at}": f"%{_escaped(word)}%" for at, word in enumerate(words)}
    return f"and g.id in (select group_id from phrasings where {step} and {like})", values  # noqa: S608


_MOST_WORDS: Final = 10


def _escaped(word: str) -> str:
    return word.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _bit(kind: str) -> int:
    """0 for a kind that does not exist: no group has it."""
    return 1 << KINDS.index(kind) if kind in KINDS else 0


def _wanted(filter: Filter, name: str) -> list[str] | None:
    """The values of a facet that a filter leaves; None: all."""
    if name == "status":
        chosen = filter.status
        return None if chosen == "all" else [chosen] if chosen else list(UNSOLVED)
    value: str | None = getattr(filter, name)
    if value is None or (value == "" and name in ("lang", "cause")):
        return None
    return [value]


def _left(filter: Filter, groups: Iterable[_Recent]) -> list[_Recent]:
    """The groups that no facet of a filter leaves out."""
    refused = _refusing(filter)
    return [group for group in groups if not refused(group)]


def _refusing(filter: Filter) -> Callable[[_Recent], list[str]]:
    """Tells by which facets a filter leaves a group out."""
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
    """The counts of all facets, each whatever the filter says of this one."""
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
        kinds.update({name: n for at, name in enumerate(KINDS) if mask >> at & 1})
    return kinds


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
