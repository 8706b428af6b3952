"""Opens a database by its address, migrates it, and gives connections to read and to write.

All writers take turns: `BEGIN IMMEDIATE` on SQLite, one advisory lock on PostgreSQL. A search is
recorded in a few milliseconds, and grouping needs to see the group founded a moment before.
"""

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import QueuePool, StaticPool

from kb.base import data_folder
from kb.base.errors import LogUnavailable
from kb.base.messages import Message
from kb.searchlog.db import sql
from kb.searchlog.db.models import COUNTS

HEAD: Final = "0015"  # the newest step in kb/searchlog/migrations
_BUSY_MS = 5_000
# A deferred transaction that reads and then writes fails if another one wrote in between.
_WRITING: Final = "BEGIN IMMEDIATE"
_LOOK = 0.001  # seconds until a writer looks again whether it is its turn
# Alembic keeps the connection it migrates in globals of the process.
_MIGRATING = threading.Lock()
LOCK = 0x6B62_6C6F  # any number, the same in every process
# Below this version, a write-ahead log with several writers can be damaged (SQLite forum, 2026).
WAL_SINCE = (3, 51, 3)


class Database:
    """The tables at a database address. Usable from any thread, also after a fork."""

    def __init__(self, url: str) -> None:
        """Opens the log and brings its tables up to date."""
        self.url = address_of(url)
        self._file = file_of(self.url)
        self._inode: tuple[int, int] | None = None
        # A database in memory has one connection for all threads.
        self._turn = threading.RLock() if self.url.database in (None, "", ":memory:") else None
        with plainly(self.url):
            self.engine = engine_of(self.url)
            try:
                self._upgrade()
            except BaseException:
                self.engine.dispose()
                raise
        os.register_at_fork(after_in_child=_forget_connections(weakref.ref(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url.render_as_string()!r})"

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self, *, snapshot: bool = False) -> Iterator[Connection]:
        """A connection in a transaction that only reads. Raises LogUnavailable.

        With `snapshot` all its queries see the rows of one moment; those of SQLite always do.
        """
        options: dict[str, Any] = {"kb_begin": "BEGIN"}
        if snapshot and self.url.get_backend_name() == "postgresql":
            options["isolation_level"] = "REPEATABLE READ"
        with (
            plainly(self.url),
            self._turn or _nothing(),
            self.engine.connect().execution_options(**options) as connection,
        ):
            yield connection

    def select(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """The rows of one query, as of `sql.select`. Raises LogUnavailable."""
        with self.reading() as connection:
            return sql.select(connection, query, **values)

    def select_one(self, query: str, **values: Any) -> dict[str, Any] | None:
        """The first row of one query, or None, as of `sql.select_one`. Raises LogUnavailable."""
        with self.reading() as connection:
            return sql.select_one(connection, query, **values)

    def select_tuples(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """The rows of one query as tuples, as of `sql.select_tuples`. Raises LogUnavailable."""
        with self.reading() as connection:
            return sql.select_tuples(connection, query, **values)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a transaction that no other writer shares. Raises LogUnavailable."""
        with plainly(self.url), self._turn or _nothing():
            self._reopen_if_replaced()
            with self.engine.begin() as connection:
                _take_turn(connection)
                yield connection

    def _reopen_if_replaced(self) -> None:
        """Opens a file anew that was removed or replaced: rows written to the old one are lost."""
        if self._file is not None and _inode(self._file) != self._inode:
            self.engine.dispose()
            self._upgrade()

    def _upgrade(self) -> None:
        if self._file is not None:
            _make_private(self._file)
        with self.engine.connect().execution_options(kb_begin="BEGIN") as connection:
            is_current = _version(connection) == HEAD and not _new_counts(connection)
        if not is_current:  # opening a log that is up to date waits for no writer
            with self.engine.begin() as connection:
                _take_turn(connection)
                if _version(connection) != HEAD:
                    _migrate(connection)
                for column in _new_counts(connection):
                    connection.exec_driver_sql(
                        f"alter table group_days add column {column} bigint not null default 0"
                    )
        if self._file is not None:
            self._inode = _inode(self._file)

    def vacuum(self) -> None:
        """Shrinks the file by what was deleted."""
        options: dict[str, Any] = {"kb_begin": ""}
        if self.url.get_backend_name() == "postgresql":
            options["isolation_level"] = "AUTOCOMMIT"
        with (
            plainly(self.url),
            self._turn or _nothing(),
            self.engine.connect().execution_options(**options) as connection,
        ):
            connection.exec_driver_sql("VACUUM")


def exists(url: str) -> bool:
    """Whether there may be a log at the address; False only for a file that does not exist."""
    file = file_of(address_of(url))
    return file is None or file.exists()


def address_of(url: str) -> URL:
    """The address of a database; raises LogUnavailable if it cannot be read."""
    try:
        address = make_url(url)
    except ArgumentError:
        raise LogUnavailable(
            Message(
                "the address of the search log cannot be read; write KB_DATABASE_URL as "
                "sqlite:///file or postgresql+psycopg://user@host/database"
            )
        ) from None
    if address.drivername in ("postgresql", "postgres"):
        address = address.set(drivername="postgresql+psycopg")
    if address.get_backend_name() not in ("sqlite", "postgresql"):
        raise LogUnavailable(
            Message(
                "the search log knows SQLite and PostgreSQL, not {name}; change KB_DATABASE_URL",
                name=address.get_backend_name(),
            )
        )
    return address


def file_of(url: URL) -> Path | None:
    """The file of a SQLite database; None for a database in memory or on a server."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def _inode(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_private(file: Path) -> None:
    """Lets only the user of the service read the file, which holds what people searched for."""
    try:
        data_folder.prepare(file.parent)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise LogUnavailable(
            Message(
                "the search log {file} cannot be written ({reason}); check KB_DATA",
                file=str(file),
                reason=error.strerror or str(error),
            )
        ) from None


def engine_of(url: URL) -> Engine:
    """Connections to a database; opens none yet, and brings no tables up to date."""
    if url.get_backend_name() == "sqlite":
        pool: type[StaticPool] | type[QueuePool] = StaticPool if file_of(url) is None else QueuePool
        connect = {"timeout": _BUSY_MS / 1000, "check_same_thread": False}
        engine = sa.create_engine(url, poolclass=pool, connect_args=connect)
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        sa.event.listen(engine, "commit", _commit_sqlite)
        return engine
    limits = f"-c lock_timeout={_BUSY_MS} -c statement_timeout=60000"
    return sa.create_engine(
        url,
        pool_size=2,
        max_overflow=8,
        pool_pre_ping=True,
        pool_timeout=5,
        connect_args={"connect_timeout": 5, "application_name": "kb", "options": limits},
    )


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite` alone
    wal = sqlite3.sqlite_version_info >= WAL_SINCE
    for pragma in (
        f"busy_timeout = {_BUSY_MS}",
        "secure_delete = on",
        f"journal_mode = {'wal' if wal else 'delete'}",
        "synchronous = full",
        "foreign_keys = on",
        "temp_store = memory",
    ):
        connection.execute(f"pragma {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    begin = _beginning(connection)
    if begin == _WRITING:
        _in_turn(connection, begin)
    elif begin:
        connection.exec_driver_sql(begin)


def _commit_sqlite(connection: Connection) -> None:
    # What the driver commits afterwards is nothing.
    if _beginning(connection) == _WRITING:
        _in_turn(connection, "COMMIT")


def _beginning(connection: Connection) -> str:
    return str(connection.get_execution_options().get("kb_begin", _WRITING))


def _in_turn(connection: Connection, statement: str) -> None:
    """Runs a statement of SQLite as soon as other writers, and for a commit readers, let it.

    SQLite itself tries ever more seldom, while other writers need a few milliseconds.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101
    ends = time.monotonic() + _BUSY_MS / 1000
    driver.execute("pragma busy_timeout = 0")
    try:
        while True:
            try:
                driver.execute(statement)
                return
            except sqlite3.OperationalError as error:
                is_busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
                if not is_busy or time.monotonic() > ends:
                    raise
                time.sleep(_LOOK)
    finally:
        driver.execute(f"pragma busy_timeout = {_BUSY_MS}")


def _take_turn(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({LOCK})")


def _version(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    row = sql.select_one(connection, "select version_num from alembic_version")
    return str(row["version_num"]) if row else None


def _new_counts(connection: Connection) -> list[str]:
    """Adds the columns of miss kinds that were defined after the log was made."""
    known = connection.exec_driver_sql("select * from group_days where 1 = 0").keys()
    return [column for column in COUNTS if column not in known]


def _migrate(connection: Connection) -> None:
    from alembic import command  # a tenth of a second that only a new version needs
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        with _MIGRATING:
            command.upgrade(config, "head")
    except CommandError:  # a step this version does not know
        raise LogUnavailable(
            Message(
                "the search log was written by a newer version of kb; install that one again, "
                "or put back the copy of the log from before the upgrade"
            )
        ) from None


def _forget_migration() -> None:
    """A forked process does not have the thread that was migrating."""
    global _MIGRATING
    _MIGRATING = threading.Lock()


os.register_at_fork(after_in_child=_forget_migration)


def _forget_connections(log: "weakref.ref[Database]") -> Any:
    def after_fork() -> None:
        found = log()
        if found is not None:
            # The parent goes on using its connections; closing them here would end them there.
            found.engine.dispose(close=False)
            if found._turn is not None:
                found._turn = threading.RLock()

    return after_fork


@contextmanager
def _nothing() -> Iterator[None]:
    yield


_TROUBLE: Final = (
    *(DBAPIError, sa.exc.TimeoutError, sqlite3.Error),
    *(NoSuchModuleError, ModuleNotFoundError),
)


@contextmanager
def plainly(url: URL) -> Iterator[None]:
    """Raises an error of the database as LogUnavailable: one sentence with the next step."""
    try:
        yield
    except _TROUBLE as error:
        reason = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        raise LogUnavailable(
            Message(
                "the search log {address} cannot be used: {reason}; check KB_DATABASE_URL and that"
                " the database is there and has room",
                address=url.render_as_string(),
                reason=reason,
            )
        ) from error
