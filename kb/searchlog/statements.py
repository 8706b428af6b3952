"""SQL, written out, on an open connection: rows asked for, put, changed. Knows no search.

A statement is put into the words of the driver once and handed to it as it is from then on:
recording a search asks a dozen, and SQLAlchemy takes longer to weigh each than SQLite to answer.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib import import_module
from typing import Any, Final, Literal, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection, CursorResult, Dialect, make_url
from sqlalchemy.engine.default import DefaultDialect

from kb.searchlog.tables import GROUPS, HISTORY, META
from kb.searchlog.values import dump, stamp

PAGE = 1_000
_BOOLEANS = {c.name for t in META.tables.values() for c in t.c if isinstance(c.type, sa.Boolean)}


@lru_cache
def _dialect(name: str) -> Dialect:
    """Both drivers take values by name."""
    dialect = cast(type[DefaultDialect], make_url(f"{name}://").get_dialect())
    return dialect(paramstyle=_STYLES[name])


_STYLES: Final[Mapping[str, Literal["named", "pyformat"]]] = {
    "sqlite+pysqlite": "named",
    "postgresql+psycopg": "pyformat",
}


def _driver(connection: Connection) -> str:
    return f"{connection.dialect.name}+{connection.dialect.driver}"


@lru_cache(512)
def _words(driver: str, query: str, lists: tuple[tuple[str, int], ...]) -> str:
    """A query as the driver takes it, with a place for each value of each list."""
    for name, n in lists:  # nothing is in an empty list, as nothing equals null
        places = ", ".join(f":{name}_{at}" for at in range(n)) or "null"
        query = re.sub(rf":{name}\b", f"({places})", query)
    return str(sa.text(query).compile(dialect=_dialect(driver)))


def _execute(connection: Connection, query: str, values: Mapping[str, Any]) -> CursorResult[Any]:
    lists = {name: value for name, value in values.items() if isinstance(value, list | tuple)}
    words = _words(_driver(connection), query, tuple((k, len(v)) for k, v in lists.items()))
    if lists:
        values = {name: value for name, value in values.items() if name not in lists}
        for name, several in lists.items():
            values |= {f"{name}_{at}": value for at, value in enumerate(several)}
    return connection.exec_driver_sql(words, dict(values))


def _rows(result: CursorResult[Any]) -> list[dict[str, Any]]:
    names = tuple(result.keys())
    yes = _BOOLEANS.intersection(names)
    rows = [dict(zip(names, row, strict=True)) for row in result]
    for row in rows if yes else ():
        row.update({name: bool(row[name]) for name in yes})  # SQLite gives 0 and 1
    return rows


def select(connection: Connection, query: str, **values: Any) -> list[dict[str, Any]]:
    return _rows(_execute(connection, query, values))


def select_tuples(connection: Connection, query: str, **values: Any) -> list[tuple[Any, ...]]:
    """For many rows of few columns, none of them a boolean."""
    return [tuple(row) for row in _execute(connection, query, values)]


def select_one(connection: Connection, query: str, **values: Any) -> dict[str, Any] | None:
    """The first row of those that the query finds; it should find few."""
    return next(iter(select(connection, query, **values)), None)


def execute(connection: Connection, query: str, **values: Any) -> int:
    """How many rows it put, changed or deleted."""
    return _execute(connection, query, values).rowcount


@lru_cache(64)
def _inserting(driver: str, table: sa.Table) -> str:
    return str(table.insert().compile(dialect=_dialect(driver)))


def insert(connection: Connection, table: sa.Table, *rows: dict[str, Any]) -> None:
    """Puts whole rows."""
    if rows:
        _put(connection, _inserting(_driver(connection), table), rows)


@lru_cache(64)
def _upserting(driver: str, table: sa.Table, adds: bool) -> str:
    # Only the dialect in use is loaded: PostgreSQL's brings seven drivers' halves along.
    name = driver.partition("+")[0]
    inserted = import_module(f"sqlalchemy.dialects.{name}").insert(table)
    keys = [column.name for column in table.primary_key]
    others: dict[str, Any] = {
        c.name: inserted.excluded[c.name] for c in table.c if c.name not in keys
    }
    if adds:
        others = {"n": table.c.n + inserted.excluded.n}
    if not others:
        whole = inserted.on_conflict_do_nothing(index_elements=keys)
    else:
        whole = inserted.on_conflict_do_update(index_elements=keys, set_=others)
    return str(whole.compile(dialect=_dialect(driver)))


def upsert(
    connection: Connection, table: sa.Table, *rows: dict[str, Any], adds: bool = False
) -> None:
    """Puts whole rows; where a row's key is there, its other values, or adds its `n`."""
    if rows:
        _put(connection, _upserting(_driver(connection), table, adds), rows)


def _put(connection: Connection, words: str, rows: Sequence[dict[str, Any]]) -> None:
    connection.exec_driver_sql(words, rows[0] if len(rows) == 1 else list(rows))


@lru_cache(512)
def _updating(driver: str, table: sa.Table, names: tuple[str, ...]) -> str:
    [key] = table.primary_key
    changed = table.update().where(key == sa.bindparam("of_key"))
    return str(changed.compile(dialect=_dialect(driver), column_keys=names))


def update(connection: Connection, table: sa.Table, key: object, values: dict[str, Any]) -> None:
    """Changes some columns of the row that has this key."""
    words = _updating(_driver(connection), table, tuple(values))
    connection.exec_driver_sql(words, {**values, "of_key": key})


def next_id(connection: Connection, table: str) -> int:
    row = select_one(connection, f"select coalesce(max(id), 0) + 1 as id from {table}")  # noqa: S608
    return int(row["id"]) if row else 1


def count_rows(connection: Connection, table: sa.Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def pages(connection: Connection, table: sa.Table, page: int = PAGE) -> Iterator[dict[str, Any]]:
    """All rows of a table by its key, some at a time."""
    keys = list(table.primary_key.columns)
    last: list[Any] | None = None
    while True:
        query = sa.select(table).order_by(*keys).limit(page)
        if last is not None:
            query = query.where(sa.tuple_(*keys) > sa.tuple_(*map(sa.literal, last)))
        rows = [dict(row) for row in connection.execute(query).mappings()]
        yield from rows
        if len(rows) < page:
            return
        last = [rows[-1][column.name] for column in keys]


def group_row(connection: Connection, id: int) -> dict[str, Any]:
    row = select_one(connection, "select * from groups where id = :id", id=id)
    if row is None:
        raise KeyError(f"no group {id}")
    return row


def change(
    connection: Connection,
    group: int,
    who: str,
    what: str,
    detail: str,
    at: datetime | None,
    *,
    action: int = 0,
    undo: Mapping[str, Any] | None = None,
    **values: Any,
) -> int:
    """Change a group and write down who did what, as part of an action or as one of its own.

    With `undo` the action can be undone: what the changed columns held is written down beside it.
    Returns the number of the action.
    """
    data = ""
    if undo is not None:
        row = group_row(connection, group)
        before = {name: row[name] for name in values}
        data = dump({"before": before, "after": values, **undo})
    if values:
        update(connection, GROUPS, group, dict(values))
    id = next_id(connection, "history")
    row = {
        "id": id,
        "group_id": group,
        "at": stamp(at or datetime.now(UTC)),
        "who": who,
        "what": what,
        "detail": detail,
        "action": action or id,
        "data": data,
        "undone": False,
    }
    insert(connection, HISTORY, row)
    return action or id
