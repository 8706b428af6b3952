"""Runs written-out SQL on an open connection: select, insert, update, upsert. Knows no search."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.selectable import TextualSelect

from kb.searchlog.db.models import dump, stamp
from kb.searchlog.db.tables import GROUPS, HISTORY, META

PAGE = 1_000
_LISTS: Final = (list, tuple)
# A column name has one type in all tables; SQLite gives booleans as 0 and 1.
_TYPES: Final = {
    column.name: column.type
    for table in META.tables.values()
    for column in table.c
    if isinstance(column.type, sa.Boolean)
}


@lru_cache(512)
def _statement(query: str, lists: tuple[str, ...]) -> sa.TextClause:
    """A statement with a bind parameter for each value of each list."""
    return sa.text(query).bindparams(*(sa.bindparam(name, expanding=True) for name in lists))


@lru_cache(512)
def _typed(query: str, lists: tuple[str, ...]) -> TextualSelect:
    return _statement(query, lists).columns(**_TYPES)


def _bound(values: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The names of the lists among values, and the values; an empty list becomes one null.

    SQLAlchemy makes whole numbers of an empty list, which PostgreSQL compares with no text.
    """
    lists = {name: value or [None] for name, value in values.items() if isinstance(value, _LISTS)}
    return tuple(lists), values | lists


def select(connection: Connection, query: str, **values: Any) -> list[dict[str, Any]]:
    """The rows of a query by column name; a list or tuple stands for all its values."""
    lists, bound = _bound(values)
    result = connection.execute(_typed(query, lists), bound)
    return [dict(row) for row in result.mappings()]


def select_tuples(connection: Connection, query: str, **values: Any) -> list[tuple[Any, ...]]:
    """The rows of a query as tuples: for many rows of few columns, none of them a boolean."""
    lists, bound = _bound(values)
    result = connection.execute(_statement(query, lists), bound)
    return [tuple(row) for row in result]


def select_one(connection: Connection, query: str, **values: Any) -> dict[str, Any] | None:
    """The first row of a query, or None; the query should find few."""
    return next(iter(select(connection, query, **values)), None)


def execute(connection: Connection, query: str, **values: Any) -> int:
    """Runs a statement. Returns how many rows it wrote or deleted."""
    lists, bound = _bound(values)
    return connection.execute(_statement(query, lists), bound).rowcount


def insert(connection: Connection, table: sa.Table, *rows: dict[str, Any]) -> None:
    """Inserts whole rows."""
    if rows:
        connection.execute(table.insert(), list(rows))


@lru_cache(64)
def _upserting(dialect: str, table: sa.Table, adds: bool) -> sa.Insert:
    # Only the dialect in use is loaded: PostgreSQL's brings seven drivers' halves along.
    inserted = import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
    keys = [column.name for column in table.primary_key]
    others: dict[str, Any] = {
        c.name: inserted.excluded[c.name] for c in table.c if c.name not in keys
    }
    if adds:
        others = {"n": table.c.n + inserted.excluded.n}
    if not others:
        whole: sa.Insert = inserted.on_conflict_do_nothing(index_elements=keys)
    else:
        whole = inserted.on_conflict_do_update(index_elements=keys, set_=others)
    return whole


def upsert(
    connection: Connection, table: sa.Table, *rows: dict[str, Any], adds: bool = False
) -> None:
    """Inserts whole rows; of a key that exists, updates the values, or with `adds` adds `n`."""
    if rows:
        connection.execute(_upserting(connection.dialect.name, table, adds), list(rows))


@lru_cache(64)
def _updating(table: sa.Table) -> sa.Update:
    [key] = table.primary_key
    return table.update().where(key == sa.bindparam("of_key"))


def update(connection: Connection, table: sa.Table, key: object, values: dict[str, Any]) -> None:
    """Changes some columns of the row that has this key."""
    connection.execute(_updating(table), {**values, "of_key": key})


def next_id(connection: Connection, table: str) -> int:
    """The number after the highest one of a table."""
    row = select_one(connection, f"select coalesce(max(id), 0) + 1 as id from {table}")  # noqa: S608
    return int(row["id"]) if row else 1


def count_rows(connection: Connection, table: sa.Table) -> int:
    """How many rows a table has."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def pages(connection: Connection, table: sa.Table, page: int = PAGE) -> Iterator[dict[str, Any]]:
    """Yields all rows of a table by its key; reads some at a time."""
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
    """The row of a group; raises KeyError if there is none."""
    row = select_one(connection, "select * from groups where id = :id", id=id)
    if row is None:
        raise KeyError(f"no group {id}")
    return row


def remove_letters(connection: Connection, ids: Sequence[int]) -> None:
    """Removes letters with all that hangs on them."""
    for table in ("attachments", "replies", "letter_events", "outbox"):
        execute(connection, f"delete from {table} where letter in :ids", ids=list(ids))  # noqa: S608
    execute(connection, "delete from letters where id in :ids", ids=list(ids))


def change(
    connection: Connection,
    group: int,
    who: str,
    what: str,
    detail: str,
    at: datetime,
    *,
    action: int = 0,
    undo: Mapping[str, Any] | None = None,
    **values: Any,
) -> int:
    """Changes a group and adds to its history, as part of an action or as one of its own.

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
        "at": stamp(at),
        "who": who,
        "what": what,
        "detail": detail,
        "action": action or id,
        "data": data,
        "undone": False,
    }
    insert(connection, HISTORY, row)
    return action or id
