"""A PostgreSQL server of the tests' own: Debian's binaries, a free port, a temporary folder."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

_HOMES = (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),)
_ACCOUNTS = ("postgres", "nobody")
_database = count(1)
# The columns of all tables and indexes.
_DEFINED = """
    select c.relname::text, c.relkind::text, a.attname::text, a.atttypid::bigint, a.attnotnull,
           i.indrelid::bigint
    from pg_class c join pg_attribute a on a.attrelid = c.oid
                    left join pg_index i on i.indexrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped
    order by c.relname, a.attnum"""
_END_OTHERS = """
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()"""


def _new_name() -> str:
    return f"kb_{os.getpid()}_{next(_database)}"


def binaries() -> Path | None:
    """The folder of `initdb` and `postgres`, if this machine has them."""
    for home in _HOMES:
        if (home / "initdb").exists() and (home / "postgres").exists():
            return home
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found and shutil.which("postgres") else None


def _as_nobody() -> list[str]:
    """The server refuses to run as root."""
    if os.geteuid() != 0:
        return []
    import pwd

    for account in _ACCOUNTS:
        try:
            pwd.getpwnam(account)
        except KeyError:
            continue
        return ["runuser", "-u", account, "--"]
    raise RuntimeError("no account to run PostgreSQL under")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A server that can be stopped; `new_database()` gives the address of an empty database.

    That of `new_log()` has the tables of a log already: one that `give_back` emptied, or a copy of
    one that was migrated once. Each has a name of its own, so what a test left running reaches none
    that came later.
    """

    def __init__(self, home: Path, port: int, command: list[str | Path], log: Path) -> None:
        self.home = home
        self.port = port
        self._command = command
        self._log = log
        self._migrated = ""  # the database that new logs are copies of
        self._tables: list[tuple[Any, ...]] = []  # what `_DEFINED` finds in it
        self._emptied: list[str] = []  # databases that the next logs are

    def start(self) -> None:
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(self._command, cwd="/", stdout=output, stderr=output)
        self.wait()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stops it: at once with SIGQUIT, or as far as clients let it with SIGTERM."""
        # What `runuser` passes on is SIGTERM alone; the server is its child.
        pid = int((self._log.parent / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)

    def address(self, database: str) -> str:
        return f"postgresql+psycopg://kb@127.0.0.1:{self.port}/{database}"

    def new_database(self, copied: str = "template1") -> str:
        name = _new_name()
        self._manage(f'create database "{name}" template "{copied}"')
        return self.address(name)

    def new_log(self) -> str:
        from kb.searchlog.db.database import Database

        if not self._migrated:
            address = self.new_database()
            Database(address).close()
            self._migrated = address.rpartition("/")[2]
            with self._connect(self._migrated) as connection:
                self._tables = connection.execute(_DEFINED).fetchall()
        if len(self._emptied) < 2:  # the server may still be closing connections to the last one
            return self.new_database(self._migrated)
        name = _new_name()
        self._manage(f'alter database "{self._emptied.pop(0)}" rename to "{name}"')
        return self.address(name)

    def give_back(self, url: str) -> None:
        """Empties a log for the next test; removes one whose tables a test has changed.

        To copy and to remove a database takes several times as long as to empty one.
        """
        from kb.searchlog.db.database import HEAD

        name = url.rpartition("/")[2]
        tables = sorted({table for table, kind, *_ in self._tables if kind == "r"})
        with self._connect(name) as connection:
            connection.execute(_END_OTHERS)
            is_intact = connection.execute(_DEFINED).fetchall() == self._tables
            if is_intact:
                connection.execute(";".join(f'delete from "{table}"' for table in tables))
                connection.execute("insert into alembic_version values (%s)", (HEAD,))
        if is_intact:
            self._emptied.append(name)
        else:
            self.drop(url)

    def drop(self, url: str) -> None:
        self._manage(f'drop database if exists "{url.rpartition("/")[2]}" with (force)')

    def _manage(self, statement: str) -> None:
        with self._connect("postgres") as connection:
            connection.execute(statement)

    def _connect(self, database: str) -> Any:
        import psycopg

        return psycopg.connect(self._dsn(database), autocommit=True)

    def _dsn(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=kb dbname={database} connect_timeout=5"

    def wait(self, seconds: float = 30) -> None:
        import psycopg

        end = time.monotonic() + seconds
        while True:
            try:
                psycopg.connect(self._dsn("postgres")).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise
                time.sleep(0.05)


@contextmanager
def server() -> Iterator[Server]:
    """Starts a server and stops it."""
    home = binaries()
    if home is None:
        raise FileNotFoundError("initdb")
    prefix = _as_nobody()
    folder = Path(tempfile.mkdtemp(prefix="kb-postgres-"))
    data, log = folder / "data", folder / "log"
    if prefix:
        shutil.chown(folder, prefix[2])
    run = {"cwd": "/", "check": True, "capture_output": True}
    process: Server | None = None
    try:
        subprocess.run(
            [*prefix, home / "initdb", "-D", data, "-U", "kb", "--auth=trust", "-E", "UTF8",
             "--locale=C.UTF-8", "--no-sync"],
            **run,
        )  # fmt: skip
        port = _free_port()
        command = [
            *prefix, home / "postgres", "-D", data, "-p", str(port), "-k", folder,
            "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=60",
            "-c", "full_page_writes=off", "-c", "wal_level=minimal", "-c", "max_wal_senders=0",
        ]  # fmt: skip
        found = Server(home, port, command, log)
        found.start()
        process = found
        yield found
    finally:
        if process is not None and process.process.poll() is None:
            process.stop(signal.SIGINT)
        shutil.rmtree(folder, ignore_errors=True)
