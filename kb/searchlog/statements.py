"""SQL, written out, on an open connection: rows asked for, put, changed. Knows no search."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib import import_module
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.searchlog.tables import GROUPS, HISTORY, META
from kb.searchlog.values import dump, stamp

PAGE = 1_000


@lru_cache(512)
def _statement(query: str, lists: tuple[str, ...]) -> sa.TextClause:
    return sa.text(query).bindparams(*(sa.bindparam(name, expanding=True) for name in lists))


def _execute(connection: Connection, query: str, values: Mapping[str, Any]) -> sa.CursorResult[Any]:
    lists = tuple(name for name, value in values.items() if isinstance(value, list | tuple))
    return connection.execute(_statement(query, lists), values)


def select(connection: Connection, query: str, **values: Any) -> list[dict[str, Any]]:
    rows = _execute(connection, query, values).mappings()
    return [_typed(dict(row)) for row in rows]


def select_tuples(connection: Connection, query: str, **values: Any) -> list[tuple[Any, ...]]:
    """For many rows of few columns, none of them a boolean."""
    return [tuple(row) for row in _execute(connection, query, values)]


def select_one(connection: Connection, query: str, **values: Any) -> dict[str, Any] | None:
    row = _execute(connection, query, values).mappings().first()
    return _typed(dict(row)) if row is not None else None


def execute(connection: Connection, query: str, **values: Any) -> None:
    _execute(connection, query, values)


_BOOLEANS = {c.name for t in META.tables.values() for c in t.c if isinstance(c.type, sa.Boolean)}


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    """SQLite gives 0 and 1 where the query is written out."""
    for name in _BOOLEANS & row.keys():
        row[name] = bool(row[name])
    return row


@lru_cache(64)
def _upserting(dialect: str, table: sa.Table, adds: bool) -> sa.Insert:
    """Insert a row; where its key is there, put its other values, or add its `n`."""
    # Only the dialect in use is loaded: PostgreSQL's brings seven drivers' halves along.
    insert = import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
    keys = [column.name for column in table.primary_key]
    others: dict[str, Any] = {
        c.name: insert.excluded[c.name] for c in table.c if c.name not in keys
    }
    if adds:
        others = {"n": table.c.n + insert.excluded.n}
    if not others:
        whole: sa.Insert = insert.on_conflict_do_nothing(index_elements=keys)
    else:
        whole = insert.on_conflict_do_update(index_elements=keys, set_=others)
    return whole


def upsert(
    connection: Connection, table: sa.Table, *rows: dict[str, Any], adds: bool = False
) -> None:
    if rows:
        connection.execute(_upserting(connection.dialect.name, table, adds), list(rows))


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
        connection.execute(GROUPS.update().where(GROUPS.c.id == group).values(values))
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
    connection.execute(HISTORY.insert(), row)
    return action or id
