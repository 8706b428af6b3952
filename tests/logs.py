"""An empty log on SQLite and PostgreSQL, and visitors who ask it. Fixtures of `conftest`."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import postgres
import pytest
from needs import unavailable

from kb.searchlog.askers import Askers
from kb.searchlog.db.log import SearchLog
from kb.searchlog.db.models import Search

NOON = 1_700_000_000.0


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOON + seconds, UTC)


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    if postgres.binaries() is None:
        unavailable("PostgreSQL's initdb and postgres are not installed (apt install postgresql)")
    with postgres.server() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty log."""
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
