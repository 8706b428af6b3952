"""The condition of a search log: reachable, writable, sound, of which version. Changes nothing."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from kb.searchlog.db import database
from kb.searchlog.db.database import HEAD, address_of, file_of, plainly

SQLITE = sqlite3.sqlite_version
_LOCKED = 5.0  # seconds to wait for a writer; the recorder waits as long
_READING = 10.0  # seconds to read pages of a large file


@dataclass(frozen=True, slots=True)
class Condition:
    """What was found of a log."""

    address: str  # without password
    software: str  # "SQLite 3.40.1" or "PostgreSQL 15.16"
    journal: str  # of SQLite: "delete" or "wal"; else ""
    version: str | None  # of the tables; None: there are none
    is_current: bool  # whether the tables are as this version of the service makes them
    bytes: int
    searches: int
    oldest: float | None  # seconds since 1970 at which the oldest kept search ended
    newest: float | None
    is_read_whole: bool  # whether all of an SQLite file was looked at


def look(url: str) -> Condition | None:
    """The condition of a log; None if it is a file that is not there yet.

    Waits for a writer's turn and gives it back, so that a log which stays locked or cannot be
    written is told. Raises LogUnavailable for that and for a damaged or unreachable one.
    """
    address = address_of(url)
    file = file_of(address)
    if file is not None and not file.exists():
        return None
    with plainly(address):
        return _of_file(file, url) if file is not None else _of_server(url)


def is_journal_safe(journal: str) -> bool:
    """Whether this SQLite may be used with such a journal by several writers."""
    return journal != "wal" or sqlite3.sqlite_version_info >= database.WAL_SINCE


def _of_file(file: Path, url: str) -> Condition:
    where = f"{file.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(where, timeout=_LOCKED, uri=True, isolation_level=None)) as log:
        [[journal]] = log.execute("pragma journal_mode").fetchall()
        log.execute("begin immediate")
        log.execute("rollback")
        is_read_whole = _is_sound(log)

        def ask(query: str) -> Any:
            return log.execute(query).fetchone()

        known = ask("select count(*) from sqlite_master where name = 'alembic_version'")[0]
        told = ask("select version_num from alembic_version") if known else None
        runs = ask("select count(*), min(ended), max(ended) from runs") if told else (0, None, None)
    return _condition(
        url, f"SQLite {sqlite3.sqlite_version}", journal, told, file.stat().st_size, runs,
        is_read_whole,
    )  # fmt: skip


def _is_sound(log: sqlite3.Connection) -> bool:
    """Reads the file through for some seconds; raises DatabaseError if it is damaged.

    False if the time did not suffice.
    """
    ends = time.monotonic() + _READING
    log.set_progress_handler(lambda: time.monotonic() > ends, 10_000)
    try:
        [[told]] = log.execute("pragma quick_check(1)").fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return False
    finally:
        log.set_progress_handler(None, 0)
    if told != "ok":
        raise sqlite3.DatabaseError(str(told).replace("\n", " "))
    return True


def _of_server(url: str) -> Condition:
    engine = database.engine_of(address_of(url))
    try:
        with engine.connect() as log:
            version = ".".join(map(str, log.dialect.server_version_info or ()))
            [size] = _one(log, "select pg_database_size(current_database())")
            log.exec_driver_sql(f"select pg_advisory_xact_lock({database.LOCK})")
            told = runs = None
            if sa.inspect(log).has_table("alembic_version"):
                told = _one(log, "select version_num from alembic_version")
                runs = _one(log, "select count(*), min(ended), max(ended) from runs")
            log.rollback()
    finally:
        engine.dispose()
    return _condition(url, f"PostgreSQL {version}", "", told, size, runs or (0, None, None), True)


def _one(log: Connection, query: str) -> Any:
    return log.exec_driver_sql(query).fetchone()


def _condition(
    url: str, software: str, journal: str, told: Any, size: int, runs: Any, is_read_whole: bool
) -> Condition:
    count, oldest, newest = runs
    version = str(told[0]) if told else None
    return Condition(
        address_of(url).render_as_string(),
        software,
        journal,
        version,
        version == HEAD,
        size,
        count,
        oldest / 1000 if oldest else None,
        newest / 1000 if newest else None,
        is_read_whole,
    )
