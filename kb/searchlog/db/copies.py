"""Copies a whole log: into another database, into a file of a backup, and back. Changes no row.

A backup is an SQLite file whatever database the log is in, so that it is restored into either.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.base.errors import LogUnavailable
from kb.base.messages import Message
from kb.searchlog.db.database import Database, address_of, file_of, plainly
from kb.searchlog.db.sql import PAGE, count_rows, insert, pages
from kb.searchlog.db.tables import META

_WAIT = 60.0  # seconds for a writer of the log to end


def migrate(from_url: str, to_url: str, *, page: int = PAGE) -> dict[str, int]:
    """Copies a log into an empty one, all or nothing. Returns the rows by table.

    Raises LogUnavailable, also if the other log is not empty.
    """
    source, target = Database(from_url), Database(to_url)
    try:
        with source.reading() as old, target.writing() as new:
            _require_empty(new, target)
            copied = _copy(old, new, page)
            if copied != _rows(old):
                raise LogUnavailable(
                    Message(
                        "the search log {address} changed meanwhile; stop `kb serve` and run it"
                        " again",
                        address=source.url.render_as_string(),
                    )
                )
    finally:
        source.close()
        target.close()
    return copied


def save(url: str, file: Path) -> dict[str, int]:
    """Writes a log into a new SQLite file, as of one moment; the service goes on recording.

    Returns the rows by table. The tables of an SQLite log stay of its version; those on a server
    are brought up to date. Raises LogUnavailable.
    """
    address = address_of(url)
    source = file_of(address)
    with plainly(address):
        if source is not None:
            _copy_file(source, file)
        else:
            _copy_from_server(url, file)
        with closing(sqlite3.connect(file)) as copy:
            _require_sound(copy, file)
            return _rows_of_file(copy)


def restore(file: Path, url: str, *, replace: bool) -> dict[str, int]:
    """Makes a log what it was when `save` wrote `file`, all or nothing, even while it is served.

    A log that holds something is replaced only if `replace`. Brings the tables of `file` up to date
    first. Returns the rows by table. Raises LogUnavailable.
    """
    saved = Database(f"sqlite:///{file.absolute()}")
    try:
        target = Database(url)
        try:
            with saved.reading() as copy, target.writing() as log:
                if not replace:
                    _require_empty(log, target)
                for table in META.sorted_tables:
                    log.execute(table.delete())
                return _copy(copy, log, PAGE)
        finally:
            target.close()
    finally:
        saved.close()


def count(url: str) -> int:
    """How many rows a log holds. Raises LogUnavailable."""
    log = Database(url)
    try:
        with log.reading() as connection:
            return sum(_rows(connection).values())
    finally:
        log.close()


def shown(url: str) -> str:
    """The address of a log as it may be shown: without its password."""
    return address_of(url).render_as_string()


def _copy_file(source: Path, file: Path) -> None:
    """SQLite's own copy in one step: no writer comes between, and each waits as for a writer."""
    if not source.exists():
        raise sqlite3.OperationalError("there is no such file")
    with (
        closing(sqlite3.connect(source, timeout=_WAIT)) as log,
        closing(sqlite3.connect(file)) as copy,
    ):
        log.execute(f"pragma busy_timeout = {int(_WAIT * 1000)}")
        log.backup(copy)
        copy.execute("pragma journal_mode = delete")


def _copy_from_server(url: str, file: Path) -> None:
    """One transaction that sees the rows of one moment, whatever others write meanwhile."""
    source, copy = Database(url), Database(f"sqlite:///{file.absolute()}")
    try:
        with source.reading(snapshot=True) as old, copy.writing() as new:
            _copy(old, new, PAGE)
    finally:
        source.close()
        copy.close()


def _require_sound(copy: sqlite3.Connection, file: Path) -> None:
    [[told]] = copy.execute("pragma quick_check(1)").fetchall()
    if told != "ok":
        raise sqlite3.DatabaseError(f"the file is damaged ({told})")


def _rows_of_file(copy: sqlite3.Connection) -> dict[str, int]:
    names = {name for (name,) in copy.execute("select name from sqlite_master where type='table'")}
    return {
        table.name: copy.execute(f'select count(*) from "{table.name}"').fetchone()[0]  # noqa: S608
        for table in META.sorted_tables
        if table.name in names
    }


def _require_empty(connection: Connection, target: Database) -> None:
    for table in META.sorted_tables:
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise LogUnavailable(
                Message(
                    "the search log {address} already holds {table}; give the address of an empty"
                    " log",
                    address=target.url.render_as_string(),
                    table=table.name,
                )
            )


def _copy(old: Connection, new: Connection, page: int) -> dict[str, int]:
    """Copies the rows of all tables; returns how many there are in the copy, by table."""
    copied = {}
    for table in META.sorted_tables:
        rows: list[dict[str, Any]] = []
        for row in pages(old, table, page):
            rows.append(row)
            if len(rows) == page:
                insert(new, table, *rows)
                rows = []
        insert(new, table, *rows)
        copied[table.name] = count_rows(new, table)
    return copied


def _rows(connection: Connection) -> dict[str, int]:
    return {table.name: count_rows(connection, table) for table in META.sorted_tables}
