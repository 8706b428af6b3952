"""An empty log on SQLite and PostgreSQL, and visitors who ask it. Fixtures of `conftest`."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import postgres
import pytest
import sqlalchemy as sa
from needs import unavailable

from kb.searchlog.askers import Askers
from kb.searchlog.db import database
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search

NOON = 1_700_000_000.0


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOON + seconds, UTC)


@pytest.fixture(scope="session", autouse=True)
def _migrated_once() -> Iterator[None]:
    """A new file of SQLite gets the tables that all steps made in the first one of the run."""
    migrate = database._migrate
    made: list[str] = []

    def migrate_once(connection: sa.Connection) -> None:
        if connection.dialect.name != "sqlite" or sa.inspect(connection).get_table_names():
            migrate(connection)
        elif made:
            for statement in made:
                connection.exec_driver_sql(statement)
        else:
            migrate(connection)
            driver: Any = connection.connection.driver_connection
            made[:] = list(driver.iterdump())[1:-1]  # without its begin and commit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_migrate", migrate_once)
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    if postgres.binaries() is None:
        unavailable("PostgreSQL's initdb and postgres are not installed (apt install postgresql)")
    with postgres.server() as running:
        yield running


DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty log."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'log.sqlite3'}"
        return
    server: postgres.Server = request.getfixturevalue("server")
    address = server.new_log()
    yield address
    server.give_back(address)


@pytest.fixture(params=DATABASES)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables, for those of an older log."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'log.sqlite3'}"
        return
    server: postgres.Server = request.getfixturevalue("server")
    address = server.new_database()
    yield address
    server.drop(address)


@pytest.fixture
def log(url: str) -> Iterator[SearchLog]:
    opened = SearchLog(url, Askers(lambda: moment(0)))
    yield opened
    opened.close()


Ask = Callable[..., None]


@pytest.fixture
def ask(log: SearchLog) -> Ask:
    """`ask("v1", "vpn", 10)`: visit v1 asks at second 10 and finds nothing, unless told.

    Each visit is an asker of its own.
    """
    count = iter(range(10_000))

    def record(visit: str, query: str, at: float = 0, **more: Any) -> None:
        more.setdefault("id", f"r{next(count)}")
        more.setdefault("lang", "ru")
        more.setdefault("asker", visit)
        log.record(Search(visit=visit, query=query, started=NOON + at, ended=NOON + at + 1, **more))

    return record
